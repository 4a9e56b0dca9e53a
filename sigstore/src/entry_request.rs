//! The body of `POST /api/v2/log/entries`: protobuf's JSON, read as its clients write it, and no more loosely than
//! that.
//!
//! The write API is that of Rekor v2: `hashedrekord` 0.0.2, and the older `dsse` request, which becomes a
//! `hashedrekord` over the digest of the envelope's pre-authentication encoding, so that clients of either age get an
//! entry that all verify.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use shared::strict_json::{self, Json, JsonError, Object};

use crate::dsse::pre_authentication_digest;
use crate::key_details::KeyDetails;

/// Longest body, in bytes: a legacy `dsse` request carries its whole payload.
pub const MAX_REQUEST: usize = 1024 * 1024;

/// A well-formed request. Nothing in it is verified yet.
#[derive(Debug, Eq, PartialEq)]
pub struct EntryRequest {
    /// The digest that was signed.
    pub digest: Vec<u8>,
    /// The signature over it.
    pub signature: Vec<u8>,
    /// The kind of key, and the digest that goes with it.
    pub key_details: KeyDetails,
    /// The certificate or key that verifies the signature.
    pub verifier: Verifier,
}

/// The certificate or key that verifies a signature.
#[derive(Debug, Eq, PartialEq)]
pub enum Verifier {
    /// A DER certificate.
    Certificate(Vec<u8>),
    /// A DER `SubjectPublicKeyInfo`.
    PublicKey(Vec<u8>),
}

/// Why a body is not a request.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// Not JSON, or with a doubled member, too deep or too long.
    #[error("the body is not acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// None of the two kinds, or both.
    #[error("the request must have exactly one of hashedRekordRequestV002 and dsseRequestV002")]
    Kind,
    /// A member is absent, `null` or empty.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A member under its name in JSON and its original one.
    #[error("{0} is given twice, under both of its spellings")]
    Twice(&'static str),
    /// A member of another JSON type.
    #[error("{0} has the wrong JSON type")]
    Type(&'static str),
    /// A member that does not decode, in either alphabet.
    #[error("{0} is not base64")]
    Base64(&'static str),
    /// Neither key nor certificate, or both.
    #[error("the verifier must have exactly one of publicKey and x509Certificate")]
    Verifier,
    /// A kind of key that the log does not accept; at most 64 characters of its name.
    #[error(
        "keyDetails {0:?} is not supported; supported are PKIX_ECDSA_P256_SHA_256, PKIX_ECDSA_P384_SHA_384, \
         PKIX_ECDSA_P521_SHA_512 and PKIX_RSA_PKCS1V15_{{2048,3072,4096}}_SHA256"
    )]
    KeyDetails(String),
    /// More than one signature or verifier, or none.
    #[error(
        "an envelope is recorded with exactly one signature and one verifier, not with {signatures} and {verifiers}"
    )]
    Signatures {
        /// How many signatures.
        signatures: usize,
        /// How many verifiers.
        verifiers: usize,
    },
}

impl EntryRequest {
    /// Reads a body. The text of a [`RequestError`] is meant for the caller.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let request = strict_json::parse_object(body, MAX_REQUEST)?;
        let hashedrekord = optional(&request, "hashedRekordRequestV002", "hashed_rekord_request_v002")?;
        let dsse = optional(&request, "dsseRequestV002", "dsse_request_v002")?;
        match (hashedrekord, dsse) {
            (Some(request), None) => Self::hashedrekord(object(request, "hashedRekordRequestV002")?),
            (None, Some(request)) => Self::dsse(object(request, "dsseRequestV002")?),
            _ => Err(RequestError::Kind),
        }
    }

    fn hashedrekord(request: &Object) -> Result<Self, RequestError> {
        let signature = object(required(request, "signature", "signature")?, "signature")?;
        let (verifier, key_details) = verifier(object(required(signature, "verifier", "verifier")?, "verifier")?)?;
        Ok(Self {
            digest: bytes(required(request, "digest", "digest")?, "digest")?,
            signature: bytes(required(signature, "content", "content")?, "signature.content")?,
            key_details,
            verifier,
        })
    }

    /// The signature of an envelope is over the pre-authentication encoding of its payload, so it is also the signature
    /// of a `hashedrekord` over that encoding's digest.
    fn dsse(request: &Object) -> Result<Self, RequestError> {
        let envelope = object(required(request, "envelope", "envelope")?, "envelope")?;
        let signatures = array(required(envelope, "signatures", "signatures")?, "envelope.signatures")?;
        let verifiers = array(required(request, "verifiers", "verifiers")?, "verifiers")?;
        let ([signature], [one_verifier]) = (signatures, verifiers) else {
            return Err(RequestError::Signatures { signatures: signatures.len(), verifiers: verifiers.len() });
        };
        let (verifier, key_details) = verifier(object(one_verifier, "verifiers")?)?;
        let signature = object(signature, "envelope.signatures")?;
        let payload = bytes(required(envelope, "payload", "payload")?, "envelope.payload")?;
        let payload_type = required(envelope, "payloadType", "payload_type")?;
        let payload_type = payload_type.as_str().ok_or(RequestError::Type("envelope.payloadType"))?;
        Ok(Self {
            digest: pre_authentication_digest(key_details.digest(), payload_type, &payload),
            signature: bytes(required(signature, "sig", "sig")?, "envelope.signatures.sig")?,
            key_details,
            verifier,
        })
    }
}

fn verifier(members: &Object) -> Result<(Verifier, KeyDetails), RequestError> {
    let certificate = optional(members, "x509Certificate", "x509_certificate")?;
    let public_key = optional(members, "publicKey", "public_key")?;
    let raw = |holder, name| bytes(required(object(holder, name)?, "rawBytes", "raw_bytes")?, "rawBytes");
    let verifier = match (certificate, public_key) {
        (Some(holder), None) => Verifier::Certificate(raw(holder, "x509Certificate")?),
        (None, Some(holder)) => Verifier::PublicKey(raw(holder, "publicKey")?),
        _ => return Err(RequestError::Verifier),
    };
    let name = match required(members, "keyDetails", "key_details")? {
        Json::String(name) | Json::Number(name) => name,
        _ => return Err(RequestError::Type("keyDetails")),
    };
    let key_details =
        KeyDetails::parse(name).ok_or_else(|| RequestError::KeyDetails(name.chars().take(64).collect()))?;
    Ok((verifier, key_details))
}

/// A member under protobuf's JSON name or its original one. `null` is as good as absent.
fn optional<'a>(
    members: &'a Object,
    camel: &'static str,
    snake: &'static str,
) -> Result<Option<&'a Json>, RequestError> {
    let present = |name: &str| members.get(name).filter(|value| **value != Json::Null);
    match (present(camel), present(snake).filter(|_| camel != snake)) {
        (Some(_), Some(_)) => Err(RequestError::Twice(camel)),
        (found, None) | (None, found) => Ok(found),
    }
}

fn required<'a>(members: &'a Object, camel: &'static str, snake: &'static str) -> Result<&'a Json, RequestError> {
    optional(members, camel, snake)?.ok_or(RequestError::Missing(camel))
}

fn object<'a>(value: &'a Json, name: &'static str) -> Result<&'a Object, RequestError> {
    value.as_object().ok_or(RequestError::Type(name))
}

fn array<'a>(value: &'a Json, name: &'static str) -> Result<&'a [Json], RequestError> {
    value.as_array().ok_or(RequestError::Type(name))
}

/// Bytes that are there: protobuf's JSON allows either alphabet, with padding or without.
fn bytes(value: &Json, name: &'static str) -> Result<Vec<u8>, RequestError> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text = value.as_str().ok_or(RequestError::Type(name))?;
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    let decoded = GeneralPurpose::new(alphabet, LENIENT).decode(text).map_err(|_| RequestError::Base64(name))?;
    if decoded.is_empty() { Err(RequestError::Missing(name)) } else { Ok(decoded) }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest;

    use super::*;

    fn request(verifier: &str) -> String {
        format!(
            r#"{{"hashedRekordRequestV002":{{"digest":"AQI=","signature":{{"content":"AwQ=","verifier":{verifier}}}}}}}"#
        )
    }

    const VERIFIER: &str = r#"{"keyDetails":"PKIX_ECDSA_P256_SHA_256","x509Certificate":{"rawBytes":"BQY="}}"#;

    #[test]
    fn every_spelling_of_one_request_is_one_request() {
        let expected = EntryRequest::parse(request(VERIFIER).as_bytes()).expect("parses");
        assert_eq!(expected.digest, [1, 2]);
        assert_eq!(expected.signature, [3, 4]);
        assert_eq!(expected.verifier, Verifier::Certificate(vec![5, 6]));
        for body in [
            request(r#"{"key_details":5,"x509_certificate":{"raw_bytes":"BQY"},"unknown":[1],"publicKey":null}"#),
            r#"{"hashed_rekord_request_v002":{"digest":"AQI","extra":{},"signature":{"content":"AwQ","verifier":
                {"keyDetails":"PKIX_ECDSA_P256_SHA_256","x509Certificate":{"rawBytes":"BQY"}}}},"dsseRequestV002":null}"#
                .to_owned(),
        ] {
            assert_eq!(EntryRequest::parse(body.as_bytes()).as_ref(), Ok(&expected), "{body}");
        }
        assert_eq!(bytes(&Json::String("-_8".into()), "x"), bytes(&Json::String("+/8=".into()), "x"));
    }

    #[test]
    fn what_is_not_a_request_says_what_is_wrong() {
        let two = r#"{"keyDetails":5,"publicKey":{"rawBytes":"AA"},"x509Certificate":{"rawBytes":"BQY="}}"#;
        for (body, why) in [
            ("{}".to_owned(), RequestError::Kind),
            (r#"{"hashedRekordRequestV002":{},"dsseRequestV002":{}}"#.to_owned(), RequestError::Kind),
            (r#"{"hashedRekordRequestV002":[]}"#.to_owned(), RequestError::Type("hashedRekordRequestV002")),
            (r#"{"hashedRekordRequestV002":{}}"#.to_owned(), RequestError::Missing("signature")),
            (request(two), RequestError::Verifier),
            (request(r#"{"keyDetails":5}"#), RequestError::Verifier),
            (
                request(r#"{"keyDetails":5,"key_details":5,"publicKey":{"rawBytes":"AA"}}"#),
                RequestError::Twice("keyDetails"),
            ),
            (request(r#"{"keyDetails":true,"publicKey":{"rawBytes":"AA"}}"#), RequestError::Type("keyDetails")),
            (
                request(r#"{"keyDetails":"PKIX_ED25519","publicKey":{"rawBytes":"AA"}}"#),
                RequestError::KeyDetails("PKIX_ED25519".into()),
            ),
            (request(r#"{"keyDetails":5,"publicKey":{"rawBytes":"*"}}"#), RequestError::Base64("rawBytes")),
            (request(r#"{"keyDetails":5,"publicKey":{"rawBytes":""}}"#), RequestError::Missing("rawBytes")),
            (request(r#"{"publicKey":{"rawBytes":"AA"}}"#), RequestError::Missing("keyDetails")),
            (
                r#"{"dsseRequestV002":{"envelope":{"payload":"","payloadType":"a","signatures":[]},"verifiers":[]}}"#
                    .to_owned(),
                RequestError::Signatures { signatures: 0, verifiers: 0 },
            ),
        ] {
            assert_eq!(EntryRequest::parse(body.as_bytes()), Err(why), "{body}");
        }
        let twice = request(VERIFIER).replace(r#""digest":"AQI=""#, r#""digest":"AQI=","digest":"AQI=""#);
        assert!(matches!(EntryRequest::parse(twice.as_bytes()), Err(RequestError::Json(_))));
        assert!(matches!(EntryRequest::parse(b""), Err(RequestError::Json(_))));
        assert!(matches!(EntryRequest::parse(&vec![b' '; MAX_REQUEST + 1]), Err(RequestError::Json(_))));
    }

    #[test]
    fn an_envelope_is_hashed_in_its_pre_authentication_encoding() {
        let expected = digest::digest(&digest::SHA256, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        let computed = pre_authentication_digest(&digest::SHA256, "http://example.com/HelloWorld", b"hello world");
        assert_eq!(computed, expected.as_ref());
        let body = r#"{"dsseRequestV002":{"envelope":{"payload":"aGVsbG8gd29ybGQ=","payloadType":"http://example.com/HelloWorld",
            "signatures":[{"sig":"AwQ=","keyid":""}]},"verifiers":[{"keyDetails":5,"publicKey":{"rawBytes":"AA"}}]}}"#;
        let request = EntryRequest::parse(body.as_bytes()).expect("parses");
        assert_eq!(request.digest, expected.as_ref());
        assert_eq!(request.verifier, Verifier::PublicKey(vec![0]));
    }
}
