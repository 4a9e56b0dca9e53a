//! From a request and a trusted time to a token, in the only order there is.

use std::sync::Arc;

use shared::audit::AuditRecord;
use shared::log::{LeafHash, Receipt};
use shared::random::Random;
use shared::x509::der_writer::tag;
use shared::x509::{DerWriter, SerialNumber};

use crate::clock_guard::TrustedNow;
use crate::gen_time::{GenTime, ROUNDING};
use crate::hash_algorithm::HashAlgorithm;
use crate::policy::{PolicyOid, dotted};
use crate::rejection::Rejection;
use crate::request::TimestampRequest;
use crate::signing_unit::SigningUnit;

/// A timestamp that is decided but not signed: its audit leaf must be durable first.
pub struct Prepared {
    unit: Arc<SigningUnit>,
    tst_info: Vec<u8>,
    /// The TSTInfo's digest sits in them.
    attributes: Vec<u8>,
    with_certificates: bool,
    leaf: Vec<u8>,
    leaf_hash: LeafHash,
}

/// A DER `TimeStampResp` that grants a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TimestampResponse(Vec<u8>);

impl TimestampResponse {
    /// The encoding.
    pub fn der(&self) -> &[u8] {
        &self.0
    }

    /// The encoding.
    pub fn into_der(self) -> Vec<u8> {
        self.0
    }
}

impl SigningUnit {
    /// Decides on `request` and writes the TSTInfo. Serial numbers carry the node's prefix and 128 random bits: nothing has to
    /// be remembered across a crash, a restored snapshot repeats none, and nobody can count our timestamps from outside.
    pub fn prepare(
        self: &Arc<Self>,
        request: &TimestampRequest<'_>,
        now: TrustedNow,
        random: &dyn Random,
    ) -> Result<Prepared, Rejection> {
        let policy = self.policy_for(request)?;
        let gen_time = self.gen_time(now)?;
        let gen_time_text = gen_time.to_text().ok_or(Rejection::UnitNotValid)?;
        let serial = SerialNumber::random(self.node, random);
        let tst_info = self.tst_info(request, policy, &serial, &gen_time_text);
        let digest = self.template.digest.digest(&tst_info);
        let record = AuditRecord::Timestamped {
            at_ms: now.time().millis(),
            unit: self.name.clone(),
            serial: serial.to_hex(),
            gen_time: gen_time_text.iter().map(|&character| char::from(character)).collect(),
            policy: policy.to_string(),
            tst_info_sha256: match self.template.digest {
                HashAlgorithm::Sha256 => hex::encode(digest),
                _ => hex::encode(HashAlgorithm::Sha256.digest(&tst_info)),
            },
            imprint: hex::encode(request.imprint().digest()),
            clock: now.source().to_owned(),
        };
        let leaf = record.to_leaf();
        Ok(Prepared {
            unit: Arc::clone(self),
            attributes: self.template.attributes(digest.as_ref()),
            tst_info,
            with_certificates: request.is_certificate_requested(),
            leaf_hash: LeafHash::of(&leaf),
            leaf,
        })
    }

    /// The policy asked for, which must be one of ours, or our first one.
    fn policy_for(&self, request: &TimestampRequest<'_>) -> Result<&PolicyOid, Rejection> {
        match request.policy() {
            None => self.policies.first().ok_or(Rejection::PolicyUnaccepted(None)),
            Some(contents) => PolicyOid::from_contents(contents)
                .and_then(|asked| self.policies.iter().find(|policy| **policy == asked))
                .ok_or_else(|| Rejection::PolicyUnaccepted(Some(dotted(contents)))),
        }
    }

    /// The time to write, when accuracy and certificates allow it.
    fn gen_time(&self, now: TrustedNow) -> Result<GenTime, Rejection> {
        let uncertainty = now.uncertainty() + ROUNDING;
        if uncertainty > self.accuracy.span() {
            let (uncertainty_ms, accuracy_ms) =
                (uncertainty.as_millis() as u64, self.accuracy.span().as_millis() as u64);
            return Err(Rejection::Accuracy { uncertainty_ms, accuracy_ms });
        }
        let gen_time = GenTime::nearest(now);
        // Verifiers check the chain at genTime, so both moments must be inside.
        if !self.may_sign_at(now.time()) || !self.may_sign_at(gen_time.time()) {
            return Err(Rejection::UnitNotValid);
        }
        Ok(gen_time)
    }

    /// `TSTInfo` (RFC 3161 §2.4.2): ordering is false and left out, there are no extensions.
    fn tst_info(
        &self,
        request: &TimestampRequest<'_>,
        policy: &PolicyOid,
        serial: &SerialNumber,
        gen_time: &[u8; 15],
    ) -> Vec<u8> {
        let mut out = DerWriter::with_capacity(384);
        out.nested(tag::SEQUENCE, |info| {
            info.value(tag::INTEGER, &[1]);
            info.raw(policy.der());
            info.raw(request.imprint().der());
            info.value(tag::INTEGER, serial.as_bytes());
            info.value(tag::GENERALIZED_TIME, gen_time);
            info.raw(&self.template.accuracy);
            info.raw(request.nonce().unwrap_or_default());
            info.raw(&self.template.tsa);
        });
        out.finish()
    }
}

impl Prepared {
    /// The audit leaf that must be durable before [`Self::sign`].
    pub fn leaf(&self) -> &[u8] {
        &self.leaf
    }

    /// Signs, once `receipt` proves that exactly this timestamp is on record.
    pub fn sign(self, receipt: &Receipt) -> Result<TimestampResponse, Rejection> {
        if receipt.leaf_hash() != self.leaf_hash {
            return Err(Rejection::WrongReceipt);
        }
        let signature = self.unit.key.sign(&self.attributes)?;
        let template = &self.unit.template;
        Ok(TimestampResponse(template.response(&self.tst_info, &self.attributes, &signature, self.with_certificates)))
    }
}

#[cfg(test)]
mod tests;
