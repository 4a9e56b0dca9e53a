use broker::grants::{ConnectorSpec, Grant};
use broker::issuer::{IssuerSpec, KeySource};
use broker::jose::KeySet;
use broker::names::{EmailAddress, IssuerUrl};
use broker::profile::Profile;
use broker::registry::Issuers;

use super::*;
use crate::instance::assemble::Origin;
use crate::instance::policy::accepted::NotLocal;

fn issuers() -> Issuers {
    let keys = || KeySource::Pinned(std::sync::Arc::new(KeySet::empty()));
    let record = |id: &str, profile, grants| {
        let iss = IssuerUrl::parse(&format!("https://{id}.example.net")).expect("an issuer");
        IssuerSpec { grants, ..IssuerSpec::new(id, iss, profile, keys()) }
    };
    let domain = |name, subdomains| Grant::email_domain(name, subdomains).expect("a grant");
    let uri = |prefix| Grant::uri_prefix(prefix).expect("a grant");
    let corp = record("corp", Profile::Human, vec![domain("example.com", false), domain("eng.example.org", true)]);
    let ci = record("ci", Profile::Uri, vec![uri("https://ci.example.net/a+b"), uri("https://ci.example.net/c/")]);
    let address = Grant::email_address("ceo@other.example").expect("a grant");
    let connectors = vec![
        ConnectorSpec { id: "local".into(), grants: vec![Grant::local_accounts()] },
        ConnectorSpec { id: "sso".into(), grants: vec![address] },
    ];
    Issuers::build(vec![corp, ci], connectors).map_err(|problems| problems.len()).expect("builds")
}

fn policy(users: &[&str]) -> Result<Policy, NotLocal> {
    let users: Vec<EmailAddress> = users.iter().map(|user| EmailAddress::parse(user).expect("an address")).collect();
    Policy::of(&issuers(), &origin(), &users)
}

fn origin() -> Origin {
    Origin::parse("https://seal.example.com").expect("an origin")
}

#[test]
fn every_line_holds_name_and_issuer() {
    let text = cosign(&policy(&["alice@instance.example"]).expect("a policy"));
    let commands: Vec<&str> = text.lines().filter(|line| line.starts_with("cosign ")).collect();
    assert_eq!(commands.len(), 6, "{text}");
    for expected in [
        r"--certificate-identity-regexp '^[^@]+@example\.com$' --certificate-oidc-issuer 'https://corp.example.net'",
        r"--certificate-identity-regexp '^[^@]+@([a-z0-9-]+\.)*eng\.example\.org$' --certificate-oidc-issuer 'https://corp.example.net'",
        r"--certificate-identity-regexp '^https://ci\.example\.net/a\+b(/.*)?$' --certificate-oidc-issuer 'https://ci.example.net'",
        r"--certificate-identity-regexp '^https://ci\.example\.net/c/.*$' --certificate-oidc-issuer 'https://ci.example.net'",
        "--certificate-identity 'alice@instance.example' --certificate-oidc-issuer 'https://seal.example.com/oidc'",
        "--certificate-identity 'ceo@other.example' --certificate-oidc-issuer 'https://seal.example.com/oidc'",
    ] {
        assert!(commands.iter().any(|command| command.contains(expected)), "{expected} is not in {text}");
    }
}

#[test]
fn every_kind_of_grant_has_a_pattern_of_its_own() {
    let pattern = |grant: Grant| match SignerIdentity::of(grant.scope()) {
        SignerIdentity::Exact(text) | SignerIdentity::Pattern(text) => text,
    };
    let spiffe = |text| pattern(Grant::spiffe(text).expect("a grant"));
    assert_eq!(spiffe("spiffe://a.test"), r"^spiffe://a\.test/.+$");
    assert_eq!(spiffe("spiffe://a.test/ci"), r"^spiffe://a\.test/ci(/.*)?$");
    assert_eq!(pattern(Grant::usernames("example.com").expect("a grant")), r"^[A-Za-z0-9._-]+!example\.com$");
}

#[test]
fn local_users_are_named_or_left_out() {
    let policy_without = policy(&[]).expect("a policy");
    assert_eq!(policy_without.left_out.len(), 1);
    assert!(policy_without.accepted.iter().all(|accepted| accepted.grant != "local-accounts"));
    let refused = policy(&["bob@example.com"]).expect_err("it is corp's").to_string();
    assert!(refused.contains("issuer:corp") && refused.contains("X1"), "{refused}");
}

#[test]
fn a_cluster_policy_never_admits_everybody() {
    let cluster = Cluster { origin: &origin(), images: "registry.example.com/**", root: Some(b"{}") };
    let text = policy_controller(&policy(&[]).expect("a policy"), &cluster);
    let count = |word: &str| text.matches(word).count();
    assert_eq!(count("- issuer: "), 5);
    assert_eq!(count("subject"), 5, "a subject beside every issuer");
    assert!(text.contains(r#"subjectRegExp: "^[^@]+@example\\.com$""#), "{text}");
    assert!(text.contains("mirror: \"https://seal.example.com/tuf\"") && text.contains("root: \"e30=\""), "{text}");
    let empty = policy_controller(&Policy::default(), &Cluster { root: None, ..cluster });
    assert!(empty.contains("action: fail") && !empty.contains("keyless"), "{empty}");
}
