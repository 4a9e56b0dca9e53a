//! Logins at an upstream provider.

use super::*;
use crate::outbound::upstream::{FetchError, Fetcher, UpstreamParts};

/// An upstream provider whose answers a test can bend.
struct FakeUpstream {
    key: SigningKey,
    sent: Mutex<Vec<String>>,
    nonce: Mutex<String>,
    bend: Mutex<Bend>,
}

type Bend = Box<dyn Fn(&mut Value, &mut Value) + Send>;

const UPSTREAM: &str = "https://login.corp.example";

impl FakeUpstream {
    fn respond(&self, request: &http::Request<Vec<u8>>) -> http::Response<Vec<u8>> {
        let uri = request.uri().to_string();
        self.sent.lock().expect("lock").push(format!("{} {}", uri, String::from_utf8_lossy(request.body())));
        let body = match uri.strip_prefix(UPSTREAM).expect("only its own host is asked") {
            "/.well-known/openid-configuration" => serde_json::json!({
                "issuer": UPSTREAM,
                "authorization_endpoint": format!("{UPSTREAM}/authorize"),
                "token_endpoint": format!("{UPSTREAM}/token"),
                "jwks_uri": format!("{UPSTREAM}/jwks"),
                "userinfo_endpoint": format!("{UPSTREAM}/me"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
                "authorization_response_iss_parameter_supported": true,
            }),
            "/jwks" => {
                let point = self.key.public_key().key_bits();
                let (x, y) = point[1..].split_at(32);
                let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
                let key = serde_json::json!({"kty": "EC", "crv": "P-256", "kid": "k", "use": "sig", "x": x, "y": y});
                serde_json::json!({ "keys": [key] })
            }
            "/me" => serde_json::json!({"sub": "u-17", "email": "carol@corp.example", "email_verified": true}),
            "/token" => self.tokens(),
            other => panic!("unexpected {other}"),
        };
        http::Response::builder()
            .header("content-type", "application/json")
            .body(body.to_string().into_bytes())
            .expect("builds")
    }

    fn tokens(&self) -> Value {
        let mut header = serde_json::json!({"alg": "ES256", "kid": "k"});
        let mut claims = serde_json::json!({
            "iss": UPSTREAM, "aud": "privyseal", "sub": "u-17", "iat": START, "exp": START + 300,
            "nonce": *self.nonce.lock().expect("lock"), "email": "carol@corp.example", "email_verified": true,
            "name": "Carol", "at_hash": half_hash("opaque"),
        });
        (self.bend.lock().expect("lock"))(&mut header, &mut claims);
        let input = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let der = self.key.sign(input.as_bytes()).expect("signs");
        let raw: Vec<u8> = p256::ecdsa::Signature::from_der(&der).expect("DER").to_bytes().to_vec();
        serde_json::json!({"access_token": "opaque", "token_type": "Bearer", "expires_in": 300,
            "id_token": format!("{input}.{}", b64(raw))})
    }
}

fn half_hash(token: &str) -> String {
    b64(&aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes()).as_ref()[..16])
}

/// The usual one, with an upstream beside its local users.
pub(super) fn instance() -> Instance {
    instance_and_upstream().0
}

fn instance_and_upstream() -> (Instance, Arc<FakeUpstream>) {
    let upstream = Arc::new(FakeUpstream {
        key: SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("generates"),
        sent: Mutex::default(),
        nonce: Mutex::default(),
        bend: Mutex::new(Box::new(|_, _| {})),
    });
    let grants = vec![Grant::email_domain("corp.example", false).expect("good")];
    let spec = ConnectorSpec { id: "corp".to_owned(), grants };
    let parts = UpstreamParts {
        id: ConnectorId::parse("corp").expect("good"),
        name: "Corp".to_owned(),
        issuer: UPSTREAM.to_owned(),
        client_id: "privyseal".to_owned(),
        client_secret: Some(Secret::new("upstream secret".to_owned())),
        origin: ORIGIN.to_owned(),
        trusts_unverified_email: false,
    };
    let fake = upstream.clone();
    let fetcher: Fetcher = Arc::new(move |request| {
        let response = fake.respond(&request);
        Box::pin(async move { Ok::<_, FetchError>(response) })
    });
    let connector = UpstreamConnector::new(parts, fetcher).expect("good");
    (instance_with(SignatureAlgorithm::RsaPkcs1Sha256, vec![(spec, connector)]), upstream)
}

/// As far as the upstream's answer: its `state`, and what it was asked.
async fn to_upstream(
    (instance, upstream): (&Instance, &FakeUpstream),
    browser: &Browser,
    change: &[(&str, &str)],
) -> (String, url::Url) {
    let change = [&[("connector_id", "corp")], change].concat();
    let sent = browser.authorize(instance, &change).await;
    let away = browser.get(instance, sent.location()).await;
    assert_eq!(away.status, StatusCode::SEE_OTHER, "{}", away.body);
    let asked = url::Url::parse(away.location()).expect("a URL");
    let value = |name: &str| asked.query_pairs().find(|(known, _)| known == name).expect("is there").1.into_owned();
    *upstream.nonce.lock().expect("lock") = value("nonce");
    (value("state"), asked)
}

fn callback(state: &str) -> String {
    format!("/oidc/callback/corp?{}", form(&[("code", "c0de"), ("state", state), ("iss", UPSTREAM)]))
}

#[tokio::test]
async fn an_upstream_vouches_for_its_own_people() {
    let (instance, upstream) = instance_and_upstream();
    let browser = Browser::default();
    let choose = browser.authorize(&instance, &[]).await;
    assert!(choose.body.contains("id=\"connector-local\"") && choose.body.contains("id=\"connector-corp\""));
    let (state, asked) = to_upstream((&instance, &upstream), &browser, &[]).await;
    assert!(asked.as_str().starts_with("https://login.corp.example/authorize?"));
    let asked: std::collections::HashMap<_, _> = asked.query_pairs().into_owned().collect();
    assert_eq!(asked["redirect_uri"], "http://localhost:8420/oidc/callback/corp");
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(asked["scope"], "openid email profile");
    assert!(instance.has_written_nothing());
    let done = browser.get(&instance, &callback(&state)).await;
    let code = done.parameter("code").unwrap_or_else(|| panic!("no code: {done:?}"));
    let claims = instance.claims(instance.redeem(&code).await.json()["id_token"].as_str().expect("text"));
    assert_eq!(claims["email"], "carol@corp.example");
    assert_eq!(claims["sub"], "corp:u-17");
    assert_eq!(claims["federated_claims"], serde_json::json!({"connector_id": "corp", "user_id": "u-17"}));
    let sent = upstream.sent.lock().expect("lock").join("\n");
    assert!(
        sent.contains("code=c0de") && sent.contains("code_verifier=") && !sent.contains("upstream secret"),
        "{sent}"
    );
    // The answer is taken once.
    let again = browser.get(&instance, &callback(&state)).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_upstream_answer_belongs_to_the_browser_that_asked() {
    let (instance, upstream) = instance_and_upstream();
    let (alice, mallory) = (Browser::default(), Browser::default());
    let (state, _) = to_upstream((&instance, &upstream), &mallory, &[]).await;
    let refused = alice.get(&instance, &callback(&state)).await;
    assert!(refused.body.contains("not started in this browser"), "{}", refused.body);
    let (flow, _) = state.split_once('.').expect("two parts");
    for forged in [format!("{flow}.AAAAAAAAAAAAAAAAAAAAAA"), flow.to_owned(), String::new(), "../..".to_owned()] {
        assert_eq!(mallory.get(&instance, &callback(&forged)).await.status, StatusCode::BAD_REQUEST, "{forged}");
    }
    assert!(instance.has_written_nothing());
}

#[tokio::test]
async fn an_upstream_answer_that_does_not_verify_is_refused() {
    type Change = fn(&mut Value, &mut Value);
    let bends: [(&str, Change); 17] = [
        ("iss", |_, c| c["iss"] = "https://evil.example".into()),
        ("aud", |_, c| c["aud"] = "other".into()),
        ("several aud", |_, c| c["aud"] = serde_json::json!(["privyseal", "other"])),
        ("azp", |_, c| c["azp"] = "other".into()),
        ("exp", |_, c| c["exp"] = START.into()),
        ("iat in the future", |_, c| c["iat"] = (START + 61).into()),
        ("iat long ago", |_, c| c["iat"] = (START - 661).into()),
        ("nonce", |_, c| c["nonce"] = "other".into()),
        ("no nonce", |_, c| drop(c.as_object_mut().expect("object").remove("nonce"))),
        ("at_hash", |_, c| c["at_hash"] = half_hash("other").into()),
        ("no sub", |_, c| drop(c.as_object_mut().expect("object").remove("sub"))),
        ("alg none", |h, _| h["alg"] = "none".into()),
        ("alg HS256", |h, _| h["alg"] = "HS256".into()),
        ("alg RS256", |h, _| h["alg"] = "RS256".into()),
        ("unknown key", |h, _| h["kid"] = "other".into()),
        ("crit", |h, _| h["crit"] = serde_json::json!(["x"])),
        ("no address, and userinfo of another", |_, c| {
            c["sub"] = "u-18".into();
            c.as_object_mut().expect("object").remove("email");
        }),
    ];
    let (instance, upstream) = instance_and_upstream();
    for (name, bend) in bends {
        let browser = Browser::default();
        let (state, _) = to_upstream((&instance, &upstream), &browser, &[]).await;
        *upstream.bend.lock().expect("lock") = Box::new(bend);
        let refused = browser.get(&instance, &callback(&state)).await;
        assert!(refused.status.is_client_error() || refused.status == StatusCode::BAD_GATEWAY, "{name}: {refused:?}");
        assert!(refused.body.contains("login at the other provider failed"), "{name}: {}", refused.body);
        assert!(!refused.body.contains("evil.example"), "{name}: what the upstream said stays in the log");
        assert!(instance.has_written_nothing(), "{name}");
    }
}

#[tokio::test]
async fn an_upstream_speaks_for_the_names_that_it_was_given_only() {
    type Change = fn(&mut Value, &mut Value);
    let bends: [(&str, Change); 3] = [
        ("another domain", |_, c| c["email"] = "carol@example.com".into()),
        ("unverified", |_, c| c["email_verified"] = false.into()),
        ("not said", |_, c| drop(c.as_object_mut().expect("object").remove("email_verified"))),
    ];
    let (instance, upstream) = instance_and_upstream();
    for (name, bend) in bends {
        let browser = Browser::default();
        let (state, _) = to_upstream((&instance, &upstream), &browser, &[]).await;
        *upstream.bend.lock().expect("lock") = Box::new(bend);
        let refused = browser.get(&instance, &callback(&state)).await;
        assert_eq!(refused.parameter("error").as_deref(), Some("access_denied"), "{name}: {refused:?}");
        assert!(instance.has_written_nothing(), "{name}");
    }
    // And a local user has no name that was given to an upstream.
    let browser = Browser::default();
    let form = browser.login_form(&instance, &[]).await;
    let refused = browser.submit_as(&instance, &form, "mallory@corp.example", PASSWORD).await;
    assert_eq!(refused.parameter("error").as_deref(), Some("access_denied"), "{refused:?}");
}

#[tokio::test]
async fn an_upstream_error_or_a_mixed_up_answer_is_not_taken() {
    let (instance, upstream) = instance_and_upstream();
    for (answer, redirected) in [
        (vec![("error", "access_denied"), ("iss", UPSTREAM)], true),
        (vec![("error", "server_error"), ("error_description", "<secret>"), ("iss", UPSTREAM)], false),
        (vec![("code", "c"), ("iss", "https://evil.example")], false),
        (vec![("code", "c")], false),
        (vec![("iss", UPSTREAM)], false),
        (vec![("code", "c"), ("code", "d"), ("iss", UPSTREAM)], false),
    ] {
        let browser = Browser::default();
        let (state, _) = to_upstream((&instance, &upstream), &browser, &[]).await;
        let pairs = [&answer[..], &[("state", state.as_str())]].concat();
        let reply = browser.get(&instance, &format!("/oidc/callback/corp?{}", form(&pairs))).await;
        if redirected {
            assert_eq!(reply.parameter("error").as_deref(), Some("access_denied"), "{answer:?}");
        } else {
            assert!(!reply.headers.contains_key(header::LOCATION), "{answer:?}");
            assert!(!reply.body.contains("secret") && !reply.body.contains("evil"), "{}", reply.body);
        }
    }
    assert!(instance.has_written_nothing());
}

#[tokio::test]
async fn the_largest_request_that_is_taken_fits_a_cookie() {
    let instance = instance();
    let browser = Browser::default();
    let path = format!("http://localhost:41999/{}", "p".repeat(1000));
    let state = "s".repeat(1024);
    let sent =
        browser.authorize(&instance, &[("redirect_uri", &path), ("state", &state), ("connector_id", "corp")]).await;
    for line in sent.headers.get_all(header::SET_COOKIE) {
        assert!(line.len() <= 4096, "{}", line.len());
    }
    let away = browser.get(&instance, sent.location()).await;
    for line in away.headers.get_all(header::SET_COOKIE) {
        assert!(line.len() <= 4096, "{}", line.len());
    }
    let quotes = "\"".repeat(1024);
    let refused = browser.authorize(&instance, &[("redirect_uri", &path), ("state", &quotes)]).await;
    assert_eq!(refused.parameter("error").as_deref(), Some("invalid_request"));
}
