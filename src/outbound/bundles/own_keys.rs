//! The keys that this instance signs with.

use std::collections::BTreeSet;
use std::sync::Arc;

/// SHA-256 of the SubjectPublicKeyInfo of every key that this instance signs with. A bundle that holds one of them
/// would make everything that we sign an SVID of that trust domain: a signing certificate could then open connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnKeys(Arc<BTreeSet<[u8; 32]>>);

impl OwnKeys {
    pub(crate) fn new(keys: impl IntoIterator<Item = [u8; 32]>) -> Self {
        Self(Arc::new(keys.into_iter().collect()))
    }

    pub(super) fn fingerprints(&self) -> &BTreeSet<[u8; 32]> {
        &self.0
    }
}
