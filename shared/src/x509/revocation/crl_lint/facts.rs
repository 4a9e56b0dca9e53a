//! The facts that a list is checked against.

use crate::keys::SignatureAlgorithm;
use crate::x509::certificate::Certificate;

/// The issuer of a list, and its algorithm.
#[derive(Clone, Copy)]
pub(in crate::x509::revocation) struct CrlFacts<'a> {
    /// The authority.
    pub(in crate::x509::revocation) issuer: &'a Certificate,
    /// The algorithm of its key.
    pub(in crate::x509::revocation) algorithm: SignatureAlgorithm,
}
