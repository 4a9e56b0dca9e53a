//! The follower against a Workload API on this machine.

mod agent;

use std::sync::Mutex;

use broker::names::{PublicSuffixes, TrustDomain};
use broker::registry::{Issuers, Registry};
use broker::trust_domain::{BundleSource, TrustDomainRecord, TrustDomainSpec};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName};
use shared::time::UnixTime;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use tonic::Code;

use self::agent::{Agent, Authority, Says, X509SvidMessage};
use super::*;
use crate::outbound::bundles::{BundleParts, BundleRefresher, BundleState, OwnKeys};

/// 2026-11-21 12:00:00 UTC.
const NOON: u64 = 1_795_262_400;
const ID: &str = "spiffe://instance.test/seal";

const PACE: Pace = Pace {
    answer: Duration::from_millis(500),
    renew: Duration::from_millis(100),
    pause: Duration::from_millis(20),
    longest_pause: Duration::from_millis(50),
    resigned: Duration::from_millis(50),
};

/// A clock that stands still until it is set.
struct ManualClock(Mutex<UnixTime>);

impl ManualClock {
    fn later(&self, seconds: u64) {
        let mut now = self.0.lock().expect("not poisoned");
        *now = now.plus(Duration::from_secs(seconds));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        *self.0.lock().expect("not poisoned")
    }
}

/// A socket, a clock and who follows.
struct Scratch {
    folder: TempDir,
    clock: Arc<ManualClock>,
    api: WorkloadApi,
}

impl Scratch {
    fn new(folder: TempDir, wants_svid: bool) -> Self {
        let clock = Arc::new(ManualClock(Mutex::new(UnixTime::from_seconds(NOON))));
        let address = Address::parse(&format!("unix://{}", socket(&folder).display())).expect("an address");
        let api = WorkloadApi::at_pace(&address, wants_svid, clock.clone(), PACE);
        Self { folder, clock, api }
    }

    /// Begins with an agent that says this.
    fn with(says: Says, wants_svid: bool) -> (Self, Agent) {
        // A blank in the path: it is no URL.
        let folder = tempfile::Builder::new().prefix("work load").tempdir().expect("a folder");
        let agent = Agent::serve(socket(&folder), says);
        (Self::new(folder, wants_svid), agent)
    }

    fn agent(&self, says: Says) -> Agent {
        Agent::serve(socket(&self.folder), says)
    }

    async fn own(&self) -> Arc<OwnSvid> {
        let first = self.api.first_svid_within(Duration::from_secs(10)).await;
        first.expect("an SVID comes").expect("it is wanted")
    }
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("agent.sock")
}

fn svids(svids: &[&X509SvidMessage]) -> Says {
    Says { svids: svids.iter().map(|one| (*one).clone()).collect(), ..Says::default() }
}

async fn comes(what: &str, is_there: impl AsyncFn() -> bool) {
    for _ in 0..500 {
        if is_there().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} never came");
}

/// A client that accepts any certificate.
#[derive(Debug)]
struct AcceptsAnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptsAnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls_pki_types::UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

type Connection = (client::TlsStream<DuplexStream>, server::TlsStream<DuplexStream>);

/// A connection to the listener for workloads, if the handshake succeeds.
async fn connect(own: &Arc<OwnSvid>) -> Option<Connection> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AcceptsAnyServer(provider)))
        .with_no_client_auth();
    let (near, far) = tokio::io::duplex(1 << 16);
    let name = ServerName::try_from("instance.test").expect("a name");
    let accepting = TlsAcceptor::from(crate::serving::listen::svid::server_config(own.clone())).accept(far);
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, near);
    let (connected, accepted) = tokio::join!(connecting, accepting);
    Some((connected.ok()?, accepted.ok()?))
}

/// The certificate that a new connection gets.
async fn shown(own: &Arc<OwnSvid>) -> Option<Vec<u8>> {
    let (client, _server) = connect(own).await?;
    Some(client.get_ref().1.peer_certificates()?.first()?.to_vec())
}

#[tokio::test]
async fn new_connections_are_shown_the_newest_svid_and_open_ones_go_on() {
    let authority = Authority::new();
    let [first, second, other] = [ID, ID, "spiffe://instance.test/other"].map(|id| authority.svid(id));
    let (scratch, agent) = Scratch::with(svids(&[&first, &other]), true);
    let own = scratch.own().await;
    let (mut client, mut server) = connect(&own).await.expect("connects");
    assert_eq!(client.get_ref().1.peer_certificates().expect("shown")[0].to_vec(), first.chain);

    agent.say(svids(&[&second, &other]));
    comes("the second", async || shown(&own).await.as_ref() == Some(&second.chain)).await;
    client.write_all(b"still here").await.expect("is written");
    client.flush().await.expect("is sent");
    let mut heard = [0; 10];
    server.read_exact(&mut heard).await.expect("is read");
    assert_eq!(&heard, b"still here");
    assert_eq!(own.wrong(), None);

    // Neither a key of another certificate nor what no client would take replaces it.
    let mixed = X509SvidMessage { key: first.key.clone(), ..second.clone() };
    let no_leaf = X509SvidMessage { chain: authority.der.to_vec(), ..second.clone() };
    for bad in [mixed, no_leaf] {
        agent.say(svids(&[&bad]));
        comes("trouble", async || matches!(own.last_trouble(), Some(Trouble::Unusable(_)))).await;
        assert_eq!(shown(&own).await.as_ref(), Some(&second.chain));
        agent.say(svids(&[&second]));
        comes("a good one", async || own.last_trouble().is_none()).await;
    }
    let debug = format!("{own:?}");
    assert!(debug.contains(ID) && debug.len() < 80, "{debug}");
}

#[tokio::test]
async fn what_is_withdrawn_or_expired_is_shown_no_longer() {
    let authority = Authority::new();
    let (svid, next) = (authority.svid(ID), authority.svid(ID));
    let (scratch, agent) = Scratch::with(svids(&[&svid]), true);
    let own = scratch.own().await;
    agent.say(Says { refusal: Some(Code::PermissionDenied), ..svids(&[&svid]) });
    comes("the withdrawal", async || shown(&own).await.is_none()).await;
    let wrong = own.wrong().expect("something is");
    assert!(wrong.contains("gives us no X.509-SVID: no identity is issued to this process"), "{wrong}");
    agent.say(svids(&[&svid]));
    comes("another", async || shown(&own).await.is_some()).await;
    // Other refusals withdraw nothing, nor does a message without what every message has (Workload API §5.2.1).
    for other in [Says { refusal: Some(Code::Internal), ..Says::default() }, svids(&[])] {
        agent.say(other);
        comes("trouble", async || own.last_trouble().is_some()).await;
        assert!(shown(&own).await.is_some());
        agent.say(svids(&[&svid]));
        comes("no trouble", async || own.last_trouble().is_none()).await;
    }

    agent.say(svids(&[&next]));
    comes("the next", async || shown(&own).await.as_ref() == Some(&next.chain)).await;
    scratch.clock.later(12 * 3600);
    assert!(shown(&own).await.is_some(), "the last second counts");
    scratch.clock.later(1);
    assert!(shown(&own).await.is_none());
    let wrong = own.wrong().expect("something is");
    assert!(wrong.contains("spiffe://instance.test/seal expired at 2026-11-22T00:00:00Z"), "{wrong}");
}

#[tokio::test]
async fn an_agent_that_dies_takes_nothing_with_it_and_is_found_again() {
    let authority = Authority::new();
    let (svid, next) = (authority.svid(ID), authority.svid(ID));
    let (scratch, agent) = Scratch::with(svids(&[&svid]), true);
    let own = scratch.own().await;
    drop(agent);
    comes("trouble", async || matches!(own.last_trouble(), Some(Trouble::Unreachable(_)))).await;
    assert_eq!(shown(&own).await.as_ref(), Some(&svid.chain));
    assert_eq!(own.wrong(), None);
    let _agent = scratch.agent(svids(&[&next]));
    comes("the next", async || shown(&own).await.as_ref() == Some(&next.chain)).await;
    assert_eq!(own.last_trouble(), None);
}

#[tokio::test]
async fn an_instance_without_an_svid_says_what_to_do() {
    let short = Duration::from_millis(700);
    let without_agent = Scratch::new(tempfile::tempdir().expect("a folder"), true);
    let error = without_agent.api.first_svid_within(short).await.expect_err("no answer").to_string();
    assert!(error.contains("agent.sock") && error.contains("start the agent"), "{error}");

    let (denied, _agent) = Scratch::with(Says { refusal: Some(Code::PermissionDenied), ..Says::default() }, true);
    let error = denied.api.first_svid_within(short).await.expect_err("nothing is given").to_string();
    assert!(error.contains("register this process"), "{error}");

    let (hanging, _agent) = Scratch::with(Says { hangs: true, ..Says::default() }, true);
    let error = hanging.api.first_svid_within(short).await.expect_err("nothing is said").to_string();
    assert!(error.contains("no answer within"), "{error}");
}

#[test]
fn addresses_are_of_two_kinds() {
    for good in ["unix:///run/agent.sock", "unix:///run/a b%20c.sock", "tcp://127.0.0.1:8081", "tcp://[::1]:1"] {
        assert_eq!(Address::parse(good).expect(good).to_string(), good);
    }
    for bad in
        ["", "unix:", "unix://", "unix:///", "unix://run/agent.sock", "tcp://localhost:1", "tcp://127.0.0.1", "/run/a"]
    {
        assert!(Address::parse(bad).is_err(), "{bad}");
    }
}

/// A snapshot whose bundles come from the Workload API.
fn registered(names: &[&str]) -> Issuers {
    let spec = |name: &&str| TrustDomainSpec::new(TrustDomain::parse(name).expect("a name"), BundleSource::WorkloadApi);
    let registry = Registry { trust_domains: names.iter().map(spec).collect(), ..Registry::default() };
    Issuers::build_with(&PublicSuffixes::embedded(), registry).expect("builds")
}

fn record<'a>(issuers: &'a Issuers, name: &str) -> &'a Arc<TrustDomainRecord> {
    issuers.trust_domains().find(name).expect("is registered")
}

impl Scratch {
    fn refresher(&self) -> BundleRefresher {
        BundleRefresher::new(BundleParts {
            clock: self.clock.clone(),
            random: Arc::new(SystemRandom),
            audit: None,
            folder: None,
            own: OwnKeys::default(),
            workload_api: self.api.bundles(),
        })
    }
}

/// How many X.509 and JWT keys are held.
fn keys(issuers: &Issuers, name: &str) -> (usize, usize) {
    let held = record(issuers, name).held();
    held.bundle().map_or((0, 0), |bundle| (bundle.authorities().len(), bundle.jwt_keys().len()))
}

#[tokio::test]
async fn each_message_is_the_full_state_of_all_trust_domains() {
    let [a, b, next] = [(); 3].map(|()| Authority::new());
    let null = br#"{"keys":null}"#;
    let both = || Says::default().with("a.test", &[&a], &a.jwks()).with("b.test", &[&b], null);
    let (scratch, agent) = Scratch::with(both().with("unregistered.test", &[&next], null), false);
    let (issuers, refresher) = (registered(&["a.test", "b.test", "c.test"]), scratch.refresher());
    let look = async |name: &str| refresher.look_at_once(record(&issuers, name), &issuers).await;
    scratch.api.first_bundles().await;
    refresher.begin(&issuers).await;
    let state = |name: &str| refresher.report(record(&issuers, name)).state;
    assert_eq!(
        ["a.test", "b.test", "c.test"].map(state),
        [BundleState::Fresh, BundleState::Fresh, BundleState::Missing]
    );
    assert_eq!(["a.test", "b.test"].map(|name| keys(&issuers, name)), [(1, 1), (1, 0)]);
    let error = look("c.test").await.expect_err("is not in the state").to_string();
    assert!(error.contains("does not know this trust domain"), "{error}");

    // Two authorities in one row; and one trust domain that says nonsense harms no other.
    agent.say(Says::default().with("a.test", &[&a, &next], b"nonsense").with("b.test", &[&b, &next], null));
    comes("the second authority", async || look("b.test").await.is_ok() && keys(&issuers, "b.test") == (2, 0)).await;
    let error = look("a.test").await.expect_err("nonsense").to_string();
    assert!(error.contains("JSON"), "{error}");
    assert_eq!(keys(&issuers, "a.test"), (1, 1), "the bundle before stays");

    agent.say(Says::default().with("b.test", &[&b], null));
    comes("the withdrawal", async || look("a.test").await.is_ok() && state("a.test") == BundleState::Empty).await;
    assert_eq!(state("b.test"), BundleState::Fresh);
    agent.say(both());
    comes("a.test again", async || look("a.test").await.is_ok() && state("a.test") == BundleState::Fresh).await;
    agent.say(Says { refusal: Some(Code::PermissionDenied), ..both() });
    comes("the end of all", async || {
        let _ = look("a.test").await;
        let _ = look("b.test").await;
        ["a.test", "b.test"].map(state) == [BundleState::Empty, BundleState::Empty]
    })
    .await;
}

#[tokio::test]
async fn bundles_that_the_api_does_not_confirm_grow_old() {
    let a = Authority::new();
    let says = Says::default().with("a.test", &[&a], &a.jwks());
    let (scratch, agent) = Scratch::with(says.clone(), false);
    let (issuers, refresher) = (registered(&["a.test"]), scratch.refresher());
    let look = async || refresher.look_at_once(record(&issuers, "a.test"), &issuers).await;
    let state = || refresher.report(record(&issuers, "a.test")).state;
    scratch.api.first_bundles().await;
    look().await.expect("is in the state");

    // While it answers, a repeated state counts as new, however old the first one is.
    scratch.clock.later(86_401);
    assert_eq!(state(), BundleState::Stale);
    comes("the same again", async || look().await.is_ok() && state() == BundleState::Fresh).await;

    // Hanging is worse than dead: the socket stays open.
    let fetched_at = record(&issuers, "a.test").held().fetched_at();
    agent.say(Says { hangs: true, ..says.clone() });
    tokio::time::sleep(Duration::from_millis(800)).await;
    scratch.clock.later(200);
    let error = look().await.expect_err("nothing is confirmed").to_string();
    assert!(error.contains("has not answered since"), "{error}");
    assert_eq!((record(&issuers, "a.test").held().fetched_at(), state()), (fetched_at, BundleState::Fresh));
    drop(agent);
    scratch.clock.later(86_400);
    look().await.expect_err("no answer");
    assert_eq!(state(), BundleState::Stale);

    let _agent = scratch.agent(says);
    comes("the agent again", async || look().await.is_ok() && state() == BundleState::Fresh).await;
}
