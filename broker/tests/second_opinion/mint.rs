//! Tokens, each but for one thing good.

use crate::world::{ISS, Key, ODD, World, encode, sign, world};

/// Good claims, with more members.
pub(crate) fn claims(now: u64, more: &str) -> String {
    format!(r#"{{"iss":"{ISS}","sub":"user-1","aud":"sigstore","iat":{now},"exp":{}{more}}}"#, now + 300)
}

/// Good claims but for one member, which is replaced or, by an empty text, left out.
pub(crate) fn but(now: u64, name: &str, member: &str) -> String {
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

pub(crate) const ES256: &str = r#"{"alg":"ES256","kid":"p256"}"#;

/// Signed by the P-256 key under this header, over good claims.
pub(crate) fn with_header(header: &'static str) -> impl Fn(u64) -> String {
    move |now| sign(&world().p256, header, &claims(now, ""))
}

/// Signed by the P-256 key over these claims.
pub(crate) fn with_claims(claims: impl Fn(u64) -> String) -> impl Fn(u64) -> String {
    move |now| sign(&world().p256, ES256, &claims(now))
}

/// Good claims with one member replaced.
pub(crate) fn with(name: &'static str, member: impl Fn(u64) -> String) -> impl Fn(u64) -> String {
    with_claims(move |now| but(now, name, &member(now)))
}

/// Good claims with more members.
pub(crate) fn and(more: impl Fn(u64) -> String) -> impl Fn(u64) -> String {
    with_claims(move |now| claims(now, &more(now)))
}

/// A good token, changed after it was signed.
pub(crate) fn changed(change: impl Fn(String) -> String) -> impl Fn(u64) -> String {
    move |now| change(sign(&world().p256, ES256, &claims(now, "")))
}

/// A good token with another signature.
pub(crate) fn signed_by(signature: impl Fn(&str) -> Vec<u8>) -> impl Fn(u64) -> String {
    changed(move |token| {
        let (input, _) = token.rsplit_once('.').expect("has three parts");
        format!("{input}.{}", encode(signature(input)))
    })
}

/// A good token of the odd issuer's.
pub(crate) fn odd(key: &'static str, header: &'static str) -> impl Fn(u64) -> String {
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

pub(crate) fn algorithm(key: fn(&World) -> &Key, header: &'static str) -> impl Fn(u64) -> String {
    move |now| sign(key(world()), header, &claims(now, ""))
}
