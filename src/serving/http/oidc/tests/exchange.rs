//! Workloads at the token endpoint: their requests, the responses, and the certificates that follow.

use axum::http::Extensions;
use broker::jose::JoseAlgorithm;
use broker::names::{PublicSuffixes, TrustDomain};
use broker::registry::Registry;
use broker::trust_domain::{BundleSource, TrustDomainSpec};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::json;
use shared::audit::CredentialKind;
use shared::x509::Certificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::*;
use crate::clock::SystemClock;
use crate::instance::fixture::{ORIGIN as INSTANCE, Scratch, sign};
use crate::serving::listen::svid::PeerSvid;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";
const ID: &str = "spiffe://a.test/ci/build";

/// A bundle with one key for JWT-SVIDs.
fn bundle(kid: &str, key: &SigningKey) -> String {
    let point = key.public_key().key_bits();
    let (x, y) = point[1..].split_at(32);
    let key = json!({ "kty": "EC", "crv": "P-256", "kid": kid, "use": "jwt-svid", "x": b64(x), "y": b64(y) });
    json!({ "keys": [key] }).to_string()
}

fn p256() -> SigningKey {
    SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("generates")
}

fn post(pairs: &[(&str, &str)], extensions: Extensions) -> Request<Body> {
    let request = Request::builder().method(Method::POST).uri("/oidc/token");
    let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let mut request = request.body(Body::from(form(pairs))).expect("builds");
    request.extensions_mut().extend(extensions);
    request
}

async fn send(router: Router, request: Request<Body>) -> Reply {
    let response = router.oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a whole body");
    Reply { status: parts.status, headers: parts.headers, body: String::from_utf8(bytes.to_vec()).expect("text") }
}

/// A whole instance and a trust domain beside it.
struct TwoParties {
    scratch: Scratch,
    key: SigningKey,
}

impl TwoParties {
    async fn open(more: &str) -> Self {
        let key = p256();
        let configuration = format!(
            "[instance]\norigin = \"{INSTANCE}\"\n[[trust_domains]]\nname = \"a.test\"\nbundle = {{ file = \"a.json\" }}\n\
             issuer_label = \"https://oidc.a.test\"\ngrants = [{{ spiffe = \"spiffe://a.test/ci\" }}]\n{more}"
        );
        let scratch = Scratch::open_with(&configuration, &[("a.json", bundle("k", &key))]).await;
        Self { scratch, key }
    }

    fn svid(&self, audience: &str) -> String {
        let now = SystemClock.now().seconds();
        let claims = json!({ "sub": ID, "aud": [audience], "iat": now, "exp": now + 240 });
        sign(&self.key, JoseAlgorithm::Es256, Some("k"), &claims)
    }

    async fn ask(&self, pairs: &[(&str, &str)]) -> Reply {
        send(self.scratch.routes.main.clone(), post(pairs, Extensions::new())).await
    }

    async fn exchange(&self, subject_token: &str, audience: &str) -> Reply {
        let pairs = [("subject_token", subject_token), ("subject_token_type", JWT), ("audience", audience)];
        self.ask(&[&[("grant_type", EXCHANGE)], &pairs[..]].concat()).await
    }

    async fn assert(&self, assertion: &str) -> Reply {
        let kind = [("grant_type", "client_credentials"), ("client_assertion_type", ASSERTION)];
        self.ask(&[&kind[..], &[("client_assertion", assertion), ("audience", "sigstore")]].concat()).await
    }

    /// The certificate for a token, or the rule that refused.
    async fn certificate(&self, token: &str) -> Certificate {
        let applicant = p256();
        let proof = STANDARD.encode(applicant.sign(ID.as_bytes()).expect("signs"));
        let key = json!({ "content": applicant.public_key().to_pem() });
        let body = json!({ "publicKeyRequest": { "publicKey": key, "proofOfPossession": proof } });
        let answer = self.scratch.post("/api/v2/signingCert", Some(token), Some(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let leaf = answer.json()["signedCertificateEmbeddedSct"]["chain"]["certificates"][0].clone();
        let leaf = pem::parse(leaf.as_str().expect("a text")).expect("PEM");
        Certificate::from_der(leaf.contents()).expect("a certificate")
    }
}

fn token_of(reply: &Reply) -> String {
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store");
    let said = reply.json();
    assert_eq!(said["access_token"], said["id_token"]);
    assert_eq!(said["issued_token_type"], "urn:ietf:params:oauth:token-type:id_token");
    let life = said["expires_in"].as_u64().expect("a number");
    assert!((230..=240).contains(&life), "no longer than the SVID: {life}");
    said["id_token"].as_str().expect("a text").to_owned()
}

fn claims_of(token: &str) -> Value {
    let claims = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("JSON")
}

/// The URI names, and Fulcio's extensions.
fn says(certificate: &Certificate) -> (Vec<String>, Vec<(String, Vec<u8>)>) {
    let tbs = certificate.tbs();
    let (_, names) = tbs.get_extension::<SubjectAltName>().expect("reads").expect("is there");
    let names = names.0.iter().map(|name| match name {
        GeneralName::UniformResourceIdentifier(uri) => uri.as_str().to_owned(),
        other => panic!("{other:?}"),
    });
    let extensions = tbs.extensions().map(Vec::as_slice).unwrap_or_default().iter();
    let extensions = extensions.map(|one| (one.extn_id.to_string(), one.extn_value.as_bytes().to_vec()));
    let fulcio = extensions.filter(|(oid, _)| oid.starts_with("1.3.6.1.4.1.57264.1."));
    (names.collect(), fulcio.collect())
}

#[tokio::test]
async fn a_certificate_for_an_exchanged_token_equals_one_for_the_svid() {
    let here = TwoParties::open("").await;
    let (own, ours) = (here.svid("sigstore"), here.svid(&format!("{INSTANCE}/oidc")));
    let direct = here.certificate(&own).await;
    let before = here.scratch.audit().len();
    let (exchanged, asserted) = (here.exchange(&own, "sigstore").await, here.assert(&ours).await);
    assert_eq!((&exchanged.json()["token_type"], &asserted.json()["token_type"]), (&json!("N_A"), &json!("Bearer")));
    assert_eq!(claims_of(&token_of(&exchanged))["federated_claims"]["connector_id"], "spiffe://a.test");
    let sha256 = |token: &str| hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes()));
    for (reply, shown, at) in [(exchanged, &own, before), (asserted, &ours, before + 1)] {
        let token = token_of(&reply);
        let claims = claims_of(&token);
        let shape = (&claims["iss"], &claims["sub"], &claims["aud"]);
        assert_eq!(shape, (&json!(format!("{INSTANCE}/oidc")), &json!(ID), &json!("sigstore")));
        assert!(claims.get("email").is_none() && claims.get("auth_time").is_none(), "{claims}");
        let shared::audit::AuditRecord::TokenIssued { subject, connector, credential_sha256, rule, credential, .. } =
            here.scratch.audit()[at].clone()
        else {
            panic!("the token is in the log before anything is made of it")
        };
        assert_eq!(
            (subject.as_str(), connector.as_str(), credential),
            (ID, "spiffe://a.test", Some(CredentialKind::JwtSvid))
        );
        assert_eq!((credential_sha256, rule.as_str()), (sha256(shown), "S9 trust-domain:a.test spiffe://a.test/ci"));
        let certificate = here.certificate(&token).await;
        assert_eq!(says(&certificate).0, [ID]);
        let without_sct = |certificate| {
            let (names, mut extensions) = says(certificate);
            extensions.sort();
            (names, extensions)
        };
        assert_eq!(without_sct(&certificate), without_sct(&direct));
        let (_, extensions) = says(&certificate);
        let label = extensions.iter().find(|(oid, _)| oid == "1.3.6.1.4.1.57264.1.1").expect("the issuer");
        assert_eq!(label.1, b"https://oidc.a.test");
    }
}

#[tokio::test]
async fn an_exchanged_token_is_not_exchanged_again_and_opens_nothing_else() {
    let here = TwoParties::open("exchange_audiences = [\"sigstore\", \"privyseal-cli\"]\n").await;
    let token = token_of(&here.exchange(&here.svid("sigstore"), "sigstore").await);
    let again = here.exchange(&token, "sigstore").await;
    assert!(again.has_error(StatusCode::BAD_REQUEST, "invalid_request"), "{again:?}");
    let description = again.json()["error_description"].as_str().expect("a text").to_owned();
    assert!(description.starts_with("rule J2: ") && description.contains("only SVIDs"), "{description}");
    let person = here.exchange(&here.scratch.token("sigstore", "admin@instance.example"), "sigstore").await;
    assert!(person.has_error(StatusCode::BAD_REQUEST, "invalid_request"), "{person:?}");
    // Even for the client that the API is for: a workload has no address, so no role.
    let token = token_of(&here.exchange(&here.svid("sigstore"), "privyseal-cli").await);
    let whoami = here.scratch.get("/api/privyseal/v1/whoami", Some(&token)).await;
    assert_eq!((whoami.status, whoami.json()["rule"].as_str()), (401, Some("E1")), "{}", whoami.text());
    let userinfo = here.scratch.get("/oidc/userinfo", Some(&token)).await;
    assert_eq!(userinfo.status, 401, "{}", userinfo.text());
}

#[tokio::test]
async fn uses_are_counted_before_anything_is_written() {
    let here = TwoParties::open("single_use = true\n").await;
    let svid = here.svid("sigstore");
    token_of(&here.exchange(&svid, "sigstore").await);
    let before = here.scratch.audit().len();
    let again = here.exchange(&svid, "sigstore").await;
    assert!(again.has_error(StatusCode::BAD_REQUEST, "invalid_request"), "{again:?}");
    assert!(again.body.contains("rule J6"), "{again:?}");
    assert_eq!(here.scratch.audit().len(), before, "what is refused is not in the log");

    let here = TwoParties::open("uses_per_minute = 1\n").await;
    let ours = format!("{INSTANCE}/oidc");
    // A refused request is no use.
    let refused = here.exchange(&here.svid(&ours), "nobody").await;
    assert!(refused.has_error(StatusCode::BAD_REQUEST, "invalid_target"), "{refused:?}");
    token_of(&here.assert(&here.svid(&ours)).await);
    let often = here.assert(&here.svid(&ours)).await;
    assert!(often.has_error(StatusCode::UNAUTHORIZED, "invalid_client"), "{often:?}");
    assert!(often.body.contains("rule J7") && often.headers.contains_key(header::WWW_AUTHENTICATE), "{often:?}");
}

#[tokio::test]
async fn nothing_is_signed_without_the_log() {
    let here = TwoParties::open("").await;
    here.scratch.close_audit();
    let refused = here.exchange(&here.svid("sigstore"), "sigstore").await;
    assert!(refused.has_error(StatusCode::INTERNAL_SERVER_ERROR, "server_error"), "{refused:?}");
    assert!(!refused.body.contains("token\""), "{refused:?}");
}

/// A provider whose clock a test turns, with a trust domain whose bundle is a file.
struct Workstation {
    router: Router,
    clock: Arc<HandClock>,
    folder: tempfile::TempDir,
}

/// Real SPIRE's, when they were in force.
const ALPHA: u64 = 1_795_256_980;
const ALPHA_BUNDLE: &str = include_str!("../../../../../tests/vectors/spire/alpha-bundle-1.json");
const ALPHA_CHAIN: &[u8] = include_bytes!("../../../../../tests/vectors/spire/alpha-x509-svid.pem");
const BETA_CHAIN: &[u8] = include_bytes!("../../../../../tests/vectors/spire/beta-x509-svid.pem");
const ALPHA_ID: &str = "spiffe://alpha.test/ci/build";

impl Workstation {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(HandClock(Mutex::new(ALPHA)));
        let (store, random) = (Arc::new(MemoryStore::new()), Arc::new(SystemRandom));
        let spec = TrustDomainSpec {
            grants: vec![Grant::spiffe("spiffe://alpha.test/ci").expect("a grant")],
            ..TrustDomainSpec::new(
                TrustDomain::parse("alpha.test").expect("a name"),
                BundleSource::File(folder.path().join("alpha.json")),
            )
        };
        let registry = Registry { trust_domains: vec![spec], ..Registry::default() };
        let issuers = Issuers::build_with(&PublicSuffixes::embedded(), registry);
        let provider = Provider::new(ProviderParts {
            origin: ORIGIN.to_owned(),
            clients: Clients::new([]).expect("good"),
            signer: Arc::new(SigningKey::generate(SignatureAlgorithm::RsaPkcs1Sha256).expect("generates")),
            sealing: ProviderSealing::derive(&KeyFile::generate(&SystemRandom)),
            store: store.clone(),
            lifetimes: Lifetimes { token: Duration::from_secs(600), session: Duration::ZERO },
            connectors: Vec::new(),
        });
        let edge = OpenIdProvider::new(OpenIdProviderParts {
            provider: Arc::new(provider.expect("good")),
            local: None,
            upstreams: Vec::new(),
            issuers: Arc::new(issuers.unwrap_or_else(|errors| panic!("{errors:?}"))),
            bundles: Arc::new(BundleRefresher::for_explanations(clock.clone(), random.clone())),
            svid_uses: Arc::new(SvidUses::new(store)),
            has_svid_listener: true,
            audit: Log::in_memory(),
            clock: clock.clone(),
            random,
        });
        let router = frame(routes(Current::fixed(Arc::new(edge))), Arc::new(RequestIds::new(&SystemRandom)));
        Self { router, clock, folder }
    }

    fn publish(&self, bundle: &str) {
        let path = self.folder.path().join("alpha.json");
        crate::file::write_durably(&path, bundle.as_bytes(), crate::file::Mode::Private).expect("written");
    }

    fn advance(&self, seconds: u64) {
        *self.clock.0.lock().expect("lock") += seconds;
    }

    async fn ask(&self, pairs: &[(&str, &str)], peer: Option<&[u8]>) -> Reply {
        let mut extensions = Extensions::new();
        if let Some(pem) = peer {
            let chain: Vec<_> = CertificateDer::pem_slice_iter(pem).map(|one| one.expect("DER")).collect();
            extensions.insert(PeerSvid::of(&chain));
        }
        send(self.router.clone(), post(pairs, extensions)).await
    }

    async fn exchange(&self, kid: &str, key: &SigningKey) -> Reply {
        let now = self.clock.now().seconds();
        let claims = json!({ "sub": ALPHA_ID, "aud": "sigstore", "iat": now, "exp": now + 240 });
        let svid = sign(key, JoseAlgorithm::Es256, Some(kid), &claims);
        let what = [("grant_type", EXCHANGE), ("subject_token", &svid), ("subject_token_type", JWT)];
        self.ask(&[&what[..], &[("audience", "sigstore")]].concat(), None).await
    }
}

#[tokio::test]
async fn a_bundle_is_fetched_once_and_then_it_is_the_callers_or_the_upstreams_fault() {
    let station = Workstation::new();
    let (old, new) = (p256(), p256());
    let missing = station.exchange("old", &old).await;
    assert!(missing.has_error(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"), "{missing:?}");
    assert!(!missing.body.contains("alpha.json"), "where we look is nobody's business: {missing:?}");
    station.publish(&bundle("old", &old));
    station.advance(11);
    token_of(&station.exchange("old", &old).await);
    station.publish(&bundle("new", &new));
    station.advance(11);
    token_of(&station.exchange("new", &new).await);
    let gone = station.exchange("old", &old).await;
    assert!(gone.has_error(StatusCode::BAD_REQUEST, "invalid_request"), "{gone:?}");
    assert!(gone.body.contains("rule J4"), "{gone:?}");
    station.publish(r#"{"keys":[]}"#);
    station.advance(11);
    let unknown = station.exchange("other", &old).await;
    assert!(unknown.body.contains("rule J3"), "everything is withdrawn: {unknown:?}");
}

#[tokio::test]
async fn a_connection_is_a_client_as_real_spire_makes_it() {
    let station = Workstation::new();
    station.publish(ALPHA_BUNDLE);
    let credentials = |more: &[(&'static str, &'static str)]| {
        [&[("grant_type", "client_credentials"), ("audience", "sigstore")], more].concat()
    };
    let good = credentials(&[("client_id", ALPHA_ID)]);
    let reply = station.ask(&good, Some(ALPHA_CHAIN)).await;
    assert_eq!((reply.status, &reply.json()["token_type"]), (StatusCode::OK, &json!("Bearer")), "{reply:?}");
    let claims = claims_of(reply.json()["id_token"].as_str().expect("a text"));
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!(ALPHA_ID), &json!("sigstore")));
    assert_eq!(claims["exp"], 1_795_257_572, "the certificate's last second, which comes before ten minutes are over");
    let cases = [
        (credentials(&[]), Some(ALPHA_CHAIN), "rule A8"),
        (credentials(&[("client_id", ID)]), Some(ALPHA_CHAIN), "rule A8"),
        (good.clone(), Some(BETA_CHAIN), "rule A4"),
        (good.clone(), None, "a workload authenticates with"),
    ];
    for (pairs, peer, words) in cases {
        let refused = station.ask(&pairs, peer).await;
        assert!(refused.has_error(StatusCode::UNAUTHORIZED, "invalid_client"), "{refused:?}");
        assert!(refused.body.contains(words), "{refused:?}, not {words}");
    }
    // The chain is verified again at each request: once it has expired, the open connection is useless.
    station.advance(600);
    let over = station.ask(&good, Some(ALPHA_CHAIN)).await;
    assert!(over.has_error(StatusCode::UNAUTHORIZED, "invalid_client") && over.body.contains("rule A6"), "{over:?}");
}

#[tokio::test]
async fn discovery_lists_the_supported_grants() {
    let ask = async |router| {
        let request = Request::builder().uri("/oidc/.well-known/openid-configuration").body(Body::empty());
        let said = send(router, request.expect("builds")).await.json();
        (said["grant_types_supported"].clone(), said["token_endpoint_auth_methods_supported"].clone())
    };
    let people = ["client_secret_basic", "client_secret_post", "none"];
    assert_eq!(ask(instance().router).await, (json!(["authorization_code"]), json!(people)));
    let grants = json!(["authorization_code", "client_credentials", EXCHANGE]);
    let without_listener = TwoParties::open("").await;
    let methods = [&people[..], &["spiffe_jwt"]].concat();
    assert_eq!(ask(without_listener.scratch.routes.main.clone()).await, (grants.clone(), json!(methods)));
    let methods = [&people[..], &["spiffe_jwt", "spiffe_x509"]].concat();
    assert_eq!(ask(Workstation::new().router).await, (grants, json!(methods)));
}
