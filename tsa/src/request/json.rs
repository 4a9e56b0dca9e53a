//! The request as Sigstore's JavaScript client sends it: JSON in place of DER.
//!
//! It is turned into the DER that an RFC 3161 client would have sent, and then goes the same way, so that no rule has
//! two implementations.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use shared::strict_json::{self, Json};
use shared::x509::DerWriter;
use shared::x509::der_writer::tag;

use crate::hash_algorithm::HashAlgorithm;
use crate::nonce::MAX_NONCE;
use crate::policy::PolicyOid;
use crate::rejection::Rejection;

/// The longest JSON request read, as in Sigstore's authority.
pub const MAX_JSON_REQUEST: usize = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Shape {
    artifact_hash: String,
    hash_algorithm: String,
    #[serde(default)]
    certificates: Option<bool>,
    #[serde(rename = "tsaPolicyOID", default)]
    policy: Option<String>,
    // Its digits are taken from the strict reader: no type of serde's holds a number of any size.
    #[serde(default, rename = "nonce")]
    _nonce: Option<serde::de::IgnoredAny>,
}

/// The DER `TimeStampReq` that `document` stands for.
pub fn to_der(document: &[u8]) -> Result<Vec<u8>, Rejection> {
    if document.len() > MAX_JSON_REQUEST {
        return Err(Rejection::TooLong { limit: MAX_JSON_REQUEST });
    }
    let shape: Shape = strict_json::from_slice(document, MAX_JSON_REQUEST).map_err(Rejection::NotJson)?;
    let nonce = nonce(document)?;
    let algorithm = HashAlgorithm::from_json_name(&shape.hash_algorithm)
        .ok_or_else(|| Rejection::HashUnsupported(shape.hash_algorithm.chars().take(32).collect()))?;
    let digest = STANDARD.decode(&shape.artifact_hash).map_err(|_| Rejection::ArtifactHash)?;
    let policy = shape.policy.filter(|text| !text.is_empty());
    let policy = policy.map(|text| PolicyOid::parse(&text)).transpose().map_err(Rejection::PolicyText)?;
    let mut request = DerWriter::with_capacity(160);
    request.nested(tag::SEQUENCE, |request| {
        request.value(tag::INTEGER, &[1]);
        request.nested(tag::SEQUENCE, |imprint| {
            // No parameters: RFC 5754 §2 wants them absent where one has the choice.
            imprint.nested(tag::SEQUENCE, |id| id.value(tag::OBJECT_IDENTIFIER, algorithm.oid_contents()));
            imprint.value(tag::OCTET_STRING, &digest);
        });
        request.raw(policy.as_ref().map_or(&[], PolicyOid::der));
        if let Some(nonce) = &nonce {
            request.value(tag::INTEGER, nonce);
        }
        if shape.certificates == Some(true) {
            request.value(tag::BOOLEAN, &[0xff]);
        }
    });
    Ok(request.finish())
}

fn nonce(document: &[u8]) -> Result<Option<Vec<u8>>, Rejection> {
    let members = strict_json::parse_object(document, MAX_JSON_REQUEST).map_err(Rejection::NotJson)?;
    match members.get("nonce") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Number(text)) => integer(text).map(Some),
        Some(_) => Err(Rejection::NonceText),
    }
}

/// The contents of an INTEGER from its decimal digits. The work grows with the square of the length, which the cap on
/// the nonce bounds before it starts: 64 octets are at most 155 digits.
fn integer(text: &str) -> Result<Vec<u8>, Rejection> {
    const MAX_DIGITS: usize = 155;
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Rejection::NonceText);
    }
    if digits.len() > MAX_DIGITS {
        return Err(Rejection::NonceTooLong(digits.len() * 5 / 12));
    }
    // Least significant octet first, one octet longer than needed so that the sign has room.
    let mut octets = vec![0_u8; MAX_NONCE + 2];
    for digit in digits.bytes() {
        let mut carry = u16::from(digit - b'0');
        for octet in &mut octets {
            let sum = u16::from(*octet) * 10 + carry;
            *octet = sum as u8;
            carry = sum >> 8;
        }
    }
    if is_negative {
        // Two's complement: invert and add one.
        let mut carry = true;
        for octet in &mut octets {
            (*octet, carry) = (!*octet).overflowing_add(u8::from(carry));
        }
    }
    octets.reverse();
    let is_redundant = |pair: &[u8]| matches!(pair, [0x00, 0x00..=0x7f] | [0xff, 0x80..=0xff]);
    let redundant = octets.windows(2).take_while(|pair| is_redundant(pair)).count();
    Ok(octets.split_off(redundant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rejection::PkiFailureInfo;
    use crate::request::TimestampRequest;

    const HASH: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    fn document(members: &str) -> String {
        format!(r#"{{"artifactHash":"{HASH}","hashAlgorithm":"sha256"{members}}}"#)
    }

    #[test]
    fn what_sigstore_js_sends_becomes_the_der_of_the_same_request() {
        let der = to_der(document("").as_bytes()).unwrap();
        let request = TimestampRequest::parse(&der).unwrap();
        assert_eq!(request.imprint().digest(), HashAlgorithm::Sha256.digest(b"").as_ref());
        assert_eq!((request.nonce(), request.policy()), (None, None));
        assert!(!request.is_certificate_requested());
        let all = r#","nonce":18446744073709551616,"certificates":true,"tsaPolicyOID":"1.3.6.1.4.1.57264.2""#;
        let der = to_der(document(all).as_bytes()).unwrap();
        let request = TimestampRequest::parse(&der).unwrap();
        assert_eq!(request.nonce(), Some(&[2, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0][..]));
        assert!(request.is_certificate_requested());
        let policy = PolicyOid::parse("1.3.6.1.4.1.57264.2").unwrap();
        assert_eq!(request.policy(), Some(&policy.der()[2..]));
        let nothing = r#","nonce":null,"certificates":null,"tsaPolicyOID":"""#;
        assert!(to_der(document(nothing).as_bytes()).is_ok());
    }

    #[test]
    fn decimal_digits_become_minimal_octets() {
        let max = "9".repeat(154);
        for (text, octets) in [
            ("0", &[0][..]),
            ("-0", &[0]),
            ("1", &[1]),
            ("127", &[0x7f]),
            ("128", &[0, 0x80]),
            ("255", &[0, 0xff]),
            ("256", &[1, 0]),
            ("-1", &[0xff]),
            ("-128", &[0x80]),
            ("-129", &[0xff, 0x7f]),
            ("-256", &[0xff, 0]),
            ("18446744073709551615", &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ] {
            assert_eq!(integer(text).as_deref(), Ok(octets), "{text}");
        }
        assert!(integer(&max).unwrap().len() <= MAX_NONCE + 1);
        assert!(matches!(integer(&"9".repeat(156)), Err(Rejection::NonceTooLong(65))));
        for text in ["1.0", "1e3", "-1E2"] {
            assert_eq!(integer(text), Err(Rejection::NonceText), "{text}");
        }
    }

    #[test]
    fn each_fault_has_its_failure() {
        use PkiFailureInfo as F;
        let duplicate = document(&format!(r#","artifactHash":"{HASH}""#));
        let long = document(&format!("{:1024}", ""));
        let nonce = document(&format!(r#","nonce":{}"#, "9".repeat(200)));
        let nonce_513_bits = document(&format!(r#","nonce":{}"#, "9".repeat(155)));
        let arcs = document(&format!(r#","tsaPolicyOID":"{}1""#, "1.".repeat(100)));
        for (text, expected) in [
            ("", F::BadDataFormat),
            ("[]", F::BadDataFormat),
            ("{}", F::BadDataFormat),
            (&document(r#","extra":1"#), F::BadDataFormat),
            (&document(r#","nonce":"1""#), F::BadDataFormat),
            (&document(r#","nonce":1.5"#), F::BadDataFormat),
            (&document(r#","certificates":"true""#), F::BadDataFormat),
            (&document(r#","tsaPolicyOID":"1.x""#), F::BadDataFormat),
            (&duplicate, F::BadDataFormat),
            (&long, F::BadRequest),
            (&nonce, F::BadRequest),
            (&nonce_513_bits, F::BadRequest),
            (&arcs, F::BadRequest),
            (r#"{"artifactHash":"!","hashAlgorithm":"sha256"}"#, F::BadDataFormat),
            (r#"{"artifactHash":"AAAA","hashAlgorithm":"sha256"}"#, F::BadDataFormat),
            (r#"{"artifactHash":"AAAA","hashAlgorithm":"sha1"}"#, F::BadAlg),
            (r#"{"artifactHash":"AAAA","hashAlgorithm":"SHA256"}"#, F::BadAlg),
        ] {
            let rejection = to_der(text.as_bytes()).and_then(|der| TimestampRequest::parse(&der).map(|_| ()));
            assert_eq!(rejection.map_err(|rejection| rejection.failure_info()), Err(expected), "{text}");
        }
    }
}
