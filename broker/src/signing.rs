//! From a request to a certificate, in the order that the types allow.
//!
//! ```text
//! SigningRequest → UnverifiedToken → VerifiedToken → Permit → Principal → ProvenKey → Template → LintedTemplate = Prepared
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
use crate::issuer::{Issuer, Issuers};
use crate::principal::Principal;
use crate::token::{UnverifiedToken, Verification};
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
    now: UnixTime,
}

/// A request as it came: a token, and a key or a certificate signing request. Nothing in it is known to be true.
pub struct SigningRequest {
    token: UnverifiedToken,
    submission: Submission,
}

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
}

impl SigningRequest {
    /// Reads the token, and exactly one of the two ways to show a key: `(key, proof)` or a certificate signing request.
    pub fn parse(
        token: &[u8],
        key: Option<(Vec<u8>, Vec<u8>)>,
        certification_request: Option<Vec<u8>>,
    ) -> Result<Self, SigningError> {
        let token = UnverifiedToken::parse(token)?;
        let submission = Submission::parse(key, certification_request)?;
        Ok(Self { token, submission })
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
        let SigningRequest { token, submission } = request;
        let issuer = issuers.find(&token)?;
        let token = match token.verify(issuer, call.now)? {
            Verification::Verified(token) => *token,
            Verification::NeedsKeys(token) => {
                let request = Box::new(SigningRequest { token: *token, submission });
                return Ok(Outcome::NeedsKeys { issuer: Arc::clone(issuer), request });
            }
        };
        let permit = issuers.rules().permit(token)?;
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
            token_sha256: hex::encode(principal.token_sha256()),
        };
        let certificate_entry = linted.tree_leaf(authority, now);
        Ok(Prepared { issuance: Arc::clone(self), linted, certificate_entry, intent: intent.to_leaf(), now })
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
