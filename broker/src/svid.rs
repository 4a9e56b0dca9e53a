//! SVIDs: how workloads of a SPIFFE trust domain show who they are.
//!
//! One identity, three documents: a JWT-SVID (verified where tokens are), an X.509-SVID over mutual TLS, and a WIT-SVID with a
//! proof by its key. Whatever the document, what comes of it is a [`VerifiedSvid`], made only where every check was passed, with
//! the bundle of the very trust domain that the document names.
//!
//! Does not: ask what the identity may be called. That is `namespace`, which takes a [`VerifiedSvid`] as it takes a token.

pub(crate) mod credential_kind;
mod proof_token;
mod wit;
mod x509;

use std::sync::Arc;

use shared::time::UnixTime;

pub use proof_token::{MAX_PROOF_LIFETIME, ProofTokenError, ProofUse, UnverifiedProofToken};
pub use wit::{UnverifiedWitSvid, WitSvidError, WitVerification};
pub(crate) use x509::may_issue_svids;
pub use x509::{Purpose, UnverifiedX509Svid, X509SvidError, X509Verification};

use crate::names::{Rule, SpiffeId};
use crate::token::LEEWAY;
use crate::trust_domain::{IssuerPolicy, TrustDomainRecord, Unusable, UsePolicy};

/// The document by which an identity was shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Document {
    /// A JWT-SVID, which whoever holds it can show.
    Jwt,
    /// A WIT-SVID, with a proof by the key in it.
    Wit,
    /// An X.509-SVID, with a channel by its key.
    X509,
}

impl Document {
    /// Its name, as audit records have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jwt => "jwt-svid",
            Self::Wit => "wit-svid",
            Self::X509 => "x509-svid",
        }
    }
}

/// A SPIFFE ID that a registered trust domain vouched for, to us, when it was verified.
#[derive(Debug)]
pub struct VerifiedSvid {
    record: Arc<TrustDomainRecord>,
    id: SpiffeId,
    document: Document,
    expires_at: UnixTime,
    sha256: [u8; 32],
    use_sha256: [u8; 32],
    proof: Option<ProofUse>,
}

/// What is known of an SVID when all is verified.
pub(crate) struct Verified {
    pub(crate) id: SpiffeId,
    pub(crate) document: Document,
    pub(crate) expires_at: UnixTime,
    /// Of the whole document, as it came.
    pub(crate) sha256: [u8; 32],
    /// The same for every document that anybody could make of this one without the authority's key.
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

    /// Who it is.
    pub fn id(&self) -> &SpiffeId {
        &self.id
    }

    /// How that was shown.
    pub fn document(&self) -> Document {
        self.document
    }

    /// What the audit log names as the issuer: `spiffe://` and the trust domain, or a JWT-SVID's `iss` where the record says which
    /// it is. Any other `iss` is a text of the trust domain's choice, which could be the name of somebody else.
    pub fn issuer(&self) -> String {
        match (self.document, self.record.issuer()) {
            (Document::Jwt, IssuerPolicy::Exact(iss)) => iss.to_string(),
            _ => format!("spiffe://{}", self.record.name()),
        }
    }

    /// When it ends.
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// SHA-256 of the token, or of the leaf certificate.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// This use of it, to be counted.
    pub fn use_of(&self) -> SvidUse {
        // A token is taken for a little longer than it says, so its use is remembered for as long.
        let expires_at = match self.document {
            Document::Jwt | Document::Wit => self.expires_at.plus(LEEWAY),
            Document::X509 => self.expires_at,
        };
        SvidUse {
            id: self.id.as_str().to_owned(),
            sha256: self.use_sha256,
            expires_at,
            policy: self.record.uses(),
            is_bearer: self.document == Document::Jwt,
            proof: self.proof.clone(),
        }
    }
}

/// One use of an SVID, which the edge counts before anything is made of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SvidUse {
    /// The identity.
    pub id: String,
    /// Names the document, whatever form of it is shown: not the hash of its bytes, since of an ECDSA signature anybody can make
    /// a second one that verifies.
    pub sha256: [u8; 32],
    /// From when on it is taken no longer, so that nobody need remember it for longer.
    pub expires_at: UnixTime,
    /// What the record allows.
    pub policy: UsePolicy,
    /// True if whoever holds the document can show it again.
    pub is_bearer: bool,
    /// The proof that came with a WIT-SVID: always counted once, whatever the policy (rule W3).
    pub proof: Option<ProofUse>,
}

/// Why an SVID is not taken this time, though there is nothing wrong with it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UseError {
    /// J6: it was used before, and its record allows one use.
    #[error("this SVID was used before; the record of its trust domain allows one use")]
    UsedBefore,
    /// W3: the proof was used before.
    #[error("this proof was used before; make one for each request (draft-ietf-wimse-wpt)")]
    ProofUsedBefore,
    /// J7: too many uses of one identity.
    #[error("{id} was used more than {per_minute} times a minute; ask again later")]
    TooOften {
        /// The identity.
        id: String,
        /// What its record allows.
        per_minute: u32,
    },
}

impl UseError {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        match self {
            Self::UsedBefore => Rule::J6,
            Self::ProofUsedBefore => Rule::W3,
            Self::TooOften { .. } => Rule::J7,
        }
    }
}

/// A bundle that does not count now, of which the edge may fetch another.
#[derive(Clone, Debug)]
pub struct NeedsBundle {
    /// Whose.
    pub record: Arc<TrustDomainRecord>,
    /// Why: none if the bundle counts but lacks the key that a token names.
    pub why: Option<Unusable>,
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod mint;
#[cfg(test)]
mod tests;
