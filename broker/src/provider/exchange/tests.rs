//! Each refusal with its code and its rule, and beside it what is taken.

use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use shared::keys::{KeyFile, SignatureAlgorithm, SigningKey};
use shared::random::SystemRandom;
use shared::store::MemoryStore;

use super::*;
use crate::connector::ConnectorId;
use crate::grants::Grant;
use crate::jose::JoseAlgorithm;
use crate::names::{Audience, PublicSuffixes, TrustDomain};
use crate::profile::Profile;
use crate::provider::grant_type::TOKEN_EXCHANGE;
use crate::provider::{
    Client, ClientSecretHash, Clients, ErrorCode, Lifetimes, ProviderParts, ProviderSealing, TokenRequest,
};
use crate::registry::Registry;
use crate::svid::Purpose;
use crate::token::mint::{self, TestKey};
use crate::trust_domain::{Accepts, Bundle, BundleSource, CurrentBundle, TrustDomainSpec, UsePolicy};

const NOW: UnixTime = UnixTime::from_seconds(mint::NOW);
const US: &str = "https://instance.example/oidc";
const ID: &str = "spiffe://a.test/ci/build";
const SECRET: &str = "a secret of the application";

fn provider() -> Provider {
    let uris = ["https://app.example/cb".to_owned()];
    let secret = ClientSecretHash::of(&shared::secret::Secret::new(SECRET.to_owned())).expect("long enough");
    let app = Client::new("app", Some(secret), &uris, false).expect("a client");
    let provider = Provider::new(ProviderParts {
        origin: "https://instance.example".to_owned(),
        clients: Clients::new([app]).expect("two clients"),
        signer: Arc::new(SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("generates")),
        sealing: ProviderSealing::derive(&KeyFile::generate(&SystemRandom)),
        store: Arc::new(MemoryStore::new()),
        lifetimes: Lifetimes { token: Duration::from_secs(600), session: Duration::ZERO },
        connectors: vec![ConnectorId::local()],
    });
    provider.expect("a good key")
}

/// `a.test` may assert its `/ci`; `x.test` takes no JWT-SVIDs; `away.test` has no bundle; there is an issuer beside
/// them.
fn issuers() -> Issuers {
    let spec = |name: &str| {
        let source = BundleSource::WorkloadApi;
        let audiences = ["sigstore", "https://realm.example"].map(|one| Audience::parse(one).expect("an audience"));
        TrustDomainSpec {
            grants: vec![Grant::spiffe(&format!("spiffe://{name}/ci")).expect("a grant")],
            exchange_audiences: audiences.to_vec(),
            uses: UsePolicy { per_minute: 7, is_single: true },
            ..TrustDomainSpec::new(TrustDomain::parse(name).expect("a name"), source)
        }
    };
    let closed = TrustDomainSpec { accepts: Accepts { jwt: false, ..Accepts::default() }, ..spec("x.test") };
    let registry = Registry {
        issuers: vec![mint::record("corp", mint::ISS, Profile::Human, Vec::new())],
        trust_domains: vec![spec("a.test"), closed, spec("away.test"), spec("alpha.test")],
        ..Registry::default()
    };
    let issuers = Issuers::build_with(&PublicSuffixes::embedded(), registry);
    let issuers = issuers.unwrap_or_else(|errors| panic!("{errors:?}"));
    let jwk = TestKey::p256().jwk("k", r#","use":"jwt-svid""#);
    hold(&issuers, "a.test", format!(r#"{{"keys":[{jwk}]}}"#).as_bytes(), NOW);
    issuers
}

fn hold(issuers: &Issuers, name: &str, bundle: &[u8], now: UnixTime) {
    let record = issuers.trust_domains().find(name).expect("is registered");
    record.replace(CurrentBundle::new(Arc::new(Bundle::parse(bundle).expect("a bundle")), now));
}

/// A JWT-SVID with some claims changed; null takes one away.
fn svid(change: Value) -> String {
    let claims = json!({ "sub": ID, "aud": [US], "iat": NOW.seconds(), "exp": NOW.seconds() + 300 });
    signed(r#"{"alg":"ES256","kid":"k"}"#, &merged(claims, change))
}

fn signed(header: &str, claims: &Value) -> String {
    TestKey::p256().sign(JoseAlgorithm::Es256, header, &claims.to_string())
}

fn merged(mut whole: Value, change: Value) -> Value {
    for (name, value) in change.as_object().expect("an object") {
        match value {
            Value::Null => whole.as_object_mut().expect("an object").remove(name),
            other => whole.as_object_mut().expect("an object").insert(name.clone(), other.clone()),
        };
    }
    whole
}

fn body(pairs: &Value) -> Parameters {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs.as_object().expect("an object") {
        form.append_pair(name, value.as_str().expect("a text"));
    }
    Parameters::parse(form.finish().as_bytes()).expect("reads")
}

/// A good exchange, changed.
fn exchange(change: Value) -> Value {
    let form = json!({
        "grant_type": TOKEN_EXCHANGE, "subject_token": svid(json!({})), "subject_token_type": JWT, "audience": "sigstore",
    });
    merged(form, change)
}

/// A good request by a client with an assertion, changed.
fn credentials(change: Value) -> Value {
    let form = json!({
        "grant_type": "client_credentials", "client_assertion": svid(json!({})), "client_assertion_type": JWT_SPIFFE,
        "audience": "sigstore",
    });
    merged(form, change)
}

fn ask_all(form: &Value, header: Option<&str>, channel: Channel, now: UnixTime) -> Result<UncountedToken, TokenError> {
    let (provider, issuers) = (provider(), issuers());
    hold(&issuers, "alpha.test", ALPHA_BUNDLE, ALPHA);
    let request = match TokenRequest::parse(header, &body(form), channel)? {
        TokenRequest::Exchange(request) => *request,
        TokenRequest::Code(_) => panic!("there is no code"),
    };
    match provider.exchange(request, &issuers, now, &SystemRandom)? {
        Exchange::Uncounted(token) => Ok(*token),
        Exchange::NeedsBundle { needs, request } => Err(request.unanswered(needs)),
    }
}

fn ask(form: &Value) -> Result<UncountedToken, TokenError> {
    ask_all(form, None, None, NOW)
}

/// What is signed in the end, and the entry for the audit log.
fn claims(token: UncountedToken) -> (Value, Value) {
    let token = token.admitted();
    let (_, claims) = token.signing_input.split_once('.').expect("two parts");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
    (serde_json::from_slice(&claims).expect("JSON"), serde_json::from_slice(token.leaf()).expect("JSON"))
}

fn check_refused(cases: Vec<(Value, ErrorCode, &str)>) {
    for (form, code, words) in cases {
        let error = ask(&form).map(|_| ()).expect_err(&format!("{form} is taken"));
        assert_eq!(error.code(), Some(code), "{error} for {form}");
        assert!(error.description().contains(words), "{error}, not {words}");
    }
}

#[test]
fn an_exchanged_svid_makes_a_token_of_the_workload() {
    let subject_token = svid(json!({}));
    let token = ask(&exchange(json!({ "subject_token": subject_token }))).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((token.svid_use().id.as_str(), token.svid_use().policy.per_minute), (ID, 7));
    assert_eq!((token.token.token_type, token.token.issued_token_type), ("N_A", Some(ID_TOKEN)));
    assert_eq!(token.token.expires_in, 300, "no longer than the SVID");
    let (claims, leaf) = claims(token);
    let jti = claims["jti"].as_str().expect("a text").to_owned();
    let expected = json!({
        "iss": US, "sub": ID, "aud": "sigstore", "iat": NOW.seconds(), "exp": NOW.seconds() + 300, "jti": jti,
        "federated_claims": { "connector_id": "spiffe://a.test", "user_id": ID },
    });
    assert_eq!(claims, expected);
    let said = ["type", "client", "subject", "connector", "credential", "rule"]
        .map(|name| leaf[name].as_str().expect("a text"));
    assert_eq!(
        said,
        ["token-issued", "sigstore", ID, "spiffe://a.test", "jwt-svid", "S9 trust-domain:a.test spiffe://a.test/ci"]
    );
    assert_eq!(leaf["credential_sha256"], sha256_hex(subject_token.as_bytes()));
}

#[test]
fn what_an_exchange_may_look_like() {
    let kinds = [JWT, ID_TOKEN, JWT_SPIFFE_TOKEN];
    let mut good: Vec<Value> = kinds.iter().map(|kind| exchange(json!({ "subject_token_type": kind }))).collect();
    good.extend([
        exchange(json!({ "requested_token_type": ID_TOKEN })),
        exchange(json!({ "scope": "openid" })),
        exchange(json!({ "subject_token": svid(json!({ "aud": "sigstore" })) })),
        exchange(json!({ "subject_token": svid(json!({ "iss": "https://spire.a.test" })) })),
        exchange(json!({ "client_id": "sigstore" })),
        exchange(json!({ "client_id": "app", "client_secret": SECRET })),
        exchange(json!({ "actor_token": "", "resource": "" })),
    ]);
    for form in good {
        assert!(ask(&form).is_ok(), "{form}: {:?}", ask(&form).err());
    }
    let long = svid(json!({ "exp": NOW.seconds() + 3600 }));
    let token = ask(&exchange(json!({ "subject_token": long }))).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(token.token.expires_in, 600, "no longer than our tokens live");
}

#[test]
fn what_is_wrong_with_an_exchange() {
    use ErrorCode::{InvalidClient, InvalidRequest, InvalidScope, InvalidTarget, TemporarilyUnavailable};
    let token = |change| exchange(json!({ "subject_token": svid(change) }));
    let claims = json!({ "sub": ID, "aud": US, "exp": NOW.seconds() + 300 });
    let header = |header: &str| exchange(json!({ "subject_token": signed(header, &claims) }));
    let person = json!({ "iss": mint::ISS, "sub": "17", "aud": "sigstore", "exp": NOW.seconds() + 300 });
    let person = signed(r#"{"alg":"ES256","kid":"k"}"#, &person);
    let later = NOW.seconds() + 31;
    check_refused(vec![
        (exchange(json!({ "subject_token": null })), InvalidRequest, "subject_token is missing"),
        (exchange(json!({ "subject_token_type": null })), InvalidRequest, "subject_token_type is missing"),
        (exchange(json!({ "subject_token_type": format!("{JWT}2") })), InvalidRequest, "subject_token_type must be"),
        (exchange(json!({ "audience": null })), InvalidRequest, "audience is missing"),
        (exchange(json!({ "requested_token_type": JWT })), InvalidRequest, "requested_token_type must be"),
        (
            exchange(json!({ "requested_token_type": "urn:ietf:params:oauth:token-type:access_token" })),
            InvalidRequest,
            "requested_token_type must be",
        ),
        (exchange(json!({ "actor_token": "x" })), InvalidRequest, "actor_token is not supported"),
        (exchange(json!({ "actor_token_type": JWT })), InvalidRequest, "actor_token_type is not supported"),
        (exchange(json!({ "client_assertion": "x" })), InvalidRequest, "client_assertion is not supported"),
        (exchange(json!({ "resource": "https://api.example" })), InvalidTarget, "resource is not supported"),
        (exchange(json!({ "scope": "openid email" })), InvalidScope, "scope must be openid"),
        (
            exchange(json!({ "audience": "app" })),
            InvalidTarget,
            "workloads of a.test get no tokens for the audience app",
        ),
        (exchange(json!({ "client_id": "nobody" })), InvalidClient, "client authentication failed"),
        (exchange(json!({ "client_id": "app" })), InvalidClient, "client authentication failed"),
        (exchange(json!({ "client_id": "app", "client_secret": "x" })), InvalidClient, "client authentication failed"),
        (exchange(json!({ "client_secret": SECRET })), InvalidClient, "the client did not authenticate"),
        (exchange(json!({ "subject_token": "x.y" })), InvalidRequest, "rule T1"),
        (exchange(json!({ "subject_token": svid(json!({})) + "AAAA" })), InvalidRequest, "rule T1"),
        (exchange(json!({ "subject_token": person })), InvalidRequest, "rule J2: the token is from the issuer"),
        (token(json!({ "sub": "spiffe://b.test/ci" })), InvalidRequest, "rule J2"),
        (token(json!({ "sub": "spiffe://x.test/ci" })), InvalidRequest, "rule J2"),
        (token(json!({ "iss": US, "sub": "17" })), InvalidRequest, "rule I2"),
        (token(json!({ "sub": "spiffe://a.test" })), InvalidRequest, "rule S2"),
        (token(json!({ "aud": null })), InvalidRequest, "rule T3"),
        (token(json!({ "aud": "app" })), InvalidRequest, "rule T3"),
        (token(json!({ "aud": [US, "sigstore"] })), InvalidRequest, "rule T3"),
        (token(json!({ "aud": "https://instance.example" })), InvalidRequest, "rule T3"),
        (token(json!({ "aud": format!("{US}/") })), InvalidRequest, "rule T3"),
        (token(json!({ "exp": null })), InvalidRequest, "rule T4"),
        (token(json!({ "exp": NOW.seconds() - 30 })), InvalidRequest, "rule T4"),
        (token(json!({ "exp": NOW.seconds() })), InvalidRequest, "rule T4: the SVID has expired"),
        (token(json!({ "iat": later, "exp": later + 300 })), InvalidRequest, "rule T4"),
        (token(json!({ "exp": NOW.seconds() + 3601 })), InvalidRequest, "rule T4"),
        (header(r#"{"alg":"ES256","kid":"k","jku":"x"}"#), InvalidRequest, "rule J1"),
        (header(r#"{"alg":"ES256","kid":"other"}"#), InvalidRequest, "rule J4: the token is signed by a key"),
        (token(json!({ "sub": "spiffe://a.test/cd" })), InvalidRequest, "rule S9"),
        // Who the workload is comes before what it asks for.
        (
            exchange(
                json!({ "subject_token": svid(json!({ "sub": "spiffe://a.test/cd" })), "audience": "https://realm.example" }),
            ),
            InvalidRequest,
            "rule S9",
        ),
        (token(json!({ "sub": "spiffe://away.test/ci" })), TemporarilyUnavailable, "has not been fetched yet"),
    ]);
}

#[test]
fn a_client_asserts_itself() {
    let good = [json!({}), json!({ "client_id": ID }), json!({ "scope": "openid" })];
    for change in good {
        let token = ask(&credentials(change)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((token.token.token_type, token.token.issued_token_type), ("Bearer", Some(ID_TOKEN)));
        assert_eq!(claims(token).0["sub"], ID);
    }
}

#[test]
fn what_is_wrong_with_an_assertion() {
    use ErrorCode::{InvalidClient, InvalidRequest, InvalidScope, InvalidTarget, UnsupportedGrantType};
    let token = |change| credentials(json!({ "client_assertion": svid(change) }));
    let bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    check_refused(vec![
        (credentials(json!({ "client_assertion": null })), InvalidClient, "a workload authenticates with"),
        (credentials(json!({ "client_assertion_type": null })), InvalidRequest, "client_assertion_type is missing"),
        (credentials(json!({ "client_assertion_type": bearer })), InvalidClient, "client_assertion_type must be"),
        (credentials(json!({ "audience": null })), InvalidRequest, "audience is missing"),
        (credentials(json!({ "audience": "app" })), InvalidTarget, "no tokens for the audience app"),
        (credentials(json!({ "resource": "https://api.example" })), InvalidTarget, "resource"),
        (credentials(json!({ "scope": "profile" })), InvalidScope, "scope"),
        (credentials(json!({ "client_secret": SECRET })), InvalidRequest, "in one way"),
        (credentials(json!({ "client_id": "sigstore" })), InvalidClient, "rule A8: client_id must be"),
        (token(json!({ "aud": "sigstore" })), InvalidClient, "rule T3"),
        (token(json!({ "aud": [US, "x"] })), InvalidClient, "rule T3"),
        (token(json!({ "sub": "spiffe://a.test/cd" })), InvalidClient, "rule S9"),
        (token(json!({ "exp": NOW.seconds() - 30 })), InvalidClient, "rule T4"),
        (credentials(json!({ "grant_type": "password" })), UnsupportedGrantType, "grant_type must be"),
        (credentials(json!({ "grant_type": null })), InvalidRequest, "grant_type is missing"),
    ]);
    let header = Some("Basic c2lnc3RvcmU6");
    let error = ask_all(&credentials(json!({})), header, None, NOW).map(drop).expect_err("two ways");
    assert_eq!(error.code(), Some(InvalidRequest), "{error}");
}

/// Real SPIRE's, when they were in force.
const ALPHA_BUNDLE: &[u8] = include_bytes!("../../../../tests/vectors/spire/alpha-bundle-1.json");
const ALPHA_CHAIN: &[u8] = include_bytes!("../../../../tests/vectors/spire/alpha-x509-svid.pem");
const BETA_CHAIN: &[u8] = include_bytes!("../../../../tests/vectors/spire/beta-x509-svid.pem");
const ALPHA: UnixTime = UnixTime::from_seconds(1_795_256_980);

fn channel(pem: &[u8]) -> Channel {
    let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(pem).map(|one| one.expect("DER")).collect();
    Some(UnverifiedX509Svid::parse(&chain, Purpose::ClientAuthentication))
}

fn id_of(channel: &Channel) -> String {
    channel.as_ref().expect("there is one").as_ref().expect("reads").id().to_string()
}

#[test]
fn a_connection_is_a_client() {
    let alpha = id_of(&channel(ALPHA_CHAIN));
    assert!(alpha.starts_with("spiffe://alpha.test/ci/"), "{alpha}");
    let form = json!({ "grant_type": "client_credentials", "client_id": alpha, "audience": "sigstore" });
    let token = ask_all(&form, None, channel(ALPHA_CHAIN), ALPHA).unwrap_or_else(|error| panic!("{error}"));
    assert!(!token.svid_use().is_bearer);
    let (claims, leaf) = claims(token);
    assert_eq!((&claims["sub"], &leaf["credential"]), (&json!(alpha), &json!("x509-svid")));
    assert_eq!(claims["federated_claims"]["connector_id"], "spiffe://alpha.test");

    let cases = [
        (merged(form.clone(), json!({ "client_id": null })), channel(ALPHA_CHAIN), "rule A8: client_id must be"),
        (merged(form.clone(), json!({ "client_id": ID })), channel(ALPHA_CHAIN), "rule A8: client_id must be"),
        (form.clone(), channel(BETA_CHAIN), "rule A4"),
        (form.clone(), channel(b""), "rule A1"),
        (form.clone(), None, "a workload authenticates with"),
    ];
    for (form, channel, words) in cases {
        let error = ask_all(&form, None, channel, ALPHA).map(drop).expect_err(words);
        assert_eq!(error.code(), Some(ErrorCode::InvalidClient), "{error}");
        assert!(error.description().contains(words), "{error}, not {words}");
    }
    let error = ask_all(&form, None, channel(ALPHA_CHAIN), ALPHA.plus(Duration::from_secs(86_400))).map(drop);
    assert!(error.as_ref().is_err_and(|error| error.description().contains("rule A6")), "{error:?}");
    let typed = merged(form, json!({ "client_assertion_type": JWT_SPIFFE }));
    let error = ask_all(&typed, None, channel(ALPHA_CHAIN), ALPHA).map(drop).expect_err("an assertion is announced");
    assert_eq!(error.code(), Some(ErrorCode::InvalidRequest), "{error}");
}

#[test]
fn a_request_has_one_identity() {
    let alpha = id_of(&channel(ALPHA_CHAIN));
    let times = json!({ "iat": ALPHA.seconds(), "exp": ALPHA.seconds() + 300 });
    // The same identity twice: the token is what counts.
    let jwk = TestKey::p256().jwk("k", r#","use":"jwt-svid""#);
    let (provider, issuers) = (provider(), issuers());
    hold(&issuers, "alpha.test", format!(r#"{{"keys":[{jwk}]}}"#).as_bytes(), ALPHA);
    hold(&issuers, "a.test", format!(r#"{{"keys":[{jwk}]}}"#).as_bytes(), ALPHA);
    let of = |id: &str| svid(merged(times.clone(), json!({ "sub": id })));
    for (id, is_same) in [(alpha.as_str(), true), (ID, false)] {
        let forms = [
            (credentials(json!({ "client_assertion": of(id) })), ErrorCode::InvalidClient),
            (exchange(json!({ "subject_token": of(id) })), ErrorCode::InvalidRequest),
        ];
        for (form, code) in forms {
            let request = TokenRequest::parse(None, &body(&form), channel(ALPHA_CHAIN));
            let Ok(TokenRequest::Exchange(request)) = request else { panic!("{form}") };
            match provider.exchange(*request, &issuers, ALPHA, &SystemRandom) {
                Ok(Exchange::Uncounted(_)) => assert!(is_same, "{form}"),
                Ok(Exchange::NeedsBundle { .. }) => panic!("the bundle is there"),
                Err(error) => {
                    assert!(!is_same, "{error}");
                    assert_eq!(error.code(), Some(code));
                    assert!(error.description().starts_with("rule A8: the token is of"), "{error}");
                }
            }
        }
    }
    // A certificate that is no SVID names nobody, so it cannot name the same.
    let unreadable = ask_all(&credentials(json!({})), None, channel(b""), NOW).map(drop).expect_err("no SVID");
    assert!(unreadable.description().contains("rule A1"), "{unreadable}");
}

#[test]
fn a_use_that_is_not_admitted_is_refused_by_its_rule() {
    let cases = [(exchange(json!({})), ErrorCode::InvalidRequest), (credentials(json!({})), ErrorCode::InvalidClient)];
    for (form, code) in cases {
        let token = ask(&form).unwrap_or_else(|error| panic!("{error}"));
        let error = token.refused(UseError::UsedBefore);
        assert_eq!(error.code(), Some(code));
        assert!(error.description().starts_with("rule J6: "), "{error}");
    }
}

#[test]
fn what_is_given_out_is_one_token_and_opens_no_userinfo() {
    let provider = provider();
    let token = ask(&exchange(json!({}))).unwrap_or_else(|error| panic!("{error}")).admitted();
    let receipt = shared::log::Log::in_memory().append(token.leaf()).wait().expect("taken");
    // Prepared by another provider of the same name, which makes no difference to what it says.
    let response = provider.sign(token, &receipt).expect("signs");
    assert_eq!((&response.access_token, response.scope.as_str()), (&response.id_token, "openid"));
    assert!(matches!(provider.user_info(&response.access_token, NOW), Err(crate::provider::UserInfoError::Invalid)));
}
