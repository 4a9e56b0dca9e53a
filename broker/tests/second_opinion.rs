//! Our verifier beside `jsonwebtoken`, as a careful relying party would call it: the key by `kid` from the issuer's
//! JWK Set, the algorithms of that key's type, issuer, audience, a leeway of 30 seconds.
//!
//! Each row is a token with both verdicts. Where one takes what the other refuses, a reason stands beside it; where they
//! agree, none may. Whatever both take, they read alike.

use std::sync::OnceLock;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::issuer::{IssuerSpec, KeySource};
use broker::jose::{KeySet, MAX_TOKEN_BYTES};
use broker::names::{IssuerUrl, Rule};
use broker::profile::Profile;
use broker::registry::Issuers;
use broker::token::{UnverifiedToken, Verification, VerifiedToken};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, get_current_timestamp};
use serde_json::Value;
use shared::strict_json::Json;
use shared::time::UnixTime;

const ISS: &str = "https://idp.example.com";
/// An issuer whose set holds what no careful issuer publishes, and whose tokens may live for ever.
const ODD: &str = "https://odd.example.com";

/// What a verifier says of a token.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Ours {
    Takes,
    Refuses(Rule),
    /// No key of this `kid`: after one refresh of the set, a refusal.
    NeedsKeys,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Theirs {
    Takes,
    Refuses(&'static str),
    /// The caller finds no key for it, so the library is not asked.
    NoKey,
}

use Ours::{NeedsKeys, Refuses as R, Takes as Accept};
use Theirs::{NoKey, Refuses as E, Takes as Also};

struct Row {
    name: &'static str,
    /// What is sent when it is this many seconds since the epoch.
    token: Box<dyn Fn(u64) -> String>,
    ours: Ours,
    theirs: Theirs,
    reason: &'static str,
}

fn row(
    name: &'static str,
    token: impl Fn(u64) -> String + 'static,
    ours: Ours,
    theirs: Theirs,
    reason: &'static str,
) -> Row {
    Row { name, token: Box::new(token), ours, theirs, reason }
}

enum Key {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// The issuers' keys, and both parties' view of them.
struct World {
    p256: Key,
    /// `p256`, signing as X.509 does: in DER.
    p256_der: EcdsaKeyPair,
    p384: Key,
    p521: Key,
    ed25519: Key,
    rsa: Key,
    /// Of nobody.
    stranger: Key,
    issuers: Issuers,
    sets: [(&'static str, JwkSet); 2],
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Key {
    fn ecdsa(curve: &'static EcdsaSigningAlgorithm) -> Self {
        Self::Ecdsa(EcdsaKeyPair::generate(curve).expect("generates"))
    }

    /// Its public half as a JWK, with more members.
    fn jwk(&self, kid: &str, more: &str) -> String {
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

    fn signature(&self, algorithm: &str, input: &[u8]) -> Vec<u8> {
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

fn world() -> &'static World {
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
            include_str!("second_opinion/rsa-1024.jwk.json"),
            include_str!("second_opinion/rsa-e3.jwk.json"),
            include_str!("second_opinion/rsa-8192.jwk.json")
        );
        let spec = |iss: &str, jwks: &str, hours: u64| {
            let keys =
                KeySource::Pinned(std::sync::Arc::new(KeySet::from_jwks(jwks.as_bytes()).expect("is a key set")));
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

fn sign(key: &Key, header: &str, claims: &str) -> String {
    let input = format!("{}.{}", encode(header), encode(claims));
    let algorithm = header.split_once(r#""alg":""#).map_or("", |(_, rest)| &rest[..5]);
    format!("{input}.{}", encode(key.signature(algorithm, input.as_bytes())))
}

/// Good claims, with more members.
fn claims(now: u64, more: &str) -> String {
    format!(r#"{{"iss":"{ISS}","sub":"user-1","aud":"sigstore","iat":{now},"exp":{}{more}}}"#, now + 300)
}

/// Good claims but for one member, which is replaced or, by an empty text, left out.
fn but(now: u64, name: &str, member: &str) -> String {
    let members = [
        ("iss", format!(r#""iss":"{ISS}""#)),
        ("sub", r#""sub":"user-1""#.to_owned()),
        ("aud", r#""aud":"sigstore""#.to_owned()),
        ("iat", format!(r#""iat":{now}"#)),
        ("exp", format!(r#""exp":{}"#, now + 300)),
    ];
    assert!(members.iter().any(|(known, _)| *known == name), "{name}");
    let members = members.into_iter().map(|(known, good)| if known == name { member.to_owned() } else { good });
    format!("{{{}}}", members.filter(|member| !member.is_empty()).collect::<Vec<_>>().join(","))
}

const ES256: &str = r#"{"alg":"ES256","kid":"p256"}"#;

/// Signed by the P-256 key under this header, over good claims.
fn with_header(header: &'static str) -> impl Fn(u64) -> String {
    move |now| sign(&world().p256, header, &claims(now, ""))
}

/// Signed by the P-256 key over these claims.
fn with_claims(claims: impl Fn(u64) -> String) -> impl Fn(u64) -> String {
    move |now| sign(&world().p256, ES256, &claims(now))
}

/// Good claims with one member replaced.
fn with(name: &'static str, member: impl Fn(u64) -> String) -> impl Fn(u64) -> String {
    with_claims(move |now| but(now, name, &member(now)))
}

/// Good claims with more members.
fn and(more: impl Fn(u64) -> String) -> impl Fn(u64) -> String {
    with_claims(move |now| claims(now, &more(now)))
}

/// A good token, changed after it was signed.
fn changed(change: impl Fn(String) -> String) -> impl Fn(u64) -> String {
    move |now| change(sign(&world().p256, ES256, &claims(now, "")))
}

/// A good token with another signature.
fn signed_by(signature: impl Fn(&str) -> Vec<u8>) -> impl Fn(u64) -> String {
    changed(move |token| {
        let (input, _) = token.rsplit_once('.').expect("has three parts");
        format!("{input}.{}", encode(signature(input)))
    })
}

/// A good token of the odd issuer's.
fn odd(key: &'static str, header: &'static str) -> impl Fn(u64) -> String {
    move |now| {
        let world = world();
        let key = match key {
            "p384" => &world.p384,
            "rsa" => &world.rsa,
            _ => &world.p256,
        };
        sign(key, header, &claims(now, "").replace(ISS, ODD))
    }
}

fn algorithm(key: fn(&World) -> &Key, header: &'static str) -> impl Fn(u64) -> String {
    move |now| sign(key(world()), header, &claims(now, ""))
}

/// n − s for the s of an ECDSA signature on P-256 (FIPS 186-5 §6.4.2 takes both).
fn other_s(signature: &[u8]) -> Vec<u8> {
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").expect("is hex");
    let (r, s) = signature.split_at(32);
    let mut borrow = 0;
    let mut other: Vec<u8> = order
        .iter()
        .zip(s)
        .rev()
        .map(|(&n, &s)| {
            let difference = i16::from(n) - i16::from(s) - borrow;
            borrow = i16::from(difference < 0);
            difference.rem_euclid(256) as u8
        })
        .collect();
    other.reverse();
    [r, &other].concat()
}

fn algorithms() -> Vec<Row> {
    let same = "";
    let p521 = "RFC 7518 §3.4 has ES512; the library has not";
    vec![
        row("ES256", algorithm(|w| &w.p256, ES256), Accept, Also, same),
        row("ES384", algorithm(|w| &w.p384, r#"{"alg":"ES384","kid":"p384"}"#), Accept, Also, same),
        row("ES512", algorithm(|w| &w.p521, r#"{"alg":"ES512","kid":"p521"}"#), Accept, E("Json"), p521),
        row("EdDSA", algorithm(|w| &w.ed25519, r#"{"alg":"EdDSA","kid":"ed25519"}"#), Accept, Also, same),
        row("RS256", algorithm(|w| &w.rsa, r#"{"alg":"RS256","kid":"rsa"}"#), Accept, Also, same),
        row("RS384", algorithm(|w| &w.rsa, r#"{"alg":"RS384","kid":"rsa"}"#), Accept, Also, same),
        row("RS512", algorithm(|w| &w.rsa, r#"{"alg":"RS512","kid":"rsa"}"#), Accept, Also, same),
        row("PS256", algorithm(|w| &w.rsa, r#"{"alg":"PS256","kid":"rsa"}"#), Accept, Also, same),
        row("PS384", algorithm(|w| &w.rsa, r#"{"alg":"PS384","kid":"rsa"}"#), Accept, Also, same),
        row("PS512", algorithm(|w| &w.rsa, r#"{"alg":"PS512","kid":"rsa"}"#), Accept, Also, same),
        row(
            "alg none, no signature",
            |now| format!("{}.{}.", encode(r#"{"alg":"none","kid":"p256"}"#), encode(claims(now, ""))),
            R(Rule::T1),
            E("Json"),
            same,
        ),
        row("alg None", with_header(r#"{"alg":"None","kid":"p256"}"#), R(Rule::T1), E("Json"), same),
        row("no alg", with_header(r#"{"kid":"p256"}"#), R(Rule::T1), E("Json"), same),
        row("alg an array", with_header(r#"{"alg":["ES256"],"kid":"p256"}"#), R(Rule::T1), E("Json"), same),
        row("alg in small letters", with_header(r#"{"alg":"es256","kid":"p256"}"#), R(Rule::T1), E("Json"), same),
        row("ES256K", with_header(r#"{"alg":"ES256K","kid":"p256"}"#), R(Rule::T1), E("Json"), same),
        row(
            "Ed25519 by its name of RFC 9864",
            algorithm(|w| &w.ed25519, r#"{"alg":"Ed25519","kid":"ed25519"}"#),
            R(Rule::T1),
            E("Json"),
            same,
        ),
        row("HS256 keyed with the public key", confused, R(Rule::T1), E("InvalidAlgorithm"), same),
        row(
            "RS256 for an EC key",
            with_header(r#"{"alg":"RS256","kid":"p256"}"#),
            R(Rule::T1),
            E("InvalidAlgorithm"),
            same,
        ),
        row(
            "ES256 for a P-384 key",
            algorithm(|w| &w.p384, r#"{"alg":"ES256","kid":"p384"}"#),
            R(Rule::T1),
            E("InvalidSignature"),
            same,
        ),
        row(
            "ES384 for a P-256 key",
            with_header(r#"{"alg":"ES384","kid":"p256"}"#),
            R(Rule::T1),
            E("InvalidSignature"),
            same,
        ),
        row(
            "PS256 said, RS256 done",
            |now| {
                let header = r#"{"alg":"PS256","kid":"rsa"}"#;
                let input = format!("{}.{}", encode(header), encode(claims(now, "")));
                format!("{input}.{}", encode(world().rsa.signature("RS256", input.as_bytes())))
            },
            R(Rule::T1),
            E("InvalidSignature"),
            same,
        ),
    ]
}

/// The oldest attack: an HMAC over the public key, which everybody has.
fn confused(now: u64) -> String {
    let input = format!("{}.{}", encode(r#"{"alg":"HS256","kid":"p256"}"#), encode(claims(now, "")));
    let jwk = world().p256.jwk("p256", "");
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, jwk.as_bytes());
    format!("{input}.{}", encode(aws_lc_rs::hmac::sign(&key, input.as_bytes())))
}

fn keys() -> Vec<Row> {
    let same = "";
    let key_use = "RFC 7517 §4.2, §4.3: the set says what the key is for; the library does not ask";
    let private = "whoever reads the set can sign as the issuer; the library passes over members that it does not know";
    let exponent = "NIST SP 800-56B §6.2.1: e is at least 65537; the library takes any odd one";
    let long = "at most 4096 bits, so that a signature cannot be made costly to verify; the library takes 8192";
    vec![
        row(
            "another's key under our kid",
            |now| sign(&world().stranger, ES256, &claims(now, "")),
            R(Rule::T1),
            E("InvalidSignature"),
            same,
        ),
        row("an unknown kid", with_header(r#"{"alg":"ES256","kid":"rotated"}"#), NeedsKeys, NoKey, same),
        row("an empty kid", with_header(r#"{"alg":"ES256","kid":""}"#), NeedsKeys, NoKey, same),
        row("no kid, one key of the kind", with_header(r#"{"alg":"ES256"}"#), Accept, Also, same),
        row(
            "kid null",
            with_header(r#"{"alg":"ES256","kid":null}"#),
            R(Rule::T1),
            Also,
            "RFC 7515 §4.1.4: kid is a string; to serde null is the same as absent",
        ),
        row("kid a number", with_header(r#"{"alg":"ES256","kid":7}"#), R(Rule::T1), E("Json"), same),
        row("a key for encryption", odd("p256", r#"{"alg":"ES256","kid":"enc"}"#), NeedsKeys, Also, key_use),
        row("a key for key agreement", odd("p256", r#"{"alg":"ES256","kid":"derive"}"#), NeedsKeys, Also, key_use),
        row(
            "a key published with its private half",
            odd("p256", r#"{"alg":"ES256","kid":"private"}"#),
            NeedsKeys,
            Also,
            private,
        ),
        row(
            "a key whose alg does not fit its curve",
            odd("p384", r#"{"alg":"ES256","kid":"es256"}"#),
            NeedsKeys,
            E("InvalidSignature"),
            same,
        ),
        row("a key for PS256, with PS256", odd("rsa", r#"{"alg":"PS256","kid":"ps256"}"#), Accept, Also, same),
        row(
            "a key for PS256, with RS256",
            odd("rsa", r#"{"alg":"RS256","kid":"ps256"}"#),
            R(Rule::T1),
            E("InvalidAlgorithm"),
            same,
        ),
        row(
            "RSA of 1024 bits",
            |_| include_str!("second_opinion/rsa-1024.jwt").to_owned(),
            NeedsKeys,
            E("InvalidSignature"),
            same,
        ),
        row("RSA of 8192 bits", |_| include_str!("second_opinion/rsa-8192.jwt").to_owned(), NeedsKeys, Also, long),
        row(
            "RSA with the exponent 3",
            |_| include_str!("second_opinion/rsa-e3.jwt").to_owned(),
            NeedsKeys,
            Also,
            exponent,
        ),
    ]
}

fn headers() -> Vec<Row> {
    let same = "";
    let typ = "RFC 8725 §3.11: a token that is typed for something else is none; the library does not look at typ";
    let critical = "RFC 7515 §4.1.11: we know no extension, so any crit is refused; the library knows b64 (RFC 7797)";
    let foreign = "RFC 7515 §4: a parameter that is not used is passed over; the library reads its form first";
    let b64 = "RFC 7797 §6: b64 binds only if crit names it, and any crit is refused here; the library reads b64 alone";
    let twice = "RFC 7515 §4: parameter names occur once; the library takes the last of those that it does not know";
    vec![
        row("typ JWT", with_header(r#"{"alg":"ES256","kid":"p256","typ":"JWT"}"#), Accept, Also, same),
        row("typ JOSE", with_header(r#"{"alg":"ES256","kid":"p256","typ":"JOSE"}"#), Accept, Also, same),
        row("typ at+jwt", with_header(r#"{"alg":"ES256","kid":"p256","typ":"at+jwt"}"#), R(Rule::T1), Also, typ),
        row("typ dpop+jwt", with_header(r#"{"alg":"ES256","kid":"p256","typ":"dpop+jwt"}"#), R(Rule::T1), Also, typ),
        row(
            "typ logout+jwt",
            with_header(r#"{"alg":"ES256","kid":"p256","typ":"logout+jwt"}"#),
            R(Rule::T1),
            Also,
            typ,
        ),
        row(
            "typ in small letters",
            with_header(r#"{"alg":"ES256","kid":"p256","typ":"jwt"}"#),
            R(Rule::T1),
            Also,
            "RFC 7515 §4.1.9 compares media types without case, RFC 7519 §5.1 recommends JWT; no issuer writes another",
        ),
        row("typ null", with_header(r#"{"alg":"ES256","kid":"p256","typ":null}"#), R(Rule::T1), Also, typ),
        row(
            "crit empty",
            with_header(r#"{"alg":"ES256","kid":"p256","crit":[]}"#),
            R(Rule::T1),
            E("InvalidToken"),
            same,
        ),
        row(
            "crit unknown",
            with_header(r#"{"alg":"ES256","kid":"p256","crit":["exp"],"exp":1}"#),
            R(Rule::T1),
            E("InvalidToken"),
            same,
        ),
        row(
            "crit b64, true",
            with_header(r#"{"alg":"ES256","kid":"p256","crit":["b64"],"b64":true}"#),
            R(Rule::T1),
            Also,
            critical,
        ),
        row(
            "crit b64, false",
            with_header(r#"{"alg":"ES256","kid":"p256","crit":["b64"],"b64":false}"#),
            R(Rule::T1),
            E("InvalidToken"),
            same,
        ),
        row(
            "b64 false without crit",
            with_header(r#"{"alg":"ES256","kid":"p256","b64":false}"#),
            Accept,
            E("InvalidToken"),
            b64,
        ),
        row("alg twice", with_header(r#"{"alg":"ES256","alg":"none","kid":"p256"}"#), R(Rule::T1), E("Json"), same),
        row(
            "a parameter of no meaning twice",
            with_header(r#"{"alg":"ES256","kid":"p256","x":1,"x":2}"#),
            R(Rule::T1),
            Also,
            twice,
        ),
        row("the header an array", with_header(r#"["JWT","ES256"]"#), R(Rule::T1), E("Json"), same),
        row(
            "another's key inside",
            |now| {
                let stranger = &world().stranger;
                let header = format!(r#"{{"alg":"ES256","kid":"p256","jwk":{}}}"#, stranger.jwk("p256", ""));
                sign(stranger, &header, &claims(now, ""))
            },
            R(Rule::T1),
            E("InvalidSignature"),
            same,
        ),
        row(
            "another's key inside, signed by ours",
            |now| {
                let header = format!(r#"{{"alg":"ES256","kid":"p256","jwk":{}}}"#, world().stranger.jwk("p256", ""));
                sign(&world().p256, &header, &claims(now, ""))
            },
            Accept,
            Also,
            same,
        ),
        row(
            "jku and x5u",
            with_header(r#"{"alg":"ES256","kid":"p256","jku":"https://evil.net","x5u":"https://evil.net"}"#),
            Accept,
            Also,
            same,
        ),
        row("x5c a string", with_header(r#"{"alg":"ES256","kid":"p256","x5c":"MII"}"#), Accept, E("Json"), foreign),
        row("a nonce, as Azure writes", with_header(r#"{"alg":"ES256","kid":"p256","nonce":"n"}"#), Accept, Also, same),
        row(
            "a header nested too deep",
            |now| {
                let header = format!(r#"{{"alg":"ES256","kid":"p256","x":{}{}}}"#, "[".repeat(40), "]".repeat(40));
                sign(&world().p256, &header, &claims(now, ""))
            },
            R(Rule::T1),
            Also,
            "RFC 8259 §9: a parser may limit depth; ours 32, the library's 128",
        ),
    ]
}

fn envelopes() -> Vec<Row> {
    let same = "";
    let long = "16 KiB are more than any issuer writes; the library leaves a bound to its caller";
    vec![
        row("nothing", |_| String::new(), R(Rule::T1), E("InvalidToken"), same),
        row("two parts", |_| "e30.e30".to_owned(), R(Rule::T1), E("InvalidToken"), same),
        row("four parts", changed(|token| token + ".AAAA"), R(Rule::T1), E("Base64"), same),
        row("a dot before", changed(|token| format!(".{token}")), R(Rule::T1), E("Base64"), same),
        row("padding", changed(|token| token + "=="), R(Rule::T1), E("Base64"), same),
        row("a line break after", changed(|token| token + "\n"), R(Rule::T1), E("Base64"), same),
        row("a space before", changed(|token| format!(" {token}")), R(Rule::T1), E("Base64"), same),
        row(
            "the other alphabet",
            changed(|token| {
                let (input, signature) = token.rsplit_once('.').expect("has three parts");
                format!("{input}.+/{}", &signature[2..])
            }),
            R(Rule::T1),
            E("Base64"),
            same,
        ),
        row(
            "stray bits at the end",
            changed(|mut token| {
                // 64 bytes leave four bits of the last character unused.
                let last = token.pop().expect("is not empty");
                let next = char::from(last as u8 + 1);
                token.push(next);
                token
            }),
            R(Rule::T1),
            E("Base64"),
            same,
        ),
        row(
            "no signature",
            changed(|token| token[..=token.rfind('.').expect("has dots")].to_owned()),
            R(Rule::T1),
            E("InvalidSignature"),
            same,
        ),
        row("r and s zero", signed_by(|_| vec![0; 64]), R(Rule::T1), E("InvalidSignature"), same),
        row("r and s 255", signed_by(|_| vec![0xff; 64]), R(Rule::T1), E("InvalidSignature"), same),
        row(
            "a signature in DER",
            signed_by(|input| {
                world().p256_der.sign(&SystemRandom::new(), input.as_bytes()).expect("signs").as_ref().to_vec()
            }),
            R(Rule::T1),
            E("InvalidSignature"),
            same,
        ),
        row(
            "a signature cut short",
            signed_by(|input| world().p256.signature("ES256", input.as_bytes())[..63].to_vec()),
            R(Rule::T1),
            E("InvalidSignature"),
            same,
        ),
        row(
            "a signature too long",
            signed_by(|input| [world().p256.signature("ES256", input.as_bytes()), vec![0]].concat()),
            R(Rule::T1),
            E("InvalidSignature"),
            same,
        ),
        row(
            "the signature's other s",
            signed_by(|input| other_s(&world().p256.signature("ES256", input.as_bytes()))),
            Accept,
            Also,
            same,
        ),
        row(
            "one changed claim",
            |now| {
                let token = sign(&world().p256, ES256, &claims(now, ""));
                let (header, signature) = (
                    token.split('.').next().expect("has three parts"),
                    token.rsplit('.').next().expect("has three parts"),
                );
                format!("{header}.{}.{signature}", encode(claims(now, r#","admin":true"#)))
            },
            R(Rule::T1),
            E("InvalidSignature"),
            same,
        ),
        row("just short enough", |now| long_token(now, MAX_TOKEN_BYTES), Accept, Also, same),
        row("too long", |now| long_token(now, MAX_TOKEN_BYTES + 4), R(Rule::T1), Also, long),
    ]
}

/// A good token of at most `length` bytes and at least six fewer.
fn long_token(now: u64, length: usize) -> String {
    let token =
        |filling: usize| sign(&world().p256, ES256, &claims(now, &format!(r#","x":"{}""#, "x".repeat(filling))));
    let filling = (length - token(0).len()) * 3 / 4;
    let best = (filling - 6..filling + 6).rev().map(token).find(|token| token.len() <= length);
    best.expect("some filling fits")
}

fn claim_forms() -> Vec<Row> {
    let same = "";
    let other_iss = "RFC 7519 §4.1.1: iss is a string; the library takes an array in which ours is";
    let twice = "RFC 7519 §4: claim names occur once; the library takes the last of those that it does not check";
    vec![
        row("no iss", with("iss", |_| String::new()), R(Rule::T2), E("MissingRequiredClaim"), same),
        row(
            "another iss",
            with("iss", |_| r#""iss":"https://evil.net""#.to_owned()),
            R(Rule::I2),
            E("InvalidIssuer"),
            same,
        ),
        row(
            "iss with a slash more",
            with("iss", |_| format!(r#""iss":"{ISS}/""#)),
            R(Rule::I2),
            E("InvalidIssuer"),
            same,
        ),
        row(
            "iss in another case",
            with("iss", |_| format!(r#""iss":"{}""#, ISS.replace("idp", "IDP"))),
            R(Rule::I2),
            E("InvalidIssuer"),
            same,
        ),
        row(
            "iss spelled with escapes",
            with("iss", |_| format!(r#""iss":"{}""#, ISS.replace('/', "\\/"))),
            Accept,
            Also,
            same,
        ),
        row("iss empty", with("iss", |_| r#""iss":"""#.to_owned()), R(Rule::T2), E("InvalidIssuer"), same),
        row("iss a number", with("iss", |_| r#""iss":7"#.to_owned()), R(Rule::T2), E("MissingRequiredClaim"), same),
        row(
            "iss an array",
            with("iss", |_| format!(r#""iss":["{ISS}","https://evil.net"]"#)),
            R(Rule::T2),
            Also,
            other_iss,
        ),
        row(
            "iss twice",
            with("iss", |_| format!(r#""iss":"https://evil.net","iss":"{ISS}""#)),
            R(Rule::T1),
            E("Json"),
            same,
        ),
        row("no sub", with("sub", |_| String::new()), R(Rule::T1), E("MissingRequiredClaim"), same),
        row(
            "sub empty",
            with("sub", |_| r#""sub":"""#.to_owned()),
            R(Rule::T1),
            Also,
            "OpenID Connect Core §2: an identifier, so not nothing; the library asks only that it is there",
        ),
        row("sub a number", with("sub", |_| r#""sub":5"#.to_owned()), R(Rule::T1), E("MissingRequiredClaim"), same),
        row(
            "sub with a NUL",
            with("sub", |_| r#""sub":"a\u0000b""#.to_owned()),
            R(Rule::T1),
            Also,
            "sub goes into certificates and logs; the library leaves its characters to its caller",
        ),
        row(
            "sub of 2049 bytes",
            with("sub", |_| format!(r#""sub":"{}""#, "x".repeat(2049))),
            R(Rule::T1),
            Also,
            "OpenID Connect Core §2 has 255, SPIFFE-ID §2.3 has 2048; the library leaves a bound to its caller",
        ),
        row(
            "sub with half a surrogate pair",
            with("sub", |_| r#""sub":"a\ud800""#.to_owned()),
            R(Rule::T1),
            E("Json"),
            same,
        ),
        row(
            "a claim twice",
            and(|_| r#","email":"a@example.com","email":"b@example.com""#.to_owned()),
            R(Rule::T1),
            Also,
            twice,
        ),
        row("a member twice inside a claim", and(|_| r#","x":{"y":1,"y":2}"#.to_owned()), R(Rule::T1), Also, twice),
        row(
            "claims nested too deep",
            and(|_| format!(r#","x":{}{}"#, "[".repeat(40), "]".repeat(40))),
            R(Rule::T1),
            Also,
            "RFC 8259 §9: a parser may limit depth; ours 32, the library's 128",
        ),
        row(
            "claims nested far too deep",
            and(|_| format!(r#","x":{}{}"#, "[".repeat(200), "]".repeat(200))),
            R(Rule::T1),
            E("Json"),
            same,
        ),
        row(
            "the claims an array",
            with_claims(|now| format!(r#"[{},{},"user-1","{ISS}","sigstore"]"#, now + 300, now)),
            R(Rule::T1),
            Also,
            "RFC 7519 §7.2(10): the claims set is an object; serde reads a structure from an array too",
        ),
        row(
            "the claims no UTF-8",
            |now| {
                let mut bytes = claims(now, r#","x":"?""#).into_bytes();
                let at = bytes.len() - 3;
                bytes[at] = 0xff;
                let input = format!("{}.{}", encode(ES256), encode(bytes));
                format!("{input}.{}", encode(world().p256.signature("ES256", input.as_bytes())))
            },
            R(Rule::T1),
            E("Json"),
            same,
        ),
        row(
            "a byte order mark",
            with_claims(|now| format!("\u{feff}{}", claims(now, ""))),
            R(Rule::T1),
            E("Json"),
            same,
        ),
        row("spaces around the claims", with_claims(|now| format!(" \n{} ", claims(now, ""))), Accept, Also, same),
        row("something behind the claims", with_claims(|now| claims(now, "") + "{}"), R(Rule::T1), E("Json"), same),
        row(
            "a number that no float holds",
            and(|_| r#","x":1e999"#.to_owned()),
            Accept,
            E("Json"),
            "RFC 8259 §6 sets numbers no bound; ours keep their digits, the library's are floats",
        ),
        row(
            "a number with more digits than a float",
            and(|_| r#","id":12345678901234567890123"#.to_owned()),
            Accept,
            Also,
            same,
        ),
    ]
}

fn audiences() -> Vec<Row> {
    let same = "";
    let only = "OpenID Connect Core §3.1.3.7(3): another audience could use the token here; the library takes any that \
                has ours among them";
    vec![
        row("aud an array of ours", with("aud", |_| r#""aud":["sigstore"]"#.to_owned()), Accept, Also, same),
        row(
            "aud ours and another",
            with("aud", |_| r#""aud":["sigstore","other"]"#.to_owned()),
            R(Rule::T3),
            Also,
            only,
        ),
        row("aud ours twice", with("aud", |_| r#""aud":["sigstore","sigstore"]"#.to_owned()), R(Rule::T3), Also, only),
        row("aud another", with("aud", |_| r#""aud":"other""#.to_owned()), R(Rule::T3), E("InvalidAudience"), same),
        row(
            "aud in another case",
            with("aud", |_| r#""aud":"Sigstore""#.to_owned()),
            R(Rule::T3),
            E("InvalidAudience"),
            same,
        ),
        row(
            "aud ours as a part",
            with("aud", |_| r#""aud":"sigstore other""#.to_owned()),
            R(Rule::T3),
            E("InvalidAudience"),
            same,
        ),
        row("no aud", with("aud", |_| String::new()), R(Rule::T3), E("MissingRequiredClaim"), same),
        row("aud null", with("aud", |_| r#""aud":null"#.to_owned()), R(Rule::T3), E("MissingRequiredClaim"), same),
        row("aud empty", with("aud", |_| r#""aud":[]"#.to_owned()), R(Rule::T3), E("InvalidAudience"), same),
        row(
            "aud with a number",
            with("aud", |_| r#""aud":["sigstore",1]"#.to_owned()),
            R(Rule::T3),
            E("MissingRequiredClaim"),
            same,
        ),
        row(
            "aud an object",
            with("aud", |_| r#""aud":{"a":"sigstore"}"#.to_owned()),
            R(Rule::T3),
            E("MissingRequiredClaim"),
            same,
        ),
        row("aud twice", with("aud", |_| r#""aud":"other","aud":"sigstore""#.to_owned()), R(Rule::T1), E("Json"), same),
    ]
}

fn times() -> Vec<Row> {
    let same = "";
    let border = "RFC 7519 §4.1.4: not on or after exp; to the library the second of exp, plus leeway, is still before";
    let cut = "RFC 7519 §2 allows fractions; ours are cut, the library's rounded, and either is within a second";
    let exponent = "RFC 7519 §2: a date may have an exponent, but no issuer writes one; the library takes it";
    let iat = "RFC 7519 §4.1.6 asks nothing of iat; ours may not lie in the future (T4); the library does not read it";
    let lifetime = "T4: a stolen token should soon be worthless; the library leaves the length of a life to its caller";
    vec![
        row("exp in the leeway", with("exp", |now| format!(r#""exp":{}"#, now - 29)), Accept, Also, same),
        row("exp on the border", with("exp", |now| format!(r#""exp":{}"#, now - 30)), R(Rule::T4), Also, border),
        row(
            "exp past the border",
            with("exp", |now| format!(r#""exp":{}"#, now - 31)),
            R(Rule::T4),
            E("ExpiredSignature"),
            same,
        ),
        row(
            "exp past the border by a fraction",
            with("exp", |now| format!(r#""exp":{}.6"#, now - 31)),
            R(Rule::T4),
            Also,
            cut,
        ),
        row("no exp", with("exp", |_| String::new()), R(Rule::T4), E("MissingRequiredClaim"), same),
        row("exp null", with("exp", |_| r#""exp":null"#.to_owned()), R(Rule::T4), E("MissingRequiredClaim"), same),
        row(
            "exp a string",
            with("exp", |now| format!(r#""exp":"{}""#, now + 300)),
            R(Rule::T4),
            E("MissingRequiredClaim"),
            same,
        ),
        row(
            "exp negative",
            with("exp", |now| format!(r#""exp":-{}"#, now + 300)),
            R(Rule::T4),
            E("MissingRequiredClaim"),
            same,
        ),
        row("exp minus zero", with("exp", |_| r#""exp":-0"#.to_owned()), R(Rule::T4), E("ExpiredSignature"), same),
        row("exp with a fraction", with("exp", |now| format!(r#""exp":{}.25"#, now + 300)), Accept, Also, same),
        row(
            "exp with an exponent",
            with("exp", |now| format!(r#""exp":{}e2"#, now / 100 + 3)),
            R(Rule::T4),
            Also,
            exponent,
        ),
        row(
            "exp of 128 bits",
            with("exp", |_| r#""exp":99999999999999999999999999"#.to_owned()),
            R(Rule::T4),
            E("MissingRequiredClaim"),
            same,
        ),
        row("exp far off", with("exp", |_| r#""exp":18446744073709551615"#.to_owned()), R(Rule::T4), Also, lifetime),
        row(
            "exp twice",
            with("exp", |now| format!(r#""exp":{},"exp":{}"#, now - 100, now + 100)),
            R(Rule::T1),
            E("Json"),
            same,
        ),
        row("a life of an hour", with("exp", |now| format!(r#""exp":{}"#, now + 3600)), Accept, Also, same),
        row(
            "a life of an hour and a second",
            with("exp", |now| format!(r#""exp":{}"#, now + 3601)),
            R(Rule::T4),
            Also,
            lifetime,
        ),
        row("a life without a beginning", with("iat", |_| String::new()), Accept, Also, same),
        row("nbf in the leeway", and(|now| format!(r#","nbf":{}"#, now + 30)), Accept, Also, same),
        row(
            "nbf past the leeway",
            and(|now| format!(r#","nbf":{}"#, now + 31)),
            R(Rule::T4),
            E("ImmatureSignature"),
            same,
        ),
        row(
            "nbf past the leeway by a fraction",
            and(|now| format!(r#","nbf":{}.6"#, now + 30)),
            Accept,
            E("ImmatureSignature"),
            cut,
        ),
        row("nbf a string", and(|now| format!(r#","nbf":"{now}""#)), R(Rule::T4), E("InvalidClaimFormat"), same),
        row("nbf negative", and(|_| r#","nbf":-1"#.to_owned()), R(Rule::T4), E("InvalidClaimFormat"), same),
        row("nbf null", and(|_| r#","nbf":null"#.to_owned()), R(Rule::T4), E("InvalidClaimFormat"), same),
        row("nbf with an exponent", and(|_| r#","nbf":1e9"#.to_owned()), R(Rule::T4), Also, exponent),
        row("iat in the leeway", with("iat", |now| format!(r#""iat":{}"#, now + 30)), Accept, Also, same),
        row("iat in the future", with("iat", |now| format!(r#""iat":{}"#, now + 31)), R(Rule::T4), Also, iat),
        row("iat a string", with("iat", |now| format!(r#""iat":"{now}""#)), R(Rule::T4), Also, iat),
        row("iat negative", with("iat", |_| r#""iat":-1"#.to_owned()), R(Rule::T4), Also, iat),
        row(
            "iat twice",
            with("iat", |now| format!(r#""iat":{now},"iat":{now}"#)),
            R(Rule::T1),
            Also,
            "RFC 7519 §4: claim names occur once; the library takes the last of those that it does not check",
        ),
    ]
}

fn ours(token: &str, now: u64) -> (Ours, Option<VerifiedToken>) {
    let parsed = UnverifiedToken::parse(token.as_bytes());
    let verified = parsed.and_then(|token| {
        let issuer = world().issuers.find(&token)?;
        token.verify(issuer, UnixTime::from_seconds(now))
    });
    match verified {
        Ok(Verification::Verified(token)) => (Ours::Takes, Some(*token)),
        Ok(Verification::NeedsKeys(_)) => (Ours::NeedsKeys, None),
        Err(error) => (Ours::Refuses(error.rule()), None),
    }
}

/// What a careful caller does with the library: whose set it is, is known from elsewhere.
fn theirs(token: &str) -> (Theirs, Option<Value>) {
    let (iss, set) = world().sets.iter().find(|(iss, _)| *iss == claimed(token)).unwrap_or(&world().sets[0]);
    let refuse = |error: jsonwebtoken::errors::Error| (Theirs::Refuses(name_of(error.kind())), None);
    let header = match decode_header(token) {
        Ok(header) => header,
        Err(error) => return refuse(error),
    };
    let found = match &header.kid {
        Some(kid) => set.find(kid),
        None => set.keys.iter().find(|jwk| algorithms_of(jwk).contains(&header.alg)),
    };
    let Some(jwk) = found else { return (Theirs::NoKey, None) };
    let key = match DecodingKey::from_jwk(jwk) {
        Ok(key) => key,
        Err(error) => return refuse(error),
    };
    let mut validation = Validation::new(header.alg);
    validation.algorithms = algorithms_of(jwk);
    validation.leeway = 30;
    validation.validate_nbf = true;
    validation.set_audience(&["sigstore"]);
    validation.set_issuer(&[iss]);
    validation.set_required_spec_claims(&["aud", "exp", "iss", "sub"]);
    match decode::<Value>(token, &key, &validation) {
        Ok(token) => (Theirs::Takes, Some(token.claims)),
        Err(error) => refuse(error),
    }
}

fn claimed(token: &str) -> String {
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(token).map(|token| token.claims);
    claims.ok().and_then(|claims| claims["iss"].as_str().map(str::to_owned)).unwrap_or_default()
}

/// The algorithms of a key: the one that it states, or those of its type. The library asks for one family at a time, and
/// does not tell curves apart.
fn algorithms_of(jwk: &Jwk) -> Vec<Algorithm> {
    if let Some(stated) = jwk.common.key_algorithm {
        return Algorithm::try_from(stated).into_iter().collect();
    }
    match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => vec![
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(key) if key.curve != EllipticCurve::P521 => {
            vec![Algorithm::ES256, Algorithm::ES384]
        }
        AlgorithmParameters::OctetKeyPair(_) => vec![Algorithm::EdDSA],
        _ => Vec::new(),
    }
}

fn name_of(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Base64(_) => "Base64",
        ErrorKind::ExpiredSignature => "ExpiredSignature",
        ErrorKind::ImmatureSignature => "ImmatureSignature",
        ErrorKind::InvalidAlgorithm => "InvalidAlgorithm",
        ErrorKind::InvalidAudience => "InvalidAudience",
        ErrorKind::InvalidClaimFormat(_) => "InvalidClaimFormat",
        ErrorKind::InvalidIssuer => "InvalidIssuer",
        ErrorKind::InvalidSignature => "InvalidSignature",
        ErrorKind::InvalidToken => "InvalidToken",
        ErrorKind::Json(_) => "Json",
        ErrorKind::MissingRequiredClaim(_) => "MissingRequiredClaim",
        other => panic!("no row expects {other:?}"),
    }
}

/// Our value as serde would have read it: numbers are floats where they are no integers of 64 bits.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(fact) => Value::Bool(*fact),
        Json::Number(text) => serde_json::from_str(text).expect("is a number"),
        Json::String(text) => Value::String(text.clone()),
        Json::Array(elements) => elements.iter().map(value).collect(),
        Json::Object(members) => members.iter().map(|(name, json)| (name.clone(), value(json))).collect(),
    }
}

#[test]
fn where_the_library_differs_there_is_a_reason() {
    let groups = [algorithms(), keys(), headers(), envelopes(), claim_forms(), audiences(), times()];
    let rows: Vec<Row> = groups.into_iter().flatten().collect();
    let mut problems = Vec::new();
    for row in &rows {
        // The library reads the clock itself, so ours is read from it, and again if a second ended meanwhile.
        let (ours, theirs) = loop {
            let now = get_current_timestamp();
            let token = (row.token)(now);
            let verdicts = (ours(&token, now), theirs(&token));
            if get_current_timestamp() == now {
                break verdicts;
            }
        };
        if (&ours.0, &theirs.0) != (&row.ours, &row.theirs) {
            problems.push(format!("{}: {:?}, {:?}; not {:?}, {:?}", row.name, ours.0, theirs.0, row.ours, row.theirs));
        }
        let differ = (row.ours == Ours::Takes) != (row.theirs == Theirs::Takes);
        if differ == row.reason.is_empty() {
            problems.push(format!("{}: a reason stands where none is needed, or none where one is", row.name));
        }
        if let ((_, Some(ours)), (_, Some(theirs))) = (ours, theirs) {
            let claims: Value = ours.claims().iter().map(|(name, json)| (name.clone(), value(json))).collect();
            if claims != theirs {
                problems.push(format!("{}: {claims} is not {theirs}", row.name));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let mut names: Vec<_> = rows.iter().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), rows.len(), "two rows have one name");
}
