use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use broker::issuer::{Issuer, IssuerSpec, KeySource, Reach};
use broker::names::{HttpsUrl, IssuerUrl};
use broker::profile::Profile;
use broker::registry::Issuers;
use shared::time::{Clock, UnixTime};

use super::client::OutboundError;
use super::key_refresher::KeyRefreshCause;
use super::*;
use crate::current::Current;

/// RFC 7517 §A.1.
const KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","kid":"1"}"#;

/// A clock that a test moves.
struct ManualClock(ArcSwap<UnixTime>);

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        **self.0.load()
    }
}

impl ManualClock {
    fn advance(&self, seconds: u64) {
        self.0.store(Arc::new(self.now().plus(Duration::from_secs(seconds))));
    }
}

/// An issuer on this machine: what it says next, and how often it was asked for keys.
struct Idp {
    origin: String,
    metadata: ArcSwap<String>,
    keys: ArcSwap<String>,
    asked: AtomicUsize,
}

impl Idp {
    async fn start() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let origin = format!("http://{}", listener.local_addr().expect("is bound"));
        let idp = Arc::new(Self {
            metadata: ArcSwap::from_pointee(format!(r#"{{"issuer":"{origin}","jwks_uri":"{origin}/keys"}}"#)),
            keys: ArcSwap::from_pointee(format!(r#"{{"keys":[{KEY}]}}"#)),
            asked: AtomicUsize::new(0),
            origin,
        });
        let routes = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(|State(idp): State<Arc<Self>>| async move { idp.metadata.load().as_str().to_owned() }),
            )
            .route("/keys", get(|State(idp): State<Arc<Self>>| async move { idp.answer_keys().await }))
            .route("/moved", get(|| async { Redirect::temporary("/keys") }))
            .with_state(Arc::clone(&idp));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        idp
    }

    async fn answer_keys(&self) -> Response {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let keys = self.keys.load().as_str().to_owned();
        match keys.as_str() {
            "down" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            "slow" => {
                tokio::time::sleep(Duration::from_millis(200)).await;
                format!(r#"{{"keys":[{KEY}]}}"#).into_response()
            }
            _ => keys.into_response(),
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn say(&self, keys: &str) {
        self.keys.store(Arc::new(keys.to_owned()));
    }
}

fn loopback() -> Reach {
    Reach { danger_loopback_http: true, ..Reach::default() }
}

fn record(iss: &str, keys: KeySource, reach: Reach) -> Arc<Issuer> {
    let iss = IssuerUrl::parse_or_loopback(iss).expect("is an issuer");
    let spec = IssuerSpec { reach, ..IssuerSpec::new("idp", iss, Profile::Human, keys) };
    let issuers = Issuers::build(vec![spec], Vec::new()).expect("builds");
    let record = issuers.iter().next().expect("there is one");
    Arc::clone(record)
}

fn refresher() -> (Arc<ManualClock>, KeyRefresher) {
    let clock = Arc::new(ManualClock(ArcSwap::from_pointee(UnixTime::from_seconds(1_795_000_000))));
    let refresher = KeyRefresher::new(Arc::clone(&clock) as Arc<dyn Clock>);
    (clock, refresher)
}

#[tokio::test]
async fn keys_are_fetched_once_for_a_crowd_and_not_again_for_a_while() {
    let idp = Idp::start().await;
    let issuer = record(&idp.origin, KeySource::Discovery, loopback());
    let (clock, refresher) = refresher();
    idp.say("slow");
    let (a, b, c) = tokio::join!(refresher.refresh(&issuer), refresher.refresh(&issuer), refresher.refresh(&issuer));
    assert_eq!((a, b, c), (Ok(()), Ok(()), Ok(())));
    assert_eq!((issuer.keys().len(), idp.asked()), (1, 1));
    assert_eq!(issuer.keys().fetched_at(), Some(clock.now()));
    clock.advance(9);
    assert_eq!(refresher.refresh(&issuer).await, Ok(()));
    assert_eq!(idp.asked(), 1);
    clock.advance(1);
    assert_eq!(refresher.refresh(&issuer).await, Ok(()));
    assert_eq!(idp.asked(), 2);
}

#[tokio::test]
async fn a_withdrawn_key_goes_and_an_outage_does_not_take_keys_away() {
    let idp = Idp::start().await;
    let issuer = record(&idp.origin, KeySource::Discovery, loopback());
    let (clock, refresher) = refresher();
    refresher.refresh(&issuer).await.expect("fetches");
    for outage in ["down", "{", r#"{"keys":7}"#] {
        clock.advance(60);
        idp.say(outage);
        let first = refresher.refresh(&issuer).await.expect_err("is refused");
        assert_eq!(refresher.refresh(&issuer).await, Err(first), "the failure is remembered");
        assert_eq!(issuer.keys().len(), 1);
    }
    clock.advance(60);
    idp.say(r#"{"keys":[]}"#);
    refresher.refresh(&issuer).await.expect("fetches");
    assert!(issuer.keys().is_empty());
}

#[tokio::test]
async fn metadata_of_another_issuer_or_with_keys_elsewhere_is_refused() {
    let idp = Idp::start().await;
    let origin = &idp.origin;
    let cases = [
        (
            format!(r#"{{"issuer":"{origin}/","jwks_uri":"{origin}/keys"}}"#),
            KeyRefreshCause::OtherIssuer(format!("{origin}/")),
        ),
        (format!(r#"{{"jwks_uri":"{origin}/keys"}}"#), KeyRefreshCause::OtherIssuer(String::new())),
        (format!(r#"{{"issuer":"{origin}"}}"#), KeyRefreshCause::NoJwksUri),
        (
            format!(r#"{{"issuer":"{origin}","jwks_uri":"https://keys.example.com/"}}"#),
            KeyRefreshCause::OtherHost("keys.example.com".into()),
        ),
        (
            format!(r#"{{"issuer":"{origin}","jwks_uri":"http://169.254.169.254/keys"}}"#),
            KeyRefreshCause::JwksUri(broker::names::NameError::NotHttps("http://169.254.169.254/keys".into())),
        ),
        (
            format!(r#"{{"issuer":"{origin}","jwks_uri":"{origin}/moved"}}"#),
            KeyRefreshCause::Outbound(OutboundError::Status { url: format!("{origin}/moved"), status: 307 }),
        ),
        (
            format!(r#"{{"issuer":"{origin}","issuer":"{origin}","jwks_uri":"{origin}/keys"}}"#),
            KeyRefreshCause::Metadata(shared::strict_json::JsonError::Duplicate { name: "issuer".into() }),
        ),
    ];
    for (metadata, cause) in cases {
        idp.metadata.store(Arc::new(metadata));
        let (_, refresher) = refresher();
        let issuer = record(origin, KeySource::Discovery, loopback());
        assert_eq!(refresher.refresh(&issuer).await, Err(KeyRefreshError { issuer: "idp".into(), cause }));
        assert!(issuer.keys().is_empty());
    }
    assert_eq!(idp.asked(), 0);
}

#[tokio::test]
async fn an_address_of_the_keys_in_the_record_is_used_without_metadata() {
    let idp = Idp::start().await;
    idp.metadata.store(Arc::new("nothing".into()));
    let keys = HttpsUrl::parse_or_loopback(&format!("{}/keys", idp.origin)).expect("is a URL");
    let issuer = record("https://idp.example.com", KeySource::JwksUri(keys), loopback());
    let (_, refresher) = refresher();
    refresher.refresh(&issuer).await.expect("fetches");
    assert_eq!(issuer.keys().len(), 1);
}

#[tokio::test]
async fn without_leave_neither_this_machine_nor_plain_http_is_reached() {
    let idp = Idp::start().await;
    let (_, refresher) = refresher();
    let url = |text: &str| KeySource::JwksUri(HttpsUrl::parse_or_loopback(text).expect("is a URL"));
    let literal = record("https://idp.example.com", url(&format!("{}/keys", idp.origin)), Reach::default());
    let error = refresher.refresh(&literal).await.expect_err("is refused");
    assert!(matches!(error.cause, KeyRefreshCause::Outbound(OutboundError::Address { .. })), "{error}");

    // A name that resolves to this machine: refused by the resolver, before any connection.
    let port = idp.origin.rsplit(':').next().expect("has a port");
    let named = record("https://other.example.com", url(&format!("https://localhost:{port}/keys")), Reach::default());
    let error = refresher.refresh(&named).await.expect_err("is refused");
    assert!(error.to_string().contains("to which this record does not allow connections"), "{error}");

    let outbound = Outbound::new(&loopback()).expect("is made");
    for refused in ["http://example.com/", "http://10.0.0.1/", "ftp://127.0.0.1/"] {
        assert!(outbound.fetch(refused).await.is_err(), "{refused}");
    }
    assert_eq!(idp.asked(), 0);
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let idp = Idp::start().await;
    idp.say(&" ".repeat((1 << 20) + 1));
    let outbound = Outbound::new(&loopback()).expect("is made");
    let url = format!("{}/keys", idp.origin);
    assert_eq!(outbound.fetch(&url).await, Err(OutboundError::TooLong { url }));
}

#[tokio::test]
async fn the_background_fetches_what_is_due() {
    let idp = Idp::start().await;
    let iss = IssuerUrl::parse_or_loopback(&idp.origin).expect("is an issuer");
    let spec = IssuerSpec { reach: loopback(), ..IssuerSpec::new("idp", iss, Profile::Human, KeySource::Discovery) };
    let issuers = Arc::new(Issuers::build(vec![spec], Vec::new()).expect("builds"));
    let (_, refresher) = refresher();
    let running = tokio::spawn(Arc::new(refresher).keep_fresh(Current::fixed(Arc::clone(&issuers))));
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if issuers.iter().all(|issuer| !issuer.keys().is_empty()) {
            break;
        }
    }
    running.abort();
    assert_eq!(idp.asked(), 1);
    assert_eq!(issuers.iter().map(|issuer| issuer.keys().len()).sum::<usize>(), 1);
}
