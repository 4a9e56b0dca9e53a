//! Our verifier against `jsonwebtoken`: what we take, the library takes too and reads alike, but for what
//! [`is_their_own`] names; what it takes and we refuse, we refuse by a rule of ours that it does not have.
//! `broker/tests/second_opinion.rs` holds the same in a table, with reasons.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::issuer::{Issuer, IssuerSpec, KeySource};
use broker::jose::{JoseError, KeySet, TokenPart};
use broker::names::IssuerUrl;
use broker::profile::Profile;
use broker::registry::Issuers;
use broker::token::{LEEWAY, TokenError, TokenVerification, UnverifiedToken, VerifiedToken};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, get_current_timestamp};
use serde_json::Value;
use shared::strict_json::{Json, JsonError, Object, parse_object};
use shared::time::UnixTime;

const P256: &str = include_str!("../seeds/jwks/p256");
/// When the signed seed of `identity_token` was good. It is in the past, see [`theirs`].
const NOW: u64 = 1_795_258_320;
const ISS: &str = "https://issuer.example";
const AUDIENCE: &str = "sigstore";

/// An issuer's keys: the one that signed the seed, and one that signs whatever the fuzzer makes of header and claims.
/// Its signatures are the same every time.
struct World {
    signer: Ed25519KeyPair,
    issuers: Issuers,
    record: Arc<Issuer>,
    set: JwkSet,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let signer = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed");
    let mut set: Value = serde_json::from_str(P256).expect("JSON");
    let x = URL_SAFE_NO_PAD.encode(signer.public_key());
    let entry = serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "kid": "k2", "x": x });
    set["keys"].as_array_mut().expect("keys").push(entry);
    let keys = KeySource::Pinned(Arc::new(KeySet::from_jwks(set.to_string().as_bytes()).expect("keys")));
    let iss = IssuerUrl::parse(ISS).expect("an issuer");
    let spec = IssuerSpec::new("example", iss, Profile::Human, keys);
    let issuers = Issuers::build(vec![spec], Vec::new()).expect("a record");
    let claims = format!(r#"{{"iss":"{ISS}"}}"#);
    let any = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA"}"#), URL_SAFE_NO_PAD.encode(claims));
    let any = UnverifiedToken::parse(any.as_bytes()).expect("a token");
    let record = Arc::clone(issuers.find(&any).expect("the record"));
    World { signer, issuers, record, set: serde_json::from_value(set).expect("keys") }
});

/// A token as it was sent; and, where there is a line break, a header and claims as their issuer might sign them.
pub fn second_opinion(bytes: &[u8]) {
    compare(bytes);
    if let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
        let (header, claims) = (URL_SAFE_NO_PAD.encode(&bytes[..at]), URL_SAFE_NO_PAD.encode(&bytes[at + 1..]));
        let input = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(WORLD.signer.sign(input.as_bytes()));
        compare(format!("{input}.{signature}").as_bytes());
    }
}

fn compare(token: &[u8]) {
    match (ours(token), theirs(token)) {
        (Ok(ours), Ok(theirs)) => {
            let claims: Value = ours.claims().iter().map(|(name, json)| (name.clone(), value(json))).collect();
            assert_eq!(claims, theirs);
        }
        (Ok(ours), Err(kind)) => assert!(is_their_own(&kind, token, &ours), "the library refuses: {kind:?}"),
        (Err(refusal), Ok(claims)) => assert!(is_our_own(&refusal, &claims), "the library takes it: {refusal:?}"),
        (Err(_), Err(_)) => {}
    }
}

#[derive(Debug)]
enum Refusal {
    Token(TokenError),
    NeedsKeys,
}

fn ours(token: &[u8]) -> Result<VerifiedToken, Refusal> {
    let token = UnverifiedToken::parse(token).map_err(Refusal::Token)?;
    // The record is the one that the registry would find, or there is none.
    assert!(WORLD.issuers.find(&token).is_ok() == (token.issuer() == Some(ISS)));
    match token.verify(&WORLD.record, UnixTime::from_seconds(NOW)).map_err(Refusal::Token)? {
        TokenVerification::Verified(token) => Ok(*token),
        TokenVerification::NeedsKeys(_) => Err(Refusal::NeedsKeys),
    }
}

/// The key by `kid`, or the one for the algorithm. The library reads the clock itself: its leeway is as long as makes
/// `exp` count as it did then. For `nbf` it would have to be shorter than none, so that is left to the table.
fn theirs(token: &[u8]) -> Result<Value, ErrorKind> {
    let header = decode_header(token).map_err(|error| error.into_kind())?;
    let keys = WORLD.set.keys.iter().zip([Algorithm::ES256, Algorithm::EdDSA]);
    let found = match &header.kid {
        Some(kid) => keys.into_iter().find(|(key, _)| key.common.key_id.as_ref() == Some(kid)),
        None => keys.into_iter().find(|(_, algorithm)| *algorithm == header.alg),
    };
    let Some((key, algorithm)) = found else { return Err(ErrorKind::InvalidKeyFormat) };
    let key = DecodingKey::from_jwk(key).map_err(|error| error.into_kind())?;
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISS]);
    validation.set_required_spec_claims(&["aud", "exp", "iss", "sub"]);
    loop {
        let clock = get_current_timestamp();
        validation.leeway = (clock + LEEWAY.as_secs()).saturating_sub(NOW);
        let verdict = decode::<Value>(token, &key, &validation);
        if get_current_timestamp() == clock {
            return verdict.map(|token| token.claims).map_err(|error| error.into_kind());
        }
    }
}

/// Whether a refusal is one that the library need not share. A new kind of refusal has to be put somewhere here.
fn is_our_own(refusal: &Refusal, claims: &Value) -> bool {
    match refusal {
        Refusal::Token(error) => is_our_own_rule(error, claims),
        // The caller of the library had no key either.
        Refusal::NeedsKeys => false,
    }
}

fn is_our_own_rule(error: &TokenError, claims: &Value) -> bool {
    match error {
        TokenError::Jose(error) => is_our_own_form(error, claims),
        // T3: one audience. One that is not ours, nobody takes.
        TokenError::Audience { found, .. } => found.len() > 1,
        // T4: the library takes the second of `exp`, and rounds a fraction up to it.
        TokenError::Expired { expired_at, .. } => {
            expired_at + LEEWAY.as_secs() + 1 >= NOW || get_current_timestamp() < NOW
        }
        // T4: the library has no bound of lives, and reads no `iat`; its `nbf` is off here.
        TokenError::Lifetime { .. } | TokenError::NotYet { .. } => true,
        TokenError::AlgorithmNotAllowed { .. }
        | TokenError::IssuerMismatch(_)
        | TokenError::IssuerUnknown(_)
        | TokenError::TrustDomainUnknown(_) => false,
    }
}

fn is_our_own_form(error: &JoseError, claims: &Value) -> bool {
    match error {
        // T1: a bound, no extensions, and only tokens that are typed as such.
        JoseError::Critical | JoseError::TooLong { .. } | JoseError::Type(_) => true,
        JoseError::Json { part, error } => is_our_own_json(*part, error, claims),
        // T1: to serde null is the same as absent.
        JoseError::HeaderType(name) => ["kid", "typ"].contains(name),
        JoseError::ClaimForm(name) => match *name {
            // T2: the library takes an array with ours in it.
            "iss" => claims["iss"].is_array(),
            // T1: nothing, control characters, and too much of it.
            "sub" => claims["sub"].is_string(),
            // T4: the library takes exponents.
            "exp" => claims["exp"].is_f64(),
            // T4: the library does not read them here.
            "iat" | "nbf" => true,
            _ => false,
        },
        JoseError::AlgorithmUnknown(_)
        | JoseError::Base64(_)
        | JoseError::ClaimMissing(_)
        | JoseError::KeyAmbiguous { .. }
        | JoseError::KeyUnsuitable(_)
        | JoseError::Segments
        | JoseError::Signature => false,
    }
}

fn is_our_own_json(part: TokenPart, error: &JsonError, claims: &Value) -> bool {
    match error {
        JsonError::Duplicate { .. } | JsonError::TooDeep { .. } => true,
        // RFC 7519 §7.2(10): serde reads a structure from an array too.
        JsonError::Syntax { at } => *at == 0 && part == TokenPart::Claims && claims.is_array(),
        JsonError::Encoding { .. } | JsonError::Shape(_) | JsonError::TooLong { .. } => false,
    }
}

/// Whether the library refuses for a reason that we need not share: it reads the form of parameters that it does not
/// use (RFC 7515 §4 has them passed over), `b64` without `crit` (RFC 7797 §6), and numbers that no float holds (RFC
/// 8259 §6).
fn is_their_own(kind: &ErrorKind, token: &[u8], ours: &VerifiedToken) -> bool {
    let encoded = token.split(|byte| *byte == b'.').next().expect("a part");
    let header = URL_SAFE_NO_PAD.decode(encoded).expect("base64url, as we took it");
    let header: Object = parse_object(&header, header.len()).expect("an object, as we took it");
    match kind {
        ErrorKind::InvalidToken => header.contains_key("b64"),
        ErrorKind::Json(_) => {
            let read = ["cty", "enc", "jku", "jwk", "nonce", "url", "x5c", "x5t", "x5t#S256", "x5u", "zip"];
            read.iter().any(|name| header.contains_key(*name))
                || header.values().any(is_beyond_floats)
                || ours.claims().iter().any(|(_, json)| is_beyond_floats(json))
        }
        _ => false,
    }
}

fn is_beyond_floats(json: &Json) -> bool {
    match json {
        Json::Number(text) => text.parse::<f64>().is_ok_and(f64::is_infinite),
        Json::Array(elements) => elements.iter().any(is_beyond_floats),
        Json::Object(members) => members.values().any(is_beyond_floats),
        Json::Null | Json::Bool(_) | Json::String(_) => false,
    }
}

/// Our value as serde would have read it: numbers are floats where they are no integers of 64 bits.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(fact) => Value::Bool(*fact),
        Json::Number(text) => serde_json::from_str(text).expect("a number"),
        Json::String(text) => Value::String(text.clone()),
        Json::Array(elements) => elements.iter().map(value).collect(),
        Json::Object(members) => members.iter().map(|(name, json)| (name.clone(), value(json))).collect(),
    }
}
