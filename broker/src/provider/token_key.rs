//! The key that signs tokens, and the JWKS made from it.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use der::asn1::UintRef;
use der::{Decode as _, Reader as _, SliceReader};
use shared::digest::sha256;
use shared::keys::{KeyKind, PublicKey, SignError, SignatureAlgorithm, Signer};

use super::jws;

/// The token key with everything that follows from it, computed once.
pub struct TokenKey {
    signer: Arc<dyn Signer>,
    key_id: String,
    /// The members of its JSON Web Key but `use`.
    jwk_members: String,
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
        let public = signer.public_key();
        // The members that RFC 7638 §3.2 hashes, in lexicographic order and without spaces.
        let required = match public.kind() {
            KeyKind::Rsa { .. } => {
                let (n, e) = rsa_numbers(public.key_bits()).map_err(|_| TokenKeyError::Malformed)?;
                format!(r#""e":"{}","kty":"RSA","n":"{}""#, URL_SAFE_NO_PAD.encode(e), URL_SAFE_NO_PAD.encode(n))
            }
            kind @ (KeyKind::P256 | KeyKind::P384) => {
                let (curve, length) = if kind == KeyKind::P256 { ("P-256", 32) } else { ("P-384", 48) };
                // An uncompressed point, 0x04 ‖ x ‖ y (SEC 1 §2.3.3).
                let point = public.key_bits().strip_prefix(&[4]).filter(|point| point.len() == 2 * length);
                let (x, y) = point.ok_or(TokenKeyError::Malformed)?.split_at(length);
                let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
                format!(r#""crv":"{curve}","kty":"EC","x":"{x}","y":"{y}""#)
            }
            kind @ (KeyKind::Ed25519 | KeyKind::P521) => return Err(TokenKeyError::Kind(kind)),
        };
        let key_id = URL_SAFE_NO_PAD.encode(sha256(format!("{{{required}}}").as_bytes()));
        let algorithm = signer.algorithm().jose_name();
        let header = format!(r#"{{"alg":"{algorithm}","kid":"{key_id}","typ":"JWT"}}"#);
        let prefix = format!("{}.", URL_SAFE_NO_PAD.encode(header));
        let jwk_members = format!(r#""alg":"{algorithm}","kid":"{key_id}",{required}"#);
        Ok(Self { signer, key_id, jwk_members, prefix })
    }

    /// The key's RFC 7638 thumbprint.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The public half, for whoever verifies our tokens in this process.
    pub fn public_key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    /// The algorithm of our tokens.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.signer.algorithm()
    }

    /// The JSON Web Key Set (RFC 7517 §5).
    pub fn jwks(&self) -> String {
        format!(r#"{{"keys":[{{"use":"sig",{}}}]}}"#, self.jwk_members)
    }

    /// The key as the SPIFFE bundle of our own trust domain (Trust Domain and Bundle §4, JWT-SVID §6). There is no
    /// entry of another `use`: SPIRE refuses a bundle with one that it does not know, and an authority of ours as
    /// `x509-svid` would make everything that it signs an SVID.
    pub fn spiffe_bundle(&self, sequence: u64, refresh_hint: Duration) -> String {
        format!(
            r#"{{"keys":[{{"use":"jwt-svid",{}}}],"spiffe_sequence":{sequence},"spiffe_refresh_hint":{}}}"#,
            self.jwk_members,
            refresh_hint.as_secs()
        )
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
