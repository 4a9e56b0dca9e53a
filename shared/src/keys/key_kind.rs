//! Kinds of public key.

use std::fmt;

/// The kinds of key that we accept from clients or use ourselves.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum KeyKind {
    /// Edwards25519 (RFC 8410).
    Ed25519,
    /// NIST P-256 (RFC 5480).
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// RSA with a modulus of 2048 to 4096 bits and the exponent 65537 (RFC 8017).
    Rsa {
        /// Length of the modulus in bits.
        bits: u16,
    },
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::P256 => f.write_str("ECDSA P-256"),
            Self::P384 => f.write_str("ECDSA P-384"),
            Self::P521 => f.write_str("ECDSA P-521"),
            Self::Rsa { bits } => write!(f, "RSA of {bits} bits"),
        }
    }
}
