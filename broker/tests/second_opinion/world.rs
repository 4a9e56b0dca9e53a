//! Two issuers with their keys, and how each party reads them.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::issuer::{IssuerSpec, KeySource};
use broker::jose::KeySet;
use broker::names::IssuerUrl;
use broker::profile::Profile;
use broker::registry::Issuers;
use jsonwebtoken::jwk::JwkSet;

pub(crate) const ISS: &str = "https://idp.example.com";
/// An issuer whose set holds what no careful issuer publishes, and whose tokens may live for ever.
pub(crate) const ODD: &str = "https://odd.example.com";

pub(crate) enum Key {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// The issuers' keys, and both parties' view of them.
pub(crate) struct World {
    pub(crate) p256: Key,
    /// `p256`, signing as X.509 does: in DER.
    pub(crate) p256_der: EcdsaKeyPair,
    pub(crate) p384: Key,
    pub(crate) p521: Key,
    pub(crate) ed25519: Key,
    pub(crate) rsa: Key,
    /// Of nobody.
    pub(crate) stranger: Key,
    pub(crate) issuers: Issuers,
    pub(crate) sets: [(&'static str, JwkSet); 2],
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Key {
    pub(crate) fn ecdsa(curve: &'static EcdsaSigningAlgorithm) -> Self {
        Self::Ecdsa(EcdsaKeyPair::generate(curve).expect("generates"))
    }

    /// Its public half as a JWK, with more members.
    pub(crate) fn jwk(&self, kid: &str, more: &str) -> String {
        let members = match self {
            Self::Ecdsa(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let curve = match point.len() / 2 {
                    32 => "P-256",
                    48 => "P-384",
                    _ => "P-521",
                };
                let (x, y) = point.split_at(point.len() / 2);
                format!(r#""kty":"EC","crv":"{curve}","x":"{}","y":"{}""#, encode(x), encode(y))
            }
            Self::Ed25519(pair) => format!(r#""kty":"OKP","crv":"Ed25519","x":"{}""#, encode(pair.public_key())),
            Self::Rsa(pair) => {
                let modulus = &pair.public_key().as_ref()[9..9 + 256];
                format!(r#""kty":"RSA","n":"{}","e":"AQAB""#, encode(modulus))
            }
        };
        format!(r#"{{{members},"kid":"{kid}"{more}}}"#)
    }

    pub(crate) fn signature(&self, algorithm: &str, input: &[u8]) -> Vec<u8> {
        let rng = SystemRandom::new();
        match self {
            Self::Ecdsa(pair) => pair.sign(&rng, input).expect("signs").as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(input).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let encoding: &'static dyn signature::RsaEncoding = match algorithm {
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    "PS256" => &signature::RSA_PSS_SHA256,
                    "PS384" => &signature::RSA_PSS_SHA384,
                    "PS512" => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &rng, input, &mut signature).expect("signs");
                signature
            }
        }
    }
}

pub(crate) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let fixed = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate(fixed).and_then(|pair| pair.to_pkcs8v1()).expect("generates");
        let p256 = Key::Ecdsa(EcdsaKeyPair::from_pkcs8(fixed, pkcs8.as_ref()).expect("reads"));
        let der = &signature::ECDSA_P256_SHA256_ASN1_SIGNING;
        let p256_der = EcdsaKeyPair::from_pkcs8(der, pkcs8.as_ref()).expect("reads");
        let p384 = Key::ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING);
        let p521 = Key::ecdsa(&signature::ECDSA_P521_SHA512_FIXED_SIGNING);
        let ed25519 = Key::Ed25519(Ed25519KeyPair::generate().expect("generates"));
        let rsa = Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("generates"));
        let usual = format!(
            r#"{{"keys":[{},{},{},{},{}]}}"#,
            p256.jwk("p256", r#","use":"sig""#),
            p384.jwk("p384", ""),
            p521.jwk("p521", ""),
            ed25519.jwk("ed25519", ""),
            rsa.jwk("rsa", "")
        );
        let odd = format!(
            r#"{{"keys":[{},{},{},{},{},{},{},{}]}}"#,
            p256.jwk("enc", r#","use":"enc""#),
            p256.jwk("derive", r#","key_ops":["deriveKey"]"#),
            p256.jwk("private", r#","d":"AAAA""#),
            p384.jwk("es256", r#","alg":"ES256""#),
            rsa.jwk("ps256", r#","alg":"PS256""#),
            include_str!("rsa-1024.jwk.json"),
            include_str!("rsa-e3.jwk.json"),
            include_str!("rsa-8192.jwk.json")
        );
        let spec = |iss: &str, jwks: &str, hours: u64| {
            let keys = KeySource::Pinned(Arc::new(KeySet::from_jwks(jwks.as_bytes()).expect("is a key set")));
            let spec = IssuerSpec::new(iss, IssuerUrl::parse(iss).expect("is an issuer"), Profile::Human, keys);
            IssuerSpec { max_lifetime: Duration::from_secs(hours * 3600), ..spec }
        };
        let Ok(issuers) = Issuers::build(vec![spec(ISS, &usual, 1), spec(ODD, &odd, 2_000_000)], Vec::new()) else {
            panic!("the records do not conflict")
        };
        let set = |text: &str| serde_json::from_str::<JwkSet>(text).expect("is a key set to serde as well");
        let sets = [(ISS, set(&usual)), (ODD, set(&odd))];
        let stranger = Key::ecdsa(fixed);
        World { p256, p256_der, p384, p521, ed25519, rsa, stranger, issuers, sets }
    })
}

pub(crate) fn sign(key: &Key, header: &str, claims: &str) -> String {
    let input = format!("{}.{}", encode(header), encode(claims));
    let algorithm = header.split_once(r#""alg":""#).map_or("", |(_, rest)| &rest[..5]);
    format!("{input}.{}", encode(key.signature(algorithm, input.as_bytes())))
}
