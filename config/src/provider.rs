//! `[provider]`

use serde::{Deserialize, Serialize};

/// The OpenID provider.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderSection {
    /// Seconds that an ID token is valid. A signer needs it once, right away; a slow build between login and signing
    /// may want more. At most 3600.
    pub token_seconds: u32,
    /// Seconds that a browser stays logged in. 0 asks for the password each time.
    pub session_seconds: u32,
}

impl Default for ProviderSection {
    fn default() -> Self {
        Self { token_seconds: 600, session_seconds: 28_800 }
    }
}
