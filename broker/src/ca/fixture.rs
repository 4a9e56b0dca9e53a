//! An instance for tests in which everything is fixed: keys, time, randomness. Its signatures are RFC 6979's, so that
//! whole certificates are the same in every run.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use shared::keys::{PublicKey, SignError, SignatureAlgorithm, Signer};
use shared::random::Random;
use shared::time::UnixTime;
use shared::x509::{CaSetup, Chain, NodePrefix};
use spki::EncodePublicKey as _;

use super::{Authority, CertificateLogKey, Profile};
use crate::grants::Grant;
use crate::issuer::{IssuerSpec, KeySource};
use crate::jose::{JoseAlgorithm, KeySet};
use crate::names::IssuerUrl;
use crate::principal::Principal;
use crate::profile;
use crate::registry::Issuers;
use crate::signing::Issuance;
use crate::token::{TokenVerification, UnverifiedToken};

pub(crate) const NOW: UnixTime = UnixTime::from_millis(1_795_258_320_789);

/// Every octet is the same.
pub(crate) struct Constant(pub(crate) u8);

impl Random for Constant {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }
}

enum Pair {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
}

/// A key made of one repeated octet, signing by RFC 6979.
pub(crate) struct FixedKey {
    pair: Pair,
    public_key: PublicKey,
}

impl FixedKey {
    pub(crate) fn p256(octet: u8) -> Self {
        let pair = p256::ecdsa::SigningKey::from_slice(&[octet; 32]).expect("in range");
        let spki = pair.verifying_key().to_public_key_der().expect("encodes");
        Self { public_key: PublicKey::from_spki(spki.as_bytes()).expect("parses"), pair: Pair::P256(pair) }
    }

    pub(crate) fn p384(octet: u8) -> Self {
        let pair = p384::ecdsa::SigningKey::from_slice(&[octet; 48]).expect("in range");
        let spki = pair.verifying_key().to_public_key_der().expect("encodes");
        Self { public_key: PublicKey::from_spki(spki.as_bytes()).expect("parses"), pair: Pair::P384(pair) }
    }
}

impl Signer for FixedKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        match self.pair {
            Pair::P256(_) => SignatureAlgorithm::EcdsaP256Sha256,
            Pair::P384(_) => SignatureAlgorithm::EcdsaP384Sha384,
        }
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(match &self.pair {
            Pair::P256(pair) => {
                let signature: p256::ecdsa::DerSignature = pair.sign(message);
                signature.as_bytes().to_vec()
            }
            Pair::P384(pair) => {
                let signature: p384::ecdsa::DerSignature = pair.sign(message);
                signature.as_bytes().to_vec()
            }
        })
    }
}

/// The issuing authority on the curve of `key`, under a root made with the same kind of key.
pub(crate) fn authority(root: FixedKey, key: FixedKey) -> Authority {
    let setup =
        CaSetup { instance: "h-0123abcd.privyseal.internal", root_key: &root, now: NOW, random: &Constant(0x55) };
    let root = setup.root().expect("root");
    let issuing = setup.issuing_ca(&root, key.public_key()).expect("issuing CA");
    Authority::new(Chain::new(vec![issuing, root]).expect("chain"), Arc::new(key)).expect("authority")
}

pub(crate) fn issuance_p256() -> Arc<Issuance> {
    issuance(authority(FixedKey::p256(1), FixedKey::p256(2)))
}

pub(crate) fn issuance_p384() -> Arc<Issuance> {
    issuance(authority(FixedKey::p384(1), FixedKey::p384(2)))
}

fn issuance(authority: Authority) -> Arc<Issuance> {
    Arc::new(Issuance {
        authority,
        log_key: CertificateLogKey::new(Arc::new(FixedKey::p256(3))).expect("P-256"),
        profile: Profile::parse(Profile::DEFAULT_LIFETIME).expect("ten minutes"),
        node: NodePrefix::FIRST,
    })
}

/// What tokens of the two issuers say. Times go round `NOW`.
pub(crate) const PERSON: &str = r#"{"iss":"https://login.example.com","sub":"CgVhbGljZRIFbG9jYWw","aud":"sigstore",
    "email":"alice@Example.com","email_verified":true,"iat":1795258300,"exp":1795258600}"#;
pub(crate) const BUILD_JOB: &str = r#"{"iss":"https://token.git.example.com","sub":"https://git.example.com/octo/house/main",
    "aud":"sigstore","iat":1795258300,"exp":1795258600}"#;

/// Two issuers whose keys are pinned: people of example.com, and build jobs below one URI.
pub(crate) fn issuers() -> Issuers {
    let key = FixedKey::p256(7).public_key().clone();
    let keys = KeySet::from_public_keys(&[("k".to_owned(), JoseAlgorithm::Es256, key)]).expect("a key");
    let keys = KeySource::Pinned(Arc::new(keys));
    let iss = |text| IssuerUrl::parse(text).expect("an issuer");
    let mut people = IssuerSpec::new("corp", iss("https://login.example.com"), profile::Profile::Human, keys.clone());
    people.grants = vec![Grant::email_domain("example.com", false).expect("a domain")];
    let mut jobs = IssuerSpec::new("git", iss("https://token.git.example.com"), profile::Profile::Uri, keys);
    jobs.grants = vec![Grant::uri_prefix("https://git.example.com/octo/").expect("a prefix")];
    Issuers::build(vec![people, jobs], vec![]).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// A compact JWS by the key of both issuers.
pub(crate) fn token(claims: &str) -> Vec<u8> {
    let encode = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
    let signed = format!("{}.{}", encode(br#"{"alg":"ES256","kid":"k","typ":"JWT"}"#), encode(claims.as_bytes()));
    let pair = p256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("in range");
    let signature: p256::ecdsa::Signature = pair.sign(signed.as_bytes());
    format!("{signed}.{}", encode(&signature.to_bytes())).into_bytes()
}

/// The principal that a token with `claims` makes.
pub(crate) fn principal(claims: &str) -> Principal {
    let issuers = issuers();
    let token = UnverifiedToken::parse(&token(claims)).expect("a token");
    let issuer = issuers.find(&token).expect("registered");
    let Ok(TokenVerification::Verified(token)) = token.verify(issuer, NOW) else { panic!("does not verify") };
    Principal::from(issuers.rules().permit(*token).expect("permitted"))
}

pub(crate) fn person() -> Principal {
    principal(PERSON)
}

/// With every extension that Fulcio defines.
pub(crate) fn build_job() -> Principal {
    let mut extensions: Vec<(u8, String)> = (2..=6).map(|number| (number, format!("raw claim {number}"))).collect();
    extensions.extend((9..=23).map(|number| (number, format!("https://git.example.com/claim/{number}/größe"))));
    principal(BUILD_JOB).with_extensions(extensions)
}

/// The ephemeral key of the caller.
pub(crate) fn applicant_key() -> FixedKey {
    FixedKey::p256(9)
}

/// That key as PEM, and its proof over `name`.
pub(crate) fn key_and_proof(name: &str) -> (Vec<u8>, Vec<u8>) {
    let key = applicant_key();
    let pem = pem::encode(&pem::Pem::new("PUBLIC KEY", key.public_key().spki_der()));
    (pem.into_bytes(), key.sign(name.as_bytes()).expect("signs"))
}
