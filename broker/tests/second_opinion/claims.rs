//! Rows about claims.

use broker::names::Rule;

use crate::mint::{ES256, and, claims, with, with_claims};
use crate::row::Ours::{Refuses as R, Takes as Accept};
use crate::row::Theirs::{Refuses as E, Takes as Also};
use crate::row::{Row, row};
use crate::world::{ISS, encode, world};

pub(crate) fn claim_forms() -> Vec<Row> {
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

pub(crate) fn audiences() -> Vec<Row> {
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

pub(crate) fn times() -> Vec<Row> {
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
