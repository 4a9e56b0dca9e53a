use serde_json::json;
use shared::audit::AuditRecord;

use crate::feature::Feature;
use crate::instance::fixture::{FIRST_USER, Scratch};

const CLI: &str = "privyseal-cli";
const INSTANCE: &str = "[instance]\norigin = \"https://seal.example.com\"\n";

#[tokio::test]
async fn a_problem_document_names_rule_and_request() {
    let scratch = Scratch::open(INSTANCE).await;
    let answer = scratch.get("/api/privyseal/v1/whoami", None).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"privyseal\"");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let problem = answer.json();
    assert_eq!(problem["type"], "urn:privyseal:problem:unauthenticated");
    assert_eq!(problem["status"], 401);
    assert_eq!(problem["rule"], "BEARER");
    assert_eq!(problem["request"], answer.headers["x-request-id"].to_str().expect("text"));
    let nowhere = scratch.get("/api/privyseal/v1/nowhere", None).await;
    assert_eq!((nowhere.status, nowhere.json()["status"].as_u64()), (404, Some(404)));
    assert_eq!(nowhere.headers["content-type"], "application/problem+json");
}

#[tokio::test]
async fn only_tokens_for_the_api_open_it() {
    let scratch = Scratch::open(INSTANCE).await;
    let whoami = async |token: String| scratch.get("/api/privyseal/v1/whoami", Some(&token)).await;
    let good = whoami(scratch.token(CLI, FIRST_USER)).await;
    assert_eq!(good.status, 200, "{}", good.text());
    assert_eq!(good.json(), json!({ "address": FIRST_USER, "roles": ["admin"], "domains": [] }));
    let other = |claims| scratch.token_with(claims);
    let local = |name: &str| json!({ "connector_id": name, "user_id": "x" });
    let cases = [
        ("T3", scratch.token("sigstore", FIRST_USER)),
        ("T3", other(json!({ "aud": [CLI, "sigstore"], "email": FIRST_USER }))),
        ("T4", other(json!({ "aud": CLI, "email": FIRST_USER, "exp": 1_000_000_000 }))),
        ("I2", other(json!({ "aud": CLI, "email": FIRST_USER, "iss": "https://evil.example" }))),
        ("E1", other(json!({ "aud": CLI, "email": FIRST_USER, "email_verified": "true" }))),
        ("E1", other(json!({ "aud": CLI }))),
        ("C1", other(json!({ "aud": CLI, "email": FIRST_USER, "federated_claims": {} }))),
        ("C2", other(json!({ "aud": CLI, "email": FIRST_USER, "federated_claims": local("gone") }))),
        ("T1", format!("{}x", scratch.token(CLI, FIRST_USER))),
    ];
    for (rule, token) in cases {
        let refused = whoami(token).await;
        assert_eq!((refused.status, refused.json()["rule"].as_str()), (401, Some(rule)), "{}", refused.text());
        let challenge = refused.headers["www-authenticate"].to_str().expect("text");
        assert!(challenge.contains("invalid_token"), "{challenge}");
    }
    // And the other way round: the certificate authority accepts no token for the API.
    let body = json!({ "publicKeyRequest": { "publicKey": { "content": "x" }, "proofOfPossession": "eA==" } });
    let refused = scratch.post("/api/v2/signingCert", Some(&scratch.token(CLI, FIRST_USER)), Some(body)).await;
    assert_eq!((refused.status, refused.json()["details"][0]["reason"].as_str()), (400, Some("T3")));
}

#[tokio::test]
async fn roles_come_from_the_configuration() {
    let configuration = format!(
        "{INSTANCE}[api]\nadmins = [\"root@example.com\"]\nauditors = [\"audit@example.com\"]\n\
         namespace_owners = [{{ address = \"bob@example.com\", domains = [\"eng.example.com\"] }}]\n"
    );
    let scratch = Scratch::open(&configuration).await;
    let status = async |email: &str| {
        let token = scratch.token(CLI, email);
        let shown = scratch.get("/api/privyseal/v1/configuration", Some(&token)).await;
        let reloaded = scratch.post("/api/privyseal/v1/reload", Some(&token), None).await;
        (shown.status, reloaded.status)
    };
    assert_eq!(status("root@example.com").await, (200, 200));
    assert_eq!(status("audit@example.com").await, (200, 403));
    assert_eq!(status("bob@example.com").await, (403, 403));
    assert_eq!(status(FIRST_USER).await, (403, 403), "the configuration names others");
    let refused = scratch.post("/api/privyseal/v1/reload", Some(&scratch.token(CLI, FIRST_USER)), None).await;
    assert_eq!(refused.json()["rule"], "ROLE");
}

#[tokio::test]
async fn a_reload_over_the_api_is_recorded_and_a_bad_file_keeps_the_old_one() {
    let scratch = Scratch::open(INSTANCE).await;
    let token = scratch.token(CLI, FIRST_USER);
    let before = scratch.get("/api/privyseal/v1/configuration", Some(&token)).await.json();
    assert_eq!(before["refused"], json!(null));

    scratch.write("privyseal.toml", &format!("{INSTANCE}[provider]\ntoken_seconds = 1\nwild = true\n"));
    let refused = scratch.post("/api/privyseal/v1/reload", Some(&token), None).await;
    assert_eq!((refused.status, refused.json()["rule"].as_str()), (422, Some("CONFIGURATION")));
    scratch
        .write("privyseal.toml", &format!("{INSTANCE}[provider]\ntoken_seconds = 1\n[listen]\ndrain_seconds = 11\n"));
    let refused = scratch.post("/api/privyseal/v1/reload", Some(&token), None).await.json();
    assert_eq!(refused["problems"][0]["place"], "provider.token_seconds", "{refused}");
    scratch
        .write("privyseal.toml", &format!("{INSTANCE}[provider]\ntoken_seconds = 20\n[listen]\ndrain_seconds = 11\n"));
    let refused = scratch.post("/api/privyseal/v1/reload", Some(&token), None).await.json();
    assert_eq!(refused["problems"][0]["place"], "listen.drain_seconds", "{refused}");
    let now = scratch.get("/api/privyseal/v1/configuration", Some(&token)).await.json();
    assert_eq!(now["sha256"], before["sha256"], "the old one stays");
    assert_eq!(now["refused"]["problems"][0]["place"], "listen.drain_seconds");
    assert_eq!(now["refused"]["cause"], format!("api {FIRST_USER}"));

    scratch.write("privyseal.toml", &format!("{INSTANCE}[provider]\ntoken_seconds = 20\n"));
    let taken = scratch.post("/api/privyseal/v1/reload", Some(&token), None).await;
    assert_eq!(taken.status, 200, "{}", taken.text());
    let now = scratch.get("/api/privyseal/v1/configuration", Some(&token)).await.json();
    assert_ne!(now["sha256"], before["sha256"]);
    assert_eq!(now["refused"], json!(null));

    let recorded: Vec<(String, String)> = scratch
        .audit()
        .into_iter()
        .filter_map(|record| match record {
            AuditRecord::ConfigurationLoaded { cause, sha256, .. } => Some((format!("loaded {cause}"), sha256)),
            AuditRecord::ConfigurationRefused { cause, sha256, problems, .. } => {
                assert!(!problems.is_empty());
                Some((format!("refused {cause}"), sha256))
            }
            _ => None,
        })
        .collect();
    let kinds: Vec<&str> = recorded.iter().map(|(kind, _)| kind.as_str()).collect();
    let (loaded, refused) = (format!("loaded api {FIRST_USER}"), format!("refused api {FIRST_USER}"));
    assert_eq!(kinds, ["loaded start", &refused, &refused, &refused, &loaded]);
    assert_eq!(recorded[4].1, now["sha256"].as_str().expect("text"));
}

#[tokio::test]
async fn a_bearer_may_explain_its_own_token_and_an_auditor_any() {
    let configuration = format!("{INSTANCE}[api]\nauditors = [\"audit@example.com\"]\n");
    let scratch = Scratch::open(&configuration).await;
    let path = "/api/privyseal/v1/explain";
    let token = scratch.token("sigstore", FIRST_USER);
    let records = scratch.audit().len();

    let answer = scratch.post(path, Some(&token), None).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let document = answer.json();
    assert_eq!((document["verdict"].as_str(), document["refusal"].as_object()), (Some("ACCEPT"), None), "{document}");
    assert_eq!(document["certificate"]["name"], FIRST_USER);
    assert_eq!(document["certificate"]["nameType"], "rfc822Name");
    assert_eq!(document["certificate"]["extensions"][1]["oid"], "1.3.6.1.4.1.57264.1.8");
    assert_eq!(document["certificate"]["extensions"][1]["value"], "https://seal.example.com/oidc");
    assert!(document["record"].get("grants").is_none());
    assert!(!answer.text().contains(&token), "the token is not repeated");

    let refused = scratch.post(path, Some(&scratch.token(CLI, FIRST_USER)), None).await.json();
    assert_eq!(
        (refused["refusal"]["rule"].as_str(), refused["refusal"]["step"].as_str()),
        (Some("T3"), Some("audience"))
    );
    assert_eq!(refused["steps"][11], json!({ "step": "deny", "outcome": "not reached" }));

    let question = Some(json!({ "token": token }));
    let auditor = scratch.token(CLI, "audit@example.com");
    let document = scratch.post(path, Some(&auditor), question.clone()).await.json();
    assert_eq!(
        (document["verdict"].as_str(), document["record"]["grants"].is_array()),
        (Some("ACCEPT"), true),
        "{document}"
    );
    for (bearer, status) in [(None, 401), (Some(&token), 401), (Some(&scratch.token(CLI, "x@example.com")), 403)] {
        let answer = scratch.post(path, bearer.map(String::as_str), question.clone()).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    assert_eq!(scratch.post(path, None, None).await.status, 401);
    let garbage = scratch.post(path, Some("no token"), None).await.json();
    assert_eq!((garbage["refusal"]["step"].as_str(), garbage["refusal"]["rule"].as_str()), (Some("parse"), Some("T1")));
    let unknown = scratch.post(path, Some(&auditor), Some(json!({ "jwt": "x" }))).await;
    assert_eq!((unknown.status, unknown.json()["rule"].as_str()), (400, Some("JSON")));
    assert_eq!(scratch.audit().len(), records, "nothing is recorded");
}

#[tokio::test]
async fn an_administrator_cannot_add_a_user_with_an_address_of_another_issuer() {
    let grants = "[[connectors]]\nid = \"corp\"\nname = \"Corp\"\niss = \"https://login.example.com\"\n\
                  client_id = \"privyseal\"\ngrants = [{ email = \"corp.example\" }]\n";
    let has_connector = Feature::UpstreamLogin.require().is_ok();
    let scratch = Scratch::open(&format!("{INSTANCE}{}", if has_connector { grants } else { "" })).await;
    let admin = scratch.token(CLI, FIRST_USER);
    let add = async |bearer: &str, address: &str, password: &str| {
        let body = json!({ "address": address, "password": password });
        let answer = scratch.post("/api/privyseal/v1/users", Some(bearer), Some(body)).await;
        (answer.status, answer.json()["rule"].as_str().unwrap_or_default().to_owned())
    };
    let good = "a long enough password";
    assert_eq!(add(&admin, "bob@instance.example", good).await, (200, String::new()));
    assert_eq!(add(&admin, "bob@instance.example", good).await, (409, "USER".to_owned()));
    if has_connector {
        assert_eq!(add(&admin, "bob@corp.example", good).await, (409, "X1".to_owned()));
    }
    assert_eq!(add(&admin, "bob@@instance.example", good).await, (422, "E4".to_owned()));
    assert_eq!(add(&admin, "eve@instance.example", "short").await, (422, "USER".to_owned()));
    assert_eq!(
        add(&scratch.token(CLI, "bob@instance.example"), "eve@instance.example", good).await,
        (403, "ROLE".to_owned())
    );
    let added = |record: &AuditRecord| matches!(record, AuditRecord::UserAdded { by, .. } if by == FIRST_USER);
    assert_eq!(scratch.audit().iter().filter(|record| added(record)).count(), 1);
}

#[tokio::test]
async fn auditors_see_trust_domains_and_administrators_refresh_them() {
    let bundle = |number: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/spire");
        let path = std::path::Path::new(folder).join(format!("alpha-bundle-{number}.json"));
        crate::file::read(&path, 1 << 20).expect("a vector")
    };
    let configuration = format!(
        "{INSTANCE}[api]\nadmins = [\"root@example.com\"]\nauditors = [\"audit@example.com\"]\n\
         [[trust_domains]]\nname = \"alpha.test\"\nbundle = {{ file = \"alpha.json\" }}\n\
         grants = [{{ spiffe = \"spiffe://alpha.test/ci\" }}]\n"
    );
    let scratch = Scratch::open_with(&configuration, &[("alpha.json", bundle("2-prepared"))]).await;
    let (root, auditor) = (scratch.token(CLI, "root@example.com"), scratch.token(CLI, "audit@example.com"));
    let nobody = scratch.token(CLI, FIRST_USER);
    let all = "/api/privyseal/v1/trust-domains";
    let (one, refresh) = (format!("{all}/alpha.test"), format!("{all}/alpha.test/refresh"));

    let document = scratch.get(&one, Some(&auditor)).await;
    assert_eq!(document.status, 200, "{}", document.text());
    let document = document.json();
    assert_eq!((document["state"].as_str(), document["sequence"].as_u64()), (Some("fresh"), Some(3)), "{document}");
    assert_eq!(document["grants"], json!(["spiffe://alpha.test/ci"]));
    assert_eq!(document["source"]["kind"], "file");
    assert_eq!(document["keys"].as_array().map(Vec::len), Some(4));
    // `openssl x509 -noout -fingerprint -sha256` says the same of the first certificate.
    let certificate =
        document["keys"].as_array().expect("keys").iter().find(|key| key["use"] == "x509-svid").expect("one");
    assert_eq!(
        certificate["sha256"], "7da367a3d59912e899366be3ef6945cb9f2693fb107c4dbf7f97fa24e52b4d73",
        "{certificate}"
    );
    assert_eq!(scratch.get(all, Some(&auditor)).await.json(), json!({ "trustDomains": [document] }));

    for (bearer, list, looked) in [(&root, 200, 200), (&auditor, 200, 403), (&nobody, 403, 403)] {
        assert_eq!(scratch.get(all, Some(bearer)).await.status, list);
        assert_eq!(scratch.post(&refresh, Some(bearer), None).await.status, looked);
    }
    let unknown = scratch.get(&format!("{all}/beta.test"), Some(&root)).await;
    assert_eq!((unknown.status, unknown.json()["rule"].as_str()), (404, Some("NOT_FOUND")));

    // A newer bundle is accepted, an older one is refused by its rule, and the newer one stays in force.
    scratch.write("alpha.json", &bundle("3-tainted"));
    let document = scratch.post(&refresh, Some(&root), None).await.json();
    assert_eq!(
        (document["refreshed"].as_bool(), document["sequence"].as_u64(), &document["trouble"]),
        (Some(true), Some(5), &json!(null))
    );
    scratch.write("alpha.json", &bundle("1"));
    let document = scratch.post(&refresh, Some(&root), None).await.json();
    assert_eq!(
        (document["refreshed"].as_bool(), document["trouble"]["rule"].as_str()),
        (Some(false), Some("B2")),
        "{document}"
    );
    assert_eq!((document["state"].as_str(), document["sequence"].as_u64()), (Some("fresh"), Some(5)));

    // After SPIRE is restored from a backup the operator changes the source, and the sequence starts again.
    scratch.write("restored.json", &bundle("1"));
    scratch.write("privyseal.toml", &configuration.replace("alpha.json", "restored.json"));
    assert_eq!(scratch.post("/api/privyseal/v1/reload", Some(&root), None).await.status, 200);
    let document = scratch.post(&refresh, Some(&root), None).await.json();
    assert_eq!((document["refreshed"].as_bool(), document["sequence"].as_u64()), (Some(true), Some(1)), "{document}");
}
