//! Our verifier beside `jsonwebtoken`, as a careful relying party would call it: the key by `kid` from the issuer's
//! JWK Set, the algorithms of that key's type, issuer, audience, a leeway of 30 seconds.
//!
//! Each row is a token with both verdicts. Where one takes what the other refuses, a reason stands beside it; where
//! they agree, none may. Whatever both take, they read alike.

mod claims;
mod form;
mod keys;
mod mint;
mod row;
mod world;

use broker::token::{TokenVerification, UnverifiedToken, VerifiedToken};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, get_current_timestamp};
use serde_json::Value;
use shared::strict_json::Json;
use shared::time::UnixTime;

use row::{Ours, Row, Theirs};
use world::world;

fn ours(token: &str, now: u64) -> (Ours, Option<VerifiedToken>) {
    let parsed = UnverifiedToken::parse(token.as_bytes());
    let verified = parsed.and_then(|token| {
        let issuer = world().issuers.find(&token)?;
        token.verify(issuer, UnixTime::from_seconds(now))
    });
    match verified {
        Ok(TokenVerification::Verified(token)) => (Ours::Takes, Some(*token)),
        Ok(TokenVerification::NeedsKeys(_)) => (Ours::NeedsKeys, None),
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

/// The algorithms of a key: the one that it states, or those of its type. The library asks for one family at a time,
/// and does not tell curves apart.
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
    let groups = [
        keys::algorithms(),
        keys::keys(),
        form::headers(),
        form::envelopes(),
        claims::claim_forms(),
        claims::audiences(),
        claims::times(),
    ];
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
