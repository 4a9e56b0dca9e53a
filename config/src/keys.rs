//! `[keys]`

use serde::{Deserialize, Serialize};

/// Keys that are kept elsewhere than in the data directory.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeysSection {
    /// The issuing authority's key in a PKCS#11 token, as a URI (RFC 7512). Set it before the instance is set up: its
    /// certificate is for this key. A key that is not the certificate's is refused, and nothing takes its place.
    pub issuing_ca: Option<String>,
    /// The kind of that key: p384, p256, rsa3072 or rsa4096.
    pub issuing_ca_algorithm: String,
}

impl Default for KeysSection {
    fn default() -> Self {
        Self { issuing_ca: None, issuing_ca_algorithm: "p384".to_owned() }
    }
}
