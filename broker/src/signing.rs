//! From a request to a certificate, in the order that the types allow.
//!
//! ```text
//! SigningRequest → Credential → VerifiedCredential → Permit → Principal
//!   → ProvenKey → CertificateTemplate → LintedTemplate = Prepared
//! Prepared ─ entries ─→ (both logs) ─ receipts ─→ Unreleased<IssuedCertificate>
//!   ─ entry ─→ (audit log) ─ receipt ─→ IssuedCertificate
//! ```
//!
//! Nothing here waits, reads a clock or knows HTTP. The edge appends the entries, awaits their receipts and comes back
//! with them: no key is used before the intent is durable, and nothing signed leaves before it is accounted for.

mod fault;

use std::sync::Arc;

use shared::audit::AuditRecord;
use shared::digest::sha256_hex;
use shared::log::{LeafHash, Receipt};
use shared::random::Random;
use shared::time::UnixTime;
use shared::x509::{NodePrefix, SerialNumber};

use crate::ca::issue::{WrongReceipt, issue};
use crate::ca::lint::{Facts, lint};
use crate::ca::proof::SubmissionError;
use crate::ca::sct::TreeLeaf;
use crate::ca::{Authority, CertificateLogKey, IssuedCertificate, LintedTemplate, Profile, Submission, Unreleased};
use crate::credential::{Credential, CredentialVerification};
use crate::issuer::Issuer;
use crate::principal::Principal;
use crate::registry::Issuers;
use crate::svid::{NeedsBundle, SvidUse, UnverifiedX509Svid};
pub use fault::{CallerFault, OurFault, SigningError, UpstreamFault};

/// What the instance signs certificates with. Replaced as a whole when a key changes; a request keeps the one it began
/// with.
pub struct Issuance {
    /// The issuing CA.
    pub authority: Authority,
    /// The key of the certificate log.
    pub log_key: CertificateLogKey,
    /// The profile of leaf certificates.
    pub profile: Profile,
    /// The node whose prefix serial numbers have.
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

/// A request as received: a credential, and a key or a certificate signing request. Nothing in it is verified.
pub struct SigningRequest {
    credential: Credential,
    submission: Submission,
}

/// A public key, and a signature that proves possession of its private key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyWithProof {
    /// PEM `PUBLIC KEY` or `RSA PUBLIC KEY`, or the DER of either.
    pub content: Vec<u8>,
    /// The signature, over the name that the credential gives its holder.
    pub proof: Vec<u8>,
}

/// What a decision depends on besides the request and the issuers.
pub struct Call<'a> {
    /// The request id, which the client gets and the audit log records.
    pub id: &'a str,
    /// The present moment, the only one of this request.
    pub now: UnixTime,
    /// The randomness of the serial number.
    pub random: &'a dyn Random,
}

/// The result of [`Issuance::prepare`].
pub enum Outcome {
    /// It may have its certificate.
    Prepared(Box<Prepared>),
    /// The issuer's keys must be fetched first. The edge does that once, and asks again.
    NeedsKeys {
        /// The issuer whose keys are needed.
        issuer: Arc<Issuer>,
        /// The request, to be asked again.
        request: Box<SigningRequest>,
    },
    /// The bundle of the trust domain must be fetched first, in the same way.
    NeedsBundle {
        /// The trust domain whose bundle is needed, and why.
        needs: NeedsBundle,
        /// The request, to be asked again.
        request: Box<SigningRequest>,
    },
}

impl SigningRequest {
    /// Reads the token, and exactly one of the two ways to show a key: with a proof, or in a certificate signing
    /// request.
    pub fn parse(
        token: &[u8],
        key: Option<KeyWithProof>,
        certification_request: Option<Vec<u8>>,
    ) -> Result<Self, SigningError> {
        let credential = Credential::token(token)?;
        let submission = submission(key, certification_request)?;
        Ok(Self { credential, submission })
    }

    /// The same for a caller who authenticates with the certificate of the connection.
    pub fn over_channel(
        svid: UnverifiedX509Svid,
        key: Option<KeyWithProof>,
        certification_request: Option<Vec<u8>>,
    ) -> Result<Self, SigningError> {
        let submission = submission(key, certification_request)?;
        Ok(Self { credential: Credential::Channel(Box::new(svid)), submission })
    }

    /// The same for a caller who presents a WIT-SVID and its holder's proof for `target_url`: the URL of the requested
    /// resource as the configuration has it, never as the request does.
    pub fn with_proof(
        wit: &[u8],
        proof: &[u8],
        target_url: &str,
        key: Option<KeyWithProof>,
        certification_request: Option<Vec<u8>>,
    ) -> Result<Self, SigningError> {
        let credential = Credential::with_proof(wit, proof, target_url)?;
        let submission = submission(key, certification_request)?;
        Ok(Self { credential, submission })
    }
}

/// Exactly one of the two ways must have been taken.
fn submission(
    key: Option<KeyWithProof>,
    certification_request: Option<Vec<u8>>,
) -> Result<Submission, SubmissionError> {
    Submission::parse(key.map(|key| (key.content, key.proof)), certification_request)
}

impl Issuance {
    /// Evaluates `request` and drafts its certificate. Each step takes what only the one before it can make.
    pub fn prepare(
        self: &Arc<Self>,
        request: SigningRequest,
        issuers: &Issuers,
        call: &Call<'_>,
    ) -> Result<Outcome, SigningError> {
        let SigningRequest { credential, submission } = request;
        let again = |credential, submission| Box::new(SigningRequest { credential, submission });
        let credential = match credential.verify(issuers, call.now)? {
            CredentialVerification::Verified(credential) => *credential,
            CredentialVerification::NeedsKeys { issuer, credential } => {
                return Ok(Outcome::NeedsKeys { issuer, request: again(credential, submission) });
            }
            CredentialVerification::NeedsBundle { needs, credential } => {
                return Ok(Outcome::NeedsBundle { needs, request: again(credential, submission) });
            }
        };
        let permit = issuers.rules().permit_credential(credential)?;
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

#[cfg(test)]
mod tests;
