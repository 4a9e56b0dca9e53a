use std::time::Duration;

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5911, rfc5912};
use der::asn1::{Any, GeneralizedTime, Int, Null, OctetString, SetOfVec};
use der::{Decode as _, Encode as _, Sequence};
use shared::audit::AuditRecord;
use shared::keys::{PublicKey, SignError, SignatureAlgorithm, Signer};
use shared::random::SystemRandom;
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::name::GeneralName;

use super::*;
use crate::clock_guard::tests::trusted;
use crate::fixture::{
    ALGORITHMS, DATA, NOW, POLICY, RequestParts, config, deep_unit, prepare, receipt_for, respond, unit,
};
use crate::gen_time::{Accuracy, Precision};
use crate::rejection::PkiFailureInfo;
use crate::signing_unit::template::{ID_CT_TST_INFO, ID_SIGNING_CERTIFICATE_V2};
use crate::signing_unit::{TokenForm, UnitConfig};

#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct TypedResponse {
    status: TypedStatus,
    token: ContentInfo,
}

#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct TypedStatus {
    status: u8,
}

#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct TypedImprint {
    algorithm: AlgorithmIdentifierOwned,
    digest: OctetString,
}

#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct TypedAccuracy {
    seconds: u8,
}

#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct TypedTstInfo {
    version: u8,
    policy: ObjectIdentifier,
    imprint: TypedImprint,
    serial: Int,
    gen_time: GeneralizedTime,
    accuracy: TypedAccuracy,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    tsa: Option<GeneralName>,
}

#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct TypedIssuerSerial {
    issuer: Vec<GeneralName>,
    serial: x509_cert::serial_number::SerialNumber,
}

#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct TypedEssCertIdV2 {
    hash: OctetString,
    issuer_serial: TypedIssuerSerial,
}

#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct TypedSigningCertificateV2 {
    certs: Vec<TypedEssCertIdV2>,
}

fn algorithm_id(oid: ObjectIdentifier, parameters: Option<Any>) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid, parameters }
}

fn octets(bytes: &[u8]) -> OctetString {
    OctetString::new(bytes).unwrap()
}

fn attribute<T: der::EncodeValue + der::Tagged>(oid: ObjectIdentifier, value: &T) -> Attribute {
    Attribute { oid, values: vec![Any::encode_from(value).unwrap()].try_into().unwrap() }
}

/// The same answer, made by the general encoders from typed values: serial number and signature are taken from ours.
fn typed(unit: &SigningUnit, ask: &RequestParts, ours: &SignedData) -> TypedResponse {
    let leaf = x509_cert::Certificate::from_der(unit.chain().leaf().der()).unwrap();
    let (tbs, hash) = (leaf.tbs_certificate(), crate::HashAlgorithm::Sha256.digest(unit.chain().leaf().der()));
    let theirs = TypedTstInfo::from_der(&content(ours)).unwrap();
    let request = ask.der();
    let request = TimestampRequest::parse(&request).unwrap();
    let info = TypedTstInfo {
        version: 1,
        policy: POLICY.parse().unwrap(),
        imprint: TypedImprint {
            algorithm: algorithm_id(rfc5912::ID_SHA_256, Some(Null.into())),
            digest: octets(crate::HashAlgorithm::Sha256.digest(DATA).as_ref()),
        },
        serial: theirs.serial,
        gen_time: GeneralizedTime::from_unix_duration(Duration::from_secs(NOW / 1_000)).unwrap(),
        accuracy: TypedAccuracy { seconds: 1 },
        nonce: request.nonce().map(|nonce| Int::from_der(nonce).unwrap()),
        tsa: Some(GeneralName::DirectoryName(tbs.subject().clone())),
    };
    let info = info.to_der().unwrap();
    let (digest_oid, digest) = match unit.template.digest {
        HashAlgorithm::Sha384 => (rfc5912::ID_SHA_384, HashAlgorithm::Sha384.digest(&info)),
        _ => (rfc5912::ID_SHA_256, HashAlgorithm::Sha256.digest(&info)),
    };
    let signing_certificate = TypedSigningCertificateV2 {
        certs: vec![TypedEssCertIdV2 {
            hash: octets(hash.as_ref()),
            issuer_serial: TypedIssuerSerial {
                issuer: vec![GeneralName::DirectoryName(tbs.issuer().clone())],
                serial: tbs.serial_number().clone(),
            },
        }],
    };
    let attributes: SetOfVec<Attribute> = vec![
        attribute(ID_SIGNING_CERTIFICATE_V2, &signing_certificate),
        attribute(rfc5911::ID_MESSAGE_DIGEST, &octets(digest.as_ref())),
        attribute(rfc5911::ID_CONTENT_TYPE, &ID_CT_TST_INFO),
    ]
    .try_into()
    .unwrap();
    let certificates: Vec<_> = unit.chain().without_root().iter().rev().map(read).collect();
    let signature_algorithm = match unit.key.algorithm() {
        SignatureAlgorithm::EcdsaP256Sha256 => algorithm_id(rfc5912::ECDSA_WITH_SHA_256, None),
        SignatureAlgorithm::EcdsaP384Sha384 => algorithm_id(rfc5912::ECDSA_WITH_SHA_384, None),
        SignatureAlgorithm::RsaPkcs1Sha256
        | SignatureAlgorithm::RsaPkcs1Sha384
        | SignatureAlgorithm::RsaPkcs1Sha512 => algorithm_id(rfc5912::RSA_ENCRYPTION, Some(Null.into())),
    };
    let data = SignedData {
        version: CmsVersion::V3,
        digest_algorithms: vec![algorithm_id(digest_oid, None)].try_into().unwrap(),
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: ID_CT_TST_INFO,
            econtent: Some(Any::encode_from(&octets(&info)).unwrap()),
        },
        certificates: request
            .is_certificate_requested()
            .then(|| CertificateSet(SetOfVec::try_from(certificates).unwrap())),
        crls: None,
        signer_infos: SignerInfos::try_from(vec![SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: tbs.issuer().clone(),
                serial_number: tbs.serial_number().clone(),
            }),
            digest_alg: algorithm_id(digest_oid, None),
            signed_attrs: Some(attributes),
            signature_algorithm,
            signature: ours.signer_infos.0.get(0).unwrap().signature.clone(),
            unsigned_attrs: None,
        }])
        .unwrap(),
    };
    let token = ContentInfo { content_type: rfc5911::ID_SIGNED_DATA, content: Any::encode_from(&data).unwrap() };
    TypedResponse { status: TypedStatus { status: 0 }, token }
}

fn read(certificate: &shared::x509::Certificate) -> CertificateChoices {
    CertificateChoices::Certificate(x509_cert::Certificate::from_der(certificate.der()).unwrap())
}

fn signed_data(response: &[u8]) -> SignedData {
    TypedResponse::from_der(response).unwrap().token.content.decode_as().unwrap()
}

fn content(data: &SignedData) -> Vec<u8> {
    data.encap_content_info.econtent.as_ref().unwrap().value().to_vec()
}

#[test]
fn templates_give_what_typed_encoders_give() {
    for algorithm in ALGORITHMS {
        for unit in [unit(algorithm), deep_unit(algorithm)] {
            for ask in [RequestParts::full(), RequestParts::plain()] {
                let ours = respond(&unit, &ask.der());
                let typed = typed(&unit, &ask, &signed_data(ours.der())).to_der().unwrap();
                assert_eq!(hex::encode(ours.der()), hex::encode(typed), "{algorithm:?}");
            }
        }
    }
}

#[test]
fn certificates_are_there_when_asked_for_sorted_and_without_the_root() {
    let unit = deep_unit(SignatureAlgorithm::EcdsaP256Sha256);
    let data = signed_data(respond(&unit, &RequestParts::full().der()).der());
    let embedded: Vec<_> = data.certificates.unwrap().0.iter().map(|choice| choice.to_der().unwrap()).collect();
    assert!(embedded.is_sorted());
    assert_eq!(embedded.len(), 3);
    for certificate in unit.chain().without_root() {
        assert!(embedded.iter().any(|der| der == certificate.der()));
    }
    assert_eq!(signed_data(respond(&unit, &RequestParts::plain().der()).der()).certificates, None);
}

#[test]
fn imprint_and_nonce_come_back_to_the_byte() {
    let unit = unit(SignatureAlgorithm::EcdsaP256Sha256);
    let absent = RequestParts { algorithm: RequestParts::plain().algorithm[..11].to_vec(), ..RequestParts::plain() };
    let mut asks = vec![RequestParts::plain(), absent];
    asks.extend(HashAlgorithm::ALL.map(RequestParts::hashed));
    for nonce in [&[2, 1, 0][..], &[2, 1, 0x80], &[2, 9, 0, 0xff, 0, 0, 0, 0, 0, 0, 0]] {
        asks.push(RequestParts { rest: nonce.to_vec(), ..RequestParts::plain() });
    }
    for ask in asks {
        let der = ask.der();
        let request = TimestampRequest::parse(&der).unwrap();
        let response = respond(&unit, &der);
        let content = content(&signed_data(response.der()));
        let info = crate::TstInfo::parse(&content).unwrap();
        assert_eq!(info.imprint.der(), request.imprint().der());
        assert_eq!(info.nonce, request.nonce());
        assert_eq!(info.accuracy, Some(Duration::from_secs(1)));
        assert!(!info.is_ordered);
    }
}

/// What AWS-LC signed, checked by other code.
#[test]
fn other_implementations_accept_the_signatures() {
    use p256::ecdsa::signature::Verifier as _;
    for _ in 0..8 {
        let unit = unit(SignatureAlgorithm::EcdsaP256Sha256);
        let (message, signature) = signed_parts(&unit);
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(unit.key.public_key().key_bits()).unwrap();
        key.verify(&message, &p256::ecdsa::Signature::from_der(&signature).unwrap()).unwrap();
        let unit = self::unit(SignatureAlgorithm::EcdsaP384Sha384);
        let (message, signature) = signed_parts(&unit);
        let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(unit.key.public_key().key_bits()).unwrap();
        key.verify(&message, &p384::ecdsa::Signature::from_der(&signature).unwrap()).unwrap();
    }
}

fn signed_parts(unit: &Arc<SigningUnit>) -> (Vec<u8>, Vec<u8>) {
    let data = signed_data(respond(unit, &RequestParts::full().der()).der());
    let signer = data.signer_infos.0.get(0).unwrap();
    (signer.signed_attrs.as_ref().unwrap().to_der().unwrap(), signer.signature.as_bytes().to_vec())
}

#[test]
fn serial_numbers_are_positive_and_never_the_same() {
    let unit = unit(SignatureAlgorithm::EcdsaP256Sha256);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..1_000 {
        let prepared = prepare(&unit, &RequestParts::plain().der());
        let serial = crate::TstInfo::parse(&prepared.decided.tst_info).unwrap().serial.to_vec();
        assert_eq!((serial.len(), serial[0]), (17, 1));
        assert!(seen.insert(serial));
    }
}

#[test]
fn policies_are_asked_for_by_name_and_none_means_none() {
    let unit = unit(SignatureAlgorithm::EcdsaP256Sha256);
    let ask = |dotted: &str| {
        RequestParts { rest: PolicyOid::parse(dotted).unwrap().der().to_vec(), ..RequestParts::plain() }.der()
    };
    let failure = |unit: &Arc<SigningUnit>, request: &[u8]| {
        let request = TimestampRequest::parse(request).unwrap();
        let prepared = unit.prepare(&request, trusted(NOW), &SystemRandom);
        prepared.err().map(|rejection| (rejection.failure_info(), rejection.to_string()))
    };
    for policy in unit.policies() {
        let prepared = prepare(&unit, &ask(&policy.to_string()));
        assert_eq!(&crate::TstInfo::parse(&prepared.decided.tst_info).unwrap().policy, policy);
    }
    let (info, text) = failure(&unit, &ask("1.3.6.1.4.1.57264.2")).unwrap();
    assert_eq!(info, PkiFailureInfo::UnacceptedPolicy);
    assert!(text.contains("1.3.6.1.4.1.57264.2"));
    let denying = UnitConfig { policies: vec![], ..config(Arc::clone(&unit.key), unit.chain().clone()) };
    let denying = Arc::new(SigningUnit::new(denying, crate::fixture::now()).unwrap());
    for request in [RequestParts::plain().der(), ask(POLICY)] {
        assert_eq!(failure(&denying, &request).map(|(info, _)| info), Some(PkiFailureInfo::UnacceptedPolicy));
    }
}

#[test]
fn a_promise_that_the_clock_cannot_keep_is_not_made() {
    let unit = unit(SignatureAlgorithm::EcdsaP256Sha256);
    for (accuracy_ms, expected) in
        [(899, Some(Rejection::Accuracy { uncertainty_ms: 900, accuracy_ms: 899 })), (900, None)]
    {
        let accuracy = Accuracy::from_millis(accuracy_ms).unwrap();
        let config = UnitConfig { accuracy, ..config(Arc::clone(&unit.key), unit.chain().clone()) };
        let unit = Arc::new(SigningUnit::new(config, crate::fixture::now()).unwrap());
        let request = RequestParts::plain().der();
        let prepared = unit.prepare(&TimestampRequest::parse(&request).unwrap(), trusted(NOW), &SystemRandom);
        assert_eq!(prepared.err(), expected);
    }
}

#[test]
fn a_unit_stops_with_its_certificates() {
    let unit = deep_unit(SignatureAlgorithm::EcdsaP256Sha256);
    let request = RequestParts::plain().der();
    let end = unit.chain().leaf().not_after().millis();
    // The rounded genTime must be inside too.
    for (at, is_granted) in [(end, true), (end + 499, true), (end + 500, false), (end + 1_000, false)] {
        let prepared = unit.prepare(&TimestampRequest::parse(&request).unwrap(), trusted(at), &SystemRandom);
        assert_eq!(prepared.is_ok(), is_granted, "{at}");
        assert!(is_granted || matches!(prepared.err(), Some(Rejection::UnitNotValid(_))), "{at}");
    }
    assert_eq!(Rejection::UnitNotValid(UnitTrouble::Unwritable).failure_info(), PkiFailureInfo::SystemFailure);
}

fn unit_with(form: TokenForm) -> Arc<SigningUnit> {
    let plain = unit(SignatureAlgorithm::EcdsaP256Sha256);
    let config = UnitConfig { form, ..config(Arc::clone(&plain.key), plain.chain().clone()) };
    Arc::new(SigningUnit::new(config, crate::fixture::now()).unwrap())
}

/// `extensions [0]` of a request with the statement of a qualified timestamp.
fn ask_for_qualified() -> Vec<u8> {
    let extensions = crate::qualified::TST_INFO_EXTENSIONS;
    let rest = [&[0xa0], &extensions[1..]].concat();
    RequestParts { rest, ..RequestParts::plain() }.der()
}

#[test]
fn a_qualified_unit_states_it_in_every_token_and_another_in_none() {
    let qualified = unit_with(TokenForm { is_qualified: true, ..TokenForm::default() });
    let plain = unit_with(TokenForm::default());
    for request in [RequestParts::plain().der(), RequestParts::full().der(), ask_for_qualified()] {
        let content = content(&signed_data(respond(&qualified, &request).der()));
        assert!(content.ends_with(crate::qualified::TST_INFO_EXTENSIONS));
        assert!(crate::TstInfo::parse(&content).unwrap().is_qualified);
    }
    let content = content(&signed_data(respond(&plain, &RequestParts::plain().der()).der()));
    assert!(!crate::TstInfo::parse(&content).unwrap().is_qualified);
    let request = ask_for_qualified();
    let request = TimestampRequest::parse(&request).unwrap();
    let rejection = plain.decide(&request, trusted(NOW), &SystemRandom).err().unwrap();
    assert_eq!(rejection.failure_info(), PkiFailureInfo::AddInfoNotAvailable);
}

#[test]
fn milliseconds_are_written_where_the_unit_promises_them() {
    let unit = unit_with(TokenForm { precision: Precision::Milliseconds, ..TokenForm::default() });
    let content = content(&signed_data(respond(&unit, &RequestParts::plain().der()).der()));
    assert!(content.windows(18).any(|part| part == b"20261121105200.25Z"));
    assert_eq!(crate::TstInfo::parse(&content).unwrap().gen_time, crate::fixture::now());
}

#[test]
fn without_records_the_same_token_is_signed() {
    let unit = unit(SignatureAlgorithm::EcdsaP256Sha256);
    let der = RequestParts::full().der();
    let request = TimestampRequest::parse(&der).unwrap();
    let decided = unit.decide(&request, trusted(NOW), &SystemRandom).unwrap();
    let response = decided.sign_without_record(WithoutRecords::as_the_operator_decided()).unwrap();
    let trust = crate::TimestampTrust::unit(unit.chain());
    crate::verify_response(response.der(), &crate::Expected::answer_to(request), &trust).unwrap();
}

/// Every truncation and every flipped bit of a good request, all the way: it is refused by a rule, or the token repeats
/// exactly what was asked. Nothing is refused as our own fault.
#[test]
fn a_damaged_request_gets_a_reason_or_a_token_of_its_own() {
    let unit = unit(SignatureAlgorithm::EcdsaP256Sha256);
    let good = RequestParts::full().der();
    let truncated = (0..good.len()).map(|length| good[..length].to_vec());
    let flipped = (0..good.len() * 8).map(|bit| {
        let mut der = good.clone();
        der[bit / 8] ^= 0x80 >> (bit % 8);
        der
    });
    let mut verdicts = std::collections::BTreeMap::new();
    for der in truncated.chain(flipped) {
        let decided = TimestampRequest::parse(&der)
            .and_then(|request| unit.decide(&request, trusted(NOW), &SystemRandom).map(|decided| (request, decided)));
        let verdict = match decided {
            Ok((request, decided)) => {
                let info = crate::TstInfo::parse(&decided.tst_info).unwrap();
                assert_eq!((info.imprint.der(), info.nonce), (request.imprint().der(), request.nonce()));
                assert_eq!(request.policy(), Some(&info.policy.der()[2..]));
                assert_eq!(decided.with_certificates, request.is_certificate_requested());
                "granted".to_owned()
            }
            Err(rejection) => {
                assert!(!rejection.is_ours(), "{rejection}");
                assert!(rejection.status_string("").len() > 20, "no reason: {rejection}");
                format!("{:?}", rejection.failure_info())
            }
        };
        *verdicts.entry(verdict).or_insert(0) += 1;
    }
    let count = |verdict: &str| verdicts.get(verdict).copied().unwrap_or(0);
    // The digest's 256 bits, one neighbour among the digests of 32 octets, and the nonce's bits but those that make it
    // longer than it needs to be.
    assert!((256 + 1 + 60..=256 + 1 + 72).contains(&count("granted")), "{verdicts:?}");
    // A flipped bit in the digest's identifier names none of ours, or one of another length; in the policy's, another
    // policy; in the version, another version.
    assert!(count("BadAlg") > 60 && count("UnacceptedPolicy") > 30 && count("BadRequest") >= 7, "{verdicts:?}");
    assert!(count("BadDataFormat") > good.len(), "{verdicts:?}");
    assert_eq!(verdicts.values().sum::<usize>(), good.len() * 9);
}

#[test]
fn the_record_binds_the_token() {
    let unit = unit(SignatureAlgorithm::EcdsaP384Sha384);
    let prepared = prepare(&unit, &RequestParts::full().der());
    let record: AuditRecord = serde_json::from_slice(prepared.leaf().as_ref()).unwrap();
    let info = crate::TstInfo::parse(&prepared.decided.tst_info).unwrap();
    let expected = AuditRecord::Timestamped {
        at_ms: NOW,
        unit: "first".to_owned(),
        serial: hex::encode(info.serial),
        gen_time: "20261121105200Z".to_owned(),
        policy: POLICY.to_owned(),
        tst_info_sha256: hex::encode(HashAlgorithm::Sha256.digest(&prepared.decided.tst_info)),
        imprint: hex::encode(HashAlgorithm::Sha256.digest(DATA)),
        clock: "local".to_owned(),
    };
    assert_eq!(record, expected);
}

#[test]
fn nothing_is_signed_without_the_receipt_of_its_own_record() {
    let unit = unit(SignatureAlgorithm::EcdsaP256Sha256);
    let (first, second) = (prepare(&unit, &RequestParts::full().der()), prepare(&unit, &RequestParts::full().der()));
    let receipt = receipt_for(second.leaf().as_ref());
    assert_eq!(first.sign(&receipt), Err(Rejection::WrongReceipt));
    assert!(second.sign(&receipt).is_ok());
}

struct Broken(Arc<dyn Signer>);

impl Signer for Broken {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }

    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignError> {
        Err(SignError)
    }
}

#[test]
fn a_key_that_does_not_sign_is_a_system_failure() {
    let good = unit(SignatureAlgorithm::EcdsaP256Sha256);
    let broken = config(Arc::new(Broken(Arc::clone(&good.key))), good.chain().clone());
    let broken = Arc::new(SigningUnit::new(broken, crate::fixture::now()).unwrap());
    let prepared = prepare(&broken, &RequestParts::full().der());
    let receipt = receipt_for(prepared.leaf().as_ref());
    let rejection = prepared.sign(&receipt).unwrap_err();
    assert_eq!(rejection.failure_info(), PkiFailureInfo::SystemFailure);
}

const QUERIES: [(&str, &[u8]); 7] = [
    ("sha256-bare", include_bytes!("../../../tests/vectors/tsa/queries/sha256-bare.tsq")),
    ("sha256-cert", include_bytes!("../../../tests/vectors/tsa/queries/sha256-cert.tsq")),
    ("sha256-policy", include_bytes!("../../../tests/vectors/tsa/queries/sha256-policy.tsq")),
    ("sha384-bare", include_bytes!("../../../tests/vectors/tsa/queries/sha384-bare.tsq")),
    ("sha384-cert", include_bytes!("../../../tests/vectors/tsa/queries/sha384-cert.tsq")),
    ("sha512-bare", include_bytes!("../../../tests/vectors/tsa/queries/sha512-bare.tsq")),
    ("sha512-cert", include_bytes!("../../../tests/vectors/tsa/queries/sha512-cert.tsq")),
];

/// Answers OpenSSL's queries and prints the answers for tests/vectors/tsa/make: file name, tab, hex.
#[test]
#[ignore = "makes vectors; tests/vectors/tsa/make runs it"]
fn print_vectors() {
    for (name, algorithm) in ["p256", "p384", "rsa2048"].into_iter().zip([
        SignatureAlgorithm::EcdsaP256Sha256,
        SignatureAlgorithm::EcdsaP384Sha384,
        SignatureAlgorithm::RsaPkcs1Sha256,
    ]) {
        for (depth, unit) in [("", unit(algorithm)), ("-deep", deep_vector_unit(algorithm))] {
            println!("ours/{name}{depth}.pem\t{}", hex::encode(unit.chain().to_pem()));
            for (query, der) in QUERIES {
                let response = respond(&unit, der);
                println!("ours/{name}{depth}-{query}.tsr\t{}", hex::encode(response.der()));
            }
        }
    }
}

/// Like the other deep unit, but valid as long as that of the CA setup, so that `openssl ts` can check it for years.
fn deep_vector_unit(algorithm: SignatureAlgorithm) -> Arc<SigningUnit> {
    use crate::fixture::{CertificateDraft, key};
    let years = |draft: CertificateDraft| CertificateDraft { not_after: NOW / 1_000 + 315_360_000, ..draft };
    let keys: Vec<_> = (0..3).map(|_| key(SignatureAlgorithm::EcdsaP256Sha256)).collect();
    let unit_key = key(algorithm);
    let root = years(CertificateDraft::authority("root", "root", None)).sign(keys[0].public_key(), &*keys[0]);
    let upper = years(CertificateDraft::authority("upper", "root", Some(1))).sign(keys[1].public_key(), &*keys[0]);
    let lower = years(CertificateDraft::authority("lower", "upper", Some(0))).sign(keys[2].public_key(), &*keys[1]);
    let leaf = years(CertificateDraft::unit("unit", "lower")).sign(unit_key.public_key(), &*keys[2]);
    let chain = shared::x509::Chain::new(vec![leaf, lower, upper, root]).unwrap();
    Arc::new(SigningUnit::new(config(unit_key, chain), crate::fixture::now()).unwrap())
}
