use proptest::prelude::*;

use super::*;
use crate::grants::{Condition, ConnectorSpec, Mismatch, Pin, PinValue};
use crate::issuer::IssuerSpec;
use crate::names::{ClusterName, Pattern, PublicSuffixes, ServiceAccount, ServiceAccounts, TrustDomain};
use crate::namespace::RegistryConflict;
use crate::principal::Principal;
use crate::profile::ClaimError;
use crate::registry::{Issuers, Registry};
use crate::token::mint::{ISS, record, token_of};
use crate::trust_domain::{BundleSource, TrustDomainSpec};

const OWN: &str = "https://sign.example.net/oidc";

fn domain(name: &str, subdomains: bool) -> Grant {
    Grant::email_domain(name, subdomains).expect("is a grant")
}

fn address(address: &str) -> Grant {
    Grant::email_address(address).expect("is a grant")
}

fn uri(prefix: &str) -> Grant {
    Grant::uri_prefix(prefix).expect("is a grant")
}

fn connector(id: &str, grants: Vec<Grant>) -> ConnectorSpec {
    ConnectorSpec { id: id.into(), grants }
}

fn spiffe(prefix: &str) -> Grant {
    Grant::spiffe(prefix).expect("is a grant")
}

fn usernames(domain: &str) -> Grant {
    Grant::usernames(domain).expect("is a grant")
}

fn accounts(cluster: &str, namespace: &str, name: Option<&str>) -> Grant {
    let base = UriName::parse("https://seal.test/k8s").expect("is a base");
    let cluster = ClusterName::parse(cluster).expect("is a cluster");
    let accounts = ServiceAccounts::of(namespace, name).expect("are accounts");
    Grant::service_accounts(&base, &cluster, accounts).expect("is a grant")
}

fn human(grants: Vec<Grant>) -> Issuers {
    Issuers::build(vec![record("corp", ISS, Profile::Human, grants)], Vec::new()).expect("builds")
}

fn permit(issuers: &Issuers, claims: &str) -> Result<String, Denied> {
    let permit = issuers.rules().permit(token_of(issuers, ISS, claims))?;
    Ok(permit.claimed().name.as_str().to_owned())
}

#[test]
fn a_record_without_a_grant_asserts_nothing() {
    let claims = r#","sub":"u","email":"a@example.com","email_verified":true"#;
    assert_eq!(permit(&human(Vec::new()), claims).map_err(|denied| denied.rule()), Err(Rule::E6));
    let workloads = Issuers::build(vec![record("ci", ISS, Profile::Uri, Vec::new())], Vec::new()).expect("builds");
    let refused = permit(&workloads, r#","sub":"https://example.com/a""#);
    assert_eq!(refused.map_err(|denied| denied.rule()), Err(Rule::V2));
}

#[test]
fn email_claims_are_decided_by_e1_to_e6() {
    let issuers =
        human(vec![domain("example.com", false), domain("eng.example.org", true), address("ceo@other.example")]);
    let verified = |email: &str| format!(r#","sub":"u","email":"{email}","email_verified":true"#);
    let accepted = [
        ("a@example.com", "a@example.com"),
        ("a@EXAMPLE.com", "a@example.com"),
        ("a@eng.example.org", "a@eng.example.org"),
        ("a@x.y.eng.example.org", "a@x.y.eng.example.org"),
        ("ceo@other.example", "ceo@other.example"),
    ];
    for (email, name) in accepted {
        assert_eq!(permit(&issuers, &verified(email)), Ok(name.to_owned()));
    }
    let refused = [
        (verified("a@sub.example.com"), Rule::E6),
        (verified("a@example.org"), Rule::E6),
        (verified("a@evileng.example.org"), Rule::E6),
        (verified("a@com"), Rule::H5),
        (verified("CEO@other.example"), Rule::E6),
        (verified("cto@other.example"), Rule::E6),
        (verified("a@b@example.com"), Rule::E4),
        (r#","sub":"u","email":"a@example.com""#.to_owned(), Rule::E1),
        (r#","sub":"u","email":"a@example.com","email_verified":"true""#.to_owned(), Rule::E1),
        (r#","sub":"u","email":"a@example.com","email_verified":1"#.to_owned(), Rule::E1),
        (r#","sub":"u","email":"a@example.com","email_verified":false"#.to_owned(), Rule::E1),
        (r#","sub":"a@example.com","email_verified":true"#.to_owned(), Rule::E1),
        (r#","sub":"u","email":["a@example.com"],"email_verified":true"#.to_owned(), Rule::E1),
    ];
    for (claims, rule) in refused {
        let denied = permit(&issuers, &claims).expect_err(&claims);
        assert_eq!(denied.rule(), rule, "{claims}: {denied}");
    }
}

#[test]
fn uri_prefixes_end_at_segments_and_a_trailing_slash_is_significant() {
    let grants =
        vec![uri("https://example.com/users"), uri("https://example.com/teams/"), uri("https://w.example.com")];
    let issuers = Issuers::build(vec![record("ci", ISS, Profile::Uri, grants)], Vec::new()).expect("builds");
    let decide = |name: &str| permit(&issuers, &format!(r#","sub":"{name}""#)).map_err(|denied| denied.rule());
    for name in [
        "https://example.com/users",
        "https://example.com/users/",
        "https://example.com/users/1/x@y",
        "https://example.com/teams/",
        "https://example.com/teams/a",
        "https://w.example.com",
        "https://w.example.com/",
        "https://w.example.com/a/b",
    ] {
        assert_eq!(decide(name), Ok(name.to_owned()));
    }
    for (name, rule) in [
        ("https://example.com/teams", Rule::V4),
        ("https://example.com/users-evil/1", Rule::V4),
        ("https://example.com/user", Rule::V4),
        ("https://example.com/Users/1", Rule::V4),
        ("https://example.com", Rule::V4),
        ("https://example.com:8443/users/1", Rule::V3),
        ("http://example.com/users/1", Rule::V1),
        ("https://sub.example.com/users/1", Rule::V2),
        ("https://example.com/users/../admin", Rule::P3),
        ("https://example.com/users/%2e%2e/admin", Rule::P4),
        ("https://evil@example.com/users", Rule::U5),
        ("alice", Rule::U2),
    ] {
        assert_eq!(decide(name), Err(rule), "{name}");
    }
}

#[test]
fn pins_are_checked_with_their_type() {
    let pins = vec![
        Pin::claim("tid", PinValue::String("T1".into())),
        Pin::nested(vec!["https://sts.example/".into(), "account".into()], PinValue::Number("12".into())),
    ];
    let spec = IssuerSpec { pins, ..record("corp", ISS, Profile::Human, vec![domain("example.com", false)]) };
    let issuers = Issuers::build(vec![spec], Vec::new()).expect("builds");
    let claims = |more: &str| format!(r#","sub":"u","email":"a@example.com","email_verified":true{more}"#);
    let nested = r#","https://sts.example/":{"account":12}"#;
    assert!(permit(&issuers, &claims(&format!(r#","tid":"T1"{nested}"#))).is_ok());
    for (more, denied) in [
        (nested.to_owned(), Mismatch::PinMissing("tid".into()).into()),
        (format!(r#","tid":"T2"{nested}"#), Mismatch::PinDiffers("tid".into()).into()),
        (r#","tid":"T1""#.to_owned(), Mismatch::PinMissing("https://sts.example/.account".into()).into()),
        (
            r#","tid":"T1","https://sts.example/":{"account":"12"}"#.to_owned(),
            Mismatch::PinDiffers("https://sts.example/.account".into()).into(),
        ),
        (
            r#","tid":"T1","https://sts.example/":"account""#.to_owned(),
            Mismatch::PinMissing("https://sts.example/.account".into()).into(),
        ),
    ] {
        assert_eq!(permit(&issuers, &claims(&more)), Err(denied), "{more}");
    }
}

fn with(change: impl FnOnce(&mut IssuerSpec)) -> Result<Issuers, Vec<RegistryConflict>> {
    let mut spec = record("corp", ISS, Profile::Human, vec![domain("example.com", false)]);
    change(&mut spec);
    Issuers::build(vec![spec], Vec::new())
}

#[test]
fn a_pin_may_list_several_values() {
    let values = ["a", "b"].map(|value| PinValue::String(value.into())).to_vec();
    let issuers = with(|spec| spec.pins = vec![Pin::one_of(vec!["team".into()], values)]).expect("builds");
    let claims = |team: &str| format!(r#","sub":"u","email":"a@example.com","email_verified":true,"team":{team}"#);
    assert!(permit(&issuers, &claims(r#""b""#)).is_ok());
    assert_eq!(permit(&issuers, &claims(r#""c""#)), Err(Mismatch::PinDiffers("team".into()).into()));
    assert_eq!(permit(&issuers, &claims(r#"["a"]"#)), Err(Mismatch::PinDiffers("team".into()).into()));
    let none = with(|spec| spec.pins = vec![Pin::one_of(vec!["team".into()], Vec::new())]).expect("builds");
    assert_eq!(permit(&none, &claims(r#""a""#)), Err(Mismatch::PinDiffers("team".into()).into()));
}

#[test]
fn claims_must_fit_the_records_patterns() {
    let patterns = |texts: &[&str]| texts.iter().map(|text| Pattern::parse(text).expect("is one")).collect();
    let issuers = with(|spec| {
        spec.conditions = vec![
            Condition::new(vec!["ref".into()], patterns(&["refs/heads/main", "refs/tags/*"])),
            Condition::new(vec!["groups".into()], patterns(&["release/managers", "admins/*"])),
        ];
    })
    .expect("builds");
    let decide = |of_ref: &str, groups: &str| {
        let claims = format!(r#","sub":"u","email":"a@example.com","email_verified":true{of_ref}{groups}"#);
        permit(&issuers, &claims).map(drop).map_err(|denied| denied.rule())
    };
    let groups = r#","groups":["staff","release/managers"]"#;
    for value in ["refs/heads/main", "refs/tags/v1"] {
        assert_eq!(decide(&format!(r#","ref":"{value}""#), groups), Ok(()));
    }
    for (of_ref, groups, rule) in [
        ("", groups, Rule::C1),
        (r#","ref":null"#, groups, Rule::C2),
        (r#","ref":{"a":1}"#, groups, Rule::C2),
        (r#","ref":"refs/heads/main/evil""#, groups, Rule::G7),
        (r#","ref":"refs/tags/..""#, groups, Rule::G6),
        (r#","ref":"refs/tags/a\nb""#, groups, Rule::G5),
        (r#","ref":true"#, groups, Rule::G7),
        (r#","ref":["refs/tags/v1"]"#, groups, Rule::N3),
        (r#","ref":"refs/tags/v1""#, "", Rule::C1),
        (r#","ref":"refs/tags/v1""#, r#","groups":[]"#, Rule::N3),
        (r#","ref":"refs/tags/v1""#, r#","groups":["release"]"#, Rule::N3),
        (r#","ref":"refs/tags/v1""#, r#","groups":["admins/x"]"#, Rule::N3),
        (r#","ref":"refs/tags/v1""#, r#","groups":[["release/managers"]]"#, Rule::N3),
    ] {
        assert_eq!(decide(of_ref, groups), Err(rule), "{of_ref} {groups}");
    }
}

#[test]
#[cfg(feature = "deny-expressions")]
fn a_records_expression_only_takes_away() {
    let deny = |text: &str| Some(Arc::new(crate::grants::Deny::parse(text).expect("is an expression")));
    let claims = r#","sub":"u","email":"a@example.com","email_verified":true,"amr":["pwd"]"#;
    for (expression, refused) in
        [("!('mfa' in claims.amr)", true), ("claims.acr == '2'", true), ("name == 'b@example.com'", false)]
    {
        let issuers = with(|spec| spec.deny = deny(expression)).expect("builds");
        let found = permit(&issuers, claims);
        assert_eq!(found.map(drop).map_err(|denied| denied.rule()), if refused { Err(Rule::C3) } else { Ok(()) });
    }
    // What nothing grants, no expression gives.
    let issuers = with(|spec| (spec.deny, spec.grants) = (deny("false"), Vec::new())).expect("builds");
    assert_eq!(permit(&issuers, claims).map_err(|denied| denied.rule()), Err(Rule::E6));
}

#[test]
fn public_suffixes_cannot_be_granted() {
    use crate::issuer::RecordOrigin;
    for grant in [
        domain("co.uk", false),
        domain("github.io", true),
        usernames("web.app"),
        uri("https://s3.amazonaws.com/bucket"),
    ] {
        let problems = with(|spec| spec.grants = vec![grant.clone()]).err().expect("is refused");
        assert!(matches!(&problems[..], [RegistryConflict::PublicSuffix { .. }]), "{problems:?}");
        assert_eq!(problems[0].rule(), Some(Rule::D1));
        let connector = connector("c", vec![grant]);
        assert!(Issuers::build(Vec::new(), vec![connector]).is_err());
    }
    for grant in [domain("corp.internal", true), usernames("corp.internal"), uri("https://corp.internal")] {
        assert!(with(|spec| spec.grants = vec![grant.clone()]).is_ok(), "an administrator knows his own network");
        let registered = with(|spec| (spec.grants, spec.origin) = (vec![grant.clone()], RecordOrigin::Registered))
            .err()
            .expect("is refused");
        assert!(matches!(&registered[..], [RegistryConflict::UnknownTopLevel { .. }]), "{registered:?}");
    }
    for grant in [domain("alice.github.io", false), address("a@co.uk"), spiffe("spiffe://github.io")] {
        assert!(with(|spec| spec.grants = vec![grant]).is_ok());
    }
    let newer =
        "// ===BEGIN ICANN DOMAINS===\ncom\nco.uk\nio\n// ===BEGIN PRIVATE DOMAINS===\ngithub.io\nexample.com\n";
    let newer = PublicSuffixes::parse(newer).expect("is a list");
    let spec = || vec![record("corp", ISS, Profile::Human, vec![domain("example.com", false)])];
    assert!(Issuers::build_with(&newer, Registry { issuers: spec(), ..Registry::default() }).is_err());
}

/// Our own provider with local users and one upstream, and a foreign issuer.
fn instance() -> Issuers {
    let records = vec![
        record("own", OWN, Profile::OwnProvider, Vec::new()),
        record("corp", ISS, Profile::Human, vec![domain("corp.example", true)]),
    ];
    let connectors = vec![
        connector("local", vec![Grant::local_accounts(), domain("lab.example", false)]),
        connector("upstream", vec![domain("partner.example", false)]),
    ];
    Issuers::build(records, connectors).expect("builds")
}

#[test]
fn our_own_tokens_carry_their_connectors_assertions() {
    let instance = instance();
    let claims = |connector: &str, email: &str| {
        format!(
            r#","sub":"u","email":"{email}","email_verified":true,"federated_claims":{{"connector_id":"{connector}"}}"#
        )
    };
    let decide = |claims: &str| instance.rules().permit(token_of(&instance, OWN, claims));
    for (connector, email, rule) in [
        ("local", "admin@anything.example", "E6 connector:local local-accounts"),
        ("local", "a@lab.example", "E6 connector:local email-domain:lab.example"),
        ("upstream", "a@partner.example", "E6 connector:upstream email-domain:partner.example"),
    ] {
        let permit = decide(&claims(connector, email)).expect("is permitted");
        assert_eq!((permit.claimed().name.as_str(), permit.rule()), (email, rule));
        let login = instance.rules().permit_login(connector, email, true).expect("is permitted");
        assert_eq!((login.address().as_str(), login.rule()), (email, rule));
        assert_eq!(
            instance.rules().permit_login(connector, email, false),
            Err(Denied::Claim(ClaimError::EmailUnverified))
        );
    }
    for (connector, email, rule) in [
        // What a grant gives to someone else is not a local user's to have.
        ("local", "boss@corp.example", Rule::X1),
        ("local", "boss@sub.corp.example", Rule::X1),
        ("local", "a@partner.example", Rule::X1),
        ("upstream", "admin@anything.example", Rule::E6),
        ("upstream", "a@lab.example", Rule::E6),
        ("gone", "a@partner.example", Rule::C2),
    ] {
        let denied = decide(&claims(connector, email)).expect_err(email);
        assert_eq!(denied.rule(), rule, "{connector} {email}");
        assert_eq!(instance.rules().permit_login(connector, email, true).map_err(|denied| denied.rule()), Err(rule));
    }
    let unnamed = r#","sub":"u","email":"a@lab.example","email_verified":true"#;
    assert_eq!(decide(unnamed).err(), Some(Denied::ConnectorMissing));
    // The foreign issuer cannot assert in the name of a connector.
    let borrowed = instance.rules().permit(token_of(&instance, ISS, &claims("local", "a@lab.example")));
    assert_eq!(borrowed.map_err(|denied| denied.rule()).err(), Some(Rule::E6));
}

#[test]
fn whoever_adds_a_local_user_can_ask_whose_the_address_is() {
    let instance = instance();
    let owner = |email: &str| {
        instance.rules().owner_of(&EmailAddress::parse(email).expect("is an address")).map(ToString::to_string)
    };
    assert_eq!(owner("a@x.corp.example").as_deref(), Some("issuer:corp"));
    assert_eq!(owner("a@lab.example").as_deref(), Some("connector:local"));
    assert_eq!(owner("a@free.example"), None);
}

#[test]
fn a_token_of_another_snapshot_has_no_asserter() {
    let (before, after) = (human(vec![domain("example.com", false)]), human(vec![domain("example.com", false)]));
    let token = token_of(&before, ISS, r#","sub":"u","email":"a@example.com","email_verified":true"#);
    assert_eq!(after.rules().permit(token).err(), Some(Denied::RecordReplaced("corp".into())));
}

fn two(first: Vec<Grant>, second: Vec<Grant>) -> Result<Issuers, Vec<RegistryConflict>> {
    let spec = |id: &str, iss: &str, grants| record(id, iss, Profile::Human, grants);
    Issuers::build(vec![spec("a", "https://a.example", first), spec("b", "https://b.example", second)], Vec::new())
}

#[test]
fn overlaps_name_both_owners() {
    let shared = |grant: Grant| Grant::shared(grant.scope().clone());
    let conflicts = [
        (domain("example.com", false), domain("example.com", false)),
        (domain("example.com", true), domain("example.com", false)),
        (domain("example.com", true), domain("eng.example.com", false)),
        (domain("eng.example.com", true), domain("example.com", true)),
        (domain("example.com", false), address("a@example.com")),
        (domain("example.com", true), address("a@x.example.com")),
        (address("a@example.com"), address("a@EXAMPLE.com")),
        (uri("https://example.com"), uri("https://example.com/a/b")),
        (uri("https://example.com/a"), uri("https://example.com/a")),
        (uri("https://example.com/a/"), uri("https://example.com/a")),
        (uri("https://example.com/a/"), uri("https://example.com/a/b")),
        (shared(domain("example.com", false)), domain("example.com", false)),
        (usernames("example.com"), usernames("example.com")),
        (accounts("prod", "ci", None), accounts("prod", "ci", Some("builder"))),
        (uri("https://seal.test/k8s"), accounts("prod", "ci", Some("builder"))),
        (domain("example.com", true), shared(domain("eng.example.com", false))),
    ];
    for (first, second) in conflicts {
        let problems = two(vec![first.clone()], vec![second.clone()]).err().expect("overlaps");
        let names_both = problems.iter().any(|problem| {
            let text = problem.to_string();
            ["issuer:a", "issuer:b", &first.scope().to_string(), &second.scope().to_string()]
                .iter()
                .all(|part| text.contains(part))
        });
        assert!(names_both, "{problems:?}");
    }
    let fine = [
        (domain("example.com", false), domain("eng.example.com", true)),
        (domain("example.com", true), domain("example.org", true)),
        (domain("example.com", true), domain("badexample.com", true)),
        (domain("example.com", false), address("a@x.example.com")),
        (address("a@example.com"), address("A@example.com")),
        (uri("https://example.com/a"), uri("https://example.com/ab")),
        (uri("https://example.com"), uri("https://example.com:8443")),
        (shared(domain("example.com", true)), shared(domain("eng.example.com", false))),
        (domain("example.com", false), uri("https://example.com")),
        (domain("example.com", false), usernames("example.com")),
        (usernames("example.com"), usernames("eng.example.com")),
        (uri("https://example.com/ci"), spiffe("spiffe://example.com/ci")),
        (spiffe("spiffe://example.com"), spiffe("spiffe://a.example.com")),
        (accounts("prod", "ci", None), accounts("test", "ci", None)),
        (accounts("prod", "ci", Some("a")), accounts("prod", "ci", Some("b"))),
    ];
    for (first, second) in fine {
        assert!(two(vec![first.clone()], vec![second.clone()]).is_ok(), "{first:?} {second:?}");
    }
    assert!(two(vec![domain("example.com", true), domain("a.example.com", true)], Vec::new()).is_ok(), "one owner");
}

#[test]
fn a_trust_domain_has_one_record() {
    let shared = |grant: Grant| Grant::shared(grant.scope().clone());
    for (first, second) in [
        (spiffe("spiffe://a.test"), spiffe("spiffe://a.test")),
        (spiffe("spiffe://a.test/ci"), spiffe("spiffe://a.test/cd")),
        (shared(spiffe("spiffe://a.test/ci")), shared(spiffe("spiffe://a.test/ci"))),
    ] {
        let problems = two(vec![first], vec![second]).err().expect("is refused");
        let [RegistryConflict::TrustDomainTwice { trust_domain, first, second }] = &problems[..] else {
            panic!("{problems:?}")
        };
        assert_eq!((&**trust_domain, first.id(), second.id()), ("a.test", "a", "b"));
    }
    let one = vec![spiffe("spiffe://a.test/ci"), spiffe("spiffe://a.test/cd")];
    assert!(two(one, vec![spiffe("spiffe://b.test")]).is_ok());
}

#[test]
fn other_names_are_decided_by_their_rules() {
    let grants = vec![
        spiffe("spiffe://a.test/ci"),
        usernames("example.com"),
        accounts("prod", "ci", Some("builder")),
        accounts("prod", "cd", None),
    ];
    let issuers = human(grants);
    let decide =
        |name: Name| issuers.rules().decide(0, &name).map(|decision| decision.rule).map_err(|denied| denied.rule());
    for (id, verdict) in [
        ("spiffe://a.test/ci", Ok(Rule::S9)),
        ("spiffe://a.test/ci/x", Ok(Rule::S9)),
        ("spiffe://a.test/cicd/x", Err(Rule::S9)),
        ("spiffe://a.test./ci", Err(Rule::S4)),
        ("spiffe://sub.a.test/ci", Err(Rule::S4)),
    ] {
        assert_eq!(decide(Name::SpiffeId(SpiffeId::parse(id).expect("is an ID"))), verdict, "{id}");
    }
    for (name, verdict) in [("alice!example.com", Ok(Rule::N2)), ("alice!eng.example.com", Err(Rule::N2))] {
        assert_eq!(decide(Name::Username(Username::parse(name).expect("is a name"))), verdict, "{name}");
    }
    for (path, verdict) in [
        ("prod/ns/ci/sa/builder", Ok(Rule::K3)),
        ("prod/ns/cd/sa/anybody", Ok(Rule::K3)),
        ("prod/ns/ci/sa/builder2", Err(Rule::K3)),
        ("prod/ns/cd", Err(Rule::K3)),
        ("prod/ns/ci-evil/sa/builder", Err(Rule::K3)),
        ("test/ns/ci/sa/builder", Err(Rule::K3)),
    ] {
        let name = UriName::parse(&format!("https://seal.test/k8s/{path}")).expect("is a name");
        assert_eq!(decide(Name::Uri(name)), verdict, "{path}");
    }
}

#[test]
fn shared_names_are_permitted_to_each_sharer() {
    let grant = || Grant::shared(domain("example.com", false).scope().clone());
    let issuers = two(vec![grant()], vec![grant()]).expect("builds");
    for iss in ["https://a.example", "https://b.example"] {
        let token = token_of(&issuers, iss, r#","sub":"u","email":"a@example.com","email_verified":true"#);
        assert!(issuers.rules().permit(token).is_ok(), "{iss}");
    }
}

#[test]
fn every_problem_of_a_load_is_reported() {
    let own = |id: &str, iss: &str, grants| record(id, iss, Profile::OwnProvider, grants);
    let records = vec![
        own("own", OWN, vec![domain("x.example", false)]),
        own("own2", "https://other.example/oidc", Vec::new()),
        record("corp", ISS, Profile::Human, vec![Grant::local_accounts()]),
        record("corp", "https://b.example", Profile::Human, vec![domain("c.example", false)]),
        record("", "https://c.example", Profile::Human, vec![domain("c.example", false)]),
    ];
    let connectors = vec![
        connector("local", vec![Grant::local_accounts()]),
        connector("second", vec![Grant::local_accounts()]),
        connector("a b", Vec::new()),
    ];
    let problems = Issuers::build(records, connectors).err().expect("has problems");
    let text = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for part in [
        "both \"own\" and \"own2\" claim to be this instance's own provider",
        "the issuer \"own\" is this instance's own provider",
        "the issuer \"corp\" cannot hold the grant local-accounts",
        "two records are called \"issuer:corp\"",
        "\"\" is not an identifier",
        "\"a b\" is not an identifier",
        "email-domain:c.example of issuer:corp overlaps email-domain:c.example of issuer:",
        "local-accounts of connector:second overlaps local-accounts of connector:local",
    ] {
        assert!(text.contains(part), "{part:?} is missing from:\n{text}");
    }
    assert_eq!(problems.len(), 8, "{text}");

    let many = |id: u32| {
        record(&format!("r{id}"), &format!("https://r{id}.example"), Profile::Human, vec![domain("x.example", false)])
    };
    let problems = Issuers::build((0..150).map(many).collect(), Vec::new()).err().expect("has problems");
    assert_eq!(problems.last(), Some(&RegistryConflict::TooMany(100)));
    assert_eq!(problems.len(), 101);
}

/// Small alphabets, so that grants and names meet often.
fn any_grant() -> impl Strategy<Value = Grant> {
    let name = "(a\\.|b\\.){0,2}(x|y)\\.test";
    let path = "(/(a|b)){0,2}/?";
    prop_oneof![
        (name, any::<bool>()).prop_map(|(name, subdomains)| domain(&name, subdomains)),
        (name, "(m|n)").prop_map(|(name, local)| address(&format!("{local}@{name}"))),
        (name, path).prop_map(|(name, path)| uri(&format!("https://{name}{path}"))),
        (name, "(/(a|b)){0,2}").prop_map(|(name, path)| spiffe(&format!("spiffe://{name}{path}"))),
        name.prop_map(|name| usernames(&name)),
        ("(a|b)", "(m|n)", prop::option::of("(a|b)")).prop_map(|(cluster, namespace, name)| accounts(
            &cluster,
            &namespace,
            name.as_deref()
        )),
    ]
}

fn any_name() -> impl Strategy<Value = Name> {
    let name = "(a\\.|b\\.){0,3}(x|y)\\.test";
    prop_oneof![
        (name, "(m|n)").prop_map(|(name, local)| {
            Name::Email(EmailAddress::parse(&format!("{local}@{name}")).expect("is an address"))
        }),
        (name, "(/(a|b)){0,3}/?")
            .prop_map(|(name, path)| Name::Uri(UriName::parse(&format!("https://{name}{path}")).expect("is a name"))),
        (name, "(/(a|b)){1,3}").prop_map(|(name, path)| {
            Name::SpiffeId(SpiffeId::parse(&format!("spiffe://{name}{path}")).expect("is an ID"))
        }),
        (name, "(m|n)").prop_map(|(name, user)| {
            Name::Username(Username::parse(&format!("{user}!{name}")).expect("is a name"))
        }),
        ("(a|b)", "(m|n)", "(a|b)").prop_map(|(cluster, namespace, name)| {
            let text = format!("https://seal.test/k8s/{cluster}/ns/{namespace}/sa/{name}");
            Name::Uri(UriName::parse(&text).expect("is a name"))
        }),
    ]
}

fn permits(rules: &Rules, asserter: AsserterIndex, name: &Name) -> bool {
    rules.decide(asserter, name).is_ok()
}

/// What a scope means, said as plainly as possible: the yardstick for the indexes.
fn covers(scope: &Scope, name: &Name) -> bool {
    match (scope, name) {
        (Scope::EmailAddress(granted), Name::Email(address)) => granted == address,
        (Scope::EmailDomain { domain, subdomains }, Name::Email(address)) => {
            let found = address.domain().as_str();
            found == domain.as_str() || *subdomains && found.ends_with(&format!(".{domain}"))
        }
        (Scope::UriPrefix(prefix), Name::Uri(uri)) => {
            let (prefix, uri) = (prefix.as_str(), uri.as_str());
            let below = if prefix.ends_with('/') { prefix.to_owned() } else { format!("{prefix}/") };
            uri == prefix || uri.starts_with(&below)
        }
        (Scope::ServiceAccounts { cluster, accounts, .. }, Name::Uri(uri)) => {
            let rest = uri.as_str().strip_prefix(&format!("https://seal.test/k8s/{cluster}/ns/"));
            let account = rest.and_then(|rest| rest.split_once("/sa/"));
            account.is_some_and(|(namespace, name)| {
                accounts.covers(&ServiceAccount::parse(namespace, name).expect("is an account"))
            })
        }
        (Scope::Spiffe(prefix), Name::SpiffeId(id)) => {
            let (prefix, id) = (prefix.to_string(), id.as_str());
            id == prefix || id.starts_with(&format!("{prefix}/"))
        }
        (Scope::Usernames(domain), Name::Username(name)) => name.domain() == domain,
        _ => false,
    }
}

proptest! {
    #[test]
    fn the_indexes_decide_as_the_plain_reading_does(
        grants in prop::collection::vec(any_grant(), 0..6),
        names in prop::collection::vec(any_name(), 1..20),
    ) {
        let issuers = human(grants.clone());
        for name in &names {
            let plain = grants.iter().any(|grant| covers(grant.scope(), name));
            prop_assert_eq!(permits(issuers.rules(), 0, name), plain, "{:?} {:?}", name, grants);
        }
    }

    #[test]
    fn no_name_is_permitted_to_both_of_two_accepted_records(
        first in prop::collection::vec(any_grant(), 0..4),
        second in prop::collection::vec(any_grant(), 0..4),
        names in prop::collection::vec(any_name(), 1..20),
    ) {
        let both = |name: &Name| {
            let covered = |grants: &[Grant]| grants.iter().any(|grant| covers(grant.scope(), name));
            covered(&first) && covered(&second)
        };
        match two(first.clone(), second.clone()) {
            Ok(issuers) => for name in &names {
                prop_assert!(!(permits(issuers.rules(), 0, name) && permits(issuers.rules(), 1, name)));
                prop_assert!(!both(name));
            },
            Err(problems) => for problem in problems {
                let is_overlap = matches!(problem, RegistryConflict::Overlap(_) | RegistryConflict::TrustDomainTwice { .. });
                prop_assert!(is_overlap, "{}", problem);
            },
        }
    }

    #[test]
    fn removing_a_grant_never_permits_more(
        grants in prop::collection::vec(any_grant(), 1..6),
        at in any::<prop::sample::Index>(),
        names in prop::collection::vec(any_name(), 1..20),
    ) {
        let mut fewer = grants.clone();
        fewer.remove(at.index(grants.len()));
        let (more, fewer) = (human(grants), human(fewer));
        for name in &names {
            prop_assert!(!permits(fewer.rules(), 0, name) || permits(more.rules(), 0, name));
        }
    }

    #[test]
    fn an_accepted_name_parses_back_to_itself(
        text in "\\PC{0,40}|[a-zA-Z@.!]{0,20}|[a-c*/.]{0,12}|https://[a-zA-Z.:/@-]{0,30}|spiffe://[a-zA-Z.:/%-]{0,30}",
    ) {
        if let Ok(address) = EmailAddress::parse(&text) {
            prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address.clone()));
            prop_assert!(address.as_str().eq_ignore_ascii_case(&text));
        }
        if let Ok(uri) = UriName::parse(&text) {
            prop_assert_eq!(uri.as_str(), &text);
            prop_assert_eq!(format!("{}{}", uri.authority(), uri.path()), &*text);
        }
        if let Ok(id) = SpiffeId::parse(&text) {
            prop_assert_eq!(id.as_str(), &text);
            prop_assert_eq!(format!("spiffe://{}{}", id.trust_domain(), id.path()), &*text);
        }
        if let Ok(name) = Username::parse(&text) {
            prop_assert_eq!(format!("{}!{}", name.user(), name.domain()), &*text);
        }
        if let Ok(pattern) = Pattern::parse(&text) {
            prop_assert_eq!(pattern.as_str(), &text);
            prop_assert!(!pattern.is_exact() || pattern.check(&text).is_ok());
        }
    }
}

fn trust_domain(name: &str, grants: Vec<Grant>) -> TrustDomainSpec {
    let name = TrustDomain::parse(name).expect("is a trust domain");
    TrustDomainSpec { grants, ..TrustDomainSpec::new(name, BundleSource::WorkloadApi) }
}

#[test]
fn our_providers_tokens_for_workloads_are_for_their_own_trust_domain_alone() {
    let registry = Registry {
        issuers: vec![
            record("own", OWN, Profile::OwnProvider, Vec::new()),
            record("idp", ISS, Profile::Spiffe, vec![spiffe("spiffe://c.test")]),
        ],
        trust_domains: vec![
            trust_domain("a.test", vec![spiffe("spiffe://a.test/ci")]),
            trust_domain("b.test", Vec::new()),
        ],
        connectors: vec![connector("local", vec![domain("example.com", false)]), connector("spiffe", Vec::new())],
    };
    let instance = Issuers::build_with(&PublicSuffixes::embedded(), registry).expect("builds");
    const EMAIL: &str = r#""email":"alice@example.com","email_verified":true"#;
    let decide = |iss: &str, sub: &str, connector: &str| {
        let claims = format!(r#","sub":"{sub}",{EMAIL},"federated_claims":{{"connector_id":"{connector}"}}"#);
        instance.rules().permit(token_of(&instance, iss, &claims))
    };
    // The address that stands there too is no part of it.
    let principal = Principal::from(decide(OWN, "spiffe://a.test/ci/build", "spiffe://a.test").expect("is permitted"));
    assert_eq!(
        (principal.name().as_str(), principal.proof_name()),
        ("spiffe://a.test/ci/build", "spiffe://a.test/ci/build")
    );
    assert_eq!((principal.issuer_label(), principal.subject()), ("spiffe://a.test", "spiffe://a.test/ci/build"));
    assert_eq!(principal.rule(), "S9 trust-domain:a.test spiffe://a.test/ci");
    let refused = [
        (OWN, "spiffe://b.test/ci/build", "spiffe://a.test", Rule::S4),
        (OWN, "spiffe://a.test/ci/build", "spiffe://b.test", Rule::S4),
        (OWN, "spiffe://b.test/ci/build", "spiffe://b.test", Rule::S4),
        (OWN, "spiffe://c.test/ci/build", "spiffe://a.test", Rule::S4),
        (OWN, "spiffe://a.test/cix", "spiffe://a.test", Rule::S9),
        (OWN, "spiffe://a.test", "spiffe://a.test", Rule::S2),
        (OWN, "spiffe://u@a.test/ci", "spiffe://a.test", Rule::S3),
        (OWN, "spiffe://a.test:1/ci", "spiffe://a.test", Rule::S3),
        (OWN, "alice@example.com", "spiffe://a.test", Rule::S1),
        (OWN, "https://a.test/ci", "spiffe://a.test", Rule::S1),
        // The record is gone, or never was.
        (OWN, "spiffe://gone.test/ci", "spiffe://gone.test", Rule::C2),
        // An issuer's trust domain is no trust domain with a record.
        (OWN, "spiffe://c.test/ci", "spiffe://c.test", Rule::C2),
        (OWN, "spiffe://a.test/ci", "spiffe://", Rule::C2),
        (OWN, "spiffe://a.test/ci", "spiffe://a.test/ci", Rule::C2),
        (OWN, "spiffe://a.test/ci", "SPIFFE://a.test", Rule::C2),
        (OWN, "spiffe://a.test/ci", "a.test", Rule::C2),
        (OWN, "spiffe://a.test/ci", "own", Rule::C2),
        // No other issuer's token asserts for a connector.
        (ISS, "spiffe://a.test/ci", "spiffe://a.test", Rule::S4),
    ];
    for (iss, sub, connector, rule) in refused {
        let denied = decide(iss, sub, connector).map(|permit| permit.rule().to_owned());
        assert_eq!(denied.map_err(|denied| denied.rule()), Err(rule), "{iss} {sub} {connector}");
    }
    // A person is a person, no matter what the sub is.
    let person = decide(OWN, "spiffe://a.test/ci", "local").expect("is permitted");
    assert_eq!(person.claimed().name.as_str(), "alice@example.com");
    assert_eq!(decide(OWN, "spiffe://a.test/ci", "spiffe").map(drop).map_err(|denied| denied.rule()), Err(Rule::E6));
}

#[test]
fn a_registered_trust_domain_belongs_to_its_record_even_without_a_grant() {
    let registry = |name: &str| Registry {
        issuers: vec![record("idp", ISS, Profile::Spiffe, vec![spiffe("spiffe://a.test/ci")])],
        trust_domains: vec![trust_domain(name, Vec::new())],
        connectors: Vec::new(),
    };
    let suffixes = PublicSuffixes::embedded();
    assert!(Issuers::build_with(&suffixes, registry("b.test")).is_ok());
    let problems = Issuers::build_with(&suffixes, registry("a.test")).err().expect("is refused");
    assert!(matches!(&problems[..], [RegistryConflict::TrustDomainTwice { .. }]), "{problems:?}");
    assert_eq!(problems[0].rule(), Some(Rule::X2));
}
