//! The kinds of SVID.

/// The kind of an SVID.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SvidKind {
    /// A JWT-SVID, which anyone who holds it can present.
    Jwt,
    /// A WIT-SVID, with a proof by the key in it.
    Wit,
    /// An X.509-SVID, with a channel by its key.
    X509,
}

impl SvidKind {
    /// The kind's name in audit records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jwt => "jwt-svid",
            Self::Wit => "wit-svid",
            Self::X509 => "x509-svid",
        }
    }
}
