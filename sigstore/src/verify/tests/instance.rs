//! An instance in miniature, which makes right and wrong certificates and bundles. Its certificates and SCTs are
//! written here, not by the authority's own code, so that the verifier is not tested with the code that it checks.

use std::sync::Arc;
use std::time::Duration;

use der::asn1::ObjectIdentifier;
use shared::keys::{SignatureAlgorithm, Signer, SigningKey};
use shared::log::{Log, Origin, note};
use shared::random::SystemRandom;
use shared::time::UnixTime;
use shared::trust_root::encoding::Base64;
use shared::trust_root::trusted_root::{CertificateAuthority, LogId};
use shared::trust_root::{CertificateChain, LogKey, TrustMaterial, TrustedRoot, Validity};
use shared::x509::der_writer::tag;
use shared::x509::{CaSetup, Certificate, Chain, DerWriter, NodePrefix};
use tsa::{
    Accuracy, ClockGuard, ClockReading, Look, MarkRecovery, PolicyOid, SigningUnit, TimestampRequest, UnitConfig,
};

use crate::bundle::{
    Bundle, Content, Envelope, EnvelopeSignature, InclusionProof, KindVersion, LogCheckpoint, LogEntry, MessageDigest,
    MessageSignature, Number,
};
use crate::dsse::{IN_TOTO, pre_authentication_encoding};

pub(super) const NOW: UnixTime = UnixTime::from_seconds(1_795_258_320);
pub(super) const ARTIFACT: &[u8] = b"an artifact";
pub(super) const SUBJECT: &str = "signer@instance.example";
pub(super) const ISSUER: &str = "https://instance.example/oidc";

/// What was signed, its digest, the signature.
pub(super) type Signed = (Content, Vec<u8>, Vec<u8>);

/// How the SCT is wrong, if it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sct {
    Right,
    None,
    Twice,
    Empty,
    Malformed,
    OtherLog,
    OtherKey,
    OtherCertificate,
    Early,
    Late,
}

/// How the leaf is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    pub(super) algorithm: SignatureAlgorithm,
    pub(super) subject: &'static str,
    pub(super) has_second_name: bool,
    pub(super) new_issuer: Option<&'static str>,
    pub(super) old_issuer: Option<&'static str>,
    pub(super) purpose: &'static str,
    pub(super) key_usage: u8,
    pub(super) is_authority: bool,
    pub(super) is_self_issued: bool,
    pub(super) starts_after_s: i64,
    pub(super) sct: Sct,
}

impl Default for Leaf {
    fn default() -> Self {
        Self {
            algorithm: SignatureAlgorithm::EcdsaP256Sha256,
            subject: SUBJECT,
            has_second_name: false,
            new_issuer: Some(ISSUER),
            old_issuer: Some(ISSUER),
            purpose: "1.3.6.1.5.5.7.3.3",
            key_usage: 0b1000_0000,
            is_authority: false,
            is_self_issued: false,
            starts_after_s: 0,
            sct: Sct::Right,
        }
    }
}

pub(super) struct Instance {
    root: Certificate,
    issuing: Certificate,
    issuing_key: SigningKey,
    unit: Arc<SigningUnit>,
    unit_certificate: Certificate,
    certificate_log_key: SigningKey,
    other_key: SigningKey,
    signature_log: Log,
}

fn key(algorithm: SignatureAlgorithm) -> SigningKey {
    SigningKey::generate(algorithm).expect("a key")
}

impl Instance {
    /// With a few entries in its log already, so that proofs have a path.
    pub(super) fn new() -> Self {
        let instance = Self::with_empty_log();
        for leaf in ["one", "two"] {
            instance.signature_log.append(leaf).wait().expect("appends");
        }
        instance
    }

    pub(super) fn with_empty_log() -> Self {
        let root_key = key(SignatureAlgorithm::EcdsaP384Sha384);
        let issuing_key = key(SignatureAlgorithm::EcdsaP384Sha384);
        let unit_key = key(SignatureAlgorithm::EcdsaP384Sha384);
        let random = &SystemRandom;
        let setup = CaSetup { instance: "instance.example", root_key: &root_key, now: NOW, random };
        let root = setup.root().expect("a root");
        let issuing = setup.issuing_ca(&root, issuing_key.public_key()).expect("an issuing CA");
        let unit_certificate = setup.timestamp_unit(&root, "unit", unit_key.public_key()).expect("a unit");
        let config = UnitConfig {
            name: "unit".to_owned(),
            key: Arc::new(unit_key),
            chain: Chain::new(vec![unit_certificate.clone(), root.clone()]).expect("a chain"),
            policies: vec![PolicyOid::parse("1.2.3.4").expect("a policy")],
            accuracy: Accuracy::ONE_SECOND,
            node: NodePrefix::FIRST,
            form: tsa::TokenForm::default(),
        };
        let origin = Origin::parse("signatures.instance.example").expect("a name");
        let signature_log = Log::in_memory_as(origin, Arc::new(key(SignatureAlgorithm::EcdsaP256Sha256)));
        Self {
            unit: Arc::new(SigningUnit::new(config, NOW).expect("is fit")),
            certificate_log_key: key(SignatureAlgorithm::EcdsaP256Sha256),
            other_key: key(SignatureAlgorithm::EcdsaP256Sha256),
            root,
            issuing,
            issuing_key,
            unit_certificate,
            signature_log,
        }
    }

    pub(super) fn trust(&self) -> TrustedRoot {
        let chain = |first: &Certificate| {
            let certificates = vec![first.der().to_vec(), self.root.der().to_vec()];
            vec![CertificateChain { certificates, validity: Validity::since(NOW) }]
        };
        let log = |origin: &str, key: &dyn Signer| {
            vec![LogKey {
                origin: origin.to_owned(),
                key: key.public_key().clone(),
                algorithm: key.algorithm(),
                validity: Validity::since(NOW),
            }]
        };
        let material = TrustMaterial {
            instance: "instance.example".to_owned(),
            origin: "https://instance.example".to_owned(),
            oidc_issuer: ISSUER.to_owned(),
            offered_since: NOW,
            issuing: chain(&self.issuing),
            timestamping: chain(&self.unit_certificate),
            certificate_logs: log("certificates.instance.example", &self.certificate_log_key),
            signature_logs: log("signatures.instance.example", self.signature_log.signer()),
        };
        TrustedRoot::parse(&material.documents().expect("documents").trusted_root).expect("parses")
    }

    pub(super) fn other_instance(&self) -> TrustedRoot {
        Self::new().trust()
    }

    /// An authority with the same names and other keys.
    pub(super) fn other_authority(&self) -> CertificateAuthority {
        self.other_instance().certificate_authorities.remove(0)
    }

    pub(super) fn message(signer: &SigningKey) -> Signed {
        let signature = signer.sign(ARTIFACT).expect("signs");
        let digest = aws_lc_rs::digest::digest(signer.algorithm().digest(), ARTIFACT).as_ref().to_vec();
        let message_digest =
            Some(MessageDigest { algorithm: digest_name(signer).to_owned(), digest: Base64(digest.clone()) });
        (Content::Message(MessageSignature { message_digest, signature: Base64(signature.clone()) }), digest, signature)
    }

    pub(super) fn statement(signer: &SigningKey) -> Signed {
        let sha256 = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, ARTIFACT));
        let payload = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"a","digest":{{"sha256":"{sha256}"}}}}],"predicateType":"https://example/p","predicate":{{}}}}"#
        );
        envelope(signer, IN_TOTO, payload.as_bytes())
    }

    pub(super) fn bundle_of_envelope(&self, payload_type: &str, payload: &[u8]) -> Bundle {
        let signer = key(SignatureAlgorithm::EcdsaP256Sha256);
        let signed = envelope(&signer, payload_type, payload);
        self.bundle_around(&Leaf::default(), &signer, signed)
    }

    pub(super) fn bundle(&self, leaf: &Leaf, sign: fn(&SigningKey) -> Signed) -> Bundle {
        let signer = key(leaf.algorithm);
        self.bundle_around(leaf, &signer, sign(&signer))
    }

    fn bundle_around(&self, leaf: &Leaf, signer: &SigningKey, (content, digest, signature): Signed) -> Bundle {
        let certificate = self.leaf(leaf, signer);
        let body = serde_json::json!({ "apiVersion": "0.0.2", "kind": "hashedrekord", "spec": { "hashedRekordV002": {
            "data": { "algorithm": digest_name(signer), "digest": Base64(digest) },
            "signature": { "content": Base64(signature.clone()), "verifier": {
                "keyDetails": signer.algorithm().sigstore_name(),
                "x509Certificate": { "rawBytes": Base64(certificate.clone()) },
            } },
        } } });
        // serde_json keeps members sorted, and there is nothing to escape: this is RFC 8785's form.
        let body = body.to_string().into_bytes();
        let proved = self.signature_log.append_proved(&body).wait().expect("appends");
        let index = Number(proved.receipt.index());
        let entry = LogEntry {
            log_index: index,
            log_id: LogId { key_id: Base64(self.signature_log.signer().public_key().spki_sha256().to_vec()) },
            kind_version: KindVersion { kind: "hashedrekord".to_owned(), version: "0.0.2".to_owned() },
            integrated_time: Some(Number(0)),
            inclusion_promise: None,
            inclusion_proof: Some(InclusionProof {
                log_index: index,
                root_hash: Base64(proved.root.to_vec()),
                tree_size: Number(proved.tree_size),
                hashes: proved.hashes.iter().map(|hash| Base64(hash.to_vec())).collect(),
                checkpoint: Some(LogCheckpoint { envelope: proved.checkpoint.to_string() }),
            }),
            canonicalized_body: Base64(body),
        };
        Bundle { certificate, content, timestamps: vec![self.timestamp(&signature)], entries: vec![entry] }
    }

    /// A timestamp over `data`, made by the unit at `NOW`.
    pub(super) fn timestamp(&self, data: &[u8]) -> Vec<u8> {
        let mut query = DerWriter::default();
        query.nested(tag::SEQUENCE, |query| {
            query.unsigned(&[1]);
            query.nested(tag::SEQUENCE, |imprint| {
                imprint.nested(tag::SEQUENCE, |algorithm| algorithm.oid(oid("2.16.840.1.101.3.4.2.1")));
                let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, data);
                imprint.value(tag::OCTET_STRING, digest.as_ref());
            });
        });
        let query = query.finish();
        let request = TimestampRequest::parse(&query).expect("parses");
        let reading = ClockReading::awake(NOW, Duration::from_secs(100));
        let look = Look { reading, kernel: None };
        let guard = ClockGuard::start(self.unit.clock_limits(), Vec::new(), MarkRecovery::new(None), &look);
        let now = guard.lease().permit(reading).expect("the clock is fine");
        let prepared = self.unit.prepare(&request, now, &SystemRandom).expect("is granted");
        let receipt = Log::in_memory().append(prepared.leaf()).wait().expect("appends");
        prepared.sign(&receipt).expect("signs").into_der()
    }

    /// The same checkpoint, signed under the log's name by somebody else.
    pub(super) fn foreign_checkpoint(&self, checkpoint: &str) -> String {
        let text = checkpoint.split_once("\n\n").map(|(text, _)| format!("{text}\n")).expect("a note");
        note::sign(&text, "signatures.instance.example", &self.other_key).expect("signs")
    }

    fn leaf(&self, leaf: &Leaf, signer: &SigningKey) -> Vec<u8> {
        let mut extensions = self.extensions(leaf);
        let without_sct = self.tbs(leaf, signer, &extensions);
        match leaf.sct {
            Sct::None => {}
            Sct::Twice => extensions.extend([self.sct(leaf.sct, &without_sct), self.sct(leaf.sct, &without_sct)]),
            kind => extensions.push(self.sct(kind, &without_sct)),
        }
        let tbs = self.tbs(leaf, signer, &extensions);
        let authority = if leaf.is_self_issued { signer } else { &self.issuing_key };
        let mut certificate = DerWriter::default();
        certificate.nested(tag::SEQUENCE, |certificate| {
            certificate.raw(&tbs);
            certificate.raw(authority.algorithm().identifier_der());
            certificate.bit_string(&authority.sign(&tbs).expect("signs"));
        });
        certificate.finish()
    }

    fn tbs(&self, leaf: &Leaf, signer: &SigningKey, extensions: &[Vec<u8>]) -> Vec<u8> {
        let shift = Duration::from_secs(leaf.starts_after_s.unsigned_abs());
        let start = if leaf.starts_after_s < 0 { NOW.minus(shift) } else { NOW.plus(shift) };
        let authority = if leaf.is_self_issued { signer } else { &self.issuing_key };
        let mut tbs = DerWriter::default();
        tbs.nested(tag::SEQUENCE, |tbs| {
            tbs.nested(tag::context_constructed(0), |version| version.unsigned(&[2]));
            tbs.unsigned(&[0x12, 0x34]);
            tbs.raw(authority.algorithm().identifier_der());
            tbs.raw(self.issuing.subject_der());
            tbs.nested(tag::SEQUENCE, |validity| {
                validity.time(start).expect("a time");
                validity.time(start.plus(Duration::from_secs(600))).expect("a time");
            });
            tbs.nested(tag::SEQUENCE, |_| {});
            tbs.raw(signer.public_key().spki_der());
            tbs.nested(tag::context_constructed(3), |wrapper| {
                wrapper.nested(tag::SEQUENCE, |list| extensions.iter().for_each(|extension| list.raw(extension)));
            });
        });
        tbs.finish()
    }

    fn extensions(&self, leaf: &Leaf) -> Vec<Vec<u8>> {
        let mut extensions = vec![
            extension("2.5.29.15", true, |w| {
                w.value(tag::BIT_STRING, &[leaf.key_usage.trailing_zeros() as u8, leaf.key_usage]);
            }),
            extension("2.5.29.37", false, |w| w.nested(tag::SEQUENCE, |list| list.oid(oid(leaf.purpose)))),
            extension("2.5.29.17", true, |w| {
                w.nested(tag::SEQUENCE, |names| {
                    names.value(tag::context(1), leaf.subject.as_bytes());
                    if leaf.has_second_name {
                        names.value(tag::context(6), b"https://other.example");
                    }
                });
            }),
        ];
        if leaf.is_authority {
            extensions.push(extension("2.5.29.19", true, |w| {
                w.nested(tag::SEQUENCE, |constraints| constraints.value(tag::BOOLEAN, &[0xff]));
            }));
        }
        if let Some(issuer) = leaf.old_issuer {
            extensions.push(raw_extension("1.3.6.1.4.1.57264.1.1", issuer.as_bytes()));
        }
        if let Some(issuer) = leaf.new_issuer {
            extensions
                .push(extension("1.3.6.1.4.1.57264.1.8", false, |w| w.value(tag::UTF8_STRING, issuer.as_bytes())));
        }
        extensions
    }

    fn sct(&self, kind: Sct, tbs: &[u8]) -> Vec<u8> {
        let time = match kind {
            Sct::Early => NOW.minus(Duration::from_secs(1)),
            Sct::Late => NOW.plus(Duration::from_secs(3_600)),
            _ => NOW,
        };
        let mut signed = vec![0, 0];
        signed.extend(time.millis().to_be_bytes());
        signed.extend([0, 1]);
        signed.extend(self.issuing.public_key().spki_sha256());
        let tbs = if kind == Sct::OtherCertificate { &tbs[1..] } else { tbs };
        signed.extend(&u32::try_from(tbs.len()).expect("is short").to_be_bytes()[1..]);
        signed.extend(tbs);
        signed.extend([0, 0]);
        let signer = if kind == Sct::OtherKey { &self.other_key } else { &self.certificate_log_key };
        let named = if kind == Sct::OtherLog { &self.other_key } else { &self.certificate_log_key };
        let mut sct = vec![0];
        sct.extend(named.public_key().spki_sha256());
        sct.extend(time.millis().to_be_bytes());
        sct.extend([0, 0, 4, 3]);
        sct.extend(vector(&signer.sign(&signed).expect("signs")));
        if kind == Sct::Malformed {
            sct.push(0);
        }
        let list = if kind == Sct::Empty { vector(&[]) } else { vector(&vector(&sct)) };
        extension("1.3.6.1.4.1.11129.2.4.2", false, |w| w.value(tag::OCTET_STRING, &list))
    }
}

fn digest_name(signer: &SigningKey) -> &'static str {
    match signer.algorithm() {
        SignatureAlgorithm::EcdsaP384Sha384 => "SHA2_384",
        _ => "SHA2_256",
    }
}

fn envelope(signer: &SigningKey, payload_type: &str, payload: &[u8]) -> Signed {
    let encoded = pre_authentication_encoding(payload_type, payload);
    let signature = signer.sign(&encoded).expect("signs");
    let digest = aws_lc_rs::digest::digest(signer.algorithm().digest(), &encoded).as_ref().to_vec();
    let envelope = Envelope {
        payload: Base64(payload.to_vec()),
        payload_type: payload_type.to_owned(),
        signatures: vec![EnvelopeSignature { sig: Base64(signature.clone()), keyid: None }],
    };
    (Content::Envelope(envelope), digest, signature)
}

fn oid(dotted: &str) -> ObjectIdentifier {
    dotted.parse().expect("an OID")
}

fn extension(dotted: &str, is_critical: bool, value: impl FnOnce(&mut DerWriter)) -> Vec<u8> {
    let mut inner = DerWriter::default();
    value(&mut inner);
    let mut out = DerWriter::default();
    out.nested(tag::SEQUENCE, |out| {
        out.oid(oid(dotted));
        if is_critical {
            out.value(tag::BOOLEAN, &[0xff]);
        }
        out.value(tag::OCTET_STRING, &inner.finish());
    });
    out.finish()
}

fn raw_extension(dotted: &str, value: &[u8]) -> Vec<u8> {
    extension(dotted, false, |w| w.raw(value))
}

fn vector(bytes: &[u8]) -> Vec<u8> {
    let mut out = u16::try_from(bytes.len()).expect("is short").to_be_bytes().to_vec();
    out.extend(bytes);
    out
}
