use std::sync::Mutex;
use std::time::Duration;

use axum::http::Method;
use privyseal_config::TimestampRecords;
use shared::audit::AuditRecord;
use shared::keys::{SignatureAlgorithm, Signer as _, SigningKey};
use shared::log::Log;
use shared::random::SystemRandom;
use shared::time::UnixTime;
use shared::x509::{CaSetup, Chain, NodePrefix};
use tower::ServiceExt as _;
use tsa::{
    Accuracy, ClockLimits, ClockReading, ClockTrouble, Clocks, Expected, PolicyOid, SigningUnit, Succession,
    TimestampRequest, TimestampTrust, TokenForm, UnitConfig, verify_response,
};

use super::*;
use crate::instance::timestamp_authority::clock_limits;
use crate::instance::trusted_time::TrustedTime;
use crate::outbound::time_sources::TimeSources;

const NOW: u64 = 1_795_258_320_250;
const POLICY: &str = "0.4.0.2023.1.1";
const DATA: &[u8] = b"what is to be timestamped";

struct SetClock(Mutex<ClockReading>);

impl SetClock {
    fn at(wall: u64, boot: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Self::reading(wall, boot))))
    }

    fn reading(wall: u64, boot: u64) -> ClockReading {
        ClockReading::awake(UnixTime::from_millis(wall), Duration::from_millis(boot))
    }

    fn set(&self, wall: u64, boot: u64) {
        *self.0.lock().unwrap() = Self::reading(wall, boot);
    }
}

impl Clocks for SetClock {
    fn read(&self) -> ClockReading {
        *self.0.lock().unwrap()
    }
}

struct Instance {
    clocks: Arc<SetClock>,
    audit: Log,
    unit: Arc<SigningUnit>,
    authority: Arc<TimestampAuthority>,
}

fn instance() -> Instance {
    let algorithm = SignatureAlgorithm::EcdsaP256Sha256;
    let (root_key, key) = (SigningKey::generate(algorithm).unwrap(), SigningKey::generate(algorithm).unwrap());
    let now = UnixTime::from_millis(NOW - 60_000);
    let setup = CaSetup { instance: "h", root_key: &root_key, now, random: &SystemRandom };
    let root = setup.root().unwrap();
    let leaf = setup.timestamp_unit(&root, "Timestamp Unit 1", key.public_key()).unwrap();
    let config = UnitConfig {
        name: "first".to_owned(),
        key: Arc::new(key),
        chain: Chain::new(vec![leaf, root]).unwrap(),
        policies: vec![PolicyOid::parse(POLICY).unwrap()],
        accuracy: Accuracy::ONE_SECOND,
        node: NodePrefix::FIRST,
        form: TokenForm::default(),
    };
    let unit = Arc::new(SigningUnit::new(config, UnixTime::from_millis(NOW)).unwrap());
    let (clocks, audit) = (SetClock::at(NOW, 5_000), Log::in_memory());
    let authority = start(&unit, &clocks, &audit);
    Instance { clocks, audit, unit, authority }
}

fn make_authority(unit: &Arc<SigningUnit>, clocks: &Arc<SetClock>, audit: &Log) -> TimestampAuthority {
    let units = vec![Succession::of(Arc::clone(unit))];
    let limits = clock_limits(ClockLimits::LOCAL, &units);
    let time = TrustedTime::start(limits, TimeSources::none(), clocks.clone(), audit.clone(), None).unwrap();
    TimestampAuthority::new(units, Arc::new(time), audit.clone(), Arc::new(SystemRandom)).unwrap()
}

fn start(unit: &Arc<SigningUnit>, clocks: &Arc<SetClock>, audit: &Log) -> Arc<TimestampAuthority> {
    Arc::new(make_authority(unit, clocks, audit))
}

/// SHA-256 of the data, a nonce, certReq.
fn query() -> Vec<u8> {
    let json =
        format!(r#"{{"artifactHash":"{}","hashAlgorithm":"sha256","nonce":123456789,"certificates":true}}"#, hash());
    json::to_der(json.as_bytes()).unwrap()
}

fn hash() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(tsa::HashAlgorithm::Sha256.digest(DATA))
}

async fn ask(
    instance: &Instance,
    path: &str,
    media_type: &str,
    body: impl Into<Body>,
) -> (StatusCode, HeaderMap, Bytes) {
    let request = Request::builder().method(Method::POST).uri(path).header(header::CONTENT_TYPE, media_type);
    let response = routes(Arc::clone(&instance.authority)).oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    (head.status, head.headers, body.collect().await.unwrap().to_bytes())
}

fn failure_bits(info: PkiFailureInfo) -> &'static [u8] {
    match info {
        PkiFailureInfo::BadAlg => &[3, 2, 7, 0x80],
        PkiFailureInfo::BadRequest => &[3, 2, 5, 0x20],
        PkiFailureInfo::BadDataFormat => &[3, 2, 2, 4],
        PkiFailureInfo::TimeNotAvailable => &[3, 3, 1, 0, 2],
        PkiFailureInfo::UnacceptedPolicy => &[3, 3, 0, 0, 1],
        PkiFailureInfo::UnacceptedExtension => &[3, 4, 7, 0, 0, 0x80],
        PkiFailureInfo::AddInfoNotAvailable => &[3, 4, 6, 0, 0, 0x40],
        PkiFailureInfo::SystemFailure => &[3, 5, 6, 0, 0, 0, 0x40],
    }
}

/// Both dialects refuse with this bit, each with its own status.
async fn refused_by_both(instance: &Instance, body: &[u8], info: PkiFailureInfo, sigstore_status: u16) {
    for (path, status) in [
        ("/api/v1/timestamp", sigstore_status),
        ("/tsa", 200),
        ("/tsa/first", 200),
        ("/tsa/first/api/v1/timestamp", sigstore_status),
    ] {
        let (answered, headers, body) = ask(instance, path, QUERY, body.to_vec()).await;
        assert_eq!(answered.as_u16(), status, "{path}");
        assert_eq!(headers[header::CONTENT_TYPE], "application/timestamp-reply", "{path}");
        assert!(body.ends_with(failure_bits(info)), "{path} {info:?} {body:02x?}");
        assert_eq!(headers.contains_key(header::RETRY_AFTER), status == 503, "{path}");
    }
}

#[tokio::test]
async fn a_query_is_answered_in_every_dialect_and_recorded() {
    let instance = instance();
    let json =
        format!(r#"{{"artifactHash":"{}","hashAlgorithm":"sha256","nonce":123456789,"certificates":true}}"#, hash());
    for (path, media_type, body) in [
        ("/api/v1/timestamp", QUERY, query()),
        ("/api/v1/timestamp", "Application/Timestamp-Query; charset=binary", query()),
        ("/api/v1/timestamp", "application/json", json.clone().into_bytes()),
        ("/api/v1/timestamp", "application/json; charset=utf-8", json.into_bytes()),
        ("/tsa", QUERY, query()),
        ("/tsa/first", QUERY, query()),
    ] {
        let before = instance.audit.size();
        let (status, headers, body) = ask(&instance, path, media_type, body).await;
        assert_eq!(status, StatusCode::OK, "{path} {media_type}");
        assert_eq!(headers[header::CONTENT_TYPE], "application/timestamp-reply");
        let query = query();
        let expected = Expected::answer_to(TimestampRequest::parse(&query).unwrap());
        let trust = TimestampTrust::unit(instance.unit.chain());
        let verified = verify_response(&body, &expected, &trust).unwrap();
        assert_eq!(verified.gen_time, UnixTime::from_seconds(NOW / 1_000));
        assert_eq!(instance.audit.size(), before + 1);
        let record = serde_json::from_slice(&instance.audit.leaf(before).unwrap().unwrap()).unwrap();
        let AuditRecord::Timestamped { serial, gen_time, at_ms, .. } = record else { panic!("{record:?}") };
        assert_eq!((serial, gen_time.as_str(), at_ms), (hex::encode(&verified.serial), "20261121105200Z", NOW));
    }
}

#[tokio::test]
async fn without_individual_records_timestamps_are_counted() {
    let instance = instance();
    let authority =
        make_authority(&instance.unit, &instance.clocks, &instance.audit).with_records(TimestampRecords::Off);
    let instance = Instance { authority: Arc::new(authority), ..instance };
    for _ in 0..3 {
        let (_, _, body) = ask(&instance, "/tsa", QUERY, query()).await;
        let query = query();
        let expected = Expected::answer_to(TimestampRequest::parse(&query).unwrap());
        verify_response(&body, &expected, &TimestampTrust::unit(instance.unit.chain())).unwrap();
    }
    assert_eq!(instance.audit.size(), 0);
    instance.authority.record_count();
    instance.authority.record_count();
    instance.audit.append(b"{}").await.unwrap();
    let record: AuditRecord = serde_json::from_slice(&instance.audit.leaf(0).unwrap().unwrap()).unwrap();
    assert_eq!(record, AuditRecord::TimestampsCounted { at_ms: NOW, count: 3 });
    let mark = start(&instance.unit, &instance.clocks, &instance.audit).time().report()["signed_up_to_ms"].as_u64();
    assert_eq!(mark, Some(NOW), "counted timestamps keep the mark too");
    assert_eq!(instance.audit.leaf(1).unwrap().unwrap(), b"{}");
}

#[tokio::test]
async fn refusals_have_the_status_of_their_dialect_and_leave_no_record() {
    let instance = instance();
    let mut version = query();
    version[4] = 2;
    let mut unknown_hash = query();
    *unknown_hash.iter_mut().find(|octet| **octet == 0x65).unwrap() = 0x66;
    refused_by_both(&instance, &version, PkiFailureInfo::BadRequest, 400).await;
    refused_by_both(&instance, &unknown_hash, PkiFailureInfo::BadAlg, 400).await;
    refused_by_both(&instance, b"", PkiFailureInfo::BadDataFormat, 400).await;
    refused_by_both(&instance, &vec![0; MAX_REQUEST + 1], PkiFailureInfo::BadRequest, 413).await;
    assert_eq!(instance.audit.size(), 0);
    instance.clocks.set(NOW + 1_000, 5_000);
    refused_by_both(&instance, &query(), PkiFailureInfo::TimeNotAvailable, 503).await;
    instance.audit.append(b"{}").await.unwrap();
    for index in 0..instance.audit.size() - 1 {
        let record: AuditRecord = serde_json::from_slice(&instance.audit.leaf(index).unwrap().unwrap()).unwrap();
        assert!(matches!(record, AuditRecord::Clock { .. }), "of the clock, not of the refusal: {record:?}");
    }
    instance.clocks.set(NOW + 6_000, 10_000);
    assert_eq!(ask(&instance, "/tsa", QUERY, query()).await.0, StatusCode::OK);
    // Nothing leaves when the record does not stay.
    instance.audit.close();
    refused_by_both(&instance, &query(), PkiFailureInfo::SystemFailure, 503).await;
}

#[tokio::test]
async fn our_own_faults_show_only_the_request_id() {
    let instance = instance();
    instance.audit.close();
    let ids = super::super::request_id::RequestIds::new(&SystemRandom);
    let id = ids.next();
    let mut request = Request::builder().method(Method::POST).uri("/tsa").header(header::CONTENT_TYPE, QUERY);
    request = request.extension(id.clone());
    let response = routes(instance.authority).oneshot(request.body(Body::from(query())).unwrap()).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let text = format!("the timestamp authority cannot answer now (request {id})");
    assert!(body.windows(text.len()).any(|window| window == text.as_bytes()));
    assert!(!body.windows(3).any(|window| window == b"log"));
}

#[tokio::test]
async fn what_is_not_a_timestamp_request_is_refused_as_such() {
    let instance = instance();
    for (path, media_type) in [
        ("/api/v1/timestamp", "application/octet-stream"),
        ("/api/v1/timestamp", ""),
        ("/tsa", "application/json"),
        ("/tsa", "application/timestamp-reply"),
    ] {
        let (status, headers, body) = ask(&instance, path, media_type, query()).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path} {media_type}");
        assert_eq!(headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
        assert!(body.starts_with(b"send a DER TimeStampReq"));
    }
    let (status, _, body) = ask(&instance, "/tsa/second", QUERY, query()).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.ends_with(failure_bits(PkiFailureInfo::BadRequest)));
    let get = Request::builder().uri("/tsa").body(Body::empty()).unwrap();
    assert_eq!(routes(instance.authority).oneshot(get).await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_body_without_a_length_is_cut_at_the_cap() {
    let instance = instance();
    let endless = endless_body();
    let (status, _, body) = ask(&instance, "/api/v1/timestamp", QUERY, endless).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(body.ends_with(failure_bits(PkiFailureInfo::BadRequest)));
}

/// A body that never ends and declares no length.
fn endless_body() -> Body {
    struct Endless;
    impl hyper::body::Body for Endless {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(Bytes::from_static(&[0; 512])))))
        }
    }
    Body::new(Endless)
}

#[tokio::test]
async fn the_chain_is_served_leaf_first_and_not_for_ever() {
    let instance = instance();
    let request = Request::builder().uri("/api/v1/timestamp/certchain").body(Body::empty()).unwrap();
    let response = routes(Arc::clone(&instance.authority)).oneshot(request).await.unwrap();
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let chain = Chain::from_pem(std::str::from_utf8(&body).unwrap()).unwrap();
    assert_eq!(&chain, instance.unit.chain());
}

#[tokio::test]
async fn a_restart_with_the_clock_put_back_gives_no_time() {
    let instance = instance();
    assert_eq!(ask(&instance, "/tsa", QUERY, query()).await.0, StatusCode::OK);
    instance.audit.append(b"{}").await.unwrap();
    let clocks = SetClock::at(NOW - 10_000, 100);
    let authority = start(&instance.unit, &clocks, &instance.audit);
    assert_eq!(authority.time().permit(), Err(ClockTrouble::Behind { by_ms: 10_000 }));
    clocks.set(NOW, 10_100);
    assert!(authority.time().permit().is_ok());
}

#[test]
fn the_systems_clocks_agree_with_themselves() {
    use crate::clock::SystemClocks;
    let (first, second) = (SystemClocks.read(), SystemClocks.read());
    assert!(second.boot >= first.boot && second.boot - first.boot < Duration::from_secs(10));
}

#[tokio::test]
async fn the_disclosure_says_what_the_units_do() {
    use privyseal_config::DisclosureSection;

    use crate::serving::http::disclosure::{self, DisclosureEdge};

    let instance = instance();
    let section = DisclosureSection { contact: "tsa@example.com".to_owned(), ..DisclosureSection::default() };
    let origin = crate::instance::assemble::Origin::parse("http://127.0.0.1:1").unwrap();
    let edge = Arc::new(DisclosureEdge { timestamps: Arc::clone(&instance.authority), origin, section });
    let get = async |path: &str| {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = disclosure::routes(Arc::clone(&edge)).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.into_body().collect().await.unwrap().to_bytes()
    };
    let statement: serde_json::Value = serde_json::from_slice(&get("/tsa/disclosure.json").await).unwrap();
    let unit = &statement["units"][0];
    assert_eq!((&unit["policies"][0], &unit["accuracy_ms"]), (&POLICY.into(), &1_000.into()));
    assert_eq!(unit["signature"], "ECDSA on P-256, SHA-256");
    assert_eq!(statement["operator"]["contact"], "tsa@example.com");
    assert_eq!(statement["operator"]["law"], "not stated");
    assert_eq!(statement["clock"]["trusted_now"], true);
    assert_eq!(statement["hash_algorithms"].as_array().unwrap().len(), tsa::HashAlgorithm::ALL.len());
    instance.clocks.set(NOW + 1_000, 5_000);
    let page = String::from_utf8(get("/tsa/disclosure").await.to_vec()).unwrap();
    assert!(page.contains("not trusted, the clock was moved;"), "{page}");
    assert!(page.contains("tsa@example.com") && page.contains(POLICY));
}
