//! `[certificates]`

use serde::{Deserialize, Serialize};

/// Signing certificates.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CertificatesSection {
    /// Seconds that a signing certificate is valid: long enough to sign and timestamp, too short to be worth stealing.
    pub lifetime_seconds: u32,
}

impl Default for CertificatesSection {
    fn default() -> Self {
        Self { lifetime_seconds: 600 }
    }
}
