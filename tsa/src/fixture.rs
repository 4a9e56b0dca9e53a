//! Units for tests, with certificates of any shape.

use std::sync::Arc;

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc4519, rfc5280};
use shared::keys::{PublicKey, SignatureAlgorithm, Signer, SigningKey};
use shared::log::{Log, Receipt};
use shared::random::{Random, SystemRandom};
use shared::time::UnixTime;
use shared::x509::der_writer::tag;
use shared::x509::{CaSetup, Certificate, Chain, DerWriter, NodePrefix};

use crate::gen_time::Accuracy;
use crate::policy::PolicyOid;
use crate::request::TimestampRequest;
use crate::respond::{Prepared, TimestampResponse};
use crate::signing_unit::{SigningUnit, TokenForm, UnitConfig};

/// 2026-11-21T10:52:00.250Z
pub(crate) const NOW: u64 = 1_795_258_320_250;
pub(crate) const POLICY: &str = "0.4.0.2023.1.1";
pub(crate) const DATA: &[u8] = b"what is to be timestamped";
pub(crate) const ALGORITHMS: [SignatureAlgorithm; 3] =
    [SignatureAlgorithm::EcdsaP256Sha256, SignatureAlgorithm::EcdsaP384Sha384, SignatureAlgorithm::RsaPkcs1Sha256];

pub(crate) fn now() -> UnixTime {
    UnixTime::from_millis(NOW)
}

pub(crate) fn key(algorithm: SignatureAlgorithm) -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(algorithm).unwrap())
}

pub(crate) fn config(key: Arc<dyn Signer>, chain: Chain) -> UnitConfig {
    UnitConfig {
        name: "first".to_owned(),
        key,
        chain,
        policies: vec![PolicyOid::parse(POLICY).unwrap(), PolicyOid::parse("1.3.6.1.4.1.32473.1").unwrap()],
        accuracy: Accuracy::ONE_SECOND,
        node: NodePrefix::FIRST,
        form: TokenForm::default(),
    }
}

/// A unit under a root, as the CA setup makes it.
pub(crate) fn unit(algorithm: SignatureAlgorithm) -> Arc<SigningUnit> {
    let (root_key, unit_key) = (key(SignatureAlgorithm::EcdsaP256Sha256), key(algorithm));
    let setup = CaSetup {
        instance: "h-test.privyseal.internal",
        root_key: &*root_key,
        now: UnixTime::from_millis(NOW - 60_000),
        random: &SystemRandom,
    };
    let root = setup.root().unwrap();
    let leaf = setup.timestamp_unit(&root, "Timestamp Unit 1", unit_key.public_key()).unwrap();
    let chain = Chain::new(vec![leaf, root]).unwrap();
    Arc::new(SigningUnit::new(config(unit_key, chain), now()).unwrap())
}

/// A unit under two intermediates. Names of very different lengths: of two certificates of one length, the `cms`
/// crate's sets put the wrong one first, and what we write is compared with what it writes.
pub(crate) fn deep_unit(algorithm: SignatureAlgorithm) -> Arc<SigningUnit> {
    const LOWER: &str = "the lower of two intermediate authorities";
    let keys: Vec<_> = (0..3).map(|_| key(SignatureAlgorithm::EcdsaP256Sha256)).collect();
    let unit_key = key(algorithm);
    let root = CertificateDraft::authority("root", "root", None).sign(keys[0].public_key(), &*keys[0]);
    let upper = CertificateDraft::authority("upper", "root", Some(1)).sign(keys[1].public_key(), &*keys[0]);
    let lower = CertificateDraft::authority(LOWER, "upper", Some(0)).sign(keys[2].public_key(), &*keys[1]);
    let leaf = CertificateDraft::unit("a unit far below the root", LOWER).sign(unit_key.public_key(), &*keys[2]);
    let chain = Chain::new(vec![leaf, lower, upper, root]).unwrap();
    Arc::new(SigningUnit::new(config(unit_key, chain), now()).unwrap())
}

/// A unit whose certificate and intermediate have the same length, but for the odd octet of a number.
pub(crate) fn even_unit() -> Arc<SigningUnit> {
    let keys: Vec<_> = (0..3).map(|_| key(SignatureAlgorithm::EcdsaP256Sha256)).collect();
    let root = CertificateDraft::authority("the root", "the root", None).sign(keys[0].public_key(), &*keys[0]);
    let upper = CertificateDraft::authority("upper", "the root", None).sign(keys[1].public_key(), &*keys[0]);
    let leaf = CertificateDraft::unit("u", "upper").sign(keys[2].public_key(), &*keys[1]);
    let chain = Chain::new(vec![leaf, upper, root]).unwrap();
    Arc::new(SigningUnit::new(config(keys[2].clone(), chain), now()).unwrap())
}

/// A certificate to be: what a test wants wrong can be set wrong.
pub(crate) struct CertificateDraft {
    pub(crate) subject: &'static str,
    pub(crate) issuer: &'static str,
    /// Random when there is none.
    pub(crate) serial: Option<u8>,
    pub(crate) not_before: u64,
    pub(crate) not_after: u64,
    /// `Some(path length)` makes an authority.
    pub(crate) authority: Option<Option<u8>>,
    pub(crate) purposes: Vec<ObjectIdentifier>,
    pub(crate) are_purposes_critical: bool,
    /// Contents of the BIT STRING; none leaves the extension out.
    pub(crate) key_usage: Option<[u8; 2]>,
    pub(crate) is_purpose_repeated: bool,
    pub(crate) unknown_critical: bool,
}

impl CertificateDraft {
    pub(crate) fn unit(subject: &'static str, issuer: &'static str) -> Self {
        Self {
            subject,
            issuer,
            serial: None,
            not_before: NOW / 1_000 - 3_600,
            not_after: NOW / 1_000 + 3_600,
            authority: None,
            purposes: vec![rfc5280::ID_KP_TIME_STAMPING],
            are_purposes_critical: true,
            key_usage: Some([7, 0x80]),
            is_purpose_repeated: false,
            unknown_critical: false,
        }
    }

    pub(crate) fn authority(subject: &'static str, issuer: &'static str, path_length: Option<u8>) -> Self {
        Self {
            authority: Some(path_length),
            purposes: Vec::new(),
            key_usage: Some([1, 0b110]),
            ..Self::unit(subject, issuer)
        }
    }

    pub(crate) fn sign(&self, key: &PublicKey, issuer: &dyn Signer) -> Certificate {
        let mut tbs = DerWriter::default();
        tbs.nested(tag::SEQUENCE, |tbs| {
            tbs.raw(&[0xa0, 3, 2, 1, 2]);
            let serial: [u8; 8] = (&SystemRandom as &dyn Random).bytes();
            match self.serial {
                Some(serial) => tbs.unsigned(&[serial]),
                None => tbs.unsigned(&serial),
            }
            tbs.raw(issuer.algorithm().identifier_der());
            name(tbs, self.issuer);
            tbs.nested(tag::SEQUENCE, |validity| {
                validity.time(UnixTime::from_seconds(self.not_before)).unwrap();
                validity.time(UnixTime::from_seconds(self.not_after)).unwrap();
            });
            name(tbs, self.subject);
            tbs.raw(key.spki_der());
            tbs.nested(0xa3, |list| list.nested(tag::SEQUENCE, |list| self.extensions(list)));
        });
        let tbs = tbs.finish();
        let mut certificate = DerWriter::default();
        certificate.nested(tag::SEQUENCE, |certificate| {
            certificate.raw(&tbs);
            certificate.raw(issuer.algorithm().identifier_der());
            certificate.bit_string(&issuer.sign(&tbs).unwrap());
        });
        Certificate::from_der(&certificate.finish()).unwrap()
    }

    fn extensions(&self, list: &mut DerWriter) {
        if let Some(contents) = self.key_usage {
            extension(list, rfc5280::ID_CE_KEY_USAGE, true, |value| value.value(tag::BIT_STRING, &contents));
        }
        if let Some(path_length) = self.authority {
            extension(list, rfc5280::ID_CE_BASIC_CONSTRAINTS, true, |value| {
                value.nested(tag::SEQUENCE, |value| {
                    value.value(tag::BOOLEAN, &[0xff]);
                    path_length.iter().for_each(|length| value.unsigned(&[*length]));
                });
            });
        }
        for _ in 0..if self.is_purpose_repeated { 2 } else { usize::from(!self.purposes.is_empty()) } {
            extension(list, rfc5280::ID_CE_EXT_KEY_USAGE, self.are_purposes_critical, |value| {
                value.nested(tag::SEQUENCE, |value| self.purposes.iter().for_each(|purpose| value.oid(*purpose)));
            });
        }
        if self.unknown_critical {
            extension(list, ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.9"), true, |value| value.raw(&[5, 0]));
        }
    }
}

fn extension(list: &mut DerWriter, oid: ObjectIdentifier, is_critical: bool, value: impl FnOnce(&mut DerWriter)) {
    list.nested(tag::SEQUENCE, |extension| {
        extension.oid(oid);
        if is_critical {
            extension.value(tag::BOOLEAN, &[0xff]);
        }
        extension.nested(tag::OCTET_STRING, value);
    });
}

fn name(out: &mut DerWriter, common_name: &str) {
    out.nested(tag::SEQUENCE, |name| {
        name.nested(tag::SET, |set| {
            set.nested(tag::SEQUENCE, |pair| {
                pair.oid(rfc4519::COMMON_NAME);
                pair.value(tag::UTF8_STRING, common_name.as_bytes());
            });
        });
    });
}

/// The parts of a request, to be encoded as they are.
pub(crate) struct RequestParts {
    pub(crate) version: Vec<u8>,
    pub(crate) algorithm: Vec<u8>,
    pub(crate) digest: Vec<u8>,
    /// Whatever follows the imprint.
    pub(crate) rest: Vec<u8>,
}

impl RequestParts {
    /// SHA-256 of [`DATA`], parameters NULL, no more.
    pub(crate) fn plain() -> Self {
        Self::hashed(crate::HashAlgorithm::Sha256)
    }

    pub(crate) fn hashed(algorithm: crate::HashAlgorithm) -> Self {
        let mut oid = vec![tag::OBJECT_IDENTIFIER, 9];
        oid.extend(algorithm.oid_contents());
        oid.extend([5, 0]);
        Self { version: vec![2, 1, 1], algorithm: oid, digest: algorithm.digest(DATA).as_ref().to_vec(), rest: vec![] }
    }

    /// With a policy, a nonce and certReq.
    pub(crate) fn full() -> Self {
        let mut rest = PolicyOid::parse(POLICY).unwrap().der().to_vec();
        rest.extend([2, 9, 0, 0xfe, 1, 2, 3, 4, 5, 6, 7]);
        rest.extend([1, 1, 0xff]);
        Self { rest, ..Self::plain() }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let mut out = DerWriter::default();
        out.nested(tag::SEQUENCE, |request| {
            request.raw(&self.version);
            request.nested(tag::SEQUENCE, |imprint| {
                imprint.value(tag::SEQUENCE, &self.algorithm);
                imprint.value(tag::OCTET_STRING, &self.digest);
            });
            request.raw(&self.rest);
        });
        out.finish()
    }
}

pub(crate) fn prepare(unit: &Arc<SigningUnit>, request: &[u8]) -> Prepared {
    let request = TimestampRequest::parse(request).unwrap();
    unit.prepare(&request, crate::clock_guard::tests::trusted(NOW), &SystemRandom).unwrap()
}

pub(crate) fn receipt_for(leaf: &[u8]) -> Receipt {
    Log::in_memory().append(leaf).wait().unwrap()
}

pub(crate) fn respond(unit: &Arc<SigningUnit>, request: &[u8]) -> TimestampResponse {
    let prepared = prepare(unit, request);
    let receipt = receipt_for(prepared.leaf().as_ref());
    prepared.sign(&receipt).unwrap()
}
