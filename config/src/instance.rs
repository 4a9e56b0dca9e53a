//! `[instance]`

use serde::{Deserialize, Serialize};

/// The instance's own origin.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct InstanceSection {
    /// The origin that clients use, `https://seal.example.com`, without a slash at its end. It becomes the issuer
    /// (`<origin>/oidc`) and is in every trust document: set it before the first certificate and keep it. Default:
    /// the address that is listened on.
    pub origin: Option<String>,
}
