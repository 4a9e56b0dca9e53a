//! `[log]`

use serde::{Deserialize, Serialize};

/// The signature log and the public part of the audit log.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSection {
    /// Let signatures by any public key into the signature log, not only those by certificates of this instance.
    pub accept_public_keys: bool,
    /// Serve the audit log's tiles under `/audit`. They name everyone who signed: only where all clients may read
    /// that.
    pub serve_audit: bool,
}
