//! The documents of SPIFFE.

/// The document by which an identity was shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SvidKind {
    /// A JWT-SVID, which whoever holds it can show.
    Jwt,
    /// A WIT-SVID, with a proof by the key in it.
    Wit,
    /// An X.509-SVID, with a channel by its key.
    X509,
}

impl SvidKind {
    /// Its name, as audit records have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jwt => "jwt-svid",
            Self::Wit => "wit-svid",
            Self::X509 => "x509-svid",
        }
    }
}
