//! From a request and a trusted time to a token, in the only order there is.

use std::sync::Arc;

use aws_lc_rs::digest::Digest;
use shared::audit::TimestampedLeaf;
use shared::log::{Leaf, Receipt};
use shared::random::Random;
use shared::time::UnixTime;
use shared::x509::der_writer::tag;
use shared::x509::{DerWriter, SerialNumber};

use crate::clock_guard::TrustedNow;
use crate::gen_time::{GenTime, GenTimeText};
use crate::hash_algorithm::HashAlgorithm;
use crate::policy::{PolicyOid, dotted};
use crate::qualified;
use crate::rejection::Rejection;
use crate::request::{ImprintDigest, TimestampRequest};
use crate::signing_unit::{SigningUnit, UnitTrouble};

/// A timestamp that is decided: its TSTInfo is written, and nothing is recorded or signed.
pub struct Decided {
    unit: Arc<SigningUnit>,
    now: TrustedNow,
    serial: SerialNumber,
    gen_time: GenTimeText,
    /// Which of the unit's policies.
    policy: usize,
    /// Of the caller's data.
    imprint: ImprintDigest,
    tst_info: Vec<u8>,
    /// Of the TSTInfo.
    digest: Digest,
    with_certificates: bool,
}

/// A timestamp that may be signed as soon as its audit leaf is durable.
pub struct Prepared {
    decided: Decided,
    leaf: Leaf,
}

/// The operator's decision to keep no record of each timestamp (`audit.timestamps = "off"`): what stands in for a
/// receipt. It is made in one place, where the configuration is read.
#[derive(Clone, Copy, Debug)]
pub struct WithoutRecords(());

impl WithoutRecords {
    /// Decides it. The consequence: after a key is stolen, its timestamps cannot be listed.
    pub const fn as_the_operator_decided() -> Self {
        Self(())
    }
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
    /// Decides on `request` and writes the TSTInfo. Serial numbers carry the node's prefix and 128 random bits: nothing
    /// has to be remembered across a crash, a restored snapshot repeats none, and our timestamps cannot be counted from
    /// outside.
    pub fn decide(
        self: &Arc<Self>,
        request: &TimestampRequest<'_>,
        now: TrustedNow,
        random: &dyn Random,
    ) -> Result<Decided, Rejection> {
        let policy = self.policy_for(request)?;
        if request.asks_for_qualified() && !self.form.is_qualified {
            return Err(Rejection::NotQualified);
        }
        let gen_time = self.gen_time(now)?.to_text().ok_or(Rejection::UnitNotValid(UnitTrouble::Unwritable))?;
        let serial = SerialNumber::random(self.node, random);
        let tst_info = self.tst_info(request, &self.policies[policy], &serial, &gen_time);
        Ok(Decided {
            now,
            serial,
            gen_time,
            policy,
            imprint: request.imprint().to_digest(),
            digest: self.template.digest.digest(&tst_info),
            tst_info,
            with_certificates: request.is_certificate_requested(),
            unit: Arc::clone(self),
        })
    }

    /// Decides on `request` and writes its audit leaf.
    pub fn prepare(
        self: &Arc<Self>,
        request: &TimestampRequest<'_>,
        now: TrustedNow,
        random: &dyn Random,
    ) -> Result<Prepared, Rejection> {
        Ok(self.decide(request, now, random)?.record())
    }

    /// The requested policy, which must be one of ours, or our first one.
    fn policy_for(&self, request: &TimestampRequest<'_>) -> Result<usize, Rejection> {
        match request.policy() {
            None if self.policies.is_empty() => Err(Rejection::PolicyUnaccepted(None)),
            None => Ok(0),
            Some(contents) => PolicyOid::from_contents(contents)
                .and_then(|asked| self.policies.iter().position(|policy| *policy == asked))
                .ok_or_else(|| Rejection::PolicyUnaccepted(Some(dotted(contents)))),
        }
    }

    /// The time to write, when accuracy and certificates allow it.
    fn gen_time(&self, now: TrustedNow) -> Result<GenTime, Rejection> {
        let uncertainty = now.uncertainty() + self.form.precision.rounding();
        if uncertainty > self.accuracy.span() {
            let (uncertainty_ms, accuracy_ms) =
                (uncertainty.as_millis() as u64, self.accuracy.span().as_millis() as u64);
            return Err(Rejection::Accuracy { uncertainty_ms, accuracy_ms });
        }
        let gen_time = GenTime::of(now, self.form.precision);
        // Verifiers check the chain at genTime, so both moments must be inside.
        if let Some(trouble) = self.trouble_at(now.time()).or_else(|| self.trouble_at(gen_time.time())) {
            return Err(Rejection::UnitNotValid(trouble));
        }
        Ok(gen_time)
    }

    /// `TSTInfo` (RFC 3161 §2.4.2): ordering is false and left out; the only extension says that the token is a
    /// qualified one.
    fn tst_info(
        &self,
        request: &TimestampRequest<'_>,
        policy: &PolicyOid,
        serial: &SerialNumber,
        gen_time: &GenTimeText,
    ) -> Vec<u8> {
        let mut out = DerWriter::with_capacity(384);
        out.nested(tag::SEQUENCE, |info| {
            info.value(tag::INTEGER, &[1]);
            info.raw(policy.der());
            info.raw(request.imprint().der());
            info.value(tag::INTEGER, serial.as_bytes());
            info.value(tag::GENERALIZED_TIME, gen_time.as_bytes());
            info.raw(&self.template.accuracy);
            info.raw(request.nonce().unwrap_or_default());
            info.raw(&self.template.tsa);
            if self.form.is_qualified {
                info.raw(qualified::TST_INFO_EXTENSIONS);
            }
        });
        out.finish()
    }
}

impl Decided {
    /// Writes the audit leaf: all that is needed to list later which timestamps a key made, and nothing about the
    /// caller.
    pub fn record(self) -> Prepared {
        let sha256 = match self.unit.template.digest {
            HashAlgorithm::Sha256 => self.digest,
            _ => HashAlgorithm::Sha256.digest(&self.tst_info),
        };
        let leaf = TimestampedLeaf {
            at_ms: self.now.time().millis(),
            unit: &self.unit.name,
            serial: self.serial.as_bytes(),
            gen_time: self.gen_time.as_str(),
            policy: &self.unit.policy_texts[self.policy],
            tst_info_sha256: sha256.as_ref(),
            imprint: self.imprint.as_ref(),
            clock: &self.now.source(),
        };
        let leaf = leaf.to_leaf();
        Prepared { leaf: Leaf::new(leaf), decided: self }
    }

    /// Signs without a record, if the operator wants none.
    pub fn sign_without_record(self, _: WithoutRecords) -> Result<TimestampResponse, Rejection> {
        self.sign()
    }

    /// Whether the key signs too slowly for a thread that serves connections.
    pub fn is_slow(&self) -> bool {
        self.unit.is_slow()
    }

    /// The trusted time that it was decided at.
    pub fn at(&self) -> UnixTime {
        self.now.time()
    }

    fn sign(self) -> Result<TimestampResponse, Rejection> {
        let template = &self.unit.template;
        let attributes = template.attributes(self.digest.as_ref());
        let signature = self.unit.key.sign(&attributes)?;
        Ok(TimestampResponse(template.response(&self.tst_info, &attributes, &signature, self.with_certificates)))
    }
}

impl Prepared {
    /// The audit leaf that must be durable before [`Self::sign`].
    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// Whether [`Self::sign`] is too slow for a thread that serves connections.
    pub fn is_slow(&self) -> bool {
        self.decided.is_slow()
    }

    /// Signs, once `receipt` proves that exactly this timestamp is on record.
    pub fn sign(self, receipt: &Receipt) -> Result<TimestampResponse, Rejection> {
        if receipt.leaf_hash() != self.leaf.hash() { Err(Rejection::WrongReceipt) } else { self.decided.sign() }
    }
}

#[cfg(test)]
mod tests;
