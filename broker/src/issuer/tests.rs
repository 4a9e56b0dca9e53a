use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared::time::UnixTime;

use super::*;
use crate::names::{Audience, IssuerLabel, IssuerUrl, PublicSuffixes, TrustDomain};
use crate::profile::Profile;
use crate::token::JoseAlgorithm;
use crate::token::mint::TestKey;
use crate::trust_domain::{BundleSource, TrustDomainSpec};

fn jwks(entries: &[&str]) -> Result<KeySet, JwksError> {
    KeySet::from_jwks(format!(r#"{{"keys":[{}]}}"#, entries.join(",")).as_bytes())
}

#[test]
fn entries_that_cannot_verify_tokens_are_left_out_and_named() {
    let p256 = TestKey::p256();
    let rsa = TestKey::generate(JoseAlgorithm::Rs256);
    let good = [
        p256.jwk("a", ""),
        p256.jwk("b", r#","use":"sig","key_ops":["verify"],"alg":"ES256""#),
        rsa.jwk("c", r#","alg":"PS384","x5c":["ignored"],"x5t":"ignored""#),
    ];
    let set = jwks(&good.each_ref().map(String::as_str)).expect("is a key set");
    assert_eq!((set.len(), set.skipped()), (3, &[][..]));

    let short = format!(r#"{{"kty":"RSA","kid":"k","n":"{}","e":"AQAB"}}"#, "_".repeat(171));
    let with_x = |x: &str| p256.jwk("k", "").replace(r#""x":""#, &format!(r#""x":"{x}"#));
    let bad = [
        (p256.jwk("k", r#","use":"enc""#), SkipReason::OtherUse),
        (p256.jwk("k", r#","use":["sig"]"#), SkipReason::OtherUse),
        (p256.jwk("k", r#","key_ops":["sign"]"#), SkipReason::OtherUse),
        (p256.jwk("k", r#","alg":"RS256""#), SkipReason::OtherUse),
        (p256.jwk("k", r#","alg":"ECDH-ES""#), SkipReason::OtherUse),
        (p256.jwk("k", r#","alg":7"#), SkipReason::Unfit),
        (p256.jwk("k", r#","d":"AAAA""#), SkipReason::PrivateKey),
        (p256.jwk("k", "").replace("P-256", "secp256k1"), SkipReason::Kind),
        (p256.jwk("k", "").replace("P-256", "P-384"), SkipReason::Unfit),
        (with_x("AAAA"), SkipReason::Unfit),
        (p256.jwk("k", "").replace(r#""x":""#, r#""x":"="#), SkipReason::Unfit),
        (r#"{"kty":"EC","crv":"P-256","kid":"k"}"#.to_owned(), SkipReason::Unfit),
        (r#"{"kty":"oct","k":"c2VjcmV0","kid":"k"}"#.to_owned(), SkipReason::Kind),
        (r#"{"kid":"k"}"#.to_owned(), SkipReason::Kind),
        (short, SkipReason::Unfit),
        (rsa.jwk("k", "").replace("AQAB", "Aw"), SkipReason::Unfit),
    ];
    for (entry, reason) in bad {
        let set = jwks(&[&entry]).expect("is a key set");
        assert!(set.is_empty(), "{entry}");
        assert_eq!(set.skipped(), [SkippedKey { kid: Some("k".into()), reason }], "{entry}");
    }
    // A point of the right length that is not on the curve.
    let off_curve = format!(r#"{{"kty":"EC","crv":"P-256","kid":"k","x":"{0}","y":"{0}"}}"#, "A".repeat(43));
    assert_eq!(jwks(&[&off_curve]).expect("is a key set").skipped()[0].reason, SkipReason::Unfit);
}

#[test]
fn whole_sets_are_refused_for_what_no_entry_can_mend() {
    let key = TestKey::p256();
    assert_eq!(KeySet::from_jwks(b"{}").err(), Some(JwksError::NoKeys));
    assert_eq!(KeySet::from_jwks(br#"{"keys":{}}"#).err(), Some(JwksError::NoKeys));
    assert_eq!(jwks(&["7"]).err(), Some(JwksError::NoKeys));
    assert_eq!(jwks(&[&key.jwk("a", ""), &key.jwk("a", "")]).err(), Some(JwksError::DuplicateKid("a".into())));
    assert!(jwks(&[&key.jwk("a", ""), &key.jwk("a", r#","use":"enc""#)]).is_ok(), "only usable keys collide");
    assert_eq!(jwks(&vec!["{}"; 101]).err(), Some(JwksError::TooMany(101)));
    let duplicate = KeySet::from_jwks(br#"{"keys":[],"keys":[]}"#).err();
    assert!(matches!(duplicate, Some(JwksError::Json(_))));
    let long = vec![b' '; MAX_JWKS_BYTES + 1];
    assert!(matches!(KeySet::from_jwks(&long), Err(JwksError::Json(_))));
    assert!(jwks(&[]).expect("an empty set is valid").is_empty());
}

fn spec(id: &str, iss: &str) -> IssuerSpec {
    let iss = IssuerUrl::parse(iss).expect("is an issuer");
    IssuerSpec::new(id, iss, Profile::Human, KeySource::Pinned(Arc::new(KeySet::empty())))
}

fn token(iss: &str, aud: &str) -> UnverifiedToken {
    let claims = format!(r#"{{"iss":"{iss}","aud":{aud}}}"#);
    let text = TestKey::p256().sign(JoseAlgorithm::Es256, r#"{"alg":"ES256"}"#, &claims);
    UnverifiedToken::parse(text.as_bytes()).expect("parses")
}

#[test]
fn a_record_is_found_by_its_exact_bytes() {
    let issuers = Issuers::build(vec![spec("a", "https://idp.example.com")], Vec::new()).expect("builds");
    assert_eq!(issuers.find(&token("https://idp.example.com", "1")).expect("is found").id(), "a");
    for other in
        ["https://idp.example.com/", "https://idp.example.com:443", "HTTPS://idp.example.com", "idp.example.com"]
    {
        let error = issuers.find(&token(other, "1")).expect_err("is another issuer");
        assert_eq!(error, TokenError::IssuerUnknown(other.into()));
    }
}

#[test]
fn two_records_of_one_iss_need_their_own_audience_and_pinned_keys() {
    let iss = "https://kubernetes.default.svc";
    let cluster = |id: &str, audience: &str| IssuerSpec {
        audience: Audience::parse(audience).expect("is an audience"),
        label: Some(IssuerLabel::parse(&format!("https://{id}.example.com")).expect("is a label")),
        ..spec(id, iss)
    };
    let issuers = Issuers::build(vec![cluster("east", "east"), cluster("west", "west")], Vec::new()).expect("builds");
    assert_eq!(issuers.find(&token(iss, r#""west""#)).expect("is found").id(), "west");
    assert_eq!(issuers.find(&token(iss, r#"["east"]"#)).expect("is found").id(), "east");

    let same_audience = Issuers::build(vec![cluster("east", "a"), cluster("west", "a")], Vec::new());
    let fetched = IssuerSpec { keys: KeySource::Discovery, ..cluster("west", "west") };
    let not_pinned = Issuers::build(vec![cluster("east", "east"), fetched], Vec::new());
    for refused in [same_audience, not_pinned] {
        let problems = refused.err().expect("is refused");
        assert_eq!(
            problems,
            [RegistrationError::DuplicateIssuer { iss: iss.into(), first: "east".into(), second: "west".into() }]
        );
    }
}

#[test]
fn fetched_keys_survive_a_reload_and_pinned_ones_are_not_overwritten() {
    let fetched = |id: &str, iss: &str| IssuerSpec { keys: KeySource::Discovery, ..spec(id, iss) };
    let build = |specs| Issuers::build(specs, Vec::new()).expect("builds");
    let before = build(vec![fetched("a", "https://a.example.com"), fetched("b", "https://b.example.com")]);
    let keys = || Arc::new(jwks(&[&TestKey::p256().jwk("k", "")]).expect("is a key set"));
    for record in before.iter() {
        record.replace_keys(keys());
    }
    let moved =
        IssuerSpec { reach: Reach { internal: true, ..Reach::default() }, ..fetched("b", "https://b.example.com") };
    let after = build(vec![fetched("renamed", "https://a.example.com"), moved]);
    after.adopt_keys(&before);
    assert_eq!(after.of("https://a.example.com")[0].keys().len(), 1);
    assert!(after.of("https://b.example.com")[0].keys().is_empty(), "another way to the keys begins anew");

    let pinned = build(vec![spec("p", "https://p.example.com")]);
    let record = &pinned.of("https://p.example.com")[0];
    record.replace_keys(keys());
    assert!(record.keys().is_empty());
}

/// Keys and signatures that others made: RFC 7515 §A.2 (RS256), §A.3 (ES256), RFC 8037 §A.4 (EdDSA).
#[test]
fn the_examples_of_the_jose_standards_verify() {
    const CLAIMS: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let cases = [
        (
            JoseAlgorithm::Rs256,
            r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#,
            format!("eyJhbGciOiJSUzI1NiJ9.{CLAIMS}"),
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        (
            JoseAlgorithm::Es256,
            r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
            format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}"),
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            JoseAlgorithm::EdDsa,
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".to_owned(),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
    ];
    for (algorithm, jwk, input, signature) in cases {
        let keys = jwks(&[jwk]).expect("is a key set");
        let Selection::Key(key) = keys.select(None, algorithm, UnixTime::from_seconds(0)) else {
            panic!("{algorithm}: the only key is the one")
        };
        let mut signature = URL_SAFE_NO_PAD.decode(signature).expect("is base64url");
        assert!(key.verify_sig(input.as_bytes(), &signature).is_ok(), "{algorithm}");
        signature[10] ^= 1;
        assert!(key.verify_sig(input.as_bytes(), &signature).is_err(), "{algorithm}");
    }
}

#[test]
fn certificates_tell_records_apart() {
    let build = |first: Option<&str>, second: Option<&str>, isses: [&str; 2]| {
        let label = |text: Option<&str>| text.map(|text| IssuerLabel::parse(text).expect("is a label"));
        let spec = |id: &str, iss: &str, text| {
            let iss = IssuerUrl::parse(iss).expect("is an issuer");
            let audience = Audience::parse(id).expect("is an audience");
            let keys = KeySource::Pinned(Arc::new(KeySet::empty()));
            IssuerSpec { audience, label: label(text), ..IssuerSpec::new(id, iss, Profile::Human, keys) }
        };
        Issuers::build(vec![spec("a", isses[0], first), spec("b", isses[1], second)], Vec::new())
    };
    let (one, other) = ("https://a.example", "https://b.example");
    let fine = [
        (None, None, [one, other]),
        (Some("spiffe://a.test"), None, [one, other]),
        (Some("https://prod.example"), Some("https://test.example"), [one, one]),
        (None, Some("https://test.example"), [one, one]),
    ];
    for (first, second, isses) in fine {
        assert!(build(first, second, isses).is_ok(), "{first:?} {second:?} {isses:?}");
    }
    let equal = [
        (None, None, [one, one]),
        (Some("spiffe://a.test"), Some("spiffe://a.test"), [one, other]),
        (None, Some(one), [one, other]),
        (Some("https://x.example"), Some(one), [one, other]),
        (Some(other), None, [one, other]),
    ];
    for (first, second, isses) in equal {
        let problems = build(first, second, isses).err().expect("is refused");
        assert!(matches!(&problems[..], [RegistrationError::DuplicateLabel { .. }]), "{problems:?}");
        assert_eq!(problems[0].rule(), Some(Rule::O1));
    }
}

#[test]
fn nobody_is_called_by_the_name_of_a_trust_domain_but_itself() {
    let label = |text: Option<&str>| text.map(|text| IssuerLabel::parse(text).expect("is a label"));
    let build = |issuer: Option<&str>, a: Option<&str>, b: Option<&str>| {
        let trust_domain = |name: &str, text| {
            let name = TrustDomain::parse(name).expect("is a trust domain");
            TrustDomainSpec { label: label(text), ..TrustDomainSpec::new(name, BundleSource::WorkloadApi) }
        };
        let registry = Registry {
            issuers: vec![IssuerSpec { label: label(issuer), ..spec("a.test", "https://idp.example.com") }],
            trust_domains: vec![trust_domain("a.test", a), trust_domain("b.test", b)],
            connectors: Vec::new(),
        };
        Issuers::build_with(&PublicSuffixes::embedded(), registry)
    };
    let other = Some("https://oidc.a.example");
    for fine in [(None, None, None), (None, other, None), (Some("spiffe://c.test"), other, None)] {
        assert!(build(fine.0, fine.1, fine.2).is_ok(), "{fine:?}");
    }
    for equal in [
        (Some("spiffe://a.test"), None, None),
        (Some("spiffe://a.test"), other, None),
        (None, other, Some("spiffe://a.test")),
        (None, Some("spiffe://b.test"), None),
        (None, Some("https://idp.example.com"), None),
    ] {
        let problems = build(equal.0, equal.1, equal.2).err().expect("is refused");
        assert!(problems.iter().all(|problem| problem.rule() == Some(Rule::O1)), "{equal:?} {problems:?}");
    }
}

#[test]
fn a_shared_issuer_needs_its_pin() {
    let spec = |pins| {
        let iss = IssuerUrl::parse("https://token.actions.githubusercontent.com").expect("is an issuer");
        IssuerSpec { pins, ..IssuerSpec::new("gh", iss, Profile::Human, KeySource::Discovery) }
    };
    let problems = Issuers::build(vec![spec(Vec::new())], Vec::new()).err().expect("is refused");
    let text = problems[0].to_string();
    assert!(text.contains("\"gh\"") && text.contains("repository_owner_id") && text.contains("M1"), "{text}");
    let pin = crate::namespace::Pin::claim("repository_owner_id", crate::namespace::PinValue::String("1234".into()));
    assert!(Issuers::build(vec![spec(vec![pin])], Vec::new()).is_ok());
}
