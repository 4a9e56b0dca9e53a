mod instance;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shared::keys::SignatureAlgorithm;
use shared::trust_root::TrustedRoot;
use shared::trust_root::encoding::{Base64, Moment};

use super::{ExpectedIdentity, Verified, VerifyError, verify};
use crate::bundle::{self, Bundle, Content};
use crate::dsse::IN_TOTO;
use instance::{ARTIFACT, ISSUER, Instance, Leaf, NOW, SUBJECT, Sct};

fn identity() -> ExpectedIdentity {
    ExpectedIdentity { subject: SUBJECT.to_owned(), issuer: ISSUER.to_owned() }
}

fn check(bundle: &Bundle, trust: &TrustedRoot) -> Result<Verified, VerifyError> {
    let json = bundle.to_json().expect("encodes");
    verify(&Bundle::parse(&json)?, trust, &identity(), ARTIFACT)
}

/// The variant's name.
fn name(error: &VerifyError) -> String {
    format!("{error:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
}

#[test]
fn what_the_instance_makes_verifies_with_every_kind_of_key() {
    let instance = Instance::new();
    for algorithm in
        [SignatureAlgorithm::EcdsaP256Sha256, SignatureAlgorithm::EcdsaP384Sha384, SignatureAlgorithm::RsaPkcs1Sha256]
    {
        for content in [Instance::message, Instance::statement] {
            let bundle = instance.bundle(&Leaf { algorithm, ..Leaf::default() }, content);
            let verified = check(&bundle, &instance.trust()).expect("verifies");
            assert_eq!(verified.times.len(), 1);
            assert_eq!(verified.sct_times, [NOW]);
            assert_eq!(verified.entries[0].0, "signatures.instance.example");
        }
    }
}

#[test]
fn version_0_2_brings_its_leaf_in_a_chain() {
    let instance = Instance::new();
    let bundle = instance.bundle(&Leaf::default(), Instance::message);
    let mut document: Value = serde_json::from_slice(&bundle.to_json().expect("encodes")).expect("parses");
    let leaf = document["verificationMaterial"]["certificate"].take();
    document["verificationMaterial"]["x509CertificateChain"] = json!({ "certificates": [leaf] });
    document["verificationMaterial"].as_object_mut().expect("an object").remove("certificate");
    let parse = |document: &Value| Bundle::parse(document.to_string().as_bytes());
    assert!(parse(&document).is_err(), "not in 0.3");
    document["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2".into();
    let old = parse(&document).expect("parses");
    assert!(verify(&old, &instance.trust(), &identity(), ARTIFACT).is_ok());
}

#[test]
fn the_first_entry_of_a_log_may_leave_its_index_out() {
    let instance = Instance::with_empty_log();
    let bundle = instance.bundle(&Leaf::default(), Instance::message);
    let mut document: Value = serde_json::from_slice(&bundle.to_json().expect("encodes")).expect("parses");
    let entry = &mut document["verificationMaterial"]["tlogEntries"][0];
    for holder in ["", "/inclusionProof"] {
        let index = entry.pointer_mut(holder).and_then(|holder| holder.as_object_mut()?.remove("logIndex"));
        assert_eq!(index, Some("0".into()));
    }
    let short = Bundle::parse(document.to_string().as_bytes()).expect("parses");
    assert!(verify(&short, &instance.trust(), &identity(), ARTIFACT).is_ok());
}

#[test]
fn without_logs_in_the_trusted_root_neither_sct_nor_entry_is_demanded() {
    let instance = Instance::new();
    let mut bundle = instance.bundle(&Leaf { sct: Sct::None, ..Leaf::default() }, Instance::message);
    bundle.entries.clear();
    let mut trust = instance.trust();
    (trust.ctlogs, trust.tlogs) = (Vec::new(), Vec::new());
    assert!(check(&bundle, &trust).is_ok());
    // What is there all the same must verify.
    let bundle = instance.bundle(&Leaf::default(), Instance::message);
    assert!(matches!(check(&bundle, &trust), Err(VerifyError::SctLog(_))));
}

#[test]
fn a_certificate_that_is_not_right_is_refused() {
    let instance = Instance::new();
    let table = [
        ("Profile", Leaf { purpose: "1.3.6.1.5.5.7.3.1", ..Leaf::default() }),
        ("Profile", Leaf { is_authority: true, ..Leaf::default() }),
        ("Profile", Leaf { key_usage: 0b0000_0100, ..Leaf::default() }),
        ("Profile", Leaf { has_second_name: true, ..Leaf::default() }),
        ("Profile", Leaf { old_issuer: Some("https://other.example"), ..Leaf::default() }),
        ("Profile", Leaf { old_issuer: None, new_issuer: None, ..Leaf::default() }),
        ("Issuer", Leaf { old_issuer: None, new_issuer: Some("https://other.example"), ..Leaf::default() }),
        ("Subject", Leaf { subject: "Signer@instance.example", ..Leaf::default() }),
        ("Path", Leaf { starts_after_s: 60, ..Leaf::default() }),
        ("Path", Leaf { starts_after_s: -700, ..Leaf::default() }),
        ("Path", Leaf { is_self_issued: true, ..Leaf::default() }),
        ("SctMissing", Leaf { sct: Sct::None, ..Leaf::default() }),
        ("SctMissing", Leaf { sct: Sct::Twice, ..Leaf::default() }),
        ("SctMalformed", Leaf { sct: Sct::Malformed, ..Leaf::default() }),
        ("SctMalformed", Leaf { sct: Sct::Empty, ..Leaf::default() }),
        ("SctLog", Leaf { sct: Sct::OtherLog, ..Leaf::default() }),
        ("SctSignature", Leaf { sct: Sct::OtherKey, ..Leaf::default() }),
        ("SctSignature", Leaf { sct: Sct::OtherCertificate, ..Leaf::default() }),
        ("SctTime", Leaf { sct: Sct::Early, ..Leaf::default() }),
        ("SctTime", Leaf { sct: Sct::Late, ..Leaf::default() }),
    ];
    for (place, (expected, leaf)) in table.iter().enumerate() {
        let refused = check(&instance.bundle(leaf, Instance::message), &instance.trust()).expect_err(expected);
        assert_eq!(name(&refused), *expected, "case {place}: {refused}");
    }
    // One extension alone is enough, as older and newer authorities write it.
    for leaf in [Leaf { old_issuer: None, ..Leaf::default() }, Leaf { new_issuer: None, ..Leaf::default() }] {
        assert!(check(&instance.bundle(&leaf, Instance::message), &instance.trust()).is_ok());
    }
}

type Change = fn(&mut Bundle, &mut TrustedRoot, &Instance);

fn ended(trust: &mut shared::trust_root::encoding::ValidFor) {
    trust.end = Some(Moment(NOW.minus(std::time::Duration::from_secs(1))));
}

fn flip(bytes: &mut [u8]) {
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
}

fn signature(bundle: &mut Bundle) -> &mut Vec<u8> {
    match &mut bundle.content {
        Content::Message(message) => &mut message.signature.0,
        Content::Envelope(envelope) => &mut envelope.signatures[0].sig.0,
    }
}

#[test]
fn each_element_that_is_changed_has_its_own_error() {
    let instance = Instance::new();
    let table: &[(&str, Change)] = &[
        ("Certificate", |b, _, _| b.certificate.push(0)),
        ("Certificate", |b, _, _| b.certificate.truncate(100)),
        ("Path", |b, _, _| flip(&mut b.certificate)),
        ("Path", |_, t, _| ended(&mut t.certificate_authorities[0].valid_for)),
        ("Path", |_, t, _| t.certificate_authorities.clear()),
        ("Path", |_, t, h| t.certificate_authorities[0] = h.other_authority()),
        ("SctLog", |_, t, _| t.ctlogs.clear()),
        ("SctTime", |_, t, _| ended(&mut t.ctlogs[0].public_key.valid_for)),
        ("Trust", |_, t, _| flip(&mut t.ctlogs[0].public_key.raw_bytes.0)),
        ("TimestampMissing", |b, _, _| b.timestamps.clear()),
        ("Timestamp", |b, _, _| flip(&mut b.timestamps[0])),
        ("Timestamp", |b, _, _| b.timestamps[0].truncate(40)),
        ("Timestamp", |b, _, h| b.timestamps[0] = h.timestamp(b"something else")),
        ("Timestamp", |b, _, h| b.timestamps.push(h.timestamp(b"something else"))),
        ("Timestamp", |_, t, h| t.timestamp_authorities = h.other_instance().timestamp_authorities),
        ("Timestamp", |_, t, _| t.timestamp_authorities.clear()),
        ("Timestamp", |_, t, _| ended(&mut t.timestamp_authorities[0].valid_for)),
        ("EntryMissing", |b, _, _| b.entries.clear()),
        ("EntryLog", |_, t, _| t.tlogs.clear()),
        ("EntryLog", |b, _, _| flip(&mut b.entries[0].log_id.key_id.0)),
        ("EntryTime", |_, t, _| ended(&mut t.tlogs[0].public_key.valid_for)),
        ("EntryKind", |b, _, _| b.entries[0].kind_version.version = "0.0.1".to_owned()),
        ("EntryKind", |b, _, _| b.entries[0].kind_version.kind = "intoto".to_owned()),
        ("EntryClaimedTime", |b, _, _| b.entries[0].integrated_time = Some(bundle::Number(1))),
        ("EntryBody", |b, _, _| flip(&mut b.entries[0].canonicalized_body.0)),
        ("EntryBody", |b, _, _| b.entries[0].canonicalized_body.0.push(b' ')),
        ("EntryBody", |b, _, h| b.entries[0] = h.bundle(&Leaf::default(), Instance::message).entries[0].clone()),
        ("ProofMissing", |b, _, _| b.entries[0].inclusion_proof = None),
        ("ProofMissing", |b, _, _| proof(b).checkpoint = None),
        ("ProofMismatch", |b, _, _| b.entries[0].log_index.0 += 1),
        ("ProofMismatch", |b, _, _| proof(b).log_index.0 += 1),
        ("ProofMismatch", |b, _, _| proof(b).tree_size.0 += 1),
        ("ProofMismatch", |b, _, _| flip(&mut proof(b).root_hash.0)),
        ("ProofMismatch", |b, _, _| proof(b).hashes[0].0.truncate(31)),
        ("ProofMismatch", |b, _, _| proof(b).hashes = vec![Base64(vec![0; 32]); 64]),
        ("Proof", |b, _, _| flip(&mut proof(b).hashes[0].0)),
        ("Proof", |b, _, _| proof(b).hashes.clear()),
        ("Checkpoint", |b, _, _| checkpoint(b).truncate(30)),
        ("Checkpoint", |b, _, _| *checkpoint(b) = checkpoint(b).replacen('\n', "\n1", 1)),
        ("Checkpoint", |b, _, h| *checkpoint(b) = h.foreign_checkpoint(checkpoint(b))),
        ("CheckpointOrigin", |b, _, _| *checkpoint(b) = checkpoint(b).replace("signatures.", "certificates.")),
        ("CheckpointOrigin", |_, t, _| t.tlogs[0].base_url = "https://other.example".to_owned()),
        ("Trust", |_, t, _| t.tlogs[0].base_url = "nonsense".to_owned()),
        ("Signature", |b, _, _| flip(signature(b))),
        ("Signature", |b, _, _| signature(b).clear()),
        ("Digest", |b, _, _| digest(b, |digest| flip(&mut digest.digest.0))),
        ("Digest", |b, _, _| digest(b, |digest| digest.algorithm = "SHA2_384".to_owned())),
        ("Digest", |b, _, _| digest(b, |digest| digest.algorithm = "MD5".to_owned())),
    ];
    for (place, (expected, change)) in table.iter().enumerate() {
        let (mut bundle, mut trust) = (instance.bundle(&Leaf::default(), Instance::message), instance.trust());
        change(&mut bundle, &mut trust, &instance);
        let refused = check(&bundle, &trust).expect_err(expected);
        assert_eq!(name(&refused), *expected, "case {place}: {refused}");
    }
}

#[test]
fn no_byte_of_a_bundle_can_be_changed() {
    let instance = Instance::new();
    let trust = instance.trust();
    for content in [Instance::message, Instance::statement] {
        let json = instance.bundle(&Leaf::default(), content).to_json().expect("encodes");
        let verifies = |json: &[u8]| {
            Bundle::parse(json).is_ok_and(|bundle| verify(&bundle, &trust, &identity(), ARTIFACT).is_ok())
        };
        assert!(verifies(&json));
        for at in (0..json.len()).step_by(3) {
            let mut changed = json.clone();
            changed[at] ^= 1;
            assert!(
                !verifies(&changed),
                "byte {at}: {}",
                String::from_utf8_lossy(&json[at.saturating_sub(40)..at + 1])
            );
        }
    }
}

fn proof(bundle: &mut Bundle) -> &mut bundle::InclusionProof {
    bundle.entries[0].inclusion_proof.as_mut().expect("a proof")
}

fn checkpoint(bundle: &mut Bundle) -> &mut String {
    &mut proof(bundle).checkpoint.as_mut().expect("a checkpoint").envelope
}

fn digest(bundle: &mut Bundle, change: fn(&mut bundle::MessageDigest)) {
    if let Content::Message(message) = &mut bundle.content {
        change(message.message_digest.as_mut().expect("a digest"));
    }
}

#[test]
fn another_artifact_and_another_statement_are_refused() {
    let instance = Instance::new();
    let message = instance.bundle(&Leaf::default(), Instance::message);
    let statement = instance.bundle(&Leaf::default(), Instance::statement);
    let trust = instance.trust();
    let other =
        |bundle: &Bundle| verify(bundle, &trust, &identity(), b"another artifact").expect_err("another artifact");
    assert_eq!(name(&other(&message)), "Digest");
    let mut without_digest = message;
    if let Content::Message(message) = &mut without_digest.content {
        message.message_digest = None;
    }
    assert_eq!(name(&other(&without_digest)), "Signature");
    assert_eq!(name(&other(&statement)), "StatementSubject");
    for (payload_type, payload) in [
        ("text/plain", "{}"),
        (IN_TOTO, "{}"),
        (IN_TOTO, r#"{"_type":"https://other.example","subject":[],"predicateType":"x"}"#),
    ] {
        let bundle = instance.bundle_of_envelope(payload_type, payload.as_bytes());
        let refused = check(&bundle, &trust).expect_err(payload);
        assert_eq!(name(&refused), "Statement", "{payload}: {refused}");
    }
}

type JsonChange = Box<dyn Fn(&mut Value)>;

#[test]
fn what_is_not_a_bundle_is_refused() {
    let instance = Instance::new();
    let good = instance.bundle(&Leaf::default(), Instance::message).to_json().expect("encodes");
    let good: Value = serde_json::from_slice(&good).expect("parses");
    assert!(Bundle::parse(good.to_string().as_bytes()).is_ok());
    let envelope = json!({ "payload": "AA==", "payloadType": "x", "signatures": [{ "sig": "AA==" }] });
    let table: &[(&str, JsonChange)] = &[
        ("MediaType", Box::new(|v| v["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1".into())),
        ("Json", Box::new(|v| v["surprise"] = 1.into())),
        ("Json", Box::new(|v| v["verificationMaterial"]["tlogEntries"][0]["logIndex"] = "-1".into())),
        ("Json", Box::new(|v| v["verificationMaterial"]["tlogEntries"][0]["logIndex"] = "+1".into())),
        ("Json", Box::new(|v| v["messageSignature"]["signature"] = "AA".into())),
        ("Certificate", Box::new(|v| v["verificationMaterial"]["certificate"] = Value::Null)),
        ("Content", Box::new(|v| v["messageSignature"] = Value::Null)),
        ("Content", Box::new(move |v| v["dsseEnvelope"] = envelope.clone())),
        (
            "Proofs",
            Box::new(|v| {
                let timestamp = json!({ "signedTimestamp": STANDARD.encode([0]) });
                v["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"] =
                    vec![timestamp; 33].into();
            }),
        ),
    ];
    for (place, (expected, change)) in table.iter().enumerate() {
        let mut document = good.clone();
        change(&mut document);
        let refused = Bundle::parse(document.to_string().as_bytes()).expect_err(expected);
        assert!(format!("{refused:?}").starts_with(expected), "case {place}: {refused}");
    }
    let doubled = good.to_string().replacen("{", r#"{"mediaType":"x","#, 1);
    assert!(Bundle::parse(doubled.as_bytes()).is_err());
    assert!(Bundle::parse(&vec![b' '; bundle::MAX_BYTES + 1]).is_err());
}
