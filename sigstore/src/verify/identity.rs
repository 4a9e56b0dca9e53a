//! The identity that is expected to have signed.

/// The identity that must have signed. Both members are compared as bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExpectedIdentity {
    /// The subject alternative name: an e-mail address or a URI.
    pub subject: String,
    /// The issuer of the token that the certificate was issued for.
    pub issuer: String,
}
