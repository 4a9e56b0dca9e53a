//! The identifiers by which certificates point at keys.

use aws_lc_rs::digest;

use crate::keys::PublicKey;

/// The SHA-1 of a public key's bits (RFC 5280 §4.2.1.2, method 1), as every Sigstore certificate carries it. SHA-1 is a
/// name here and protects nothing: a chain is tied together by signatures.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct KeyIdentifier(pub [u8; 20]);

impl KeyIdentifier {
    /// The identifier of `key`.
    pub fn of(key: &PublicKey) -> Self {
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, key.key_bits());
        Self(hash.as_ref().try_into().expect("SHA-1 has 20 bytes"))
    }
}
