//! The bodies of signing requests, as lenient as protojson where clients need it, and strict otherwise.
//!
//! Lenient: camelCase and snake_case names, unknown members, any `algorithm` (sigstore-go sends `RSA`, sigstore-rust an
//! empty string), null for absent, base64 of either alphabet with or without padding. Strict: one value per name, one
//! JSON document, no other types.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use broker::signing::{CallerFault, KeyWithProof, SigningError, SigningRequest};
use serde::{Deserialize, Deserializer};

use super::refusal::{CertificateRefusal, MAX_BODY};
use crate::serving::listen::svid::PeerSvid;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct V2Body {
    credentials: Option<Credentials>,
    #[serde(alias = "public_key_request")]
    public_key_request: Option<PublicKeyRequest>,
    #[serde(default, alias = "certificate_signing_request")]
    certificate_signing_request: ProtoBytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    #[serde(alias = "oidc_identity_token")]
    oidc_identity_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublicKeyRequest {
    #[serde(alias = "public_key")]
    public_key: Option<PublicKey>,
    #[serde(default, alias = "proof_of_possession")]
    proof_of_possession: ProtoBytes,
}

#[derive(Deserialize)]
struct PublicKey {
    content: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct V1Body {
    #[serde(alias = "public_key")]
    public_key: Option<V1PublicKey>,
    #[serde(default, alias = "signed_email_address")]
    signed_email_address: ProtoBytes,
    #[serde(default, alias = "certificate_signing_request")]
    certificate_signing_request: ProtoBytes,
}

#[derive(Deserialize)]
struct V1PublicKey {
    #[serde(default)]
    content: ProtoBytes,
}

/// Protobuf `bytes` in JSON: base64, standard or URL-safe alphabet, padded or not; empty when absent or null.
#[derive(Default)]
struct ProtoBytes(Vec<u8>);

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl<'de> Deserialize<'de> for ProtoBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        let standard: Vec<u8> = text
            .bytes()
            .map(|octet| match octet {
                b'-' => b'+',
                b'_' => b'/',
                other => other,
            })
            .collect();
        BASE64.decode(standard).map(Self).map_err(|_| serde::de::Error::custom("expected base64"))
    }
}

/// Protobuf cannot tell an empty value from an absent one.
fn present(bytes: ProtoBytes) -> Option<Vec<u8>> {
    Some(bytes.0).filter(|bytes| !bytes.is_empty())
}

/// The identity that a request presents beside its body.
pub(super) struct PresentedIdentity<'a> {
    /// The bearer token in the header.
    pub(super) bearer: Option<&'a [u8]>,
    /// The client certificate of the connection.
    pub(super) peer: Option<PeerSvid>,
    /// A WIT-SVID with its proof of possession.
    pub(super) wit_svid: Option<PresentedWitSvid<'a>>,
}

/// A WIT-SVID and its proof, in headers of their own: it must not travel as a bearer token (WIT-SVID §5).
pub(super) struct PresentedWitSvid<'a> {
    pub(super) wit: &'a [u8],
    pub(super) proof: &'a [u8],
    /// The URL that the proof must be for.
    pub(super) target: String,
}

impl PresentedIdentity<'_> {
    /// A token, the client certificate or a WIT-SVID; never two of them, which could name two identities.
    fn request(
        self,
        token_in_body: Option<&[u8]>,
        key: Option<KeyWithProof>,
        certification_request: Option<Vec<u8>>,
    ) -> Result<SigningRequest, CertificateRefusal> {
        let request = match (token_in_body.or(self.bearer), self.peer, self.wit_svid) {
            (None, Some(peer), None) => {
                let svid = peer.read().map_err(SigningError::from)?;
                SigningRequest::over_channel(svid, key, certification_request)
            }
            (None, None, Some(PresentedWitSvid { wit, proof, target })) => {
                SigningRequest::with_proof(wit, proof, &target, key, certification_request)
            }
            (token, None, None) => SigningRequest::parse(token.unwrap_or_default(), key, certification_request),
            _ => return Err(SigningError::from(CallerFault::TwoIdentities).into()),
        };
        Ok(request?)
    }
}

/// `POST /api/v2/signingCert`. The token in the body comes before the one in the header.
pub(super) fn v2(body: &[u8], presented: PresentedIdentity<'_>) -> Result<SigningRequest, CertificateRefusal> {
    let body: V2Body = shared::strict_json::from_slice(body, MAX_BODY).map_err(CertificateRefusal::json)?;
    let in_body = body.credentials.and_then(|credentials| credentials.oidc_identity_token);
    let in_body = in_body.filter(|token| !token.is_empty());
    let key = body.public_key_request.map(|request| {
        let content = request.public_key.and_then(|key| key.content).unwrap_or_default();
        KeyWithProof { content: content.into_bytes(), proof: request.proof_of_possession.0 }
    });
    presented.request(in_body.as_deref().map(str::as_bytes), key, present(body.certificate_signing_request))
}

/// `POST /api/v1/signingCert`. The token is in the header only.
pub(super) fn v1(body: &[u8], presented: PresentedIdentity<'_>) -> Result<SigningRequest, CertificateRefusal> {
    let body: V1Body = shared::strict_json::from_slice(body, MAX_BODY).map_err(CertificateRefusal::json)?;
    let key = body.public_key.map(|key| KeyWithProof { content: key.content.0, proof: body.signed_email_address.0 });
    presented.request(None, key, present(body.certificate_signing_request))
}
