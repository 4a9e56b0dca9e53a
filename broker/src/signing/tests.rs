use der::{Decode as _, Encode as _, Reader as _, SliceReader};
use p256::ecdsa::signature::Verifier as _;
use shared::keys::Signer as _;
use shared::log::Log;
use shared::x509::Certificate;
use shared::x509::der_writer::{DerWriter, tag};
use spki::DecodePublicKey as _;

use super::*;
use crate::ca::fixture::{
    BUILD_JOB, Constant, FixedKey, NOW, PERSON, build_job, issuance_p256, issuance_p384, issuers, key_and_proof,
    person, token,
};
use crate::ca::oid;

/// A draft for the token with `claims`, and the whole way from it through logs in memory, as the edge goes it with real
/// ones.
fn prepared(issuance: &Arc<Issuance>, claims: &str, name: &str) -> Prepared {
    match prepare(issuance, claims, name).expect("is decided") {
        Outcome::Prepared(prepared) => *prepared,
        Outcome::NeedsKeys { .. } | Outcome::NeedsBundle { .. } => panic!("the keys are pinned"),
    }
}

fn prepare(issuance: &Arc<Issuance>, claims: &str, name: &str) -> Result<Outcome, SigningError> {
    let request = SigningRequest::parse(&token(claims), Some(key_with_proof(name)), None)?;
    issuance.prepare(request, &issuers(), &CALL)
}

fn key_with_proof(name: &str) -> KeyWithProof {
    let (content, proof) = key_and_proof(name);
    KeyWithProof { content, proof }
}

const CALL: Call<'static> = Call { id: "r-1", now: NOW, random: &Constant(0x42) };

fn issue_all(prepared: Prepared) -> (IssuedCertificate, Vec<Vec<u8>>) {
    let (audit, certificates) = (Log::in_memory(), Log::in_memory());
    let mut entries = vec![prepared.intent().to_vec(), prepared.certificate_entry().to_vec()];
    let intent = audit.append(&entries[0]).wait().expect("durable");
    let logged = certificates.append(&entries[1]).wait().expect("durable");
    let unreleased = prepared.sign(&intent, &logged).expect("signs");
    entries.push(unreleased.leaf().to_vec());
    let receipt = audit.append(&entries[2]).wait().expect("durable");
    (unreleased.release(receipt).expect("releases"), entries)
}

fn issued_to_person(issuance: &Arc<Issuance>) -> (IssuedCertificate, Vec<Vec<u8>>) {
    issue_all(prepared(issuance, PERSON, "alice@Example.com"))
}

fn issued_to_build_job(issuance: &Arc<Issuance>) -> (IssuedCertificate, Vec<Vec<u8>>) {
    let principal = build_job();
    let (content, proof) = key_and_proof(principal.proof_name());
    issue_all(issuance.draft(&principal, &Submission::PublicKey { content, proof }, &CALL).expect("drafts"))
}

#[test]
fn the_same_request_at_the_same_moment_makes_these_very_octets() {
    macro_rules! golden {
        ($name:literal) => {
            ($name, include_str!(concat!("../../../tests/vectors/ca/", $name, ".pem")))
        };
    }
    type Issue = fn(&Arc<Issuance>) -> (IssuedCertificate, Vec<Vec<u8>>);
    let table: [(_, _, Issue); 3] = [
        (golden!("person-p256"), issuance_p256(), issued_to_person),
        (golden!("person-p384"), issuance_p384(), issued_to_person),
        (golden!("build-job-p384"), issuance_p384(), issued_to_build_job),
    ];
    for ((name, expected), issuance, issue) in table {
        let (certificate, _) = issue(&issuance);
        let chain = issuance.authority.chain_pem().join("\n");
        let found = format!("{}{chain}\n", certificate.to_pem());
        assert_eq!(found, expected, "{name}: the profile changed; if that is meant, replace the file by\n{found}");
    }
}

#[test]
fn other_libraries_agree_with_every_signature() {
    for issuance in [issuance_p256(), issuance_p384()] {
        let (issued, _) = issued_to_build_job(&issuance);
        let certificate = Certificate::from_der(issued.der()).expect("reads back");
        assert!(certificate.is_issued_by(issuance.authority.certificate()));
        let spki = issuance.authority.certificate().public_key().spki_der();
        let tbs = certificate.tbs_der();
        let signature = x509_cert::certificate::Certificate::from_der(issued.der()).expect("parses");
        let signature = signature.signature().raw_bytes().to_vec();
        match p384::PublicKey::from_public_key_der(spki) {
            Ok(key) => {
                let signature = p384::ecdsa::DerSignature::from_bytes(&signature).expect("DER");
                p384::ecdsa::VerifyingKey::from(key).verify(tbs, &signature).expect("verifies");
            }
            Err(_) => {
                let key = p256::PublicKey::from_public_key_der(spki).expect("P-256");
                let signature = p256::ecdsa::DerSignature::from_bytes(&signature).expect("DER");
                p256::ecdsa::VerifyingKey::from(key).verify(tbs, &signature).expect("verifies");
            }
        }
    }
}

#[test]
fn the_embedded_timestamp_is_the_logs_signature_over_the_certificate_without_it() {
    let issuance = issuance_p384();
    let (issued, entries) = issued_to_build_job(&issuance);
    let certificate = x509_cert::certificate::Certificate::from_der(issued.der()).expect("parses");
    let tbs = certificate.tbs_certificate();
    let extensions = tbs.extensions().expect("has some");
    let last = extensions.last().expect("has some");
    assert_eq!(last.extn_id, oid::SCT_LIST);
    assert!(!last.critical);

    // SignedCertificateTimestampList, read by hand from RFC 6962 §3.3.
    let list = der::asn1::OctetString::from_der(last.extn_value.as_bytes()).expect("an OCTET STRING inside");
    let list = list.as_bytes();
    assert_eq!(usize::from(u16::from_be_bytes([list[0], list[1]])), list.len() - 2);
    assert_eq!(usize::from(u16::from_be_bytes([list[2], list[3]])), list.len() - 4, "exactly one");
    let sct = &list[4..];
    assert_eq!(sct[0], 0);
    assert_eq!(&sct[1..33], issuance.log_key.log_id());
    assert_eq!(sct[33..41], NOW.millis().to_be_bytes());
    assert_eq!(sct[41..45], [0, 0, 4, 3]);
    let signature = p256::ecdsa::DerSignature::from_bytes(&sct[47..]).expect("DER");

    // What the log signed, built again from the certificate: seven fields, then all extensions but the last.
    let octets = tbs.to_der().expect("encodes");
    let mut fields = DerWriter::default();
    let mut reader = SliceReader::new(&octets).expect("short");
    let copied = reader.sequence(|inner| {
        for _ in 0..7 {
            fields.raw(inner.tlv_bytes()?);
        }
        inner.tlv_bytes()
    });
    copied.expect("eight fields");
    let mut kept = DerWriter::default();
    for extension in &extensions[..extensions.len() - 1] {
        kept.raw(&extension.to_der().expect("encodes"));
    }
    let (fields, kept) = (fields.finish(), kept.finish());
    let mut without = DerWriter::default();
    without.nested(tag::SEQUENCE, |out| {
        out.raw(&fields);
        out.nested(tag::context_constructed(3), |out| out.nested(tag::SEQUENCE, |out| out.raw(&kept)));
    });
    let without = without.finish();
    let mut signed = vec![0, 0];
    signed.extend(NOW.millis().to_be_bytes());
    signed.extend([0, 1]);
    signed.extend(issuance.authority.certificate().public_key().spki_sha256());
    signed.extend(&(without.len() as u32).to_be_bytes()[1..]);
    signed.extend(without);
    signed.extend([0, 0]);
    assert_eq!(entries[1], signed, "the log's leaf is RFC 6962's");
    let log_key = p256::PublicKey::from_public_key_der(FixedKey::p256(3).public_key().spki_der()).expect("P-256");
    p256::ecdsa::VerifyingKey::from(log_key).verify(&signed, &signature).expect("verifies");
}

#[test]
fn the_audit_entries_say_who_and_by_which_rule_before_the_key_is_used() {
    let issuance = issuance_p256();
    let (certificate, entries) = issued_to_person(&issuance);
    let intent: AuditRecord = serde_json::from_slice(&entries[0]).expect("reads");
    let AuditRecord::CertificateIntent { request, serial, issuer, subject, rule, credential_sha256, .. } = intent
    else {
        panic!("not an intent: {intent:?}");
    };
    assert_eq!(request, "r-1");
    assert_eq!(serial, certificate.serial().to_hex());
    assert_eq!(issuer, "https://login.example.com");
    assert_eq!(subject, "alice@example.com");
    assert_eq!(rule, "E6 issuer:corp email-domain:example.com");
    assert_eq!(credential_sha256, sha256_hex(&token(PERSON)));
    let issued: AuditRecord = serde_json::from_slice(&entries[2]).expect("reads");
    let AuditRecord::CertificateIssued { certificate_sha256, log_index, .. } = issued else {
        panic!("not a record of issuance: {issued:?}");
    };
    assert_eq!(certificate_sha256, sha256_hex(certificate.der()));
    assert_eq!(log_index, 0);
}

#[test]
fn a_receipt_for_something_else_opens_nothing() {
    let issuance = issuance_p256();
    let log = Log::in_memory();
    let receipt = |entry: &[u8]| log.append(entry).wait().expect("durable");
    let draft = || prepared(&issuance, PERSON, "alice@Example.com");
    let (intent, entry) = (draft().intent().to_vec(), draft().certificate_entry().to_vec());
    let other = receipt(b"something else");
    for (first, second) in
        [(&other, &receipt(&entry)), (&receipt(&intent), &other), (&receipt(&entry), &receipt(&intent))]
    {
        let refused = draft().sign(first, second);
        assert!(matches!(refused, Err(SigningError::Ours(OurFault::Receipt(_)))));
    }
    let unreleased = draft().sign(&receipt(&intent), &receipt(&entry)).expect("signs");
    assert!(unreleased.release(other).is_err());
}

#[test]
fn each_fault_of_the_caller_has_its_message_and_rule() {
    let issuance = issuance_p256();
    const TOKEN: &str = "There was an error processing the identity token";
    const UNVERIFIED: &str = "The signature supplied in the request could not be verified";
    const UNREADABLE: &str = "The public key supplied in the request could not be parsed";
    let replaced = |from: &str, to: &str| PERSON.replace(from, to);
    let table = [
        ("another audience", replaced("\"sigstore\"", "\"other\""), "alice@Example.com", TOKEN, "T3"),
        ("expired", replaced("1795258600", "1795258000"), "alice@Example.com", TOKEN, "T4"),
        ("unknown issuer", replaced("login.", "logout."), "alice@Example.com", TOKEN, "I2"),
        ("unverified address", replaced(":true", ":\"true\""), "alice@Example.com", TOKEN, "E1"),
        ("address of another domain", replaced("Example.com", "example.org"), "alice@example.org", TOKEN, "E6"),
        ("name of another prefix", BUILD_JOB.replace("/octo/", "/cat/"), "", TOKEN, "V4"),
        ("proof over another name", PERSON.to_owned(), "alice@example.com", UNVERIFIED, "R4"),
    ];
    for (case, claims, name, message, rule) in table {
        match prepare(&issuance, &claims, name) {
            Err(SigningError::Caller(fault)) => {
                assert_eq!((fault.client_message(), fault.rule()), (message, rule), "{case}")
            }
            Err(other) => panic!("{case}: {other}"),
            Ok(_) => panic!("{case}: passed"),
        }
    }
    let (key, csr) = (Some(key_with_proof("alice@Example.com")), Some(vec![0x30]));
    for (case, key, csr, message, rule) in [
        ("both", key.clone(), csr.clone(), UNREADABLE, "R1"),
        ("neither", None, None, UNREADABLE, "R1"),
        ("a cut request", None, csr, "The certificate signing request could not be parsed", "R1"),
        ("an empty key", Some(KeyWithProof { content: vec![], proof: vec![] }), None, UNREADABLE, "R1"),
    ] {
        let outcome = SigningRequest::parse(&token(PERSON), key, csr)
            .and_then(|request| issuance.prepare(request, &issuers(), &CALL).map(drop));
        match outcome {
            Err(SigningError::Caller(fault)) => {
                assert_eq!((fault.client_message(), fault.rule()), (message, rule), "{case}")
            }
            other => panic!("{case}: {other:?}"),
        }
    }
}

#[test]
fn an_expired_authority_is_our_fault() {
    let issuance = issuance_p256();
    let late = issuance.authority.not_after().plus(std::time::Duration::from_secs(1));
    let (content, proof) = key_and_proof("alice@Example.com");
    let call = Call { now: late, ..CALL };
    let refused = issuance.draft(&person(), &Submission::PublicKey { content, proof }, &call);
    assert!(matches!(refused, Err(SigningError::Ours(OurFault::Template(_)))));
}
