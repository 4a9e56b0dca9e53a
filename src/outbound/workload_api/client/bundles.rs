//! Bundles from the Workload API: X.509 and JWT authorities in streams of their own, put together here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use broker::names::TrustDomain;
use broker::trust_domain::{Bundle, BundleError};
use der::{Reader as _, SliceReader};
use shared::time::{Clock, UnixTime};
use tokio::sync::Notify;

use super::calls::{Agent, Messages, Told};
use super::follow::Topic;
use super::trouble::Trouble;
use crate::outbound::bundles::WorkloadBundles;

/// A trust domain that is in the one state and not in the other has no key of that kind.
const NO_KEYS: &[u8] = br#"{"keys":[]}"#;

/// Which of the two streams.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Jwt,
    X509,
}

/// Both full states, and the bundles that were joined from them.
pub(super) struct Joined {
    clock: Arc<dyn Clock>,
    parts: Mutex<Parts>,
    bundles: Arc<WorkloadBundles>,
    first: Notify,
}

#[derive(Default)]
struct Parts {
    jwt: Option<Part>,
    x509: Option<Part>,
    made: BTreeMap<String, Made>,
}

/// The last message of one stream, and when it arrived.
struct Part {
    told: BTreeMap<String, Vec<u8>>,
    at: UnixTime,
}

/// A bundle and the bytes it was parsed from: unchanged bytes are not parsed again.
struct Made {
    jwt: Vec<u8>,
    x509: Vec<u8>,
    bundle: Result<Arc<Bundle>, BundleError>,
}

impl Joined {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, parts: Mutex::default(), bundles: Arc::default(), first: Notify::new() }
    }

    pub(super) fn bundles(&self) -> Arc<WorkloadBundles> {
        self.bundles.clone()
    }

    /// Returns when both kinds have arrived.
    pub(super) async fn first(&self) {
        while !self.bundles.is_told() {
            self.first.notified().await;
        }
    }

    /// Takes one of the full states. Bundles are published only when both are known: half a bundle would look like a
    /// withdrawal.
    fn tell(&self, kind: Kind, told: Told) {
        let at = self.clock.now();
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.into_iter().filter_map(|(id, bundle)| Some((trust_domain(&id)?, bundle))).collect();
        let part = Some(Part { told, at });
        match kind {
            Kind::Jwt => parts.jwt = part,
            Kind::X509 => parts.x509 = part,
        }
        let Parts { jwt: Some(jwt), x509: Some(x509), made } = &mut *parts else { return };
        *made = join(jwt, x509, std::mem::take(made));
        let bundles = made.iter().map(|(name, made)| (name.clone(), made.bundle.clone())).collect();
        // A joined bundle is as fresh as the older of its parts.
        self.bundles.replace(bundles, jwt.at.min(x509.at));
        self.first.notify_one();
    }
}

fn join(jwt: &Part, x509: &Part, mut before: BTreeMap<String, Made>) -> BTreeMap<String, Made> {
    let mut joined = BTreeMap::new();
    for name in jwt.told.keys().chain(x509.told.keys()) {
        if joined.contains_key(name) {
            continue;
        }
        let jwt = jwt.told.get(name).map_or(NO_KEYS, |bytes| &bytes[..]);
        let x509 = x509.told.get(name).map_or(&[][..], |bytes| &bytes[..]);
        let made = match before.remove(name) {
            Some(made) if made.jwt == jwt && made.x509 == x509 => made,
            _ => Made {
                jwt: jwt.to_vec(),
                x509: x509.to_vec(),
                bundle: Bundle::from_workload_api(&certificates(x509), jwt).map(Arc::new),
            },
        };
        joined.insert(name.clone(), made);
    }
    joined
}

/// Concatenated DER certificates. Where the encoding is broken, the rest counts as one unreadable certificate.
fn certificates(mut row: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while !row.is_empty() {
        let first = SliceReader::new(row).ok().and_then(|mut reader| reader.tlv_bytes().ok()).unwrap_or(row);
        found.push(first.to_vec());
        row = &row[first.len()..];
    }
    found
}

/// The API names trust domains by their SPIFFE IDs.
fn trust_domain(id: &str) -> Option<String> {
    match TrustDomain::parse(id.strip_prefix("spiffe://").unwrap_or(id)) {
        Ok(name) => Some(name.to_string()),
        Err(error) => {
            tracing::debug!(id, %error, "the Workload API names an invalid trust domain");
            None
        }
    }
}

/// One of the two streams.
pub(super) struct BundleTopic {
    kind: Kind,
    joined: Arc<Joined>,
}

impl BundleTopic {
    pub(super) fn new(kind: Kind, joined: Arc<Joined>) -> Self {
        Self { kind, joined }
    }
}

impl Topic for BundleTopic {
    type Message = Told;

    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Jwt => "JWT bundles",
            Kind::X509 => "X.509 bundles",
        }
    }

    async fn open(&self, agent: &Agent) -> Result<Messages<Told>, Trouble> {
        match self.kind {
            Kind::Jwt => agent.jwt_bundles().await,
            Kind::X509 => agent.x509_bundles().await,
        }
    }

    fn take(&self, told: Told) -> Result<(), Trouble> {
        self.joined.tell(self.kind, told);
        Ok(())
    }

    fn bear(&self, trouble: &Trouble) {
        match trouble {
            // No bundle is for us, or there are none of this kind: that is also a full state.
            Trouble::Withdrawn(_) | Trouble::Unimplemented => self.joined.tell(self.kind, Told::new()),
            Trouble::Ended(_)
            | Trouble::Misunderstood(_)
            | Trouble::Silent(_)
            | Trouble::Unreachable(_)
            | Trouble::Unusable(_) => {}
        }
    }
}
