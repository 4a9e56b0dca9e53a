use super::*;
use crate::fixture::{DATA, RequestParts};
use crate::rejection::PkiFailureInfo;

fn failure(der: &[u8]) -> Option<PkiFailureInfo> {
    TimestampRequest::parse(der).err().map(|rejection| rejection.failure_info())
}

fn with_rest(rest: &[u8]) -> Vec<u8> {
    RequestParts { rest: rest.to_vec(), ..RequestParts::plain() }.der()
}

fn with_algorithm(algorithm: &[u8]) -> Vec<u8> {
    RequestParts { algorithm: algorithm.to_vec(), ..RequestParts::plain() }.der()
}

const SHA256: [u8; 11] = [6, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

/// Rules Q1 to Q8 of a request's own form, each with the failure that RFC 3161 §2.4.2 has for it. Q9 to Q11 are of the
/// unit and the edge: their tests are there.
#[test]
fn each_rule_has_its_failure() {
    for (rule, der, expected) in &rules() {
        assert_eq!(failure(der), *expected, "{rule}: {:?}", TimestampRequest::parse(der));
    }
}

/// The same as a file that other programs can read: rule, failure bit or `granted`, request in hex.
#[test]
fn the_vector_file_holds_the_rules() {
    let written = rules().into_iter().filter(|(_, der, _)| der.len() <= MAX_REQUEST);
    let lines = written.map(|(rule, der, expected)| {
        let failure = expected.map_or("granted".to_owned(), |info| (info as usize).to_string());
        format!("{rule}\t{failure}\t{}\n", hex::encode(der))
    });
    let expected: String = lines.collect();
    let file = include_str!("../../../tests/vectors/tsa/requests.tsv");
    assert_eq!(file, expected, "write this to tests/vectors/tsa/requests.tsv");
}

type Rule = (&'static str, Vec<u8>, Option<PkiFailureInfo>);

fn rules() -> Vec<Rule> {
    use PkiFailureInfo as F;
    let plain = RequestParts::plain().der();
    let nonce = [2, 1, 7];
    let policy = [6, 1, 0x2a];
    let trailing = [&plain[..], &[0]].concat();
    let indefinite = [&[0x30, 0x80], &plain[2..], &[0, 0]].concat();
    let long_length = [&[0x30, 0x81], &plain[1..]].concat();
    let version_0 = RequestParts { version: vec![2, 1, 0], ..RequestParts::plain() }.der();
    let version_2 = RequestParts { version: vec![2, 1, 2], ..RequestParts::plain() }.der();
    let version_padded = RequestParts { version: vec![2, 2, 0, 1], ..RequestParts::plain() }.der();
    let version_huge = RequestParts { version: [&[2, 20][..], &[1; 20]].concat(), ..RequestParts::plain() }.der();
    let short = RequestParts { digest: vec![0; 31], ..RequestParts::plain() }.der();
    let long = RequestParts { digest: vec![0; 33], ..RequestParts::plain() }.der();
    let sha1 = RequestParts {
        algorithm: vec![6, 5, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 5, 0],
        digest: vec![0; 20],
        ..RequestParts::plain()
    }
    .der();
    let md5_oid = [6, 8, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05, 5, 0];
    let md5 = RequestParts { algorithm: md5_oid.to_vec(), digest: vec![0; 16], ..RequestParts::plain() }.der();
    let mut sha224_oid = SHA256;
    sha224_oid[10] = 4;
    let sha224 = RequestParts { algorithm: sha224_oid.to_vec(), digest: vec![0; 28], ..RequestParts::plain() }.der();
    let long_oid = [&[6, 32][..], &[0x2a; 32]].concat();
    let big_arc = [&[6, 11, 0x2a][..], &[0xff; 9], &[0x7f]].concat();
    let extension = |inner: &[u8]| [&[0xa0, inner.len() as u8 + 2, 0x30, inner.len() as u8], inner].concat();
    let noncritical = extension(&[6, 1, 0x2a, 4, 1, 0]);
    let critical = extension(&[6, 1, 0x2a, 1, 1, 0xff, 4, 1, 0]);
    let statements = |statements: &[u8]| {
        let octets = [&[4, statements.len() as u8][..], statements].concat();
        extension(&[&[6, 8][..], qualified::QC_STATEMENTS, &octets].concat())
    };
    let qualified = statements(qualified::STATEMENTS);
    let twice = [&[0xa0, 2 * qualified[1]][..], &qualified[2..], &qualified[2..]].concat();
    let with_unknown = [&[0xa0, qualified[1] + noncritical[1]][..], &qualified[2..], &noncritical[2..]].concat();
    let nonce_64 = [&[2, 64][..], &[1; 64]].concat();
    let nonce_65 = [&[2, 65][..], &[1; 65]].concat();
    vec![
        ("Q1 well-formed", plain.clone(), None),
        ("Q1 everything", RequestParts::full().der(), None),
        ("Q1 nothing", vec![], Some(F::BadDataFormat)),
        ("Q1 trailing octet", trailing, Some(F::BadDataFormat)),
        ("Q1 indefinite length", indefinite, Some(F::BadDataFormat)),
        ("Q1 long-form length", long_length, Some(F::BadDataFormat)),
        ("Q1 not a sequence", vec![0x31, 0], Some(F::BadDataFormat)),
        ("Q1 no imprint", vec![0x30, 3, 2, 1, 1], Some(F::BadDataFormat)),
        ("Q1 nonce before policy", with_rest(&[&nonce[..], &policy].concat()), Some(F::BadDataFormat)),
        ("Q1 nonce twice", with_rest(&[nonce, nonce].concat()), Some(F::BadDataFormat)),
        ("Q1 certReq before nonce", with_rest(&[&[1, 1, 0xff][..], &nonce].concat()), Some(F::BadDataFormat)),
        ("Q1 certReq encoded FALSE", with_rest(&[1, 1, 0]), Some(F::BadDataFormat)),
        ("Q1 certReq not 0xff", with_rest(&[1, 1, 1]), Some(F::BadDataFormat)),
        ("Q1 unknown field", with_rest(&[4, 1, 0]), Some(F::BadDataFormat)),
        ("Q1 padded nonce", with_rest(&[2, 2, 0, 7]), Some(F::BadDataFormat)),
        ("Q1 empty nonce", with_rest(&[2, 0]), Some(F::BadDataFormat)),
        ("Q1 padded version", version_padded, Some(F::BadDataFormat)),
        ("Q1 empty extensions", with_rest(&[0xa0, 0]), Some(F::BadDataFormat)),
        ("Q1 malformed extension", with_rest(&extension(&[6, 1, 0x2a])), Some(F::BadDataFormat)),
        ("Q1 malformed policy", with_rest(&[6, 2, 0x2a, 0x80]), Some(F::BadDataFormat)),
        ("Q1 body over the cap", vec![0x30; MAX_REQUEST + 1], Some(F::BadRequest)),
        ("Q2 version 0", version_0, Some(F::BadRequest)),
        ("Q2 version 2", version_2, Some(F::BadRequest)),
        ("Q2 version beyond any integer", version_huge, Some(F::BadRequest)),
        ("Q3 SHA-1", sha1, Some(F::BadAlg)),
        ("Q3 MD5", md5, Some(F::BadAlg)),
        ("Q3 SHA-224", sha224, Some(F::BadAlg)),
        ("Q3 unknown", with_algorithm(&[6, 1, 0x2a]), Some(F::BadAlg)),
        ("Q3 too many arcs", with_algorithm(&long_oid), Some(F::BadRequest)),
        ("Q4 absent parameters", with_algorithm(&SHA256), None),
        ("Q4 INTEGER parameters", with_algorithm(&[&SHA256[..], &[2, 1, 0]].concat()), Some(F::BadAlg)),
        ("Q4 SEQUENCE parameters", with_algorithm(&[&SHA256[..], &[0x30, 0]].concat()), Some(F::BadAlg)),
        ("Q4 NULL with contents", with_algorithm(&[&SHA256[..], &[5, 1, 0]].concat()), Some(F::BadAlg)),
        ("Q4 parameters twice", with_algorithm(&[&SHA256[..], &[5, 0, 5, 0]].concat()), Some(F::BadDataFormat)),
        ("Q5 short imprint", short, Some(F::BadDataFormat)),
        ("Q5 long imprint", long, Some(F::BadDataFormat)),
        ("Q6 policy with too many arcs", with_rest(&long_oid), Some(F::BadRequest)),
        ("Q6 policy with a huge arc", with_rest(&big_arc), Some(F::BadRequest)),
        ("Q7 extension", with_rest(&noncritical), Some(F::UnacceptedExtension)),
        ("Q7 critical extension", with_rest(&critical), Some(F::UnacceptedExtension)),
        ("Q7 qualified statement", with_rest(&qualified), None),
        ("Q7 another statement", with_rest(&statements(&[0x30, 0])), Some(F::AddInfoNotAvailable)),
        ("Q7 qualified statement twice", with_rest(&twice), Some(F::BadDataFormat)),
        ("Q7 qualified statement and an unknown one", with_rest(&with_unknown), Some(F::UnacceptedExtension)),
        ("Q8 nonce zero", with_rest(&[2, 1, 0]), None),
        ("Q8 negative nonce", with_rest(&[2, 1, 0x80]), None),
        ("Q8 nonce of 64 octets", with_rest(&nonce_64), None),
        ("Q8 nonce of 65 octets", with_rest(&nonce_65), Some(F::BadRequest)),
    ]
}

#[test]
fn every_accepted_digest_is_taken_at_its_length() {
    for algorithm in HashAlgorithm::ALL {
        let der = RequestParts::hashed(algorithm).der();
        let imprint = TimestampRequest::parse(&der).unwrap().imprint();
        assert_eq!((imprint.algorithm(), imprint.digest()), (algorithm, algorithm.digest(DATA).as_ref()));
    }
}

#[test]
fn fields_are_kept_to_the_byte() {
    let der = RequestParts::full().der();
    let request = TimestampRequest::parse(&der).unwrap();
    assert_eq!(request.nonce(), Some(&[2, 9, 0, 0xfe, 1, 2, 3, 4, 5, 6, 7][..]));
    assert_eq!(request.policy(), Some(&[4, 0, 0x8f, 0x67, 1, 1][..]));
    assert!(request.is_certificate_requested());
    assert!(der.windows(request.imprint().der().len()).any(|window| window == request.imprint().der()));
}

#[test]
fn no_truncation_parses() {
    let der = RequestParts::full().der();
    for length in 0..der.len() {
        assert_eq!(failure(&der[..length]), Some(PkiFailureInfo::BadDataFormat), "{length}");
    }
}

/// A flipped bit either breaks a rule or changes a value where the caller can see it in the token: imprint, policy,
/// nonce or certReq. It never leaves the same meaning behind other bytes.
#[test]
fn no_flipped_bit_goes_unseen() {
    let der = RequestParts::full().der();
    let good = TimestampRequest::parse(&der).unwrap();
    let mut taken = 0;
    for bit in 0..der.len() * 8 {
        let mut flipped = der.clone();
        flipped[bit / 8] ^= 0x80 >> (bit % 8);
        if let Ok(request) = TimestampRequest::parse(&flipped) {
            assert_ne!(request, good, "bit {bit}");
            taken += 1;
        }
    }
    // 256 bits of digest, the SHA-3 neighbour of SHA-256's identifier has 32 bytes too, 48 of policy, 72 of nonce at
    // most.
    assert!((256..=256 + 8 + 48 + 72).contains(&taken), "{taken}");
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0_u8.., 0..200)) {
        let _ = TimestampRequest::parse(&bytes);
        let _ = json::to_der(&bytes);
    }

    #[test]
    fn no_splice_makes_it_panic(at in 0..75_usize, bytes in proptest::collection::vec(0_u8.., 0..12)) {
        let mut der = RequestParts::full().der();
        der.splice(at..(at + bytes.len() / 2).min(der.len()), bytes);
        if let Ok(request) = TimestampRequest::parse(&der) {
            proptest::prop_assert_eq!(request.imprint().digest().len(), request.imprint().algorithm().length());
        }
    }
}
