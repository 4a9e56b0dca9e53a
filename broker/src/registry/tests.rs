use super::*;
use crate::issuer::{KeySource, Reach};
use crate::jose::{JoseAlgorithm, KeySet};
use crate::names::{Audience, IssuerLabel, IssuerUrl, PublicSuffixes, Rule, TrustDomain};
use crate::profile::Profile;
use crate::token::mint::TestKey;
use crate::trust_domain::{BundleSource, TrustDomainSpec};

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
            [RegistryConflict::DuplicateIssuer { iss: iss.into(), first: "east".into(), second: "west".into() }]
        );
    }
}

#[test]
fn fetched_keys_survive_a_reload_and_pinned_ones_are_not_overwritten() {
    let fetched = |id: &str, iss: &str| IssuerSpec { keys: KeySource::Discovery, ..spec(id, iss) };
    let build = |specs| Issuers::build(specs, Vec::new()).expect("builds");
    let before = build(vec![fetched("a", "https://a.example.com"), fetched("b", "https://b.example.com")]);
    let keys = || {
        let document = format!(r#"{{"keys":[{}]}}"#, TestKey::p256().jwk("k", ""));
        Arc::new(KeySet::from_jwks(document.as_bytes()).expect("is a key set"))
    };
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
        assert!(matches!(&problems[..], [RegistryConflict::DuplicateLabel { .. }]), "{problems:?}");
        assert_eq!(problems[0].rule(), Some(Rule::O1));
    }
}

#[test]
fn only_a_trust_domain_itself_has_its_name_as_a_label() {
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
    let pin = crate::grants::Pin::claim("repository_owner_id", crate::grants::PinValue::String("1234".into()));
    assert!(Issuers::build(vec![spec(vec![pin])], Vec::new()).is_ok());
}
