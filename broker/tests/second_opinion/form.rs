//! Rows about headers, and about what holds header, claims and signature together.

use aws_lc_rs::rand::SystemRandom;
use broker::jose::MAX_TOKEN_BYTES;
use broker::names::Rule;

use crate::mint::{ES256, changed, claims, signed_by, with_header};
use crate::row::Ours::{Refuses as R, Takes as Accept};
use crate::row::Theirs::{Refuses as E, Takes as Also};
use crate::row::{Row, row};
use crate::world::{encode, sign, world};

pub(crate) fn headers() -> Vec<Row> {
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

pub(crate) fn envelopes() -> Vec<Row> {
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
pub(crate) fn long_token(now: u64, length: usize) -> String {
    let token =
        |filling: usize| sign(&world().p256, ES256, &claims(now, &format!(r#","x":"{}""#, "x".repeat(filling))));
    let filling = (length - token(0).len()) * 3 / 4;
    let best = (filling - 6..filling + 6).rev().map(token).find(|token| token.len() <= length);
    best.expect("some filling fits")
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
