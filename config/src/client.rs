//! `[[clients]]`

use serde::{Deserialize, Serialize};

/// A relying party of the provider.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSection {
    /// Its client identifier.
    pub id: String,
    /// File with the client's secret in one line; a client without one is public and must use PKCE.
    pub secret_file: Option<String>,
    /// Where codes may be sent: exact URIs.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Allow any port on `localhost`, `127.0.0.1` and `[::1]` (RFC 8252 §7.3) for programs that people run.
    #[serde(default)]
    pub loopback_redirects: bool,
}
