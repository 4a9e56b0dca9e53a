//! `client_trust_config.json`: the trusted root and the signing configuration in one file (`sigstore --trust-config`).

use serde::{Deserialize, Serialize};

use super::{SigningConfig, TrustedRoot};

/// The media type.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json";

/// `dev.sigstore.trustroot.v1.ClientTrustConfig`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ClientTrustConfig {
    /// Which version of the document this is.
    pub media_type: String,
    /// What verifiers read.
    pub trusted_root: TrustedRoot,
    /// What signers read.
    pub signing_config: SigningConfig,
}
