//! A leaf and its hash.

use super::merkle;

/// SHA-256 of `0x00 ‖ leaf` (RFC 6962 §2.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct LeafHash(pub [u8; 32]);

impl LeafHash {
    /// The hash of `leaf`.
    pub fn of(leaf: &[u8]) -> Self {
        Self(merkle::leaf_hash(leaf))
    }
}

/// A leaf with its hash, for those who need the hash too.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Leaf {
    pub(super) bytes: Vec<u8>,
    pub(super) hash: LeafHash,
}

impl Leaf {
    /// The leaf of these bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { hash: LeafHash::of(&bytes), bytes }
    }

    /// The leaf's hash.
    pub fn hash(&self) -> LeafHash {
        self.hash
    }
}

impl AsRef<[u8]> for Leaf {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
