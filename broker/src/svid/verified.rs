//! An SVID that was verified, or the bundle without which it cannot be.

use std::sync::Arc;

use shared::time::UnixTime;

use super::{ProofUse, SvidUse};
use crate::names::SpiffeId;
use crate::token::LEEWAY;
use crate::trust_domain::{IssuerPolicy, SvidKind, TrustDomainRecord, Unusable};

/// A SPIFFE ID from an SVID that was verified with the bundle of a registered trust domain.
#[derive(Debug)]
pub struct VerifiedSvid {
    record: Arc<TrustDomainRecord>,
    id: SpiffeId,
    document: SvidKind,
    expires_at: UnixTime,
    sha256: [u8; 32],
    use_sha256: [u8; 32],
    proof: Option<ProofUse>,
}

/// The verified values of an SVID.
pub(crate) struct Verified {
    pub(crate) id: SpiffeId,
    pub(crate) document: SvidKind,
    pub(crate) expires_at: UnixTime,
    /// SHA-256 of the whole document as received.
    pub(crate) sha256: [u8; 32],
    /// The same for every document that anyone could make from this one without the authority's key.
    pub(crate) use_sha256: [u8; 32],
    /// The proof that came with a WIT-SVID.
    pub(crate) proof: Option<ProofUse>,
}

impl VerifiedSvid {
    pub(crate) fn new(record: &Arc<TrustDomainRecord>, verified: Verified) -> Self {
        let Verified { id, document, expires_at, sha256, use_sha256, proof } = verified;
        Self { record: Arc::clone(record), id, document, expires_at, sha256, use_sha256, proof }
    }

    /// The trust domain's record.
    pub fn record(&self) -> &Arc<TrustDomainRecord> {
        &self.record
    }

    /// The SPIFFE ID.
    pub fn id(&self) -> &SpiffeId {
        &self.id
    }

    /// The kind of SVID that was presented.
    pub fn document(&self) -> SvidKind {
        self.document
    }

    /// What the audit log names as the issuer: `spiffe://` and the trust domain, or a JWT-SVID's `iss` where the record
    /// says which it is. Any other `iss` is chosen by the trust domain, which could be the name of
    /// another issuer.
    pub fn issuer(&self) -> String {
        match (self.document, self.record.issuer()) {
            (SvidKind::Jwt, IssuerPolicy::Exact(iss)) => iss.to_string(),
            _ => format!("spiffe://{}", self.record.name()),
        }
    }

    /// The moment from which the SVID no longer counts.
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// SHA-256 of the token, or of the leaf certificate.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// This use of it, to be counted.
    pub fn use_of(&self) -> SvidUse {
        // A token is accepted for a little longer than it says, so its use is remembered for as long.
        let expires_at = match self.document {
            SvidKind::Jwt | SvidKind::Wit => self.expires_at.plus(LEEWAY),
            SvidKind::X509 => self.expires_at,
        };
        SvidUse {
            id: self.id.as_str().to_owned(),
            sha256: self.use_sha256,
            expires_at,
            policy: self.record.uses(),
            is_bearer: self.document == SvidKind::Jwt,
            proof: self.proof.clone(),
        }
    }
}

/// The bundle at hand cannot verify the SVID; the edge may fetch a newer one.
#[derive(Clone, Debug)]
pub struct NeedsBundle {
    /// The trust domain's record.
    pub record: Arc<TrustDomainRecord>,
    /// Why: none if the bundle is usable but lacks the key that a token names.
    pub why: Option<Unusable>,
}
