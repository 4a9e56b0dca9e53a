//! Certificates and chains of them.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use der::asn1::Any;
use der::{Decode as _, Encode as _};
use shared::keys::{SignatureAlgorithm, Signer as _, SigningKey};
use shared::random::SystemRandom;
use shared::time::UnixTime;
use shared::x509::revocation::{AnswerPlan, CertId, CertStatus, MAX_OCSP_REQUEST, OcspRequest, Responder};
use shared::x509::{CaSetup, Certificate, Chain, chain_for};

/// A certificate that is taken is kept byte for byte, its signed part is inside it, and all that it is asked has an
/// answer.
pub fn certificate(bytes: &[u8]) {
    let Ok(certificate) = Certificate::from_der(bytes) else { return };
    assert!(bytes.len() <= Certificate::MAX_LEN);
    assert_eq!(certificate.der(), bytes);
    assert!(bytes.windows(certificate.tbs_der().len()).any(|part| part == certificate.tbs_der()));
    let _ = (certificate.subject(), certificate.serial(), certificate.extended_key_usage(), certificate.is_ca());
    let _ = (certificate.subject_key_identifier(), certificate.authority_key_identifier());
    let _ = certificate.is_valid_at(certificate.not_before());
    let _ = certificate.is_issued_by(&certificate);
}

/// A chain that is taken has its certificates in order and survives its own PEM.
pub fn chain_pem(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let Ok(chain) = Chain::from_pem(text) else { return };
    assert!((1..=Chain::MAX_CERTIFICATES).contains(&chain.certificates().len()));
    assert_eq!(Chain::from_pem(&chain.to_pem()).as_ref(), Ok(&chain));
    assert!(chain.root().is_issued_by(chain.root()));
}

const NOW: UnixTime = UnixTime::from_seconds(1_795_258_320);

static RESPONDER: LazyLock<Responder> = LazyLock::new(|| {
    let key = || SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("a key");
    let (root_key, key) = (key(), key());
    let setup = CaSetup { instance: "h.example", root_key: &root_key, now: NOW, random: &SystemRandom };
    let root = setup.root().expect("a root");
    let certificate = setup.ocsp_responder(&root, key.public_key(), Duration::from_secs(60)).expect("a certificate");
    Responder::new(Arc::new(key), certificate).expect("they belong together")
});

fn status(certificate: &CertId) -> CertStatus {
    if certificate.is_issued_by(RESPONDER.certificate()) { CertStatus::Good } else { CertStatus::Unknown }
}

/// A request that is taken is within its caps, and its answer is DER that holds each certificate's identifier as it
/// came.
pub fn ocsp_request(bytes: &[u8]) {
    let Ok(request) = OcspRequest::parse(bytes) else { return };
    assert!(bytes.len() <= MAX_OCSP_REQUEST && (1..=8).contains(&request.certificates().len()));
    let plan = AnswerPlan { produced_at: NOW, next_update: NOW, archive_from: NOW };
    let answer = RESPONDER.answer(&request, plan, status).expect("an answer").0;
    let any = Any::from_der(&answer).expect("one DER value");
    assert_eq!(any.to_der().expect("encodes"), answer);
    for certificate in request.certificates() {
        let serial = certificate.serial();
        assert!(answer.windows(serial.len().max(1)).any(|window| window == serial) || serial.is_empty());
    }
}

/// Whatever certificates lie in a heap, in whatever order, the search for a chain ends, and what it finds is a chain
/// for the key.
pub fn certificate_heap(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let Ok(certificates) = shared::x509::chain::read_pem(text, shared::x509::path::MAX_CERTIFICATES) else { return };
    for certificate in certificates.clone() {
        if let Ok(chain) = chain_for(certificate.public_key(), certificates.clone(), NOW) {
            assert_eq!(chain.leaf().public_key(), certificate.public_key());
        }
    }
}
