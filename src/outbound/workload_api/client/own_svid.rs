//! Our own X.509-SVID, as the listener for workloads presents it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use broker::names::SpiffeId;
use broker::svid::{Purpose, UnverifiedX509Svid};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use shared::time::{Clock, UnixTime};
use shared::x509::Certificate;
use spiffe::X509Svid;
use tokio::sync::Notify;

use super::calls::{Agent, Messages};
use super::follow::Topic;
use super::trouble::Trouble;

/// How often it is looked whether there is something to tell.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The X.509-SVID that the Workload API gave last. New connections get a new one; open ones keep what they have. One
/// that is withdrawn or has expired is not presented: without another, handshakes fail.
pub(crate) struct OwnSvid {
    clock: Arc<dyn Clock>,
    /// Written by the follower alone.
    shown: ArcSwapOption<Shown>,
    /// Why nothing better came. Written by the follower alone.
    trouble: Mutex<Option<Trouble>>,
    first: Notify,
}

struct Shown {
    pair: Arc<CertifiedKey>,
    id: SpiffeId,
    not_after: UnixTime,
}

impl OwnSvid {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, shown: ArcSwapOption::empty(), trouble: Mutex::default(), first: Notify::new() }
    }

    /// Comes when there is one to show.
    pub(super) async fn first(&self) {
        loop {
            // Asked for before the look, so that one which comes in between is heard; and by as many as wait.
            let comes = self.first.notified();
            if self.current().is_some() {
                return;
            }
            comes.await;
        }
    }

    pub(super) fn last_trouble(&self) -> Option<Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why handshakes fail at the moment, if they do.
    pub(crate) fn wrong(&self) -> Option<String> {
        if self.current().is_some() {
            return None;
        }
        let trouble = self.last_trouble().map_or_else(String::new, |trouble| format!(": {trouble}"));
        Some(match self.shown.load_full() {
            Some(shown) => {
                let at = shown.not_after.rfc3339().unwrap_or_default();
                format!("our X.509-SVID {} expired at {at}, and the Workload API gave no other{trouble}", shown.id)
            }
            None => format!("the Workload API gives us no X.509-SVID{trouble}"),
        })
    }

    /// Writes into the log when handshakes begin to fail, and when they work again.
    pub(super) async fn tell(self: Arc<Self>) {
        self.first().await;
        let mut is_wrong = false;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let wrong = self.wrong();
            match &wrong {
                Some(wrong) if !is_wrong => {
                    tracing::error!(wrong, "workloads cannot connect, because we have no valid X.509-SVID")
                }
                None if is_wrong => tracing::info!("workloads can connect again"),
                _ => {}
            }
            is_wrong = wrong.is_some();
        }
    }

    fn current(&self) -> Option<Arc<Shown>> {
        let now = self.clock.now();
        self.shown.load_full().filter(|shown| now <= shown.not_after)
    }

    fn note(&self, trouble: Option<Trouble>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn show(&self, svid: &X509Svid) -> Result<(), Trouble> {
        let shown = Shown::read(svid)?;
        let (not_after, now) = (shown.not_after, self.clock.now());
        let until = not_after.rfc3339().unwrap_or_default();
        if now > not_after {
            return Err(Trouble::Unusable(format!("the X.509-SVID {} expired at {until}", shown.id)));
        }
        self.note(None);
        // A stream that is opened again sends the same SVID.
        let is_known = self.shown.load().as_ref().is_some_and(|before| before.pair.cert == shown.pair.cert);
        if !is_known {
            let (id, trust_domain) = (shown.id.clone(), shown.id.trust_domain());
            tracing::info!(%id, %trust_domain, until, "the Workload API gave us a new X.509-SVID");
            self.shown.store(Some(Arc::new(shown)));
        }
        self.first.notify_waiters();
        Ok(())
    }

    fn withdraw(&self) {
        if let Some(shown) = self.shown.swap(None) {
            tracing::error!(id = %shown.id, "the Workload API withdrew our X.509-SVID, so it is not used any more");
        }
    }
}

impl Shown {
    /// An SVID that a conforming client would refuse is not used; the one before stays until it expires.
    fn read(svid: &X509Svid) -> Result<Self, Trouble> {
        let unusable = |error: &dyn std::fmt::Display| Trouble::Unusable(format!("our X.509-SVID: {error}"));
        let chain: Vec<_> =
            svid.cert_chain().iter().map(|certificate| CertificateDer::from(certificate.as_bytes().to_vec())).collect();
        let read =
            UnverifiedX509Svid::parse(&chain, Purpose::ServerAuthentication).map_err(|error| unusable(&error))?;
        let leaf = Certificate::from_der(&chain[0]).map_err(|error| unusable(&error))?;
        // Borrowed: the bytes are wiped when the SVID is dropped, and what is left is inside AWS-LC.
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(svid.private_key().as_bytes()));
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&private)
            .map_err(|_| unusable(&"TLS does not support the kind of its key"))?;
        let pair = CertifiedKey::new(chain, key);
        pair.keys_match().map_err(|_| unusable(&"its key does not belong to its certificate"))?;
        Ok(Self { pair: Arc::new(pair), id: read.id().clone(), not_after: leaf.not_after() })
    }
}

impl ResolvesServerCert for OwnSvid {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current()?.pair.clone())
    }
}

/// By hand, so that no key can ever be in it.
impl std::fmt::Debug for OwnSvid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = self.shown.load().as_ref().map(|shown| shown.id.to_string());
        f.debug_struct("OwnSvid").field("id", &id).finish_non_exhaustive()
    }
}

/// The stream of our X.509-SVIDs.
pub(super) struct SvidTopic(pub(super) Arc<OwnSvid>);

impl Topic for SvidTopic {
    type Message = X509Svid;

    fn name(&self) -> &'static str {
        "our X.509-SVID"
    }

    async fn open(&self, agent: &Agent) -> Result<Messages<X509Svid>, Trouble> {
        agent.x509_svid().await
    }

    fn take(&self, svid: X509Svid) -> Result<(), Trouble> {
        self.0.show(&svid)
    }

    fn bear(&self, trouble: &Trouble) {
        self.0.note(Some(trouble.clone()));
        if let Trouble::Withdrawn(_) = trouble {
            self.0.withdraw();
        }
    }
}
