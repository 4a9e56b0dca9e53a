//! From a request to a certificate, in the order that the types allow.
//!
//! ```text
//! SigningRequest → UnverifiedToken     → VerifiedToken → Permit → Principal → ProvenKey → Template → LintedTemplate = Prepared
//!                  UnverifiedX509Svid  → VerifiedSvid  ↗
//!                  UnverifiedWitSvid   ↗
//! Prepared ─ entries ─→ (both logs) ─ receipts ─→ Unreleased<IssuedCertificate> ─ entry ─→ (audit log) ─ receipt ─→ IssuedCertificate
//! ```
//!
//! Nothing here waits, reads a clock or knows HTTP. The edge appends the entries, awaits their receipts and comes back with
//! them: no key is used before the intent is durable, and nothing signed leaves before it is accounted for.

mod fault;

use std::sync::Arc;

use aws_lc_rs::digest;
use shared::audit::AuditRecord;
use shared::log::{LeafHash, Receipt};
use shared::random::Random;
use shared::time::UnixTime;
use shared::x509::{NodePrefix, SerialNumber};

use crate::ca::issue::{WrongReceipt, issue};
use crate::ca::lint::{Facts, lint};
use crate::ca::sct::TreeLeaf;
use crate::ca::{Authority, CertificateLogKey, IssuedCertificate, LintedTemplate, Profile, Submission, Unreleased};
use crate::issuer::{Issuer, Issuers, Source};
use crate::namespace::Permit;
use crate::principal::Principal;
use crate::svid::{
    NeedsBundle, Purpose, SvidUse, UnverifiedProofToken, UnverifiedWitSvid, UnverifiedX509Svid, WitSvidError,
    WitVerification, X509SvidError, X509Verification,
};
use crate::token::{JwtSvidVerification, UnverifiedToken, Verification};
pub use fault::{CallerFault, OurFault, SigningError, UpstreamFault};

/// What the house signs certificates with. Replaced as a whole when a key changes; a request keeps the one it began with.
pub struct Issuance {
    /// The issuing CA.
    pub authority: Authority,
    /// The key of the certificate log.
    pub log_key: CertificateLogKey,
    /// What leaves look like.
    pub profile: Profile,
    /// Whose serial numbers are drawn.
    pub node: NodePrefix,
}

/// A certificate that is checked, drafted and linted. No key has been used for it.
pub struct Prepared {
    issuance: Arc<Issuance>,
    linted: LintedTemplate,
    certificate_entry: TreeLeaf,
    intent: Vec<u8>,
    svid_use: Option<SvidUse>,
    now: UnixTime,
}

/// A request as it came: who asks, and a key or a certificate signing request. Nothing in it is known to be true.
pub struct SigningRequest {
    identity: Identity,
    submission: Submission,
}

/// How the one who asks is known.
enum Identity {
    /// By the certificate of the connection.
    Channel(Box<UnverifiedX509Svid>),
    /// By a WIT-SVID and a proof by the key in it.
    Proof(Box<ProvenWit>),
    /// By a token.
    Token(Box<UnverifiedToken>),
}

/// A WIT-SVID with what makes it more than a name.
struct ProvenWit {
    wit: UnverifiedWitSvid,
    proof: UnverifiedProofToken,
    /// Our own address of what was asked.
    target: String,
}

/// The key that is shown, and its proof.
pub type Key = Option<(Vec<u8>, Vec<u8>)>;

/// What a request is judged with, beside the issuers: all that would make two judgements of it differ.
pub struct Call<'a> {
    /// The name of the request, told to the client and written to the audit log.
    pub id: &'a str,
    /// The present moment, the only one of this request.
    pub now: UnixTime,
    /// Where the serial number comes from.
    pub random: &'a dyn Random,
}

/// What comes of a request.
pub enum Outcome {
    /// It may have its certificate.
    Prepared(Box<Prepared>),
    /// The issuer's keys must be fetched first. The edge does that once, and asks again.
    NeedsKeys {
        /// Whose.
        issuer: Arc<Issuer>,
        /// The request, to be asked again.
        request: Box<SigningRequest>,
    },
    /// The bundle of the trust domain must be fetched first, in the same way.
    NeedsBundle {
        /// Whose, and why.
        needs: NeedsBundle,
        /// The request, to be asked again.
        request: Box<SigningRequest>,
    },
}

impl SigningRequest {
    /// Reads the token, and exactly one of the two ways to show a key: `(key, proof)` or a certificate signing request.
    pub fn parse(token: &[u8], key: Key, certification_request: Option<Vec<u8>>) -> Result<Self, SigningError> {
        let identity = Identity::Token(Box::new(UnverifiedToken::parse(token)?));
        let submission = Submission::parse(key, certification_request)?;
        Ok(Self { identity, submission })
    }

    /// The same for one who is known by the certificate of the connection.
    pub fn over_channel(
        svid: UnverifiedX509Svid,
        key: Key,
        certification_request: Option<Vec<u8>>,
    ) -> Result<Self, SigningError> {
        let submission = Submission::parse(key, certification_request)?;
        Ok(Self { identity: Identity::Channel(Box::new(svid)), submission })
    }

    /// The same for one who shows a WIT-SVID, and a proof that it is his, made for `target_url`: the address of what was asked as
    /// the configuration has it, never as the request does.
    pub fn with_proof(
        wit: &[u8],
        proof: &[u8],
        target_url: &str,
        key: Key,
        certification_request: Option<Vec<u8>>,
    ) -> Result<Self, SigningError> {
        let wit = UnverifiedWitSvid::parse(wit)?;
        let proof = UnverifiedProofToken::parse(proof).map_err(WitSvidError::from)?;
        let submission = Submission::parse(key, certification_request)?;
        let identity = Identity::Proof(Box::new(ProvenWit { wit, proof, target: target_url.to_owned() }));
        Ok(Self { identity, submission })
    }
}

/// Who asks, decided; or what must be fetched first.
enum Judged {
    Permitted(Box<Permit>),
    NeedsKeys(Arc<Issuer>, Identity),
    NeedsBundle(NeedsBundle, Identity),
}

impl Identity {
    fn judge(self, issuers: &Issuers, now: UnixTime) -> Result<Judged, SigningError> {
        match self {
            Self::Channel(svid) => Self::judge_channel(svid, issuers, now),
            Self::Proof(proven) => Self::judge_proof(proven, issuers, now),
            Self::Token(token) => match issuers.source(&token)? {
                Source::Issuer(issuer) => match token.verify(issuer, now)? {
                    Verification::Verified(token) => Ok(Judged::permitted(issuers.rules().permit(*token)?)),
                    Verification::NeedsKeys(token) => Ok(Judged::NeedsKeys(Arc::clone(issuer), Self::Token(token))),
                },
                Source::TrustDomain(record) => match token.verify_svid(record, &[record.audience().as_str()], now)? {
                    JwtSvidVerification::Verified(svid) => Ok(Judged::permitted(issuers.rules().permit_svid(svid)?)),
                    JwtSvidVerification::NeedsBundle { needs, token } => {
                        Ok(Judged::NeedsBundle(needs, Self::Token(token)))
                    }
                },
            },
        }
    }

    fn judge_channel(svid: Box<UnverifiedX509Svid>, issuers: &Issuers, now: UnixTime) -> Result<Judged, SigningError> {
        let trust_domain = svid.id().trust_domain();
        let record = issuers.trust_domains().find(trust_domain.as_str());
        let record = record.ok_or_else(|| X509SvidError::TrustDomain(trust_domain.to_string()))?;
        match svid.verify(record, Purpose::ClientAuthentication, now)? {
            X509Verification::Verified(svid) => Ok(Judged::permitted(issuers.rules().permit_svid(svid)?)),
            X509Verification::NeedsBundle(needs) => Ok(Judged::NeedsBundle(needs, Self::Channel(svid))),
        }
    }

    fn judge_proof(proven: Box<ProvenWit>, issuers: &Issuers, now: UnixTime) -> Result<Judged, SigningError> {
        let trust_domain = proven.wit.id().trust_domain();
        let record = issuers.trust_domains().find(trust_domain.as_str());
        let record = record.ok_or_else(|| WitSvidError::TrustDomain(trust_domain.to_string()))?;
        match proven.wit.verify(&proven.proof, &proven.target, record, now)? {
            WitVerification::Verified(svid) => Ok(Judged::permitted(issuers.rules().permit_svid(svid)?)),
            WitVerification::NeedsBundle(needs) => Ok(Judged::NeedsBundle(needs, Self::Proof(proven))),
        }
    }
}

impl Judged {
    fn permitted(permit: Permit) -> Self {
        Self::Permitted(Box::new(permit))
    }
}

impl Issuance {
    /// Judges `request` and drafts its certificate. Each step takes what only the one before it can make.
    pub fn prepare(
        self: &Arc<Self>,
        request: SigningRequest,
        issuers: &Issuers,
        call: &Call<'_>,
    ) -> Result<Outcome, SigningError> {
        let SigningRequest { identity, submission } = request;
        let permit = match identity.judge(issuers, call.now)? {
            Judged::Permitted(permit) => *permit,
            Judged::NeedsKeys(issuer, identity) => {
                return Ok(Outcome::NeedsKeys { issuer, request: Box::new(SigningRequest { identity, submission }) });
            }
            Judged::NeedsBundle(needs, identity) => {
                return Ok(Outcome::NeedsBundle { needs, request: Box::new(SigningRequest { identity, submission }) });
            }
        };
        let principal = Principal::from(permit);
        let prepared = self.draft(&principal, &submission, call)?;
        Ok(Outcome::Prepared(Box::new(prepared)))
    }

    /// The second half, the same for every kind of identity.
    fn draft(
        self: &Arc<Self>,
        principal: &Principal,
        submission: &Submission,
        call: &Call<'_>,
    ) -> Result<Prepared, SigningError> {
        let Self { authority, profile, node, .. } = &**self;
        let (profile, now) = (*profile, call.now);
        let key = submission.verify(principal.proof_name())?;
        let serial = SerialNumber::random(*node, call.random);
        let template = profile.template(authority, principal, &key, serial, now)?;
        let linted = lint(template, Facts { authority, profile, principal, key: &key, now })?;
        let intent = AuditRecord::CertificateIntent {
            at_ms: now.millis(),
            request: call.id.to_owned(),
            serial: serial.to_hex(),
            tbs_sha256: sha256_hex(linted.tbs()),
            issuer: principal.issuer().to_owned(),
            subject: principal.name().as_str().to_owned(),
            rule: principal.rule().to_owned(),
            credential_sha256: hex::encode(principal.credential_sha256()),
            credential: principal.credential(),
        };
        let certificate_entry = linted.tree_leaf(authority, now);
        let svid_use = principal.svid_use().cloned();
        Ok(Prepared { issuance: Arc::clone(self), linted, certificate_entry, intent: intent.to_leaf(), svid_use, now })
    }
}

impl Prepared {
    /// The entry for the audit log.
    pub fn intent(&self) -> &[u8] {
        &self.intent
    }

    /// The entry for the certificate log: a `MerkleTreeLeaf` (RFC 6962 §3.4).
    pub fn certificate_entry(&self) -> &[u8] {
        self.certificate_entry.as_bytes()
    }

    /// The use of an SVID, to be counted before the entries are appended.
    pub fn svid_use(&self) -> Option<&SvidUse> {
        self.svid_use.as_ref()
    }

    /// Signs, now that both entries are durable.
    pub fn sign(self, intent: &Receipt, logged: &Receipt) -> Result<Unreleased<IssuedCertificate>, SigningError> {
        for (receipt, entry) in [(intent, self.intent()), (logged, self.certificate_entry())] {
            if receipt.leaf_hash() != LeafHash::of(entry) {
                return Err(OurFault::Receipt(WrongReceipt).into());
            }
        }
        let Issuance { authority, log_key, .. } = &*self.issuance;
        let certificate = issue(&self.linted, &self.certificate_entry, authority, log_key)?;
        let issued = AuditRecord::CertificateIssued {
            at_ms: self.now.millis(),
            serial: certificate.serial().to_hex(),
            certificate_sha256: sha256_hex(certificate.der()),
            log_index: logged.index(),
        };
        Ok(Unreleased::new(certificate, issued.to_leaf()))
    }
}

fn sha256_hex(octets: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, octets))
}

#[cfg(test)]
mod tests;
