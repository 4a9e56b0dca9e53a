//! The provider as a client and a browser use it, over the real router.

mod exchange;
#[cfg(feature = "upstream-login")]
mod upstream;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use broker::connector::ConnectorId;
use broker::connector::local::LocalUsers;
use broker::grants::{ConnectorSpec, Grant};
use broker::provider::{Client, ClientSecretHash, Clients, Lifetimes, Provider, ProviderParts, ProviderSealing};
use broker::registry::Issuers;
use serde_json::Value;
use shared::keys::{KeyFile, PublicKey, SignatureAlgorithm, Signer as _, SigningKey};
use shared::log::Log;
use shared::random::SystemRandom;
use shared::secret::Secret;
use shared::store::MemoryStore;
use shared::time::{Clock, UnixTime};
use tower::ServiceExt as _;

#[cfg(feature = "upstream-login")]
use self::upstream::instance;
use super::super::frame::frame;
use super::super::request_id::RequestIds;
use super::*;
use crate::instance::openid_provider::OpenIdProviderParts;
use crate::instance::svid_uses::SvidUses;
use crate::outbound::bundles::BundleRefresher;
use crate::outbound::upstream::UpstreamConnector;

const ORIGIN: &str = "http://localhost:8420";
const ISSUER: &str = "http://localhost:8420/oidc";
const START: u64 = 1_795_258_320;
const ALICE: &str = "alice@example.com";
const PASSWORD: &str = "correct horse battery";
// RFC 7636 Appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const BACK: &str = "http://localhost:41999/auth/callback";
const APP_SECRET: &str = "a secret of the application";

struct HandClock(Mutex<u64>);

impl Clock for HandClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_seconds(*self.0.lock().expect("no holder panics"))
    }
}

struct Instance {
    router: Router,
    clock: Arc<HandClock>,
    store: Arc<MemoryStore>,
    audit: Log,
    token_key: PublicKey,
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn half_hash(token: &str) -> String {
    b64(&aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes()).as_ref()[..16])
}

#[cfg(not(feature = "upstream-login"))]
fn instance() -> Instance {
    instance_with(SignatureAlgorithm::RsaPkcs1Sha256, Vec::new())
}

fn instance_with(algorithm: SignatureAlgorithm, upstreams: Vec<(ConnectorSpec, UpstreamConnector)>) -> Instance {
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(HandClock(Mutex::new(START)));
    let now = clock.now();
    let local = LocalUsers::new(store.clone(), &SystemRandom);
    local.add(ALICE, &Secret::new(PASSWORD.to_owned()), now, &SystemRandom).expect("adds");
    local.add("mallory@corp.example", &Secret::new(PASSWORD.to_owned()), now, &SystemRandom).expect("adds");
    let app_secret = ClientSecretHash::of(&Secret::new(APP_SECRET.to_owned())).expect("long enough");
    let app = Client::new("app", Some(app_secret), &["https://app.example/cb?x=1".to_owned()], false).expect("good");
    let key = Arc::new(SigningKey::generate(algorithm).expect("generates"));
    let mut connectors = vec![ConnectorId::local()];
    let mut asserters = vec![ConnectorSpec { id: "local".to_owned(), grants: vec![Grant::local_accounts()] }];
    let (specs, upstreams): (Vec<_>, Vec<_>) = upstreams.into_iter().unzip();
    connectors.extend(upstreams.iter().map(|upstream| upstream.id().clone()));
    asserters.extend(specs);
    let provider = Provider::new(ProviderParts {
        origin: ORIGIN.to_owned(),
        clients: Clients::new([app]).expect("good"),
        signer: key.clone(),
        sealing: ProviderSealing::derive(&KeyFile::generate(&SystemRandom)),
        store: store.clone(),
        lifetimes: Lifetimes { token: Duration::from_secs(600), session: Duration::from_secs(3600) },
        connectors,
    });
    let audit = Log::in_memory();
    let edge = OpenIdProvider::new(OpenIdProviderParts {
        provider: Arc::new(provider.expect("good")),
        local: Some(Arc::new(local)),
        upstreams: upstreams.into_iter().map(Arc::new).collect(),
        issuers: Arc::new(Issuers::build(Vec::new(), asserters).map_err(|errors| errors.len()).expect("good")),
        bundles: Arc::new(BundleRefresher::for_explanations(clock.clone(), Arc::new(SystemRandom))),
        svid_uses: Arc::new(SvidUses::new(store.clone())),
        has_svid_listener: false,
        audit: audit.clone(),
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
    });
    let router = frame(routes(Current::fixed(Arc::new(edge))), Arc::new(RequestIds::new(&SystemRandom)));
    Instance { router, clock, store, audit, token_key: key.public_key().clone() }
}

impl Instance {
    fn advance(&self, seconds: u64) {
        *self.clock.0.lock().expect("lock") += seconds;
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a whole body");
        Reply { status: parts.status, headers: parts.headers, body: String::from_utf8(bytes.to_vec()).expect("text") }
    }

    async fn token(&self, header: Option<&str>, pairs: &[(&str, &str)]) -> Reply {
        let mut request = Request::builder().method(Method::POST).uri("/oidc/token");
        if let Some(header) = header {
            request = request.header(header::AUTHORIZATION, header);
        }
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form(pairs))).expect("builds")).await
    }

    async fn redeem(&self, code: &str) -> Reply {
        self.token(None, &good_token_request(code)).await
    }

    async fn user_info(&self, token: &str) -> Reply {
        let request = Request::builder().uri("/oidc/userinfo").header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::empty()).expect("builds")).await
    }

    /// The claims of a token of ours, its signature checked.
    fn claims(&self, token: &str) -> Value {
        let (input, signature) = token.rsplit_once('.').expect("three parts");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        self.token_key.verify(input.as_bytes(), &signature).expect("verifies");
        let (_, claims) = input.split_once('.').expect("two parts");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("JSON")
    }

    /// Nothing was written besides the two users.
    fn has_written_nothing(&self) -> bool {
        use shared::store::{Store as _, Table};
        [Table::Codes, Table::Sessions]
            .iter()
            .all(|table| self.store.range(*table, b"", 10, self.clock.now()).expect("reads").is_empty())
    }
}

#[derive(Debug)]
struct Reply {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    body: String,
}

impl Reply {
    fn location(&self) -> &str {
        self.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let uri = url::Url::parse(self.location()).ok()?;
        uri.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn field(&self, name: &str) -> String {
        let marker = format!("name=\"{name}\" value=\"");
        let rest = self.body.split_once(&marker).unwrap_or_else(|| panic!("no field {name} in {}", self.body)).1;
        rest.split_once('"').expect("a closed attribute").0.to_owned()
    }

    fn has_error(&self, status: StatusCode, error: &str) -> bool {
        self.status == status && self.json()["error"] == error && self.json()["error_description"].is_string()
    }
}

/// A browser: it keeps cookies and follows no redirect by itself.
#[derive(Default)]
struct Browser(Mutex<Vec<(String, String)>>);

impl Browser {
    async fn get(&self, instance: &Instance, uri: &str) -> Reply {
        self.send(instance, Request::builder().uri(uri), Body::empty()).await
    }

    async fn post(&self, instance: &Instance, uri: &str, pairs: &[(&str, &str)]) -> Reply {
        let request = Request::builder().method(Method::POST).uri(uri);
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(instance, request, Body::from(form(pairs))).await
    }

    async fn send(&self, instance: &Instance, request: http::request::Builder, body: Body) -> Reply {
        let cookies: Vec<String> = self.0.lock().expect("lock").iter().map(|(n, v)| format!("{n}={v}")).collect();
        let request = request.header(header::COOKIE, cookies.join("; ")).body(body).expect("builds");
        let reply = instance.send(request).await;
        for line in reply.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().expect("text");
            assert!(line.contains("; HttpOnly; SameSite=Lax") && line.contains("; Path=/oidc;"), "{line}");
            let (name, rest) = line.split_once('=').expect("a pair");
            let mut cookies = self.0.lock().expect("lock");
            cookies.retain(|(known, _)| known != name);
            if !line.contains("Max-Age=0") {
                cookies.push((name.to_owned(), rest.split(';').next().expect("a value").to_owned()));
            }
        }
        reply
    }

    async fn authorize(&self, instance: &Instance, change: &[(&str, &str)]) -> Reply {
        self.get(instance, &authorize_uri(change)).await
    }

    /// To the login form of the local users.
    async fn login_form(&self, instance: &Instance, change: &[(&str, &str)]) -> Reply {
        let change = [&[("connector_id", "local")], change].concat();
        let sent = self.authorize(instance, &change).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
        let form = self.get(instance, sent.location()).await;
        assert_eq!(form.status, StatusCode::OK, "{}", form.body);
        form
    }

    async fn submit(&self, instance: &Instance, form: &Reply, password: &str) -> Reply {
        self.submit_as(instance, form, ALICE, password).await
    }

    async fn submit_as(&self, instance: &Instance, form: &Reply, email: &str, password: &str) -> Reply {
        let (flow, csrf) = (form.field("flow"), form.field("csrf"));
        let fields = [("flow", flow.as_str()), ("csrf", &csrf), ("login", email), ("password", password)];
        self.post(instance, "/oidc/auth/local", &fields).await
    }

    async fn code(&self, instance: &Instance, change: &[(&str, &str)]) -> String {
        let form = self.login_form(instance, change).await;
        let done = self.submit(instance, &form, PASSWORD).await;
        done.parameter("code").unwrap_or_else(|| panic!("no code: {done:?}"))
    }
}

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A good request with some parameters changed; an empty value removes one.
fn authorize_uri(change: &[(&str, &str)]) -> String {
    let mut pairs = vec![
        ("client_id", "sigstore"),
        ("redirect_uri", BACK),
        ("response_type", "code"),
        ("scope", "openid email"),
        ("state", "st&te"),
        ("nonce", "n0nce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("access_type", "online"),
    ];
    for (name, value) in change {
        pairs.retain(|(known, _)| known != name);
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
    format!("/oidc/auth?{}", form(&pairs))
}

fn good_token_request(code: &str) -> [(&str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", "sigstore"),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ]
}

#[tokio::test]
async fn a_login_becomes_a_code_a_token_and_a_userinfo() {
    let instance = instance();
    let browser = Browser::default();
    let form = browser.login_form(&instance, &[]).await;
    assert!(instance.has_written_nothing(), "nobody has proved who they are");
    let policy = form.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
    assert_eq!(
        policy,
        "default-src 'none'; style-src 'self'; form-action 'self' http://localhost:41999; frame-ancestors 'none'; \
         base-uri 'none'"
    );
    assert_eq!(form.headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(form.headers[header::REFERRER_POLICY], "no-referrer");
    let done = browser.submit(&instance, &form, PASSWORD).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert!(done.location().starts_with("http://localhost:41999/auth/callback?code="));
    assert_eq!(done.parameter("state").as_deref(), Some("st&te"));
    assert_eq!(done.parameter("iss").as_deref(), Some(ISSUER), "RFC 9207");

    // Like sigstore-python: Basic with an empty secret, and a nonce that is not needed.
    let code = done.parameter("code").expect("a code");
    let basic = format!("Basic {}", STANDARD.encode("sigstore:"));
    let request = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
        ("nonce", "x"),
    ];
    let answer = instance.token(Some(&basic), &request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let tokens = answer.json();
    assert_eq!(tokens["access_token"], tokens["id_token"], "one JWT for both");
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&Value::from("Bearer"), &Value::from(600)));
    let token = tokens["id_token"].as_str().expect("a string");
    let claims = instance.claims(token);
    let user_id = claims["federated_claims"]["user_id"].as_str().expect("a string");
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], "sigstore");
    assert_eq!(claims["sub"], format!("local:{user_id}"));
    assert_eq!(claims["email"], ALICE);
    assert_eq!(claims["email_verified"], true);
    assert_eq!(claims["nonce"], "n0nce");
    assert_eq!(claims["federated_claims"]["connector_id"], "local");
    assert_eq!(claims["iat"], START);
    assert_eq!(claims["auth_time"], START);
    assert_eq!(claims["exp"], START + 600);
    assert!(claims["jti"].is_string() && claims.get("at_hash").is_none());
    assert_eq!(instance.audit.size(), 1, "one leaf for one token");

    let info = instance.user_info(token).await;
    assert_eq!(info.status, StatusCode::OK, "{}", info.body);
    assert_eq!(info.json()["email"], ALICE);
    assert_eq!(info.json()["sub"], claims["sub"]);
    instance.advance(600);
    assert!(instance.user_info(token).await.has_error(StatusCode::UNAUTHORIZED, "invalid_token"));
}

#[tokio::test]
async fn a_second_use_of_a_code_revokes_what_the_first_made() {
    let instance = instance();
    let code = Browser::default().code(&instance, &[]).await;
    let first = instance.redeem(&code).await.json();
    let token = first["access_token"].as_str().expect("a string");
    assert_eq!(instance.user_info(token).await.status, StatusCode::OK);
    assert!(instance.redeem(&code).await.has_error(StatusCode::BAD_REQUEST, "invalid_grant"));
    let refused = instance.user_info(token).await;
    assert!(refused.has_error(StatusCode::UNAUTHORIZED, "invalid_token"), "{refused:?}");
    assert!(refused.headers[header::WWW_AUTHENTICATE].to_str().expect("text").contains("error=\"invalid_token\""));
    assert_eq!(instance.audit.size(), 2, "the token, and the replay once");
    assert!(instance.redeem(&code).await.has_error(StatusCode::BAD_REQUEST, "invalid_grant"));
    assert_eq!(instance.audit.size(), 2);
}

#[tokio::test]
async fn of_many_who_show_one_code_one_gets_a_token() {
    let instance = instance_with(SignatureAlgorithm::EcdsaP256Sha256, Vec::new());
    let code = Browser::default().code(&instance, &[]).await;
    let replies = futures_join(&instance, &code, 16).await;
    assert_eq!(replies.iter().filter(|status| **status == StatusCode::OK).count(), 1, "{replies:?}");
}

async fn futures_join(instance: &Instance, code: &str, times: usize) -> Vec<StatusCode> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..times {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/oidc/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form(&good_token_request(code))))
            .expect("builds");
        let router = instance.router.clone();
        tasks.spawn(async move { router.oneshot(request).await.expect("infallible").status() });
    }
    tasks.join_all().await
}

#[tokio::test]
async fn codes_expire_and_are_bound_to_client_redirect_and_verifier() {
    let instance = instance();
    let browser = Browser::default();
    let code = browser.code(&instance, &[("prompt", "login")]).await;
    instance.advance(60);
    assert!(instance.redeem(&code).await.has_error(StatusCode::BAD_REQUEST, "invalid_grant"), "expired");

    for (name, value) in [
        ("code_verifier", "eBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        ("code_verifier", ""),
        ("redirect_uri", "http://localhost:41999/other"),
        ("redirect_uri", ""),
    ] {
        let code = browser.code(&instance, &[("prompt", "login")]).await;
        let mut request = good_token_request(&code);
        request.iter_mut().filter(|(known, _)| *known == name).for_each(|(_, old)| *old = value);
        let refused = instance.token(None, &request).await;
        assert!(refused.has_error(StatusCode::BAD_REQUEST, "invalid_grant"), "{name}={value}: {refused:?}");
        assert!(instance.redeem(&code).await.has_error(StatusCode::BAD_REQUEST, "invalid_grant"), "burnt");
    }
    assert_eq!(instance.audit.size(), 4, "no token, but each of the four second uses is on record");
}

#[tokio::test]
async fn a_failed_client_authentication_does_not_burn_the_code() {
    let instance = instance();
    let code = Browser::default().code(&instance, &[]).await;
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let body = |id: &'static str, secret: &'static str| {
        [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", BACK),
            ("client_id", id),
            ("client_secret", secret),
            ("code_verifier", VERIFIER),
        ]
    };
    let app = basic(&format!("app:{}", APP_SECRET.replace(' ', "+")));
    for (header, body, status, error) in [
        (Some(basic("sigstore:wrong")), body("", ""), StatusCode::UNAUTHORIZED, "invalid_client"),
        (Some(basic("nobody:")), body("", ""), StatusCode::UNAUTHORIZED, "invalid_client"),
        (Some(basic("sigstore")), body("", ""), StatusCode::UNAUTHORIZED, "invalid_client"),
        (Some("Bearer x".to_owned()), body("", ""), StatusCode::UNAUTHORIZED, "invalid_client"),
        (Some(basic("sigstore:")), body("app", ""), StatusCode::BAD_REQUEST, "invalid_request"),
        (Some(basic("sigstore:")), body("sigstore", "x"), StatusCode::BAD_REQUEST, "invalid_request"),
        (None, body("sigstore", "x"), StatusCode::UNAUTHORIZED, "invalid_client"),
        (None, body("app", ""), StatusCode::UNAUTHORIZED, "invalid_client"),
        (None, body("app", "wrong wrong wrong"), StatusCode::UNAUTHORIZED, "invalid_client"),
        (None, body("", ""), StatusCode::UNAUTHORIZED, "invalid_client"),
        // Another client, correctly authenticated: it is still not its code.
        (Some(app), body("", ""), StatusCode::BAD_REQUEST, "invalid_grant"),
    ] {
        let refused = instance.token(header.as_deref(), &body).await;
        assert!(refused.has_error(status, error), "{header:?}: {refused:?}");
        assert_eq!(refused.headers.contains_key(header::WWW_AUTHENTICATE), status == StatusCode::UNAUTHORIZED);
    }
    assert_eq!(instance.redeem(&code).await.status, StatusCode::OK);
}

#[tokio::test]
async fn token_requests_that_are_wrong_in_themselves() {
    let instance = instance();
    for (body, status, error) in [
        ("client_id=sigstore", StatusCode::BAD_REQUEST, "invalid_request"),
        ("client_id=sigstore&grant_type=password&code=x", StatusCode::BAD_REQUEST, "unsupported_grant_type"),
        ("client_id=sigstore&grant_type=authorization_code", StatusCode::BAD_REQUEST, "invalid_request"),
        (
            "client_id=sigstore&client_id=sigstore&grant_type=authorization_code&code=x",
            StatusCode::BAD_REQUEST,
            "invalid_request",
        ),
        ("client_id=sigstore&grant_type=authorization_code&code=x", StatusCode::BAD_REQUEST, "invalid_grant"),
        ("client_id=%ff", StatusCode::BAD_REQUEST, "invalid_request"),
        (&"x".repeat(17_000), StatusCode::PAYLOAD_TOO_LARGE, "invalid_request"),
    ] {
        let request = Request::builder().method(Method::POST).uri("/oidc/token");
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8");
        let refused = instance.send(request.body(Body::from(body.to_owned())).expect("builds")).await;
        assert!(refused.has_error(status, error), "{}: {refused:?}", &body[..60.min(body.len())]);
        assert_eq!(refused.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    }
    let json =
        Request::builder().method(Method::POST).uri("/oidc/token").header(header::CONTENT_TYPE, "application/json");
    let refused = instance.send(json.body(Body::from("{}")).expect("builds")).await;
    assert!(refused.has_error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request"));
    let get = instance.send(Request::builder().uri("/oidc/token").body(Body::empty()).expect("builds")).await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(instance.has_written_nothing());
}

#[tokio::test]
async fn what_cannot_be_sent_back_is_shown_on_a_page() {
    let instance = instance();
    let browser = Browser::default();
    for (change, text) in [
        ([("client_id", "")], "names no client"),
        ([("client_id", "<b>nobody")], "unknown client"),
        ([("redirect_uri", "")], "names no redirect_uri"),
        ([("redirect_uri", "https://evil.example/")], "unregistered redirect URI"),
        ([("redirect_uri", "http://localhost:1@evil.example/")], "unregistered redirect URI"),
        ([("redirect_uri", "http://localhost.evil.example/")], "unregistered redirect URI"),
        ([("redirect_uri", "http://localhost:1/#f")], "unregistered redirect URI"),
        ([("redirect_uri", "http://localhost:1/\r\nSet-Cookie: a=b")], "unregistered redirect URI"),
        ([("state", "line\nbreak")], "state must be"),
    ] {
        let page = browser.authorize(&instance, &change).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{change:?}");
        assert!(page.body.contains(text), "{change:?}: {}", page.body);
        assert!(!page.headers.contains_key(header::LOCATION) && !page.body.contains("<b>"));
    }
    for uri in ["&client_id=app", "&redirect_uri=http://localhost:1/", "&state=2"] {
        let page = browser.get(&instance, &format!("{}{uri}", authorize_uri(&[]))).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        assert!(page.body.contains("more than once"));
    }
    let long = browser.get(&instance, &format!("/oidc/auth?x={}", "a".repeat(8200))).await;
    assert_eq!(long.status, StatusCode::URI_TOO_LONG);
    assert!(instance.has_written_nothing());
}

#[tokio::test]
async fn what_can_be_sent_back_names_the_rule() {
    let instance = instance();
    let browser = Browser::default();
    for (change, error) in [
        (vec![("response_type", "")], "invalid_request"),
        (vec![("response_type", "token")], "unsupported_response_type"),
        (vec![("response_type", "code id_token")], "unsupported_response_type"),
        (vec![("response_mode", "fragment")], "invalid_request"),
        (vec![("scope", "email")], "invalid_scope"),
        (vec![("scope", "")], "invalid_scope"),
        (vec![("code_challenge", ""), ("code_challenge_method", "")], "invalid_request"),
        (vec![("code_challenge_method", "plain")], "invalid_request"),
        (vec![("code_challenge_method", "")], "invalid_request"),
        (vec![("code_challenge", "short")], "invalid_request"),
        (vec![("prompt", "none")], "login_required"),
        (vec![("prompt", "none login")], "invalid_request"),
        (vec![("prompt", "later")], "invalid_request"),
        (vec![("max_age", "-1")], "invalid_request"),
        (vec![("connector_id", "https://github.com/login/oauth")], "invalid_request"),
        (vec![("request", "e30.e30.")], "request_not_supported"),
        (vec![("request_uri", "https://evil.example/")], "request_uri_not_supported"),
        (vec![("registration", "{}")], "registration_not_supported"),
        (vec![("nonce", &"n".repeat(257))], "invalid_request"),
    ] {
        let sent = browser.authorize(&instance, &change).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{change:?}: {}", sent.body);
        assert!(sent.location().starts_with(BACK), "{change:?}");
        assert_eq!(sent.parameter("error").as_deref(), Some(error), "{change:?}");
        assert_eq!(sent.parameter("state").as_deref(), Some("st&te"));
        assert_eq!(sent.parameter("iss").as_deref(), Some(ISSUER));
        assert!(sent.parameter("error_description").is_some());
    }
    let twice = browser.get(&instance, &format!("{}&scope=openid", authorize_uri(&[]))).await;
    assert_eq!(twice.parameter("error").as_deref(), Some("invalid_request"));
    assert!(instance.has_written_nothing());
}

#[tokio::test]
async fn a_login_belongs_to_its_browser_its_form_and_its_time() {
    let instance = instance();
    let (alice, mallory) = (Browser::default(), Browser::default());
    let form = alice.login_form(&instance, &[]).await;
    // The page of one browser, sent by another.
    let refused = mallory.submit(&instance, &form, PASSWORD).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body.contains("not started in this browser"), "{}", refused.body);
    // Another flow's cookie under this flow's name.
    let _ = mallory.login_form(&instance, &[]).await;
    let stolen = mallory.0.lock().expect("lock").first().expect("a cookie").1.clone();
    let name = alice.0.lock().expect("lock").first().expect("a cookie").0.clone();
    mallory.0.lock().expect("lock").push((name, stolen));
    assert_eq!(mallory.submit(&instance, &form, PASSWORD).await.status, StatusCode::BAD_REQUEST);
    // A form without its token.
    let fields = [("flow", &*form.field("flow")), ("csrf", "x"), ("login", ALICE), ("password", PASSWORD)];
    let forged = alice.post(&instance, "/oidc/auth/local", &fields).await;
    assert!(forged.body.contains("not made for this login"), "{}", forged.body);
    // Too late.
    instance.advance(600);
    let late = alice.submit(&instance, &form, PASSWORD).await;
    assert!(late.body.contains("has expired"), "{}", late.body);
    assert!(instance.has_written_nothing());
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_look_alike_and_are_slowed_down() {
    let instance = instance_with(SignatureAlgorithm::EcdsaP256Sha256, Vec::new());
    let browser = Browser::default();
    let form = browser.login_form(&instance, &[]).await;
    let wrong = browser.submit(&instance, &form, "wrong password!").await;
    let unknown = browser.submit_as(&instance, &form, "nobody@example.com", "wrong password!").await;
    assert_eq!((wrong.status, unknown.status), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    assert_eq!(wrong.body.replace(ALICE, "X"), unknown.body.replace("nobody@example.com", "X"));
    for _ in 0..4 {
        assert_eq!(browser.submit(&instance, &form, "wrong password!").await.status, StatusCode::UNAUTHORIZED);
    }
    let locked = browser.submit(&instance, &form, PASSWORD).await;
    assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(locked.headers[header::RETRY_AFTER], "10");
    assert!(locked.body.contains("too many failed logins") || locked.body.contains("Too many failed logins"));
    instance.advance(10);
    assert!(browser.submit(&instance, &form, PASSWORD).await.parameter("code").is_some());
}

#[tokio::test]
async fn out_of_band_shows_the_code() {
    let instance = instance();
    let browser = Browser::default();
    let oob = "urn:ietf:wg:oauth:2.0:oob";
    let form = browser.login_form(&instance, &[("redirect_uri", oob)]).await;
    let page = browser.submit(&instance, &form, PASSWORD).await;
    assert_eq!(page.status, StatusCode::OK);
    let marker = "id=\"code\" class=\"code\" type=\"text\" readonly value=\"";
    let code = page.body.split_once(marker).expect("the code").1.split_once('"').expect("its end").0;
    let mut request = good_token_request(code);
    request[3].1 = oob;
    assert_eq!(instance.token(None, &request).await.status, StatusCode::OK);
}

#[tokio::test]
async fn sessions_spare_the_password_but_a_public_client_needs_a_word() {
    let instance = instance_with(SignatureAlgorithm::EcdsaP256Sha256, Vec::new());
    let browser = Browser::default();
    let _ = browser.code(&instance, &[]).await;
    instance.advance(100);
    // A public client: the person confirms.
    let page = browser.authorize(&instance, &[]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("Continue as") && page.body.contains(ALICE) && page.body.contains("localhost:41999"));
    let (flow, csrf) = (page.field("flow"), page.field("csrf"));
    let forged = [("flow", flow.as_str()), ("csrf", "x"), ("answer", "continue")];
    assert_eq!(browser.post(&instance, "/oidc/approval", &forged).await.status, StatusCode::BAD_REQUEST);
    let other = [("flow", flow.as_str()), ("csrf", &csrf), ("answer", "other")];
    assert!(browser.post(&instance, "/oidc/approval", &other).await.location().starts_with("/oidc/auth/local?flow="));
    let yes = [("flow", flow.as_str()), ("csrf", &csrf), ("answer", "continue")];
    let code = browser.post(&instance, "/oidc/approval", &yes).await.parameter("code").expect("a code");
    let tokens = instance.redeem(&code).await.json();
    let payload = tokens["id_token"].as_str().expect("a string").split('.').nth(1).expect("claims");
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON");
    assert_eq!((&claims["auth_time"], &claims["iat"]), (&Value::from(START), &Value::from(START + 100)));
    let silent = browser.authorize(&instance, &[("prompt", "none")]).await;
    assert_eq!(silent.parameter("error").as_deref(), Some("interaction_required"));
    // Requests that require the password or a more recent login.
    for change in [[("prompt", "login")], [("max_age", "99")], [("max_age", "0")]] {
        let sent = browser.authorize(&instance, &change).await;
        assert!(sent.location().starts_with("/oidc/auth/local?flow="), "{change:?}: {sent:?}");
    }
    // A confidential client authenticates: no confirmation, and prompt=none works.
    let app = [("client_id", "app"), ("redirect_uri", "https://app.example/cb?x=1")];
    for extra in
        [("max_age", "1000"), ("prompt", "none"), ("id_token_hint", tokens["id_token"].as_str().expect("text"))]
    {
        let sent = browser.authorize(&instance, &[app[0], app[1], extra]).await;
        assert!(sent.location().starts_with("https://app.example/cb?x=1&code="), "{extra:?}: {sent:?}");
    }
    instance.advance(3600);
    let ended = browser.authorize(&instance, &[app[0], app[1], ("prompt", "none")]).await;
    assert_eq!(ended.parameter("error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn a_confidential_client_gets_an_access_token_of_another_kind() {
    let instance = instance();
    let change = [
        ("client_id", "app"),
        ("redirect_uri", "https://app.example/cb?x=1"),
        ("code_challenge", ""),
        ("code_challenge_method", ""),
        ("scope", "openid email profile unknown"),
    ];
    let code = Browser::default().code(&instance, &change).await;
    let request = |secret: &'static str| {
        [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("client_id", "app"),
            ("redirect_uri", "https://app.example/cb?x=1"),
            ("client_secret", secret),
        ]
    };
    let tokens = instance.token(None, &request(APP_SECRET)).await.json();
    assert_eq!(tokens["scope"], "openid email profile");
    let (id, access) = (tokens["id_token"].as_str().expect("text"), tokens["access_token"].as_str().expect("text"));
    let claims = instance.claims(id);
    assert_eq!(claims["aud"], "app");
    assert_eq!(claims["at_hash"], half_hash(access));
    assert_eq!(claims.get("email"), None, "OpenID Connect Core 5.4: at userinfo");
    let info = instance.user_info(access).await.json();
    assert_eq!((&info["email"], &info["sub"]), (&Value::from(ALICE), &claims["sub"]));
    assert!(instance.user_info(id).await.has_error(StatusCode::UNAUTHORIZED, "invalid_token"), "an ID token is none");
    let _ = instance.token(None, &request(APP_SECRET)).await;
    assert!(instance.user_info(access).await.has_error(StatusCode::UNAUTHORIZED, "invalid_token"), "revoked");
}

#[tokio::test]
async fn pkce_cannot_be_stripped() {
    let instance = instance();
    let app = [
        ("client_id", "app"),
        ("redirect_uri", "https://app.example/cb?x=1"),
        ("code_challenge", ""),
        ("code_challenge_method", ""),
    ];
    let code = Browser::default().code(&instance, &app).await;
    let request = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("client_id", "app"),
        ("redirect_uri", "https://app.example/cb?x=1"),
        ("client_secret", APP_SECRET),
        ("code_verifier", VERIFIER),
    ];
    assert!(instance.token(None, &request).await.has_error(StatusCode::BAD_REQUEST, "invalid_grant"));
}

#[tokio::test]
async fn userinfo_takes_one_token_in_one_place() {
    let instance = instance();
    let code = Browser::default().code(&instance, &[]).await;
    let tokens = instance.redeem(&code).await.json();
    let token = tokens["access_token"].as_str().expect("text");
    let post = |header: Option<String>, body: String| {
        let mut request = Request::builder().method(Method::POST).uri("/oidc/userinfo");
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(header) = header {
            request = request.header(header::AUTHORIZATION, header);
        }
        instance.send(request.body(Body::from(body)).expect("builds"))
    };
    assert_eq!(post(None, format!("access_token={token}")).await.status, StatusCode::OK);
    let both = post(Some(format!("Bearer {token}")), format!("access_token={token}")).await;
    assert!(both.has_error(StatusCode::BAD_REQUEST, "invalid_request"));
    let none = post(None, String::new()).await;
    assert_eq!((none.status, none.body.as_str()), (StatusCode::UNAUTHORIZED, ""));
    assert_eq!(none.headers[header::WWW_AUTHENTICATE], "Bearer realm=\"privyseal\"");
    // Another signature, no signature, another algorithm.
    let (input, _) = token.rsplit_once('.').expect("three parts");
    let claims = input.split_once('.').expect("two parts").1;
    let none_header = b64("{\"alg\":\"none\"}");
    for bad in [format!("{input}."), format!("{input}.AAAA"), format!("{none_header}.{claims}."), "x".repeat(20_000)] {
        assert!(instance.user_info(&bad).await.has_error(StatusCode::UNAUTHORIZED, "invalid_token"), "{bad:.40}");
    }
}

#[tokio::test]
async fn discovery_and_keys_agree_with_what_is_served() {
    let instance = instance();
    let get = |uri: &'static str| instance.send(Request::builder().uri(uri).body(Body::empty()).expect("builds"));
    let discovery = get("/oidc/.well-known/openid-configuration").await;
    assert_eq!(discovery.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let document = discovery.json();
    assert_eq!(document["issuer"], ISSUER);
    assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    for (name, value) in document.as_object().expect("an object") {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            let path = value.as_str().expect("text").strip_prefix(ORIGIN).expect("ours").to_owned();
            let reply = instance.send(Request::builder().uri(path).body(Body::empty()).expect("builds")).await;
            assert_ne!(reply.status, StatusCode::NOT_FOUND, "{name}");
        }
    }
    let keys = get("/oidc/keys").await.json();
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["alg"], &key["use"]), (&"RSA".into(), &"RS256".into(), &"sig".into()));
    assert_eq!(key["e"], "AQAB");
    let thumbprint = format!(r#"{{"e":"AQAB","kty":"RSA","n":{}}}"#, key["n"]);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, thumbprint.as_bytes());
    assert_eq!(key["kid"], b64(digest.as_ref()), "RFC 7638");
    let preflight = Request::builder().method(Method::OPTIONS).uri("/oidc/token").body(Body::empty()).expect("builds");
    assert_eq!(instance.send(preflight).await.status, StatusCode::NO_CONTENT);
    assert_eq!(get("/oidc/style.css").await.headers[header::CONTENT_TYPE], "text/css; charset=utf-8");
}

#[tokio::test]
async fn many_logins_at_once_do_not_fill_the_cookie_header() {
    let instance = instance();
    let browser = Browser::default();
    for _ in 0..10 {
        let _ = browser.login_form(&instance, &[]).await;
        assert!(browser.0.lock().expect("lock").len() <= 4);
    }
    let form = browser.login_form(&instance, &[]).await;
    let done = browser.submit(&instance, &form, PASSWORD).await;
    assert!(done.parameter("code").is_some(), "the youngest goes on");
}
