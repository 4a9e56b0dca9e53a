//! Each profile against the claims that its platform documents (tests/vectors/claims, one file each).

use serde_json::{Value, json};

use super::*;
use crate::grants::Grant;
use crate::names::Rule;
use crate::registry::Issuers;
use crate::token::mint::{ISS, record, token_of};

macro_rules! vectors {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../../tests/vectors/claims/", $name, ".json")))),+]
    };
}

const VECTORS: [(&str, &str); 17] = vectors![
    "aws",
    "azure",
    "buddy",
    "buildkite",
    "ci",
    "circleci",
    "codefresh",
    "email",
    "gcp",
    "github",
    "github-enterprise-server",
    "gitlab",
    "gitlab-self-managed",
    "kubernetes",
    "spiffe",
    "uri",
    "username",
];

/// The tenant of the vector `azure`.
const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

struct Vector {
    profile: Profile,
    claims: Value,
    name: String,
    extensions: Vec<(u8, String)>,
}

fn vector(wanted: &str) -> Vector {
    let (_, text) = VECTORS.iter().find(|(name, _)| *name == wanted).expect("a vector");
    let vector: Value = serde_json::from_str(text).expect("JSON");
    let text = |key: &str| vector[key].as_str().unwrap_or_default().to_owned();
    let extensions = vector["extensions"].as_object().expect("an object");
    let extensions =
        extensions.iter().map(|(arc, text)| (arc.parse().expect("an arc"), text.as_str().expect("text").into()));
    let mut extensions: Vec<(u8, String)> = extensions.collect();
    extensions.sort();
    let base = |default: &str| {
        let text = if text("base_url").is_empty() { default.to_owned() } else { text("base_url") };
        BaseUrl::parse(&text).expect("an address")
    };
    let profile = match &*text("profile") {
        "aws" => Profile::Aws,
        "azure" => Profile::azure(&text("iss")).expect("a tenant"),
        "buddy" => Profile::buddy(&base("https://app.buddy.works")),
        "buildkite" => Profile::buildkite(),
        "ci" => {
            let ci = &vector["ci"];
            let rows = ci["extensions"].as_object().expect("an object");
            let rows = rows.iter().map(|(key, text)| (key.as_str(), text.as_str().expect("text")));
            Profile::Ci(CiProfile::parse(ci["name"].as_str().expect("text"), rows).expect("a table").into())
        }
        "circleci" => Profile::circleci(),
        "codefresh" => Profile::codefresh(&base("https://g.codefresh.io")),
        "email" => Profile::Human,
        "gcp" => Profile::Gcp,
        "github" => Profile::github(&base("https://github.com")),
        "gitlab" => Profile::gitlab(&base("https://gitlab.com")),
        "kubernetes" => {
            let cluster = KubernetesProfile::parse(&base(""), &text("cluster"), &[], &[]);
            Profile::Kubernetes(cluster.expect("a cluster").into())
        }
        "spiffe" => Profile::Spiffe,
        "uri" => Profile::Uri,
        "username" => Profile::Username(DomainName::parse(&text("subject_domain")).expect("a domain")),
        other => panic!("{other}"),
    };
    Vector { profile, claims: vector["claims"].clone(), name: text("name"), extensions }
}

impl Vector {
    fn claim(&self, changes: Value) -> Result<Claimed, ClaimError> {
        let mut claims = self.claims.as_object().expect("an object").clone();
        for (name, value) in changes.as_object().expect("an object") {
            match value {
                Value::Null => drop(claims.remove(name)),
                value => drop(claims.insert(name.clone(), value.clone())),
            }
        }
        let issuers = Issuers::build(vec![record("platform", ISS, self.profile.clone(), Vec::new())], Vec::new());
        let issuers = issuers.unwrap_or_else(|problems| panic!("{problems:?}"));
        let claims = Value::Object(claims).to_string();
        let more = format!(",{}", &claims[1..claims.len() - 1]);
        let token = token_of(&issuers, ISS, &more);
        self.profile.claim(token.subject(), token.claims())
    }
}

#[test]
fn every_platforms_documented_claims_make_its_name_and_all_extensions() {
    for (name, _) in VECTORS {
        let vector = vector(name);
        let claimed = vector.claim(json!({})).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(claimed.name.as_str(), vector.name, "{name}");
        assert_eq!(claimed.extensions, vector.extensions, "{name}");
        let signed = if matches!(name, "email" | "gcp") { "email" } else { "sub" };
        assert_eq!(claimed.proof_name, vector.claims[signed].as_str().expect("text"), "{name}");
    }
}

/// Every claim that a table of ours reads: without it, empty, or of another type there is no name; unless it is
/// optional, and then exactly its extension is gone.
#[test]
fn a_claim_that_is_needed_is_needed() {
    for (name, _) in VECTORS {
        let vector = vector(name);
        let Profile::Ci(table) = &vector.profile else { continue };
        let texts: Vec<String> = table.table().map(|(_, text)| text).chain([table.name_template()]).collect();
        let mut tried = 0;
        for claim in vector.claims.as_object().expect("an object").keys() {
            let is_in = |form: &str| texts.iter().any(|text| text.contains(form));
            if is_in(&format!("{{{claim}?}}")) {
                let without = vector.claim(json!({ claim: null })).expect("is optional");
                let kept = vector.extensions.iter().filter(|row| without.extensions.contains(row)).count();
                assert_eq!(without.extensions.len(), kept, "{name}: {claim}");
                assert_eq!(vector.claim(json!({ claim: "" })), Ok(without), "{name}: {claim}");
            } else if is_in(&format!("{{{claim}}}")) || is_in(&format!("{{+{claim}}}")) {
                let refused = |value: Value| vector.claim(json!({ claim: value }));
                assert_eq!(refused(Value::Null), Err(ClaimError::Missing(claim.clone())), "{name}");
                if claim != "sub" {
                    assert_eq!(refused(json!("")), Err(ClaimError::Empty(claim.clone())), "{name}");
                    assert_eq!(refused(json!(["a"])), Err(ClaimError::Type(claim.clone())), "{name}");
                    assert_eq!(refused(json!(1.5)), Err(ClaimError::Type(claim.clone())), "{name}");
                }
            } else {
                continue;
            }
            tried += 1;
        }
        assert!(tried > 0, "{name}: no claim was tried");
    }
}

#[test]
fn numbers_and_strings_of_the_same_digits_are_the_same() {
    let github = vector("github");
    for id in [json!(9_007_199_254_740_993_u64), json!("9007199254740993")] {
        let claimed = github.claim(json!({ "repository_owner_id": id })).expect("is claimed");
        assert!(claimed.extensions.contains(&(17, "9007199254740993".to_owned())));
    }
}

#[test]
fn no_claim_replaces_a_constant() {
    // Claims by the names that other implementations give their defaults.
    let evil =
        json!({ "url": "https://evil.example", "base": "https://evil.example", "api_url": "https://evil.example" });
    for name in ["github", "gitlab", "buildkite", "circleci", "ci"] {
        let vector = vector(name);
        assert_eq!(vector.claim(evil.clone()), vector.claim(json!({})), "{name}");
    }
    let differs = |name: &str, changes: Value| vector(name).claim(changes).map_err(|error| error.rule());
    assert_eq!(differs("codefresh", json!({ "platform_url": "https://evil.example" })), Err(Rule::N1));
    assert_eq!(differs("buddy", json!({ "base_url": "https://evil.example" })), Err(Rule::N1));
    assert_eq!(
        differs("gitlab", json!({ "ci_config_ref_uri": "evil.example/acme/app//x.yml@refs/heads/main" })),
        Err(Rule::N1)
    );
    assert!(vector("codefresh").claim(json!({ "platform_url": null })).is_ok(), "it need not be there");
}

#[test]
fn names_follow_the_claims_that_cannot_be_chosen() {
    let github = vector("github");
    let changes = json!({ "actor": "eve", "head_ref": "x", "sub": "repo:evil/evil:ref:refs/heads/main", "repository": "acme/fork" });
    assert_eq!(github.claim(changes).expect("is claimed").name.as_str(), github.name);
    for bad in [
        "../../evil/x.yml@refs/heads/main",
        "acme/app/x.yml@refs/heads/a b",
        "acme//app/x.yml@r",
        "acme/app/x.yml?y",
        "acme/%2e%2e/x",
    ] {
        assert_eq!(
            github.claim(json!({ "job_workflow_ref": bad })).map_err(|error| error.rule()),
            Err(Rule::N1),
            "{bad}"
        );
    }
}

#[test]
fn each_platforms_own_traps() {
    let rule = |name: &str, changes: Value| vector(name).claim(changes).map(drop).map_err(|error| error.rule());
    // Somebody sits at the shell.
    for rerun in [json!(true), json!("true"), json!("yes")] {
        assert_eq!(rule("circleci", json!({ "oidc.circleci.com/ssh-rerun": rerun })), Err(Rule::N1));
    }
    assert_eq!(rule("circleci", json!({ "oidc.circleci.com/ssh-rerun": "false" })), Ok(()));
    assert_eq!(rule("gitlab", json!({ "ref_type": "merge_request" })), Err(Rule::N1));
    // A person's token, another tenant's, and one that only looks like a managed identity's.
    assert_eq!(rule("azure", json!({ "xms_mirid": null, "upn": "eve@example.com" })), Err(Rule::N1));
    assert_eq!(rule("azure", json!({ "tid": "00000000-0000-4000-8000-000000000000" })), Err(Rule::N1));
    assert_eq!(rule("azure", json!({ "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ" })), Err(Rule::N1));
    // A consumer of Gmail, and a domain that ends like Google's.
    assert_eq!(rule("gcp", json!({ "email": "eve@gmail.com" })), Err(Rule::N1));
    assert_eq!(rule("gcp", json!({ "email": "eve@gserviceaccount.com.evil.example" })), Err(Rule::N1));
    assert_eq!(rule("gcp", json!({ "email": "eve@evilgserviceaccount.com" })), Err(Rule::N1));
    assert_eq!(rule("gcp", json!({ "email_verified": "true" })), Err(Rule::E1));
    assert_eq!(rule("kubernetes", json!({ "kubernetes.io": null })), Err(Rule::N1));
    assert_eq!(rule("kubernetes", json!({ "sub": "system:serviceaccount:ci:admin" })), Err(Rule::K2));
    assert_eq!(rule("username", json!({ "sub": "alice!evil.example" })), Err(Rule::N2));
    assert_eq!(rule("username", json!({ "sub": "alice@example.com" })), Err(Rule::N2));
    assert_eq!(rule("spiffe", json!({ "sub": "spiffe://example.org" })), Err(Rule::S2));
    assert_eq!(rule("spiffe", json!({ "sub": "https://example.org/ci" })), Err(Rule::S1));
    assert_eq!(rule("aws", json!({ "sub": "arn:aws:iam::999999999999:role/x" })), Err(Rule::N1));
}

#[test]
fn two_clusters_never_share_a_name() {
    let base = BaseUrl::parse("https://seal.example.com/k8s").expect("an address");
    let named = |cluster| KubernetesProfile::parse(&base, cluster, &[], &[]).expect("a cluster").name_template();
    assert_ne!(named("prod-eu"), named("prod-us"));
}

#[test]
fn a_grant_still_decides() {
    let github = vector("github");
    let permit = |prefix: &str| {
        let grants = vec![Grant::uri_prefix(prefix).expect("a prefix")];
        let record = record("gh", ISS, github.profile.clone(), grants);
        let issuers = Issuers::build(vec![record], Vec::new()).unwrap_or_else(|problems| panic!("{problems:?}"));
        let claims = github.claims.to_string();
        let token = token_of(&issuers, ISS, &format!(",{}", &claims[1..claims.len() - 1]));
        issuers.rules().permit(token).map(|permit| permit.claimed().clone()).map_err(|denied| denied.rule())
    };
    assert_eq!(permit("https://github.com/acme-tools").expect("is permitted").name.as_str(), github.name);
    // The repository is acme's, but the steps that ran are of acme-tools.
    assert_eq!(permit("https://github.com/acme"), Err(Rule::V4));
}

/// docs/profiles.md has each table, row for row.
#[test]
fn the_documentation_has_every_table() {
    const PAGE: &str = include_str!("../../../docs/profiles.md");
    for (name, heading) in [
        ("azure", "## Azure"),
        ("buddy", "## Buddy"),
        ("buildkite", "## Buildkite"),
        ("circleci", "## CircleCI"),
        ("codefresh", "## Codefresh"),
        ("github", "## GitHub"),
        ("gitlab", "## GitLab"),
    ] {
        let (_, section) = PAGE.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("{heading} is missing"));
        let section = section.split("\n## ").next().unwrap_or_default();
        let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| .")).collect();
        let Profile::Ci(table) = vector(name).profile else { panic!("{name} is a table") };
        let wanted: Vec<String> =
            table.table().map(|(key, text)| format!("| .{} | {key} | `{text}` |", key.arc())).collect();
        assert_eq!(rows, wanted, "{heading}: should be\n{}", wanted.join("\n"));
        assert!(
            section.contains(&format!("| name | `{}` |", table.name_template().replace(TENANT, "<tenant>"))),
            "{name}"
        );
        assert!(section.contains(&format!("| `profile` | `\"{}\"` |", table.platform())), "{name}");
    }
    for key in Extension::ALL {
        assert!(PAGE.contains(&format!("`{key}`")) || PAGE.contains(&format!(" {key} ")), "{key}");
        assert_eq!(Extension::parse(key.key()), Some(*key));
    }
}
