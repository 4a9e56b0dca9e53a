//! The refresher against real endpoints on this machine.

mod endpoint;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::issuer::Reach;
use broker::names::{HttpsUrl, PublicSuffixes, SpiffeId, TrustDomain};
use broker::registry::{Issuers, Registry};
use broker::trust_domain::{Bundle, BundleSource, EndpointProfile, TrustDomainRecord, TrustDomainSpec};
use shared::audit::AuditRecord;
use shared::log::Log;
use shared::random::SystemRandom;
use shared::time::{Clock, UnixTime};
use tempfile::TempDir;

use self::endpoint::{Endpoint, TrustDomainAuthority, bundle};
use super::*;
use crate::clock::SystemClock;
use crate::file::{Mode, write_durably};

/// The machine's clock, and more.
struct ShiftedClock(Mutex<Duration>);

impl Clock for ShiftedClock {
    fn now(&self) -> UnixTime {
        SystemClock.now().plus(*self.0.lock().expect("not poisoned"))
    }
}

/// A refresher with a folder and a log of its own.
struct Scratch {
    refresher: BundleRefresher,
    audit: Log,
    folder: Arc<TempDir>,
    clock: Arc<ShiftedClock>,
}

impl Scratch {
    fn new(own: &[[u8; 32]]) -> Self {
        Self::on(Arc::new(tempfile::tempdir().expect("a folder")), own)
    }

    fn on(folder: Arc<TempDir>, own: &[[u8; 32]]) -> Self {
        let (audit, clock) = (Log::in_memory(), Arc::new(ShiftedClock(Mutex::default())));
        let refresher = BundleRefresher::new(BundleParts {
            clock: clock.clone(),
            random: Arc::new(SystemRandom),
            audit: Some(audit.clone()),
            folder: Some(folder.path().to_owned()),
            own: OwnKeys::new(own.iter().copied()),
            workload_api: Arc::default(),
        });
        Self { refresher, audit, folder, clock }
    }

    fn later(&self, span: Duration) {
        *self.clock.0.lock().expect("not poisoned") += span;
    }

    async fn look(&self, issuers: &Issuers, name: &str) -> Result<(), String> {
        self.refresher.look_at_once(record(issuers, name), issuers).await.map_err(|error| error.to_string())
    }

    fn state(&self, issuers: &Issuers, name: &str) -> BundleState {
        self.refresher.report(record(issuers, name)).state
    }

    /// The events of the audit log, with the rule of a refusal.
    fn events(&self) -> Vec<String> {
        let leaf = |index| self.audit.leaf(index).expect("reads").expect("is there");
        let records = (0..self.audit.size()).map(|index| serde_json::from_slice(&leaf(index)).expect("a record"));
        let lines = records.map(|record| match record {
            AuditRecord::BundleChanged { trust_domain, event, reason, .. } => {
                let rule = reason.rsplit_once("(rule ").map_or("", |(_, rule)| rule.trim_end_matches(')'));
                format!("{trust_domain} {} {rule}", event.name()).trim_end().to_owned()
            }
            other => panic!("{other:?}"),
        });
        lines.collect()
    }
}

fn record<'a>(issuers: &'a Issuers, name: &str) -> &'a Arc<TrustDomainRecord> {
    issuers.trust_domains().find(name).expect("is registered")
}

fn spec(name: &str, source: BundleSource) -> TrustDomainSpec {
    let reach = Reach { danger_loopback_http: true, ..Reach::default() };
    TrustDomainSpec { reach, ..TrustDomainSpec::new(TrustDomain::parse(name).expect("a name"), source) }
}

fn registered(trust_domains: Vec<TrustDomainSpec>) -> Issuers {
    let registry = Registry { trust_domains, ..Registry::default() };
    Issuers::build_with(&PublicSuffixes::embedded(), registry).expect("builds")
}

/// A self-serving endpoint of `name`, known at first by `bootstrap`.
fn by_svid(name: &str, endpoint: &Endpoint, id: &str, bootstrap: Option<&str>) -> TrustDomainSpec {
    let profile = EndpointProfile::Spiffe {
        endpoint_id: SpiffeId::parse(id).expect("an ID"),
        bootstrap: bootstrap.map(|text| Arc::new(Bundle::parse(text.as_bytes()).expect("a bundle"))),
    };
    spec(name, BundleSource::Endpoint { url: url(endpoint), profile })
}

fn by_web(name: &str, endpoint: &Endpoint) -> TrustDomainSpec {
    let source = BundleSource::Endpoint { url: url(endpoint), profile: EndpointProfile::Web };
    let mut spec = spec(name, source);
    spec.reach.ca_pem = Some(endpoint.web_ca_pem());
    spec
}

fn url(endpoint: &Endpoint) -> HttpsUrl {
    HttpsUrl::parse_or_loopback(&endpoint.url()).expect("a URL")
}

const SERVER: &str = "spiffe://a.test/spire/server";

#[tokio::test]
async fn a_self_serving_endpoint_is_known_by_its_id_and_by_the_newest_bundle() {
    let (old, new) = (TrustDomainAuthority::new("old"), TrustDomainAuthority::new("new"));
    let endpoint = Endpoint::serve(&old.svid(SERVER), &bundle(1, &[&old])).await;
    let issuers = registered(vec![by_svid("a.test", &endpoint, SERVER, Some(&bundle(1, &[&old])))]);
    let scratch = Scratch::new(&[]);
    assert_eq!(scratch.state(&issuers, "a.test"), BundleState::Missing);
    scratch.look(&issuers, "a.test").await.expect("is fetched");
    assert_eq!(scratch.state(&issuers, "a.test"), BundleState::Fresh);

    // The next authority is published, then used, then the first is gone: each look is checked by what the look before
    // it brought.
    endpoint.publish(&bundle(2, &[&old, &new]));
    scratch.look(&issuers, "a.test").await.expect("is fetched");
    endpoint.show(&new.svid(SERVER));
    endpoint.publish(&bundle(3, &[&new]));
    scratch.look(&issuers, "a.test").await.expect("the new authority is known by now");
    endpoint.show(&old.svid(SERVER));
    let error = scratch.look(&issuers, "a.test").await.expect_err("the old one is gone");
    assert!(error.contains("UnknownIssuer"), "{error}");

    for (presented, part) in [
        (new.svid("spiffe://a.test/other"), "spiffe://a.test/other instead of spiffe://a.test/spire/server"),
        (new.svid("spiffe://b.test/spire/server"), "instead of"),
        (TrustDomainAuthority::new("new").svid(SERVER), "InvalidSignatureForPublicKey"),
        (Endpoint::web(), "URI names"),
    ] {
        endpoint.show(&presented);
        let error = scratch.look(&issuers, "a.test").await.expect_err(part);
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(scratch.events(), ["a.test fetched", "a.test fetched", "a.test fetched"]);
}

#[tokio::test]
async fn an_endpoint_of_another_trust_domain_is_known_by_that_one_s_bundle() {
    let (hub, leaf) = (TrustDomainAuthority::new("hub"), TrustDomainAuthority::new("leaf"));
    let id = "spiffe://hub.test/bundles";
    let endpoint = Endpoint::serve(&hub.svid(id), &bundle(1, &[&leaf])).await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    write_durably(file.path(), bundle(1, &[&hub]).as_bytes(), Mode::Private).expect("written");
    let issuers = registered(vec![
        by_svid("leaf.test", &endpoint, id, None),
        spec("hub.test", BundleSource::File(file.path().to_owned())),
    ]);
    let scratch = Scratch::new(&[]);
    let error = scratch.look(&issuers, "leaf.test").await.expect_err("hub.test has no bundle yet");
    assert!(error.contains("bundle is not at hand") && error.contains("hub.test"), "{error}");
    scratch.look(&issuers, "hub.test").await.expect("is read");
    scratch.look(&issuers, "leaf.test").await.expect("is fetched");
}

#[tokio::test]
async fn what_a_bundle_may_not_say_changes_nothing_and_is_an_alarm_once() {
    let (a, b, ours) =
        (TrustDomainAuthority::new("a"), TrustDomainAuthority::new("b"), TrustDomainAuthority::new("ours"));
    let endpoint = Endpoint::serve(&Endpoint::web(), &bundle(7, &[&a])).await;
    let other = Endpoint::serve(&Endpoint::web(), &bundle(1, &[&b])).await;
    let issuers = registered(vec![by_web("a.test", &endpoint), by_web("b.test", &other)]);
    let scratch = Scratch::new(&[ours.fingerprint()]);
    scratch.look(&issuers, "a.test").await.expect("is fetched");
    scratch.look(&issuers, "b.test").await.expect("is fetched");
    for (document, rule) in [
        (bundle(6, &[&a]), "B2"),
        (bundle(8, &[&a, &ours]), "B3"),
        (bundle(8, &[&a, &b]), "B4"),
        (r#"{"keys":[],"keys":[]}"#.to_owned(), "B1"),
        ("<html>".to_owned(), "B1"),
        (format!(r#"{{"keys":[],"pad":"{}"}}"#, "x".repeat(1 << 20)), ""),
    ] {
        endpoint.publish(&document);
        for _ in 0..2 {
            let error = scratch.refresher.look_at_once(record(&issuers, "a.test"), &issuers).await.expect_err(rule);
            assert_eq!(error.rule().map_or("", |rule| rule.id()), rule, "{error}");
        }
        let held = record(&issuers, "a.test").held();
        assert_eq!(held.bundle().and_then(|bundle| bundle.sequence()), Some(7), "{rule}");
    }
    let expected = ["a.test fetched", "b.test fetched", "a.test refused B2", "a.test refused B3", "a.test refused B4"];
    let events = scratch.events();
    assert_eq!(events[..5], expected);
    assert_eq!(events[5..], ["a.test refused B1", "a.test refused B1"], "two different documents, each reported once");
}

#[tokio::test]
async fn an_emptied_bundle_is_a_revocation_and_counts_across_a_restart() {
    let a = TrustDomainAuthority::new("a");
    let endpoint = Endpoint::serve(&Endpoint::web(), &bundle(1, &[&a])).await;
    let fresh = || registered(vec![by_web("a.test", &endpoint)]);
    let issuers = fresh();
    let first = Scratch::new(&[]);
    first.look(&issuers, "a.test").await.expect("is fetched");

    // A process that begins takes up what the one before it had fetched.
    let (issuers, second) = (fresh(), Scratch::on(first.folder.clone(), &[]));
    second.refresher.begin(&issuers).await;
    assert_eq!(second.state(&issuers, "a.test"), BundleState::Fresh);
    endpoint.publish(r#"{"keys":null,"spiffe_sequence":2}"#);
    second.look(&issuers, "a.test").await.expect("is taken");
    assert_eq!(second.state(&issuers, "a.test"), BundleState::Empty);
    assert_eq!(second.events(), ["a.test emptied"]);

    let (issuers, third) = (fresh(), Scratch::on(first.folder.clone(), &[]));
    third.refresher.begin(&issuers).await;
    assert_eq!(third.state(&issuers, "a.test"), BundleState::Empty);
    endpoint.publish(&bundle(1, &[&a]));
    let error = third.look(&issuers, "a.test").await.expect_err("the old bundle again");
    assert!(error.contains("went back from 2 to 1"), "{error}");
}

#[tokio::test]
async fn a_kept_bundle_is_judged_again_and_is_of_its_own_source() {
    let a = TrustDomainAuthority::new("a");
    let endpoint = Endpoint::serve(&Endpoint::web(), &bundle(1, &[&a])).await;
    let issuers = registered(vec![by_web("a.test", &endpoint)]);
    let first = Scratch::new(&[]);
    first.look(&issuers, "a.test").await.expect("is fetched");

    let issuers = registered(vec![by_web("a.test", &endpoint)]);
    let ours_now = Scratch::on(first.folder.clone(), &[a.fingerprint()]);
    ours_now.refresher.begin(&issuers).await;
    assert_eq!(ours_now.state(&issuers, "a.test"), BundleState::Missing);

    let moved = Endpoint::serve(&Endpoint::web(), &bundle(1, &[&a])).await;
    let issuers = registered(vec![by_web("a.test", &moved)]);
    let second = Scratch::on(first.folder.clone(), &[]);
    second.refresher.begin(&issuers).await;
    assert_eq!(second.state(&issuers, "a.test"), BundleState::Missing);
}

#[tokio::test]
async fn without_its_endpoint_a_bundle_counts_for_as_long_as_the_record_says() {
    let a = TrustDomainAuthority::new("a");
    let endpoint = Endpoint::serve(&Endpoint::web(), &bundle(1, &[&a])).await;
    let issuers = registered(vec![by_web("a.test", &endpoint)]);
    let scratch = Scratch::new(&[]);
    scratch.look(&issuers, "a.test").await.expect("is fetched");
    drop(endpoint);
    scratch.later(Duration::from_secs(86_390));
    scratch.look(&issuers, "a.test").await.expect_err("no answer");
    assert_eq!(scratch.state(&issuers, "a.test"), BundleState::Fresh);
    scratch.later(Duration::from_secs(11));
    assert_eq!(scratch.state(&issuers, "a.test"), BundleState::Stale);
    let report = scratch.refresher.report(record(&issuers, "a.test"));
    assert_eq!((report.succeeded, report.failed), (1, 1));
    assert!(report.trouble.is_some() && report.next.is_some());
}

#[tokio::test]
async fn files_are_read_again_when_they_change() {
    let (a, b) = (TrustDomainAuthority::new("a"), TrustDomainAuthority::new("b"));
    let folder = tempfile::tempdir().expect("a folder");
    let (one, map) = (folder.path().join("one.json"), folder.path().join("map.json"));
    let write = |path: &std::path::Path, text: &str| {
        // A second write within one tick of the file system's clock would look like none.
        std::thread::sleep(Duration::from_millis(20));
        write_durably(path, text.as_bytes(), Mode::Private).expect("written");
    };
    write(&one, &bundle(1, &[&a]));
    write(&map, &format!(r#"{{"trust_domains":{{"b.test":{}}}}}"#, bundle(1, &[&b])));
    let issuers = registered(vec![
        spec("a.test", BundleSource::File(one.clone())),
        spec("b.test", BundleSource::MapFile(map.clone())),
    ]);
    let scratch = Scratch::new(&[]);
    scratch.refresher.begin(&issuers).await;
    assert_eq!(
        ["a.test", "b.test"].map(|name| scratch.state(&issuers, name)),
        [BundleState::Fresh, BundleState::Fresh]
    );
    write(&one, r#"{"keys":[]}"#);
    scratch.look(&issuers, "a.test").await.expect("is read");
    assert_eq!(scratch.state(&issuers, "a.test"), BundleState::Empty);
    for (text, part) in
        [(r#"{"trust_domains":{"b.test":{"keys":[]},"b.test":{"keys":[]}}}"#, "b.test"), ("{}", "trust_domains")]
    {
        write(&map, text);
        let error = scratch.look(&issuers, "b.test").await.expect_err(part);
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(scratch.state(&issuers, "b.test"), BundleState::Fresh, "a map that is none changes nothing");
    write(&map, r#"{"trust_domains":{}}"#);
    scratch.look(&issuers, "b.test").await.expect("is read");
    assert_eq!(scratch.state(&issuers, "b.test"), BundleState::Empty, "who leaves the map is withdrawn");
    std::fs::remove_file(&one).expect("removed");
    let error = scratch.look(&issuers, "a.test").await.expect_err("is gone");
    assert!(error.contains("one.json"), "{error}");
}
