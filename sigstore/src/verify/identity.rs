//! Who is expected to have signed.

/// Who must have signed: both are compared as bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExpectedIdentity {
    /// The subject alternative name: an e-mail address or an URI.
    pub subject: String,
    /// The issuer of the token that the certificate was issued for.
    pub issuer: String,
}
