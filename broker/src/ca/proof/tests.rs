use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use const_oid::db::rfc5912;
use p384::ecdsa::signature::hazmat::PrehashSigner as _;
use spki::EncodePublicKey as _;

use shared::keys::PublicKeyError;

use super::*;

const NAME: &str = "alice@example.com";

fn submit(content: impl Into<Vec<u8>>, proof: Vec<u8>) -> Submission {
    Submission::PublicKey { content: content.into(), proof }
}

fn pem(label: &str, der: &[u8]) -> String {
    pem::encode(&pem::Pem::new(label, der))
}

fn ecdsa(algorithm: &'static signature::EcdsaSigningAlgorithm) -> (Vec<u8>, EcdsaKeyPair) {
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let spki: aws_lc_rs::encoding::PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    (spki.as_ref().to_vec(), pair)
}

#[test]
fn every_kind_of_key_proves_itself_with_its_pair_of_scheme_and_digest() {
    let rng = SystemRandom::new();
    let mut submissions = vec![];
    for algorithm in [
        &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
        &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
        &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
    ] {
        let (spki, pair) = ecdsa(algorithm);
        submissions.push((spki, pair.sign(&rng, NAME.as_bytes()).unwrap().as_ref().to_vec()));
    }
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    let spki: aws_lc_rs::encoding::PublicKeyX509Der<'_> = ed25519.public_key().as_der().unwrap();
    submissions.push((spki.as_ref().to_vec(), ed25519.sign(NAME.as_bytes()).as_ref().to_vec()));
    for size in [KeySize::Rsa2048, KeySize::Rsa3072, KeySize::Rsa4096] {
        let rsa = RsaKeyPair::generate(size).unwrap();
        let mut proof = vec![0; rsa.public_modulus_len()];
        rsa.sign(&signature::RSA_PKCS1_SHA256, &rng, NAME.as_bytes(), &mut proof).unwrap();
        let spki: aws_lc_rs::encoding::PublicKeyX509Der<'_> = rsa.public_key().as_der().unwrap();
        let pkcs1 = pem("RSA PUBLIC KEY", rsa.public_key().as_ref());
        assert!(submit(pkcs1, proof.clone()).verify(NAME).is_ok(), "PKCS#1");
        submissions.push((spki.as_ref().to_vec(), proof));
    }
    for (spki, proof) in submissions {
        let text = pem("PUBLIC KEY", &spki);
        let one_line = text.replace("\r\n", "").replace("KEY-----", "KEY-----\n").replace("-----END", "\n-----END");
        for content in [spki.clone(), text.clone().into_bytes(), text.replace("\r\n", "\n").into(), one_line.into()] {
            let proven = submit(content, proof.clone()).verify(NAME).expect("proven");
            assert_eq!(proven.key().spki_der(), spki);
        }
        assert_eq!(submit(spki.clone(), proof.clone()).verify("bob@example.com"), Err(ProofError::Signature));
        assert_eq!(submit(spki.clone(), vec![]).verify(NAME), Err(ProofError::Signature));
        assert_eq!(submit(spki.clone(), proof[..proof.len() - 1].to_vec()).verify(NAME), Err(ProofError::Signature));
        let truncated = submit(spki[..spki.len() - 1].to_vec(), proof).verify(NAME);
        assert_eq!(truncated, Err(ProofError::Key(PublicKeyError::Malformed)));
    }
}

#[test]
fn the_wrong_digest_is_no_proof() {
    let pair = p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap();
    let spki = pair.verifying_key().to_public_key_der().unwrap();
    let name = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, NAME.as_bytes());
    let proof: p384::ecdsa::DerSignature = pair.sign_prehash(name.as_ref()).unwrap();
    assert_eq!(submit(spki.as_bytes(), proof.as_bytes().to_vec()).verify(NAME), Err(ProofError::Signature));
}

#[test]
fn requests_are_decided_by_their_key_and_signature() {
    macro_rules! vector {
        ($name:literal) => {
            ($name, include_str!(concat!("../../../../tests/vectors/ca/requests/", $name, ".pem")))
        };
    }
    let refused = |error| Err(error);
    let curve = |text| ProofError::Key(PublicKeyError::Kind(const_oid::ObjectIdentifier::new_unwrap(text)));
    let algorithm = ProofError::RequestAlgorithm;
    let table = [
        (vector!("ed25519"), Ok(KeyKind::Ed25519)),
        (vector!("p256"), Ok(KeyKind::P256)),
        (vector!("p256-new-label"), Ok(KeyKind::P256)),
        (vector!("p384"), Ok(KeyKind::P384)),
        (vector!("p521"), Ok(KeyKind::P521)),
        (vector!("rsa2048"), Ok(KeyKind::Rsa { bits: 2048 })),
        (vector!("rsa4096"), Ok(KeyKind::Rsa { bits: 4096 })),
        (vector!("refused-compressed-point"), refused(ProofError::Encoding)),
        (vector!("refused-explicit-curve"), refused(ProofError::Key(PublicKeyError::Malformed))),
        (vector!("refused-p384-sha256"), refused(algorithm(rfc5912::ECDSA_WITH_SHA_256))),
        (vector!("refused-rsa-exponent3"), refused(ProofError::Key(PublicKeyError::RsaExponent))),
        (vector!("refused-rsa-pss"), refused(algorithm(rfc5912::ID_RSASSA_PSS))),
        (vector!("refused-rsa-sha512"), refused(algorithm(rfc5912::SHA_512_WITH_RSA_ENCRYPTION))),
        (vector!("refused-rsa1024"), refused(ProofError::Key(PublicKeyError::RsaSize(1024)))),
        (vector!("refused-rsa6144"), refused(ProofError::Key(PublicKeyError::RsaSize(6144)))),
        (vector!("refused-secp256k1"), refused(curve("1.3.132.0.10"))),
    ];
    for ((name, text), expected) in table {
        let found = Submission::CertificationRequest(text.as_bytes().to_vec()).verify(NAME);
        assert_eq!(found.map(|proven| proven.key().kind()), expected, "{name}");
    }
}

#[test]
fn a_changed_or_cut_request_is_refused() {
    let text = include_str!("../../../../tests/vectors/ca/requests/p256.pem");
    let der = pem::parse(text).unwrap().into_contents();
    let verify = |der: &[u8]| Submission::CertificationRequest(der.to_vec()).verify(NAME);
    assert!(verify(&der).is_ok());
    for length in 0..der.len() {
        assert!(verify(&der[..length]).is_err(), "cut to {length}");
    }
    for at in 0..der.len() {
        let mut changed = der.clone();
        changed[at] ^= 1;
        assert!(verify(&changed).is_err(), "octet {at} changed");
    }
    let mut longer = der.clone();
    longer.push(0);
    assert_eq!(verify(&longer), Err(ProofError::RequestMalformed));
    // The subject is covered by the signature and otherwise ignored.
    let mut renamed = der;
    let at = renamed.windows(8).position(|window| window == b"somebody").unwrap();
    renamed[at] = b'S';
    assert_eq!(verify(&renamed), Err(ProofError::RequestSignature));
}

#[test]
fn a_request_shows_one_key_one_way() {
    let (key, csr) = (Some((vec![1], vec![2])), Some(vec![3]));
    assert_eq!(Submission::parse(key.clone(), csr.clone()), Err(SubmissionError::Both));
    assert_eq!(Submission::parse(None, None), Err(SubmissionError::Neither));
    assert_eq!(Submission::parse(key, None), Ok(submit([1], vec![2])));
    assert_eq!(Submission::parse(None, csr), Ok(Submission::CertificationRequest(vec![3])));
}
