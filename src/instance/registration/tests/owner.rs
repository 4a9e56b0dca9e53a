//! An instance, two name servers, an issuer on this machine, and a domain owner who registers it.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker::jose::JoseAlgorithm;
use broker::names::{DomainName, IssuerUrl};
use broker::registration::{Claim, InstanceName, NameKind, ProofMethod, txt_record};
use serde_json::{Value, json};
use shared::audit::AuditRecord;
use shared::keys::{SignatureAlgorithm, Signer as _, SigningKey};
use shared::time::{Clock as _, UnixTime};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::clock::SystemClock;
use crate::instance::fixture::{FIRST_USER, HttpAnswer, Scratch};
use crate::instance::registration::RegistrantKey;
use crate::outbound::domain_proofs::tests::name_server::{Keys, NameServer, Zones};

pub(crate) const OWNER: &str = "owner@instance.example";
pub(crate) const DOMAIN: &str = "acme.signed";
pub(crate) const NAME: &str = "_sigstore-issuer.acme.signed.";
const ISSUERS: &str = "/api/privyseal/v1/issuers";
const CLI: &str = "privyseal-cli";

/// Seconds, so short that a test can wait for them; each test says which it waits for.
pub(crate) const NEVER: &str = "recheck_seconds = 1000\nstale_seconds = 2000";

pub(crate) struct RegistrationHarness {
    pub(crate) scratch: Scratch,
    pub(crate) servers: [NameServer; 2],
    pub(crate) issuer: LocalIssuer,
    tasks: JoinSet<()>,
    folder: TempDir,
}

impl RegistrationHarness {
    /// An instance in which time runs as `timing` says, with more configuration behind.
    #[expect(clippy::disallowed_methods, reason = "an operator's file, which the instance under test reads")]
    pub(crate) async fn open(timing: &str, more: &str) -> Self {
        let keys = Arc::new(Keys::generate());
        let servers = [NameServer::start(&keys).await, NameServer::start(&keys).await];
        for server in &servers {
            server.say(Zones::default()).await;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let anchors = folder.path().join("anchors");
        std::fs::write(&anchors, keys.trust_anchor_file()).expect("written");
        let configuration = format!(
            "[instance]\norigin = \"https://seal.example.com\"\n\
             [api]\nadmins = [\"{FIRST_USER}\"]\nauditors = [\"audit@instance.example\"]\n\
             namespace_owners = [{{ address = \"{OWNER}\", domains = [\"{DOMAIN}\", \"acme.plain\"] }}]\n\
             [registration]\nresolvers = [\"{}\", \"{}\"]\nsystem_resolvers = false\n\
             trust_anchor_file = \"{}\"\ndanger_loopback_http = true\n{timing}\n{more}",
            servers[0].address,
            servers[1].address,
            anchors.display(),
        );
        let scratch = Scratch::open(&configuration).await;
        let tasks = scratch.instance.tasks();
        Self { scratch, servers, issuer: LocalIssuer::start().await, tasks, folder }
    }

    /// The instance, stopped and started.
    pub(crate) async fn restart(self, loses_store: bool) -> Self {
        let Self { scratch, servers, issuer, mut tasks, folder } = self;
        tasks.shutdown().await;
        let scratch = scratch.reopen(loses_store).await;
        let tasks = scratch.instance.tasks();
        Self { scratch, servers, issuer, tasks, folder }
    }

    /// Both name servers say this.
    pub(crate) async fn publish(&self, zones: Zones) {
        for server in &self.servers {
            server.say(zones.clone()).await;
        }
    }

    pub(crate) fn key(&self) -> RegistrantKey {
        self.key_named("key.pem")
    }

    pub(crate) fn key_named(&self, name: &str) -> RegistrantKey {
        RegistrantKey::load_or_make(&self.folder.path().join(name)).expect("a key").0
    }

    pub(crate) fn claim(&self, domain: &str, key: &RegistrantKey) -> Claim {
        Claim {
            domain: DomainName::parse(domain).expect("a domain"),
            iss: IssuerUrl::parse_or_loopback(&self.issuer.iss).expect("an issuer"),
            kind: NameKind::Email,
            subdomains: false,
            method: ProofMethod::Dns,
            account: key.account(),
        }
    }

    pub(crate) async fn instance_id(&self) -> InstanceName {
        let about = self.ask(OWNER, "GET", "/about", None).await.json();
        InstanceName::parse(about["instance"].as_str().expect("text")).expect("an instance")
    }

    /// The record that the owner's key and domain need.
    pub(crate) async fn record(&self, until: Option<UnixTime>) -> String {
        txt_record::write(&self.claim(DOMAIN, &self.key()), &self.instance_id().await, until)
    }

    pub(crate) async fn ask(&self, who: &str, method: &str, path: &str, body: Option<Value>) -> HttpAnswer {
        let token = self.scratch.token(CLI, who);
        let path = format!("{ISSUERS}{path}");
        match method {
            "GET" => self.scratch.get(&path, Some(&token)).await,
            _ => self.scratch.post(&path, Some(&token), Some(body.unwrap_or_else(|| json!({})))).await,
        }
    }

    /// Asks for the claim, signed by the key.
    pub(crate) async fn request(&self, who: &str, claim: &Claim, key: &RegistrantKey) -> HttpAnswer {
        let request = key.sign(claim, &self.instance_id().await, SystemClock.now()).expect("signs");
        self.ask(who, "POST", "", Some(json!({ "request": request }))).await
    }

    /// The owner's usual request; answers its identifier.
    pub(crate) async fn requested(&self) -> String {
        let key = self.key();
        let answer = self.request(OWNER, &self.claim(DOMAIN, &key), &key).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["id"].as_str().expect("text").to_owned()
    }

    /// Published, asked for, proven and approved.
    pub(crate) async fn active(&self) -> String {
        self.publish(Zones::default().text(NAME, &self.record(None).await)).await;
        let id = self.requested().await;
        assert_eq!(self.post(OWNER, &id, "prove").await["proved"], true);
        assert_eq!(self.post(FIRST_USER, &id, "approve").await["state"], "active");
        id
    }

    pub(crate) async fn post(&self, who: &str, id: &str, action: &str) -> Value {
        let body = if action == "freeze" { json!({ "reason": "a test" }) } else { json!({}) };
        let answer = self.ask(who, "POST", &format!("/{id}/{action}"), Some(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    pub(crate) async fn show(&self, id: &str) -> Value {
        self.ask(OWNER, "GET", &format!("/{id}"), None).await.json()
    }

    /// Waits until the registration is in this state.
    pub(crate) async fn reaches(&self, id: &str, state: &str) {
        for _ in 0..600 {
            if self.show(id).await["state"] == state {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("never {state}: {}", self.show(id).await);
    }

    /// Waits until it is so.
    pub(crate) async fn until(&self, is_so: impl AsyncFn() -> bool) {
        for _ in 0..600 {
            if is_so().await {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("never so");
    }

    /// A certificate for an address by a token of the local issuer: the status, and the rule that refused.
    pub(crate) async fn certificate(&self, email: &str) -> (u16, String) {
        self.certificate_by(&self.issuer.token(email), email).await
    }

    /// The same by a token of our own provider, for a person whom that connector knows.
    pub(crate) async fn own_certificate(&self, email: &str, connector: &str) -> (u16, String) {
        let known = json!({ "connector_id": connector, "user_id": "x" });
        let claims = json!({ "aud": "sigstore", "email": email, "federated_claims": known });
        self.certificate_by(&self.scratch.token_with(claims), email).await
    }

    async fn certificate_by(&self, token: &str, email: &str) -> (u16, String) {
        let key = SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("generates");
        let body = json!({ "publicKeyRequest": {
            "publicKey": { "algorithm": "ECDSA", "content": key.public_key().to_pem() },
            "proofOfPossession": STANDARD.encode(key.sign(email.as_bytes()).expect("signs")),
        } });
        let answer = self.scratch.post("/api/v2/signingCert", Some(token), Some(body)).await;
        let rule = match answer.status {
            200 => String::new(),
            _ => answer.json()["details"][0]["reason"].as_str().unwrap_or_default().to_owned(),
        };
        (answer.status, rule)
    }

    /// What the audit log says of registrations: event, state before, state after, by whom.
    pub(crate) fn history(&self) -> Vec<(String, String, String, String)> {
        let tell = |record| match record {
            AuditRecord::IssuerRegistration { event, from, to, by, .. } => {
                Some((event.name().to_owned(), from, to, by.to_string()))
            }
            _ => None,
        };
        self.scratch.audit().into_iter().filter_map(tell).collect()
    }
}

/// An OpenID provider of one key on this machine.
pub(crate) struct LocalIssuer {
    pub(crate) iss: String,
    key: SigningKey,
    _server: JoinSet<()>,
}

impl LocalIssuer {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let iss = format!("http://{}", listener.local_addr().expect("is bound"));
        let key = SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("generates");
        let point = key.public_key().key_bits();
        let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) });
        let metadata = json!({ "issuer": iss, "jwks_uri": format!("{iss}/keys") }).to_string();
        let jwks = json!({ "keys": [jwk] }).to_string();
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(async move || metadata.clone()))
            .route("/keys", get(async move || jwks.clone()));
        let mut server = JoinSet::new();
        server.spawn(async move {
            let _ = axum::serve(listener, routes).await;
        });
        Self { iss, key, _server: server }
    }

    fn token(&self, email: &str) -> String {
        let now = SystemClock.now().seconds();
        let claims = json!({
            "iss": self.iss, "sub": "someone", "aud": "sigstore", "email": email, "email_verified": true,
            "iat": now, "exp": now + 300,
        });
        let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        let header = json!({ "alg": JoseAlgorithm::Es256.name() });
        let input = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        // JOSE writes an ECDSA signature as two numbers of fixed length (RFC 7518 §3.4).
        let der = self.key.sign(input.as_bytes()).expect("signs");
        let signature = p256::ecdsa::Signature::from_der(&der).expect("a signature");
        format!("{input}.{}", encode(&signature.to_bytes()))
    }
}
