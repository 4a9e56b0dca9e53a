use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use broker::jose::JoseAlgorithm;
use serde_json::{Value, json};
use shared::keys::{SignatureAlgorithm, Signer as _, SigningKey};
use shared::time::Clock as _;
use shared::x509::Certificate;
use tokio::task::JoinHandle;

use super::*;
use crate::clock::SystemClock;
use crate::feature::Feature;
use crate::instance::assemble::{Settings, Source};
use crate::instance::fixture::{HttpAnswer, Scratch, sign};

const CI: &str = "https://build.example.net";

/// Two configurations that differ in everything at once: audience, grant, lifetime, redirect URI, connector. Whatever
/// mixes them answers as neither does.
fn configuration(letter: char, lifetime: u64) -> String {
    let connector = match Feature::UpstreamLogin.require() {
        Ok(()) => connector(letter),
        Err(_) => String::new(),
    };
    format!(
        "[instance]\norigin = \"https://seal.example.com\"\n\
         [certificates]\nlifetime_seconds = {lifetime}\n\
         [[issuers]]\nid = \"ci-{letter}\"\niss = \"{CI}\"\naudience = \"aud-{letter}\"\nprofile = \"uri\"\n\
         jwks_file = \"ci.jwks\"\ngrants = [{{ uri = \"{CI}/{letter}\" }}]\n\
         [[clients]]\nid = \"app\"\nredirect_uris = [\"https://{letter}.example/cb\"]\n\
         {connector}"
    )
}

fn connector(letter: char) -> String {
    format!(
        "[[connectors]]\nid = \"conn-{letter}\"\nname = \"Upstream\"\niss = \"https://login-{letter}.example.com\"\n\
         client_id = \"privyseal\"\ngrants = [{{ email = \"{letter}.example\" }}]\n"
    )
}

struct SnapshotHarness {
    scratch: Scratch,
    ci: SigningKey,
    applicant: SigningKey,
    is_over: AtomicBool,
}

impl SnapshotHarness {
    async fn new() -> Self {
        let key = || SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("a key");
        let ci = key();
        let (x, y) = ci.public_key().spki_der()[27..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let jwks = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "k", "x": x, "y": y }] }).to_string();
        let files = [("ci.jwks", jwks), ("a.toml", configuration('a', 600)), ("b.toml", configuration('b', 300))];
        let scratch = Scratch::open_with(&configuration('a', 600), &files).await;
        Self { scratch, ci, applicant: key(), is_over: AtomicBool::new(false) }
    }

    /// A JOSE signature has another form than an X.509 one: r and s, 32 octets each.
    fn token(&self, audience: &str, path: &str) -> (String, String) {
        let (now, sub) = (SystemClock.now().seconds(), format!("{CI}/{path}"));
        let claims = json!({ "iss": CI, "aud": audience, "sub": sub, "iat": now, "exp": now + 300 });
        (sign(&self.ci, JoseAlgorithm::Es256, Some("k"), &claims), sub)
    }

    async fn certificate(&self, audience: &str, path: &str) -> HttpAnswer {
        let (token, sub) = self.token(audience, path);
        let proof = STANDARD.encode(self.applicant.sign(sub.as_bytes()).expect("signs"));
        let key = json!({ "content": self.applicant.public_key().to_pem() });
        let body = json!({ "publicKeyRequest": { "publicKey": key, "proofOfPossession": proof } });
        self.scratch.post("/api/v2/signingCert", Some(&token), Some(body)).await
    }

    /// Question the authority says of a token made for one of the two: the lifetime of its certificate, or the rule
    /// that refused.
    async fn outcome(&self, audience: &str, path: &str) -> String {
        let answer = self.certificate(audience, path).await;
        match answer.status {
            200 => {
                let chain = answer.json()["signedCertificateEmbeddedSct"]["chain"]["certificates"].clone();
                let pem = pem::parse(chain[0].as_str().expect("PEM")).expect("PEM");
                let certificate = Certificate::from_der(pem.contents()).expect("a certificate");
                certificate.not_after().since(certificate.not_before()).as_secs().to_string()
            }
            400 => answer.json()["details"][0]["reason"].as_str().expect("a rule").to_owned(),
            status => panic!("{status}: {}", answer.text()),
        }
    }

    async fn login(&self, letter: char) -> String {
        let path = format!(
            "/oidc/auth?client_id=app&response_type=code&scope=openid&state=s&connector_id=conn-{letter}\
             &redirect_uri=https%3A%2F%2F{letter}.example%2Fcb&code_challenge_method=S256\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        let answer = self.scratch.get(&path, None).await;
        match answer.headers.get("location").map(|location| location.to_str().expect("text")) {
            Some(location) if location.starts_with(&format!("/oidc/auth/conn-{letter}?flow=")) => "upstream".to_owned(),
            Some(other) => panic!("sent to {other}"),
            None => {
                assert!(answer.text().contains("Unregistered redirect URI"), "{}", answer.text());
                "unregistered".to_owned()
            }
        }
    }

    /// The audiences of all issuers but our own provider.
    async fn published(&self) -> String {
        let value: Value = self.scratch.get("/api/v2/configuration", None).await.json();
        let issuers = value["issuers"].as_array().expect("a list").clone();
        let audience = |issuer: &Value| issuer["audience"].as_str().expect("text").to_owned();
        issuers.iter().map(audience).filter(|audience| audience != "sigstore").collect::<Vec<_>>().join(" ")
    }

    async fn ask(&self, what: Question) -> String {
        match what {
            Question::Certificate(audience, path) => self.outcome(audience, path).await,
            Question::Login(letter) => self.login(letter).await,
            Question::Published => self.published().await,
        }
    }

    /// Asks from a task of its own until it is over; every different answer counts once.
    fn hammer(self: &Arc<Self>, what: Question) -> JoinHandle<BTreeSet<String>> {
        let harness = Arc::clone(self);
        tokio::spawn(async move {
            let mut seen = BTreeSet::new();
            while !harness.is_over.load(Ordering::Relaxed) {
                seen.insert(harness.ask(what).await);
                // Some answers are at hand without waiting; the runtime's timer must get its turn all the same.
                tokio::task::yield_now().await;
            }
            seen
        })
    }

    async fn alternate(&self, times: usize) {
        for turn in 0..times {
            let file = self.scratch.file(if turn % 2 == 0 { "b.toml" } else { "a.toml" });
            let settings =
                Settings::read(&Source::new(Some(&file), None)).map_err(|(problems, _)| problems).expect("good");
            self.scratch.snapshots().change_configuration(settings, &Cause::File).await.expect("taken");
            tokio::time::sleep(std::time::Duration::from_millis(15)).await;
        }
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// One kind of question.
#[derive(Clone, Copy)]
enum Question {
    Certificate(&'static str, &'static str),
    Login(char),
    Published,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_answer_is_of_exactly_one_configuration() {
    let harness = Arc::new(SnapshotHarness::new().await);
    // A certificate of the other lifetime, or a refusal by the grant after the audience of the other configuration,
    // would be a mixture. Both answers must have been seen, or the configurations did not alternate under the
    // questions.
    let mut expected = vec![
        (Question::Certificate("aud-a", "a/x"), ["600", "T3"]),
        (Question::Certificate("aud-b", "b/x"), ["300", "T3"]),
        (Question::Certificate("aud-a", "b/x"), ["V4", "T3"]),
        (Question::Certificate("aud-b", "a/x"), ["V4", "T3"]),
        (Question::Published, ["aud-a", "aud-b"]),
    ];
    if Feature::UpstreamLogin.require().is_ok() {
        expected.extend(['a', 'b'].map(|letter| (Question::Login(letter), ["upstream", "unregistered"])));
    }
    let running: Vec<_> = expected.into_iter().map(|(what, answers)| (harness.hammer(what), answers)).collect();
    harness.alternate(40).await;
    for (seen, answers) in running {
        assert_eq!(seen.await.expect("asks on"), BTreeSet::from(answers.map(str::to_owned)));
    }
    let loaded = |record: &AuditRecord| matches!(record, AuditRecord::ConfigurationLoaded { .. });
    assert_eq!(harness.scratch.audit().iter().filter(|record| loaded(record)).count(), 41);
}

/// The record comes first: a configuration that the audit log does not take never comes into force.
#[tokio::test]
async fn what_is_not_recorded_does_not_come_into_force() {
    let harness = SnapshotHarness::new().await;
    harness.scratch.close_audit();
    let settings =
        Settings::read(&Source::new(Some(&harness.scratch.file("b.toml")), None)).map_err(|(p, _)| p).expect("good");
    let refused = harness.scratch.snapshots().change_configuration(settings, &Cause::Signal).await;
    assert!(matches!(refused, Err(ChangeError::Audit(_))), "{refused:?}");
    assert_eq!(harness.published().await, "aud-a");
}
