use std::sync::Arc;

use shared::keys::{SignatureAlgorithm, Signer as _};

use super::*;
use crate::fixture::{
    ALGORITHMS, CertificateDraft, DATA, NOW, POLICY, RequestParts, config, deep_unit, even_unit, key, now, respond,
    unit,
};
use crate::rejection::Rejection;
use crate::signing_unit::SigningUnit;

const P256: SignatureAlgorithm = SignatureAlgorithm::EcdsaP256Sha256;

fn trust(unit: &SigningUnit) -> TimestampTrust {
    TimestampTrust::unit(unit.chain())
}

#[test]
fn what_we_sign_verifies_for_every_key_and_digest() {
    for algorithm in ALGORITHMS {
        for unit in [unit(algorithm), deep_unit(algorithm)] {
            for ask in HashAlgorithm::ALL.map(RequestParts::hashed).into_iter().chain([RequestParts::full()]) {
                let request = ask.der();
                let parsed = TimestampRequest::parse(&request).unwrap();
                let response = respond(&unit, &request);
                let verified = verify_response(response.der(), &Expected::answer_to(parsed), &trust(&unit)).unwrap();
                assert_eq!(verified.gen_time, UnixTime::from_seconds(NOW / 1_000));
                assert_eq!(verified.accuracy, Some(Duration::from_secs(1)));
                assert_eq!(verified.policy.to_string(), POLICY);
                assert_eq!(verified.hash_algorithm, parsed.imprint().algorithm());
                assert_eq!(&verified.certificate, unit.chain().leaf());
                for expected in
                    [Expected::data(DATA), Expected::digest(verified.hash_algorithm, parsed.imprint().digest())]
                {
                    assert!(verify_response(response.der(), &expected, &trust(&unit)).is_ok());
                }
            }
        }
    }
}

#[test]
fn embedded_certificates_lead_to_a_root_and_without_them_the_trust_must() {
    let unit = deep_unit(P256);
    let chain = unit.chain();
    let roots = || vec![chain.root().clone()];
    let between = || chain.intermediates().to_vec();
    let with = respond(&unit, &RequestParts::full().der());
    let without = respond(&unit, &RequestParts::plain().der());
    let all = || chain.without_root().to_vec();
    for (response, trust, expected) in [
        (&with, TimestampTrust::roots(roots(), vec![]), Ok(3)),
        (&without, TimestampTrust::roots(roots(), all()), Ok(0)),
        (&without, TimestampTrust::roots(roots(), between()), Err(VerifyError::NoCertificate)),
        (&with, TimestampTrust::roots(between(), vec![]), Ok(3)),
        (&with, TimestampTrust::roots(vec![], all()), Err(VerifyError::NoPath)),
        (&with, trust(&self::unit(P256)), Err(VerifyError::OtherUnit)),
        (&without, trust(&self::unit(P256)), Err(VerifyError::NoCertificate)),
    ] {
        let verified = verify_response(response.der(), &Expected::data(DATA), &trust);
        assert_eq!(verified.map(|verified| verified.embedded_certificates), expected);
    }
}

#[test]
fn certificates_of_one_length_are_sorted_by_their_octets() {
    let mut equal = 0;
    for _ in 0..200 {
        let unit = even_unit();
        let [leaf, between, _] = unit.chain().certificates() else { panic!() };
        equal += usize::from(leaf.der().len() == between.der().len());
        let response = respond(&unit, &RequestParts::full().der());
        assert!(verify_response(response.der(), &Expected::data(DATA), &trust(&unit)).is_ok());
    }
    assert!(equal > 20, "{equal}");
}

#[test]
fn another_question_is_not_answered() {
    let unit = unit(P256);
    let full = RequestParts::full().der();
    let response = respond(&unit, &full);
    let policies = [PolicyOid::parse("1.2.3").unwrap()];
    let asks = |rest: &[u8]| RequestParts { rest: rest.to_vec(), ..RequestParts::plain() }.der();
    let same_but_nonce = [PolicyOid::parse(POLICY).unwrap().der(), &[2, 1, 7, 1, 1, 0xff]].concat();
    let without_certificates = asks(&RequestParts::full().rest[..RequestParts::full().rest.len() - 3]);
    let without_policy = asks(&RequestParts::full().rest[PolicyOid::parse(POLICY).unwrap().der().len()..]);
    let another_policy =
        [policies[0].der(), &RequestParts::full().rest[PolicyOid::parse(POLICY).unwrap().der().len()..]].concat();
    let absent_parameters =
        RequestParts { algorithm: RequestParts::full().algorithm[..11].to_vec(), ..RequestParts::full() }.der();
    let (other_nonce, another_policy) = (asks(&same_but_nonce), asks(&another_policy));
    let request = |der| Expected::answer_to(TimestampRequest::parse(der).unwrap());
    for (what, expected, error) in [
        ("data", Expected::data(b"else"), VerifyError::Imprint),
        ("digest", Expected::digest(HashAlgorithm::Sha256, &[0; 32]), VerifyError::Imprint),
        ("algorithm", Expected::digest(HashAlgorithm::Sha3_256, &[0; 32]), VerifyError::Imprint),
        ("parameters", request(&absent_parameters), VerifyError::Imprint),
        ("nonce", request(&other_nonce), VerifyError::Nonce),
        ("nonce", Expected::data(DATA).with_nonce(&[2, 1, 7]), VerifyError::Nonce),
        ("certReq", request(&without_certificates), VerifyError::CertificatesRequested),
        ("policy", request(&another_policy), VerifyError::Policy(PolicyOid::parse(POLICY).unwrap())),
        (
            "policies",
            Expected::data(DATA).with_policies(&policies),
            VerifyError::Policy(PolicyOid::parse(POLICY).unwrap()),
        ),
    ] {
        assert_eq!(verify_response(response.der(), &expected, &trust(&unit)), Err(error), "{what}");
    }
    for same in [&full, &without_policy] {
        assert!(verify_response(response.der(), &request(same), &trust(&unit)).is_ok());
    }
}

#[test]
fn a_refusal_is_reported_as_one() {
    let unit = unit(P256);
    let refusal = Rejection::Version.to_response("");
    let error = verify_response(&refusal, &Expected::data(DATA), &trust(&unit)).unwrap_err();
    assert_eq!(error, VerifyError::Refused { status: 2, text: Rejection::Version.to_string() });
    let mut modified = respond(&unit, &RequestParts::plain().der()).into_der();
    let status = modified.windows(5).position(|window| window == [0x30, 3, 2, 1, 0]).unwrap() + 4;
    modified[status] = 1;
    let error = verify_response(&modified, &Expected::data(DATA), &trust(&unit)).unwrap_err();
    assert!(matches!(error, VerifyError::Structure(_)), "{error}");
}

#[test]
fn certificates_are_checked_at_the_time_in_the_token() {
    let (root_key, unit_key) = (key(P256), key(P256));
    let seconds = NOW / 1_000;
    for (from, to, is_valid) in
        [(seconds, seconds, true), (seconds + 1, seconds + 9, false), (seconds - 9, seconds - 1, false)]
    {
        // The unit signs under a good root; the verifier trusts another certificate of the same root.
        let root = CertificateDraft::authority("root", "root", None);
        let good = root.sign(root_key.public_key(), &*root_key);
        let other =
            CertificateDraft { not_before: from, not_after: to, ..root }.sign(root_key.public_key(), &*root_key);
        let leaf = CertificateDraft::unit("unit", "root").sign(unit_key.public_key(), &*root_key);
        let chain = Chain::new(vec![leaf, good]).unwrap();
        let unit = Arc::new(SigningUnit::new(config(unit_key.clone(), chain), now()).unwrap());
        let response = respond(&unit, &RequestParts::full().der());
        let verified =
            verify_response(response.der(), &Expected::data(DATA), &TimestampTrust::roots(vec![other], vec![]));
        assert_eq!(verified.map(|_| ()), if is_valid { Ok(()) } else { Err(VerifyError::NoPath) });
    }
}

/// Certificates with the signer's issuer and serial number, but not its certificate: the hash in the signed attributes
/// tells.
#[test]
fn a_certificate_must_be_the_one_that_was_signed() {
    let (root_key, unit_key) = (key(P256), key(P256));
    let root = CertificateDraft::authority("root", "root", None).sign(root_key.public_key(), &*root_key);
    let draft = || CertificateDraft { serial: Some(9), ..CertificateDraft::unit("unit", "root") };
    let leaf = draft().sign(unit_key.public_key(), &*root_key);
    let chain = Chain::new(vec![leaf.clone(), root.clone()]).unwrap();
    let unit = Arc::new(SigningUnit::new(config(unit_key.clone(), chain), now()).unwrap());
    let response = respond(&unit, &RequestParts::plain().der());
    let same_key = CertificateDraft { key_usage: None, ..draft() }.sign(unit_key.public_key(), &*root_key);
    let other_key = draft().sign(key(P256).public_key(), &*root_key);
    for (certificate, expected) in
        [(leaf, Ok(())), (same_key, Err(VerifyError::CertificateHash)), (other_key, Err(VerifyError::CertificateHash))]
    {
        let trust = TimestampTrust::roots(vec![root.clone()], vec![certificate]);
        assert_eq!(verify_response(response.der(), &Expected::data(DATA), &trust).map(|_| ()), expected);
    }
}

#[test]
fn no_truncation_verifies() {
    let unit = unit(P256);
    let response = respond(&unit, &RequestParts::full().der());
    for length in 0..response.der().len() {
        assert!(verify_response(&response.der()[..length], &Expected::data(DATA), &trust(&unit)).is_err(), "{length}");
    }
    let longer = [response.der(), &[0]].concat();
    assert!(verify_response(&longer, &Expected::data(DATA), &trust(&unit)).is_err());
}

#[test]
fn no_flipped_bit_verifies() {
    let unit = unit(P256);
    let response = respond(&unit, &RequestParts::full().der()).into_der();
    let trust = TimestampTrust::roots(vec![unit.chain().root().clone()], vec![]);
    assert!(verify_response(&response, &Expected::data(DATA), &trust).is_ok());
    for bit in 0..response.len() * 8 {
        let mut flipped = response.clone();
        flipped[bit / 8] ^= 0x80 >> (bit % 8);
        let verified = verify_response(&flipped, &Expected::data(DATA), &trust);
        assert!(verified.is_err(), "bit {bit}: {verified:?}");
    }
}

#[test]
fn long_input_is_refused_before_it_is_read() {
    let unit = unit(P256);
    let bytes = vec![0x30; MAX_RESPONSE + 1];
    let error = VerifyError::TooLong(bytes.len());
    assert_eq!(verify_response(&bytes, &Expected::data(DATA), &trust(&unit)), Err(error.clone()));
    assert_eq!(verify_token(&bytes, &Expected::data(DATA), &trust(&unit)), Err(error));
}

#[expect(clippy::disallowed_methods, reason = "the vectors are files")]
fn vector(name: &str) -> Vec<u8> {
    let path = format!("{}/../tests/vectors/tsa/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Answers to OpenSSL's queries: ours, which `tests/vectors/tsa/check-with-openssl` has OpenSSL verify, and OpenSSL's,
/// which come with milliseconds, ordering and a signingTime.
#[test]
fn vectors_verify_and_only_for_their_own_query() {
    let queries: Vec<(&str, Vec<u8>)> =
        ["sha256-bare", "sha256-cert", "sha256-policy", "sha384-bare", "sha384-cert", "sha512-bare", "sha512-cert"]
            .map(|name| (name, vector(&format!("queries/{name}.tsq"))))
            .into();
    for (maker, suffixes) in [("ours", &["", "-deep"][..]), ("openssl", &[""])] {
        for (key, suffix) in ["p256", "p384", "rsa2048"].iter().flat_map(|key| suffixes.iter().map(move |s| (key, s))) {
            let chain = String::from_utf8(vector(&format!("{maker}/{key}{suffix}.pem"))).unwrap();
            let trust = TimestampTrust::unit(&Chain::from_pem(&chain).unwrap());
            for (name, _) in &queries {
                let answer = vector(&format!("{maker}/{key}{suffix}-{name}.tsr"));
                for (other, question) in &queries {
                    let expected = Expected::answer_to(TimestampRequest::parse(question).unwrap());
                    let verified = verify_response(&answer, &expected, &trust);
                    assert_eq!(
                        verified.is_ok(),
                        name == other,
                        "{maker}/{key}{suffix}-{name} to {other}: {verified:?}"
                    );
                }
                let verified = verify_response(&answer, &Expected::data(&vector("data")), &trust).unwrap();
                let accuracy = if maker == "ours" { 1_000 } else { 1_500 };
                assert_eq!(verified.accuracy, Some(Duration::from_millis(accuracy)));
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0_u8.., 0..300)) {
        let trust = TimestampTrust::roots(vec![], vec![]);
        let _ = verify_response(&bytes, &Expected::data(DATA), &trust);
        let _ = TstInfo::parse(&bytes);
    }
}
