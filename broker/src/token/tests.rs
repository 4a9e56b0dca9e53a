use proptest::prelude::*;
use shared::strict_json::JsonError;

use super::mint::{TestKey, base64url};
use super::*;
use crate::issuer::{IssuerSpec, KeySource};
use crate::jose::{KeySet, MAX_TOKEN_BYTES, TokenPart};
use crate::names::{Audience, IssuerUrl};
use crate::profile::Profile;
use crate::registry::Issuers;

const ISS: &str = "https://idp.example.com";
const NOW: u64 = 1_795_000_000;

fn now() -> UnixTime {
    UnixTime::from_seconds(NOW)
}

fn key_set(jwks: &[String]) -> Arc<KeySet> {
    let document = format!(r#"{{"keys":[{}]}}"#, jwks.join(","));
    Arc::new(KeySet::from_jwks(document.as_bytes()).expect("is a key set"))
}

fn spec(keys: Arc<KeySet>) -> IssuerSpec {
    IssuerSpec::new("idp", IssuerUrl::parse(ISS).expect("is an issuer"), Profile::Human, KeySource::Pinned(keys))
}

fn record(spec: IssuerSpec) -> Arc<Issuer> {
    let issuers = Issuers::build(vec![spec], Vec::new()).expect("builds");
    let record = issuers.iter().next().expect("there is one");
    Arc::clone(record)
}

fn claims(more: &str) -> String {
    format!(r#"{{"iss":"{ISS}","sub":"user-1","aud":"sigstore","iat":{},"exp":{}{more}}}"#, NOW - 10, NOW + 290)
}

fn verify(record: &Arc<Issuer>, token: &str) -> Result<VerifiedToken, TokenError> {
    match UnverifiedToken::parse(token.as_bytes())?.verify(record, now())? {
        TokenVerification::Verified(token) => Ok(*token),
        TokenVerification::NeedsKeys(_) => panic!("the keys are there"),
    }
}

#[test]
fn every_algorithm_verifies_with_its_own_kind_of_key_and_with_no_other() {
    let keys: Vec<TestKey> =
        [JoseAlgorithm::EdDsa, JoseAlgorithm::Es256, JoseAlgorithm::Es384, JoseAlgorithm::Es512, JoseAlgorithm::Rs256]
            .map(TestKey::generate)
            .into();
    let jwks: Vec<String> = keys.iter().enumerate().map(|(at, key)| key.jwk(&format!("k{at}"), "")).collect();
    let record = record(spec(key_set(&jwks)));
    for algorithm in JoseAlgorithm::ALL {
        let (at, key) = keys
            .iter()
            .enumerate()
            .find(|(_, key)| match key {
                TestKey::Ecdsa(_, made_for) => *made_for == algorithm,
                TestKey::Ed25519(_) => algorithm == JoseAlgorithm::EdDsa,
                TestKey::Rsa(_) => {
                    algorithm.name().ends_with('6') && algorithm.name() != "ES256"
                        || "RS384RS512PS384PS512".contains(algorithm.name())
                }
            })
            .expect("there is a key");
        let signed =
            |kid: String| key.sign(algorithm, &format!(r#"{{"alg":"{algorithm}","kid":"{kid}"}}"#), &claims(""));
        let token = signed(format!("k{at}"));
        let verified = verify(&record, &token).expect("verifies");
        assert_eq!(verified.subject(), "user-1");
        assert_eq!(verified.expires_at(), UnixTime::from_seconds(NOW + 290));
        assert_eq!(verified.sha256(), &sha256(token.as_bytes()));

        let other = (at + 1) % keys.len();
        assert_eq!(
            verify(&record, &signed(format!("k{other}"))).err(),
            Some(JoseError::KeyUnsuitable(algorithm).into())
        );

        // One changed claim, same signature.
        let (header, rest) = token.split_once('.').expect("a token");
        let (_, signature) = rest.split_once('.').expect("a token");
        let forged = format!("{header}.{}.{signature}", base64url(claims(r#","admin":true"#).as_bytes()));
        assert_eq!(verify(&record, &forged).err(), Some(JoseError::Signature.into()));
        let unsigned = token[..token.len() - signature.len()].to_owned();
        assert_eq!(verify(&record, &unsigned).err(), Some(JoseError::Signature.into()));
    }
}

#[test]
fn headers_are_refused_by_t1() {
    let key = TestKey::p256();
    let record = record(spec(key_set(&[key.jwk("k", "")])));
    let accepted = [
        r#"{"alg":"ES256","kid":"k"}"#,
        r#"{"alg":"ES256","kid":"k","typ":"JWT"}"#,
        r#"{"alg":"ES256","typ":"JOSE"}"#,
        r#"{"alg":"ES256","kid":"k","jku":"https://evil.net","jwk":{"kty":"oct"},"x5u":"u","x5c":[]}"#,
    ];
    for header in accepted {
        assert!(verify(&record, &key.sign(JoseAlgorithm::Es256, header, &claims(""))).is_ok(), "{header}");
    }
    let refused = [
        (r#"{"alg":"none"}"#, JoseError::AlgorithmUnknown("none".into())),
        (r#"{"alg":"None"}"#, JoseError::AlgorithmUnknown("None".into())),
        (r#"{"alg":"HS256","kid":"k"}"#, JoseError::AlgorithmUnknown("HS256".into())),
        (r#"{"alg":"ES256K","kid":"k"}"#, JoseError::AlgorithmUnknown("ES256K".into())),
        (r#"{"kid":"k"}"#, JoseError::AlgorithmUnknown(String::new())),
        (r#"{"alg":["ES256"]}"#, JoseError::HeaderType("alg")),
        (r#"{"alg":"ES256","kid":7}"#, JoseError::HeaderType("kid")),
        (r#"{"alg":"ES256","kid":null}"#, JoseError::HeaderType("kid")),
        (r#"{"alg":"ES256","typ":"at+jwt"}"#, JoseError::Type("at+jwt".into())),
        (r#"{"alg":"ES256","typ":"jwt"}"#, JoseError::Type("jwt".into())),
        (r#"{"alg":"ES256","crit":["exp"],"exp":1}"#, JoseError::Critical),
        (r#"{"alg":"ES256","crit":[]}"#, JoseError::Critical),
        (
            r#"{"alg":"ES256","alg":"none"}"#,
            JoseError::Json { part: TokenPart::Header, error: JsonError::Duplicate { name: "alg".into() } },
        ),
        (r#"["alg"]"#, JoseError::Json { part: TokenPart::Header, error: JsonError::Syntax { at: 0 } }),
    ];
    for (header, expected) in refused {
        let error = verify(&record, &key.sign(JoseAlgorithm::Es256, header, &claims(""))).expect_err(header);
        assert_eq!(error.rule(), Rule::T1, "{header}");
        assert_eq!(error, TokenError::from(expected));
    }
}

#[test]
fn claims_are_refused_by_their_rule() {
    let key = TestKey::p256();
    let record = record(spec(key_set(&[key.jwk("k", "")])));
    let base = |iss: &str, sub: &str, aud: &str, times: &str| format!("{{{iss}{sub}{aud}{times}}}");
    let (iss, sub, aud) = (r#""iss":"https://idp.example.com","#, r#""sub":"u","#, r#""aud":"sigstore","#);
    let times = format!(r#""iat":{},"exp":{}"#, NOW, NOW + 300);
    let long = format!(r#""sub":"{}","#, "x".repeat(2049));
    let cases = [
        (base("", sub, aud, &times), Rule::T2),
        (base(r#""iss":7,"#, sub, aud, &times), Rule::T2),
        (base(r#""iss":"","#, sub, aud, &times), Rule::T2),
        (base(r#""iss":"https://idp.example.com/","#, sub, aud, &times), Rule::T2),
        (base(r#""iss":"https://IDP.example.com","#, sub, aud, &times), Rule::T2),
        (base(r#""iss":"https://idp.example.com","iss":"https://evil.net","#, sub, aud, &times), Rule::T1),
        (base(iss, "", aud, &times), Rule::T1),
        (base(iss, r#""sub":"","#, aud, &times), Rule::T1),
        (base(iss, r#""sub":5,"#, aud, &times), Rule::T1),
        (base(iss, r#""sub":"a\u0000b","#, aud, &times), Rule::T1),
        (base(iss, &long, aud, &times), Rule::T1),
        (base(iss, sub, "", &times), Rule::T3),
        (base(iss, sub, r#""aud":"other","#, &times), Rule::T3),
        (base(iss, sub, r#""aud":"Sigstore","#, &times), Rule::T3),
        (base(iss, sub, r#""aud":["sigstore","other"],"#, &times), Rule::T3),
        (base(iss, sub, r#""aud":["sigstore","sigstore"],"#, &times), Rule::T3),
        (base(iss, sub, r#""aud":[],"#, &times), Rule::T3),
        (base(iss, sub, r#""aud":["sigstore",1],"#, &times), Rule::T3),
        (base(iss, sub, r#""aud":{"a":"sigstore"},"#, &times), Rule::T3),
        (base(iss, sub, aud, r#""iat":1"#), Rule::T4),
        (base(iss, sub, aud, &format!(r#""exp":{}"#, NOW - 30)), Rule::T4),
        (base(iss, sub, aud, &format!(r#""exp":"{}""#, NOW + 100)), Rule::T4),
        (base(iss, sub, aud, &format!(r#""exp":-{}"#, NOW + 100)), Rule::T4),
        (base(iss, sub, aud, r#""exp":1.8e9"#), Rule::T4),
        (base(iss, sub, aud, &format!(r#""exp":{},"nbf":{}"#, NOW + 100, NOW + 31)), Rule::T4),
        (base(iss, sub, aud, &format!(r#""exp":{},"iat":{}"#, NOW + 100, NOW + 31)), Rule::T4),
        (base(iss, sub, aud, &format!(r#""exp":{},"iat":{}"#, NOW + 3_000, NOW - 601)), Rule::T4),
        (base(iss, sub, aud, &format!(r#""exp":{}"#, NOW + 3_601)), Rule::T4),
        (base(iss, sub, aud, r#""exp":99999999999999999999999999"#), Rule::T4),
    ];
    let header = r#"{"alg":"ES256","kid":"k"}"#;
    for (claims, rule) in cases {
        let error = verify(&record, &key.sign(JoseAlgorithm::Es256, header, &claims)).expect_err(&claims);
        assert_eq!(error.rule(), rule, "{claims}: {error}");
    }
    let fine = [
        base(iss, sub, r#""aud":["sigstore"],"#, &times),
        base(iss, sub, aud, &format!(r#""exp":{}"#, NOW - 29)),
        base(iss, sub, aud, &format!(r#""exp":{}.25,"iat":{}.0,"nbf":{}"#, NOW + 3600, NOW, NOW + 30)),
    ];
    for claims in fine {
        assert!(verify(&record, &key.sign(JoseAlgorithm::Es256, header, &claims)).is_ok(), "{claims}");
    }
}

#[test]
fn the_envelope_is_strict() {
    let key = TestKey::p256();
    let token = key.sign(JoseAlgorithm::Es256, r#"{"alg":"ES256","kid":"k"}"#, &claims(""));
    let dots = ".".repeat(MAX_TOKEN_BYTES);
    let long = "a".repeat(MAX_TOKEN_BYTES + 1);
    let padded = token.replace('.', "=.");
    let stray = format!("{token}\n");
    let cases = [
        ("", JoseError::Segments),
        ("a.b", JoseError::Segments),
        ("a.b.c.d", JoseError::Segments),
        (&dots, JoseError::Segments),
        (&long, JoseError::TooLong { length: MAX_TOKEN_BYTES + 1 }),
        (&padded, JoseError::Base64(TokenPart::Header)),
        ("!.e30.", JoseError::Base64(TokenPart::Header)),
        ("e31.e30.", JoseError::Base64(TokenPart::Header)),
    ];
    for (text, expected) in cases {
        let error = UnverifiedToken::parse(text.as_bytes()).err().expect("is refused");
        assert_eq!(error, TokenError::from(expected));
        assert_eq!(error.rule(), Rule::T1);
    }
    let record = record(spec(key_set(&[key.jwk("k", "")])));
    assert_eq!(verify(&record, &stray).err(), Some(JoseError::Base64(TokenPart::Signature).into()));
    let deep = format!(r#"{{"iss":"{ISS}","x":{}{}}}"#, "[".repeat(40), "]".repeat(40));
    let token = key.sign(JoseAlgorithm::Es256, r#"{"alg":"ES256"}"#, &deep);
    assert!(matches!(
        UnverifiedToken::parse(token.as_bytes()),
        Err(TokenError::Jose(JoseError::Json { part: TokenPart::Claims, error: JsonError::TooDeep { .. } }))
    ));
}

#[test]
fn a_key_that_is_not_there_is_a_result_and_a_worthless_token_does_not_ask_for_one() {
    let key = TestKey::p256();
    let sign = |header: &str, claims: &str| {
        UnverifiedToken::parse(key.sign(JoseAlgorithm::Es256, header, claims).as_bytes()).expect("parses")
    };
    let unknown = r#"{"alg":"ES256","kid":"rotated"}"#;
    let record_of = |keys| record(spec(keys));
    let rotated = record_of(key_set(&[key.jwk("k", "")]));
    assert!(matches!(sign(unknown, &claims("")).verify(&rotated, now()), Ok(TokenVerification::NeedsKeys(_))));
    let empty = record_of(Arc::new(KeySet::empty()));
    assert!(matches!(
        sign(r#"{"alg":"ES256"}"#, &claims("")).verify(&empty, now()),
        Ok(TokenVerification::NeedsKeys(_))
    ));
    let expired = format!(r#"{{"iss":"{ISS}","sub":"u","aud":"sigstore","exp":{}}}"#, NOW - 100);
    assert!(matches!(sign(unknown, &expired).verify(&rotated, now()), Err(TokenError::Expired { .. })));

    let two = record_of(key_set(&[key.jwk("a", ""), key.jwk("b", "")]));
    let ambiguous = JoseError::KeyAmbiguous { algorithm: JoseAlgorithm::Es256, count: 2 };
    assert_eq!(sign(r#"{"alg":"ES256"}"#, &claims("")).verify(&two, now()).err(), Some(ambiguous.into()));
}

#[test]
fn keys_that_were_not_refreshed_for_too_long_are_trusted_no_longer() {
    let key = TestKey::p256();
    let fetched_at = UnixTime::from_seconds(NOW - 100);
    let keys = |trusted_for| {
        let document = format!(r#"{{"keys":[{}]}}"#, key.jwk("k", ""));
        let keys = KeySet::from_jwks(document.as_bytes()).expect("is a key set");
        Arc::new(keys.fetched(fetched_at, Duration::from_secs(trusted_for)))
    };
    let token = key.sign(JoseAlgorithm::Es256, r#"{"alg":"ES256","kid":"k"}"#, &claims(""));
    let outcome = |keys| {
        let token = UnverifiedToken::parse(token.as_bytes()).expect("parses");
        token.verify(&record(spec(keys)), now()).expect("is not refused")
    };
    assert!(matches!(outcome(keys(100)), TokenVerification::Verified(_)));
    assert!(matches!(outcome(keys(99)), TokenVerification::NeedsKeys(_)));
}

#[test]
fn a_record_narrows_algorithms_audience_and_lifetime() {
    let key = TestKey::p256();
    let header = r#"{"alg":"ES256","kid":"k"}"#;
    let base = || spec(key_set(&[key.jwk("k", "")]));
    let only_rs256 = record(IssuerSpec { algorithms: vec![JoseAlgorithm::Rs256], ..base() });
    let token = key.sign(JoseAlgorithm::Es256, header, &claims(""));
    assert!(matches!(verify(&only_rs256, &token), Err(TokenError::AlgorithmNotAllowed { .. })));
    let ours = record(IssuerSpec { audience: Audience::parse("https://sign.example.com").expect("is one"), ..base() });
    assert!(matches!(verify(&ours, &token), Err(TokenError::Audience { .. })));
    let short = record(IssuerSpec { max_lifetime: Duration::from_secs(299), ..base() });
    assert_eq!(verify(&short, &token).err(), Some(TokenError::Lifetime { seconds: 300, limit: 299 }));
    let more = record(IssuerSpec { allows_more_audiences: true, ..base() });
    let claims = claims("").replace(r#""sigstore""#, r#"["other","sigstore"]"#);
    assert!(verify(&more, &key.sign(JoseAlgorithm::Es256, header, &claims)).is_ok());
    let claims = claims.replace(r#"["other","sigstore"]"#, r#"["other"]"#);
    assert!(verify(&more, &key.sign(JoseAlgorithm::Es256, header, &claims)).is_err());
}

#[test]
fn errors_never_repeat_the_token() {
    let key = TestKey::p256();
    let token = key.sign(JoseAlgorithm::Es256, r#"{"alg":"none"}"#, &claims(""));
    let error = UnverifiedToken::parse(token.as_bytes()).err().expect("is refused").to_string();
    assert!(token.split('.').all(|part| !error.contains(part)), "{error}");
}

#[test]
fn numbers_keep_their_digits() {
    let key = TestKey::p256();
    let record = record(spec(key_set(&[key.jwk("k", "")])));
    let token =
        key.sign(JoseAlgorithm::Es256, r#"{"alg":"ES256"}"#, &claims(r#","repository_id":12345678901234567890"#));
    let verified = verify(&record, &token).expect("verifies");
    assert_eq!(
        verified.claims().get("repository_id"),
        Some(&shared::strict_json::Json::Number("12345678901234567890".into()))
    );
}

proptest! {
    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = UnverifiedToken::parse(&bytes);
    }

    #[test]
    fn nothing_panics_behind_base64(header in any::<String>(), claims in any::<String>(), signature in any::<Vec<u8>>()) {
        let text = format!(
            "{}.{}.{}",
            base64url(header.as_bytes()),
            base64url(claims.as_bytes()),
            base64url(&signature)
        );
        let _ = UnverifiedToken::parse(text.as_bytes());
    }

    #[test]
    fn a_changed_byte_never_verifies(at in 0usize..200, to in any::<u8>()) {
        let key = TestKey::p256();
        let record = record(spec(key_set(&[key.jwk("k", "")])));
        let mut token = key.sign(JoseAlgorithm::Es256, r#"{"alg":"ES256","kid":"k"}"#, &claims("")).into_bytes();
        let at = at % token.len();
        prop_assume!(token[at] != to);
        token[at] = to;
        if let Ok(parsed) = UnverifiedToken::parse(&token) {
            prop_assert!(!matches!(parsed.verify(&record, now()), Ok(TokenVerification::Verified(_))));
        }
    }
}
