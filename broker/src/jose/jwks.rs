//! JWK Sets (RFC 7517) as an outsider publishes them.

use aws_lc_rs::signature::ParsedPublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5912, rfc8410};
use der::Encode as _;
use der::asn1::{AnyRef, BitStringRef, UintRef};
use shared::excerpt::excerpt;
use shared::keys::{KeyKind, PublicKey};
use shared::strict_json::{Json, JsonError, Object, parse_object};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfo};

use super::{JoseAlgorithm, VerificationKey};

/// The longest document that is read.
pub const MAX_JWKS_BYTES: usize = 1 << 20;

/// The most entries that one set may have; large issuers publish about ten.
pub const MAX_KEYS: usize = 100;

/// Why a whole set is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JwksError {
    /// Not strict JSON, or not an object.
    #[error("the key set is not acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// No array `keys`.
    #[error("the key set has no array \"keys\" of objects")]
    NoKeys,
    /// More than [`MAX_KEYS`] entries.
    #[error("the key set has {0} entries; at most {MAX_KEYS} are accepted")]
    TooMany(usize),
    /// Two usable keys have one `kid`: a token could not say which it means.
    #[error("two keys of the set have the kid {0:?}")]
    DuplicateKid(String),
    /// A key of our own is not of the kind that its algorithm needs.
    #[error("the key {kid:?} is not a key for {algorithm}")]
    Unsuitable {
        /// The key's `kid`.
        kid: String,
        /// The algorithm that it should be for.
        algorithm: JoseAlgorithm,
    },
}

/// An entry that was left out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SkippedKey {
    /// Its `kid`, if it has one.
    pub kid: Option<String>,
    /// Why the key is skipped.
    pub reason: SkipReason,
}

/// Why an entry cannot verify tokens.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SkipReason {
    /// A key type that is not accepted here; symmetric keys are among them.
    #[error("its key type is not supported")]
    Kind,
    /// `use`, `key_ops` or `alg` says that it is for something else.
    #[error("its use, key_ops or alg does not allow it to verify signatures")]
    OtherUse,
    /// It includes the private key: anyone who reads the set can sign as the issuer.
    #[error("it includes the private key")]
    PrivateKey,
    /// Parameters are absent or malformed, a point is not on its curve, or an RSA modulus is too short or too long.
    #[error("its parameters are missing, malformed or of an unsupported size")]
    Unfit,
}

pub(super) fn parse(document: &[u8]) -> Result<(Vec<VerificationKey>, Vec<SkippedKey>), JwksError> {
    let set = parse_object(document, MAX_JWKS_BYTES)?;
    let entries = set.get("keys").and_then(Json::as_array).ok_or(JwksError::NoKeys)?;
    if entries.len() > MAX_KEYS {
        return Err(JwksError::TooMany(entries.len()));
    }
    let (mut keys, mut skipped) = (Vec::new(), Vec::new());
    for entry in entries {
        let entry = entry.as_object().ok_or(JwksError::NoKeys)?;
        let kid = entry.get("kid").and_then(Json::as_str);
        match parse_uses(entry) {
            Ok(uses) => keys.push(VerificationKey::new(kid, uses)),
            Err(reason) => skipped.push(SkippedKey { kid: kid.map(|kid| excerpt(kid, 120)), reason }),
        }
    }
    Ok((keys, skipped))
}

/// The key, parsed for each algorithm that its type and its `alg` allow.
pub(crate) fn parse_uses(jwk: &Object) -> Result<Uses, SkipReason> {
    if jwk.contains_key("d") {
        return Err(SkipReason::PrivateKey);
    }
    if !is_for_signatures(jwk) {
        return Err(SkipReason::OtherUse);
    }
    uses_of(jwk, &public_key(jwk)?)
}

/// A key under each algorithm that it may be used with.
pub(crate) type Uses = Vec<(JoseAlgorithm, ParsedPublicKey)>;

/// `key`, which is the one in `jwk`, under each algorithm that its type and the entry's `alg` allow.
pub(crate) fn uses_of(jwk: &Object, key: &PublicKey) -> Result<Uses, SkipReason> {
    let algorithms = match key.kind() {
        KeyKind::Ed25519 => &[JoseAlgorithm::EdDsa][..],
        KeyKind::P256 => &[JoseAlgorithm::Es256],
        KeyKind::P384 => &[JoseAlgorithm::Es384],
        KeyKind::P521 => &[JoseAlgorithm::Es512],
        KeyKind::Rsa { .. } => RSA,
    };
    let stated = match jwk.get("alg") {
        None => None,
        Some(alg) => Some(alg.as_str().ok_or(SkipReason::Unfit)?),
    };
    let uses = algorithms
        .iter()
        .filter(|algorithm| stated.is_none_or(|name| name == algorithm.name()))
        .map(|&algorithm| {
            ParsedPublicKey::new(algorithm.verification(), key.spki_der()).map(|parsed| (algorithm, parsed))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| SkipReason::Unfit)?;
    if uses.is_empty() { Err(SkipReason::OtherUse) } else { Ok(uses) }
}

const RSA: &[JoseAlgorithm] = &[
    JoseAlgorithm::Rs256,
    JoseAlgorithm::Rs384,
    JoseAlgorithm::Rs512,
    JoseAlgorithm::Ps256,
    JoseAlgorithm::Ps384,
    JoseAlgorithm::Ps512,
];

/// RFC 7517 §4.2, §4.3: absent means any use.
fn is_for_signatures(jwk: &Object) -> bool {
    let use_fits = jwk.get("use").is_none_or(|value| value.as_str() == Some("sig"));
    let operations_fit = jwk
        .get("key_ops")
        .is_none_or(|value| value.as_array().is_some_and(|ops| ops.iter().any(|op| op.as_str() == Some("verify"))));
    use_fits && operations_fit
}

/// The key of an entry, regardless of its use.
pub(crate) fn public_key(jwk: &Object) -> Result<PublicKey, SkipReason> {
    match (text(jwk, "kty"), text(jwk, "crv")) {
        (Some("RSA"), _) => rsa_key(jwk),
        (Some("EC"), Some("P-256")) => ec_key(jwk, rfc5912::SECP_256_R_1, 32),
        (Some("EC"), Some("P-384")) => ec_key(jwk, rfc5912::SECP_384_R_1, 48),
        (Some("EC"), Some("P-521")) => ec_key(jwk, rfc5912::SECP_521_R_1, 66),
        (Some("OKP"), Some("Ed25519")) => {
            let algorithm = AlgorithmIdentifierRef { oid: rfc8410::ID_ED_25519, parameters: None };
            spki_key(algorithm, &bytes(jwk, "x", 32)?)
        }
        _ => Err(SkipReason::Kind),
    }
}

/// RFC 7518 §6.3.1, as the PKCS#1 key that `shared` checks: 2048 to 4096 bits, exponent 65537.
fn rsa_key(jwk: &Object) -> Result<PublicKey, SkipReason> {
    #[derive(der::Sequence)]
    struct RsaPublicKey<'a> {
        modulus: UintRef<'a>,
        public_exponent: UintRef<'a>,
    }
    let (modulus, exponent) = (base64url(jwk, "n")?, base64url(jwk, "e")?);
    let pkcs1 = UintRef::new(&modulus)
        .and_then(|modulus| RsaPublicKey { modulus, public_exponent: UintRef::new(&exponent)? }.to_der())
        .map_err(|_| SkipReason::Unfit)?;
    PublicKey::from_pkcs1(&pkcs1).map_err(|_| SkipReason::Unfit)
}

/// RFC 7518 §6.2.1: coordinates have the full length of the field. As an uncompressed point (SEC 1 §2.3.3) of the named
/// curve.
fn ec_key(jwk: &Object, curve: ObjectIdentifier, length: usize) -> Result<PublicKey, SkipReason> {
    let mut point = vec![0x04];
    point.extend(bytes(jwk, "x", length)?);
    point.extend(bytes(jwk, "y", length)?);
    let algorithm = AlgorithmIdentifierRef { oid: rfc5912::ID_EC_PUBLIC_KEY, parameters: Some(AnyRef::from(&curve)) };
    spki_key(algorithm, &point)
}

fn spki_key(algorithm: AlgorithmIdentifierRef<'_>, bits: &[u8]) -> Result<PublicKey, SkipReason> {
    BitStringRef::from_bytes(bits)
        .and_then(|subject_public_key| SubjectPublicKeyInfo { algorithm, subject_public_key }.to_der())
        .ok()
        .and_then(|spki| PublicKey::from_spki(&spki).ok())
        .ok_or(SkipReason::Unfit)
}

fn bytes(jwk: &Object, name: &str, length: usize) -> Result<Vec<u8>, SkipReason> {
    base64url(jwk, name).and_then(|bytes| if bytes.len() == length { Ok(bytes) } else { Err(SkipReason::Unfit) })
}

fn base64url(jwk: &Object, name: &str) -> Result<Vec<u8>, SkipReason> {
    text(jwk, name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or(SkipReason::Unfit)
}

fn text<'a>(jwk: &'a Object, name: &str) -> Option<&'a str> {
    jwk.get(name).and_then(Json::as_str)
}
