//! Tokens for tests, signed by keys of every kind, with the header and claims that a test wants.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use shared::time::UnixTime;

use super::{TokenVerification, UnverifiedToken, VerifiedToken};
use crate::grants::Grant;
use crate::issuer::{IssuerSpec, KeySource};
use crate::jose::{JoseAlgorithm, KeySet};
use crate::names::IssuerUrl;
use crate::profile::Profile;
use crate::registry::Issuers;

pub(crate) enum TestKey {
    Ecdsa(EcdsaKeyPair, JoseAlgorithm),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl TestKey {
    /// A fresh key that can sign with the algorithm.
    pub(crate) fn generate(algorithm: JoseAlgorithm) -> Self {
        let ecdsa = |curve: &'static EcdsaSigningAlgorithm| {
            Self::Ecdsa(EcdsaKeyPair::generate(curve).expect("generates"), algorithm)
        };
        match algorithm {
            JoseAlgorithm::EdDsa => Self::Ed25519(Ed25519KeyPair::generate().expect("generates")),
            JoseAlgorithm::Es256 => ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            JoseAlgorithm::Es384 => ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            JoseAlgorithm::Es512 => ecdsa(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            _ => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("generates")),
        }
    }

    /// One P-256 key for all tests that do not care.
    pub(crate) fn p256() -> &'static Self {
        static KEY: OnceLock<TestKey> = OnceLock::new();
        KEY.get_or_init(|| Self::generate(JoseAlgorithm::Es256))
    }

    /// Its public half as a JWK, with more members appended: `,"use":"sig"`.
    pub(crate) fn jwk(&self, kid: &str, more: &str) -> String {
        let parameters = match self {
            Self::Ecdsa(pair, algorithm) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = match algorithm {
                    JoseAlgorithm::Es256 => "P-256",
                    JoseAlgorithm::Es384 => "P-384",
                    _ => "P-521",
                };
                format!(r#""kty":"EC","crv":"{curve}","x":"{}","y":"{}""#, base64url(x), base64url(y))
            }
            Self::Ed25519(pair) => {
                format!(r#""kty":"OKP","crv":"Ed25519","x":"{}""#, base64url(pair.public_key().as_ref()))
            }
            Self::Rsa(pair) => {
                // PKCS#1: SEQUENCE header, INTEGER header with its sign octet, 256 octets of modulus, the exponent.
                let modulus = &pair.public_key().as_ref()[9..9 + 256];
                format!(r#""kty":"RSA","n":"{}","e":"AQAB""#, base64url(modulus))
            }
        };
        format!(r#"{{{parameters},"kid":"{kid}"{more}}}"#)
    }

    /// A compact JWS over any header and claims.
    pub(crate) fn sign(&self, algorithm: JoseAlgorithm, header: &str, claims: &str) -> String {
        self.sign_text(algorithm, &format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes())))
    }

    /// Puts the signature of an ECDSA key behind the text.
    pub(crate) fn sign_input(&self, input: &str) -> String {
        self.sign_text(JoseAlgorithm::Es256, input)
    }

    fn sign_text(&self, algorithm: JoseAlgorithm, input: &str) -> String {
        let rng = SystemRandom::new();
        let signature = match self {
            Self::Ecdsa(pair, _) => pair.sign(&rng, input.as_bytes()).expect("signs").as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(input.as_bytes()).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let padding: &'static dyn RsaEncoding = match algorithm {
                    JoseAlgorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
                    JoseAlgorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
                    JoseAlgorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
                    JoseAlgorithm::Ps256 => &signature::RSA_PSS_SHA256,
                    JoseAlgorithm::Ps384 => &signature::RSA_PSS_SHA384,
                    _ => &signature::RSA_PSS_SHA512,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &rng, input.as_bytes(), &mut signature).expect("signs");
                signature
            }
        };
        format!("{input}.{}", base64url(&signature))
    }
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The issuer of [`token_of`]'s tokens, where a test has only one.
pub(crate) const ISS: &str = "https://idp.example.com";

/// When [`token_of`]'s tokens are in force.
pub(crate) const NOW: u64 = 1_795_000_000;

/// A record whose key is [`TestKey::p256`].
pub(crate) fn record(id: &str, iss: &str, profile: Profile, grants: Vec<Grant>) -> IssuerSpec {
    let jwks = format!(r#"{{"keys":[{}]}}"#, TestKey::p256().jwk("k", ""));
    let keys = Arc::new(KeySet::from_jwks(jwks.as_bytes()).expect("is a key set"));
    let iss = IssuerUrl::parse(iss).expect("is an issuer");
    IssuerSpec { grants, ..IssuerSpec::new(id, iss, profile, KeySource::Pinned(keys)) }
}

/// A token of `iss` with these further claims, verified.
pub(crate) fn token_of(issuers: &Issuers, iss: &str, more: &str) -> VerifiedToken {
    let claims = format!(r#"{{"iss":"{iss}","aud":"sigstore","exp":{}{more}}}"#, NOW + 60);
    let text = TestKey::p256().sign(JoseAlgorithm::Es256, r#"{"alg":"ES256","kid":"k"}"#, &claims);
    let token = UnverifiedToken::parse(text.as_bytes()).expect("parses");
    let record = issuers.find(&token).expect("is registered");
    match token.verify(record, UnixTime::from_seconds(NOW)).expect("is accepted") {
        TokenVerification::Verified(token) => *token,
        TokenVerification::NeedsKeys(_) => panic!("the key is pinned"),
    }
}
