//! Rows about algorithms and keys.

use broker::names::Rule;

use crate::mint::{ES256, algorithm, claims, odd, with_header};
use crate::row::Ours::{NeedsKeys, Refuses as R, Takes as Accept};
use crate::row::Theirs::{NoKey, Refuses as E, Takes as Also};
use crate::row::{Row, row};
use crate::world::{encode, sign, world};

pub(crate) fn algorithms() -> Vec<Row> {
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
pub(crate) fn confused(now: u64) -> String {
    let input = format!("{}.{}", encode(r#"{"alg":"HS256","kid":"p256"}"#), encode(claims(now, "")));
    let jwk = world().p256.jwk("p256", "");
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, jwk.as_bytes());
    format!("{input}.{}", encode(aws_lc_rs::hmac::sign(&key, input.as_bytes())))
}

pub(crate) fn keys() -> Vec<Row> {
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
        row("RSA of 1024 bits", |_| include_str!("rsa-1024.jwt").to_owned(), NeedsKeys, E("InvalidSignature"), same),
        row("RSA of 8192 bits", |_| include_str!("rsa-8192.jwt").to_owned(), NeedsKeys, Also, long),
        row("RSA with the exponent 3", |_| include_str!("rsa-e3.jwt").to_owned(), NeedsKeys, Also, exponent),
    ]
}
