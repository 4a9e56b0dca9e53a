//! Valid requests, and an issuer that signs any claims.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::keys::{SignatureAlgorithm, Signer as _, SigningKey};

const SUBJECT: &str = "https://build.example.net/pipelines/1";

static CLIENT_KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).unwrap());

/// An issuer with one RS256 key.
pub(crate) struct Issuer {
    key: SigningKey,
    other: SigningKey,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        let key = || SigningKey::generate(SignatureAlgorithm::RsaPkcs1Sha256).unwrap();
        Self { key: key(), other: key() }
    }

    pub(crate) fn now() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
    }

    pub(crate) fn jwks(&self) -> String {
        // RSAPublicKey: SEQUENCE { INTEGER modulus, INTEGER 65537 }; 2048 bits make every length known.
        let modulus = &self.key.public_key().key_bits()[9..265];
        let key = json!({ "kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode(modulus) });
        json!({ "keys": [key] }).to_string()
    }

    fn claims(overrides: Value) -> Value {
        let now = Self::now();
        let mut claims = json!({
            "iss": "https://build.example.net", "sub": SUBJECT, "aud": "sigstore", "iat": now, "exp": now + 600,
        });
        for (name, value) in overrides.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    /// A valid token, except for the given claims.
    pub(crate) fn token(&self, overrides: Value) -> String {
        sign(&self.key, &json!({ "alg": "RS256", "kid": "1" }), &Self::claims(overrides).to_string())
    }

    pub(crate) fn forged(&self) -> String {
        sign(&self.other, &json!({ "alg": "RS256", "kid": "1" }), &Self::claims(json!({})).to_string())
    }

    pub(crate) fn duplicate_claim(&self) -> String {
        let claims =
            Self::claims(json!({})).to_string().replacen('{', "{\"sub\":\"https://build.example.net/pipelines/2\",", 1);
        sign(&self.key, &json!({ "alg": "RS256", "kid": "1" }), &claims)
    }

    pub(crate) fn unsigned(&self) -> String {
        let part = |value: String| URL_SAFE_NO_PAD.encode(value);
        format!("{}.{}.", part(json!({ "alg": "none" }).to_string()), part(Self::claims(json!({})).to_string()))
    }

    /// The oldest trick: the public key as an HMAC secret.
    pub(crate) fn hs256(&self) -> String {
        let part = |value: String| URL_SAFE_NO_PAD.encode(value);
        let signed = format!(
            "{}.{}",
            part(json!({ "alg": "HS256", "kid": "1" }).to_string()),
            part(Self::claims(json!({})).to_string())
        );
        let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, self.key.public_key().spki_der());
        let tag = aws_lc_rs::hmac::sign(&secret, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    }
}

fn sign(key: &SigningKey, header: &Value, claims: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A proof of possession of the client's key over `message`.
pub(crate) fn proof_of(message: &[u8]) -> String {
    STANDARD.encode(CLIENT_KEY.sign(message).unwrap())
}

/// A whole request with public key and proof of possession.
pub(crate) fn certificate_request(token: &str) -> Value {
    json!({
        "credentials": { "oidcIdentityToken": token },
        "publicKeyRequest": {
            "publicKey": { "algorithm": "ECDSA", "content": CLIENT_KEY.public_key().to_pem() },
            "proofOfPossession": proof_of(SUBJECT.as_bytes()),
        },
    })
}

/// A DER TimeStampReq: version 1, SHA-256 of nothing in particular, certReq.
pub(crate) fn timestamp_query() -> Vec<u8> {
    let mut query = vec![
        0x30, 0x39, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
        0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
    ];
    query.extend_from_slice(&[7; 32]);
    query.extend_from_slice(&[0x01, 0x01, 0xff]);
    query
}
