//! The key that signs tokens, and the JWKS made from it.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use der::asn1::UintRef;
use der::{Decode as _, Reader as _, SliceReader};
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters, EllipticCurveKeyType, Jwk,
    JwkSet, KeyAlgorithm, PublicKeyUse, RSAKeyParameters, RSAKeyType, ThumbprintHash,
};
use serde::Serialize;
use shared::keys::{KeyKind, PublicKey, SignError, SignatureAlgorithm, Signer};

use super::jws;

/// The token key with everything that follows from it, computed once.
pub struct TokenKey {
    signer: Arc<dyn Signer>,
    key_id: String,
    /// Its JSON Web Key without `use`.
    jwk: Jwk,
    /// `base64url(header) ‖ '.'`.
    prefix: String,
}

/// A key that tokens cannot be signed with.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenKeyError {
    /// Only RSA, P-256 and P-384 have a JOSE algorithm here.
    #[error("tokens are signed with RSA, P-256 or P-384 keys, not {0:?}")]
    Kind(KeyKind),
    /// The public key's bits do not read.
    #[error("the token key's public half does not read")]
    Malformed,
}

impl TokenKey {
    /// Prepares `signer` for tokens.
    pub fn new(signer: Arc<dyn Signer>) -> Result<Self, TokenKeyError> {
        let algorithm = signer.algorithm();
        let mut jwk = Jwk { common: CommonParameters::default(), algorithm: parameters(signer.public_key())? };
        // The library hashes with the one provider that it is built with, AWS-LC: nothing is to be installed first.
        let key_id = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| TokenKeyError::Malformed)?;
        jwk.common.key_algorithm = Some(key_algorithm(algorithm));
        jwk.common.key_id = Some(key_id.clone());
        let header = format!(r#"{{"alg":"{}","kid":"{key_id}","typ":"JWT"}}"#, algorithm.jose_name());
        let prefix = format!("{}.", URL_SAFE_NO_PAD.encode(header));
        Ok(Self { signer, key_id, jwk, prefix })
    }

    /// The key's RFC 7638 thumbprint.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The public half, for those parts of this process that verify our tokens.
    pub fn public_key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    /// The algorithm of our tokens.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.signer.algorithm()
    }

    /// The JSON Web Key Set (RFC 7517 §5).
    pub fn jwks(&self) -> String {
        to_json(&JwkSet { keys: vec![self.jwk_for(PublicKeyUse::Signature)] })
    }

    /// The key as the SPIFFE bundle of our own trust domain (Trust Domain and Bundle §4, JWT-SVID §6). There is no
    /// entry of another `use`: SPIRE refuses a bundle with one that it does not know, and an authority of ours as
    /// `x509-svid` would make everything that it signs an SVID.
    pub fn spiffe_bundle(&self, sequence: u64, refresh_hint: Duration) -> String {
        let keys = [self.jwk_for(PublicKeyUse::Other("jwt-svid".to_owned()))];
        to_json(&SpiffeBundle { keys, spiffe_sequence: sequence, spiffe_refresh_hint: refresh_hint.as_secs() })
    }

    fn jwk_for(&self, public_key_use: PublicKeyUse) -> Jwk {
        let mut jwk = self.jwk.clone();
        jwk.common.public_key_use = Some(public_key_use);
        jwk
    }

    /// `at_hash`: the left half of the token's digest under the algorithm's hash (OpenID Connect Core §3.1.3.6).
    pub(super) fn half_hash(&self, token: &str) -> String {
        let hash = digest(self.algorithm().digest(), token.as_bytes());
        URL_SAFE_NO_PAD.encode(&hash.as_ref()[..hash.as_ref().len() / 2])
    }

    /// What is signed for `claims`.
    pub(super) fn signing_input(&self, claims: &[u8]) -> String {
        format!("{}{}", self.prefix, URL_SAFE_NO_PAD.encode(claims))
    }

    /// The compact token (RFC 7515 §7.1).
    pub(super) fn sign(&self, signing_input: &str) -> Result<String, SignError> {
        let signature = self.signer.sign(signing_input.as_bytes())?;
        let raw = jws::to_jose(self.signer.algorithm(), signature).ok_or(SignError)?;
        Ok(format!("{signing_input}.{}", URL_SAFE_NO_PAD.encode(raw)))
    }

    /// The claims of a token of ours; anything that we cannot have signed is `None`. The header must be ours byte for
    /// byte, so no algorithm or key is ever taken from the token.
    pub(super) fn open(&self, token: &str) -> Option<Vec<u8>> {
        let (signing_input, signature) = token.rsplit_once('.')?;
        let claims = signing_input.strip_prefix(&self.prefix)?;
        let signature = jws::from_jose(self.algorithm(), &URL_SAFE_NO_PAD.decode(signature).ok()?)?;
        let public = self.signer.public_key();
        public.verify_as(self.algorithm(), signing_input.as_bytes(), &signature).ok()?;
        URL_SAFE_NO_PAD.decode(claims).ok()
    }
}

/// A SPIFFE bundle is a JWK Set with two members more (Trust Domain and Bundle §4.1).
#[derive(Serialize)]
struct SpiffeBundle {
    keys: [Jwk; 1],
    spiffe_sequence: u64,
    spiffe_refresh_hint: u64,
}

fn to_json(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("texts and numbers have JSON")
}

/// The members that are the key (RFC 7518 §6.2.1, §6.3.1).
fn parameters(public: &PublicKey) -> Result<AlgorithmParameters, TokenKeyError> {
    let (curve, length) = match public.kind() {
        KeyKind::Rsa { .. } => {
            let (n, e) = rsa_numbers(public.key_bits()).map_err(|_| TokenKeyError::Malformed)?;
            let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
            return Ok(AlgorithmParameters::RSA(RSAKeyParameters { key_type: RSAKeyType::RSA, n, e }));
        }
        KeyKind::P256 => (EllipticCurve::P256, 32),
        KeyKind::P384 => (EllipticCurve::P384, 48),
        kind @ (KeyKind::Ed25519 | KeyKind::P521) => return Err(TokenKeyError::Kind(kind)),
    };
    // An uncompressed point, 0x04 ‖ x ‖ y (SEC 1 §2.3.3).
    let point = public.key_bits().strip_prefix(&[4]).filter(|point| point.len() == 2 * length);
    let (x, y) = point.ok_or(TokenKeyError::Malformed)?.split_at(length);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let key_type = EllipticCurveKeyType::EC;
    Ok(AlgorithmParameters::EllipticCurve(EllipticCurveKeyParameters { key_type, curve, x, y }))
}

fn key_algorithm(algorithm: SignatureAlgorithm) -> KeyAlgorithm {
    match algorithm {
        SignatureAlgorithm::EcdsaP256Sha256 => KeyAlgorithm::ES256,
        SignatureAlgorithm::EcdsaP384Sha384 => KeyAlgorithm::ES384,
        SignatureAlgorithm::RsaPkcs1Sha256 => KeyAlgorithm::RS256,
        SignatureAlgorithm::RsaPkcs1Sha384 => KeyAlgorithm::RS384,
        SignatureAlgorithm::RsaPkcs1Sha512 => KeyAlgorithm::RS512,
    }
}

/// `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }` (RFC 8017 §A.1.1), without leading zeros.
fn rsa_numbers(key: &[u8]) -> der::Result<(Vec<u8>, Vec<u8>)> {
    let mut reader = SliceReader::new(key)?;
    let numbers = reader.sequence(|inner| {
        let modulus = UintRef::decode(inner)?;
        let exponent = UintRef::decode(inner)?;
        Ok::<_, der::Error>((modulus.as_bytes().to_vec(), exponent.as_bytes().to_vec()))
    })?;
    reader.finish()?;
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::digest::sha256;
    use shared::keys::SigningKey;

    use super::*;

    /// The thumbprint by hand (RFC 7638 §3.2) and the documents as they were before a library wrote them.
    #[test]
    fn the_library_writes_what_we_wrote() {
        for algorithm in [
            SignatureAlgorithm::EcdsaP256Sha256,
            SignatureAlgorithm::EcdsaP384Sha384,
            SignatureAlgorithm::RsaPkcs1Sha256,
        ] {
            let signer = Arc::new(SigningKey::generate(algorithm).expect("generates"));
            let key = TokenKey::new(signer).expect("a token key");
            let public = key.public_key().clone();
            let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            let required = match public.kind() {
                KeyKind::Rsa { .. } => {
                    let (n, e) = rsa_numbers(public.key_bits()).expect("two numbers");
                    format!(r#""e":"{}","kty":"RSA","n":"{}""#, encode(&e), encode(&n))
                }
                kind => {
                    let (x, y) = public.key_bits()[1..].split_at(public.key_bits().len() / 2);
                    let curve = if kind == KeyKind::P256 { "P-256" } else { "P-384" };
                    format!(r#""crv":"{curve}","kty":"EC","x":"{}","y":"{}""#, encode(x), encode(y))
                }
            };
            assert_eq!(key.key_id(), encode(&sha256(format!("{{{required}}}").as_bytes())));
            let (name, id) = (algorithm.jose_name(), key.key_id());
            let entry = |usage: &str| -> serde_json::Value {
                let text = format!(r#"{{"use":"{usage}","alg":"{name}","kid":"{id}",{required}}}"#);
                serde_json::from_str(&text).expect("JSON")
            };
            let read = |text: String| serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
            assert_eq!(read(key.jwks()), json!({ "keys": [entry("sig")] }));
            assert_eq!(
                read(key.spiffe_bundle(7, Duration::from_secs(300))),
                json!({ "keys": [entry("jwt-svid")], "spiffe_sequence": 7, "spiffe_refresh_hint": 300 })
            );
        }
    }
}
