//! What a list is held against.

use crate::keys::SignatureAlgorithm;
use crate::x509::certificate::Certificate;

/// Who signs a list, and how.
#[derive(Clone, Copy)]
pub(in crate::x509::revocation) struct CrlFacts<'a> {
    /// The authority.
    pub(in crate::x509::revocation) issuer: &'a Certificate,
    /// What its key signs with.
    pub(in crate::x509::revocation) algorithm: SignatureAlgorithm,
}
