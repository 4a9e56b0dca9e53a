//! Kinds of public key.

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
