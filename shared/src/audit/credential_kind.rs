//! The credential presented for a certificate or a token.

use serde::{Deserialize, Serialize};

/// The kind of a credential.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// A JWT-SVID.
    JwtSvid,
    /// A token of an issuer. Records of version 0.1 omit it.
    #[default]
    #[serde(alias = "")]
    Token,
    /// A WIT-SVID.
    WitSvid,
    /// An X.509-SVID.
    #[serde(rename = "x509-svid")]
    X509Svid,
}
