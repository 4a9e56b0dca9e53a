//! A client of the SPIFFE Workload API, which gives the instance its own X.509-SVID and the bundles of trust domains.
//!
//! The configuration has the address of the API; `SPIFFE_ENDPOINT_SOCKET` is not read. Each message of a stream is the
//! full state: what is not in it is withdrawn. When an agent stops, nothing changes at once: our SVID is used until it
//! expires, and bundles for as long as their records say. An agent that hangs keeps its socket open, so a silent stream
//! is opened again every minute: only recent messages count as confirmed.

mod bundles;
mod calls;
mod follow;
mod own_svid;
#[cfg(test)]
mod tests;
mod trouble;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shared::random::SystemRandom;
use shared::time::Clock;
use spiffe::transport::Endpoint;
use tokio::task::JoinSet;

use self::bundles::{BundleTopic, Joined, Kind};
use self::follow::{Follower, Pace};
pub(crate) use self::own_svid::OwnSvid;
use self::own_svid::SvidTopic;
use self::trouble::Trouble;
use crate::outbound::bundles::WorkloadBundles;

/// How long a starting instance waits for its X.509-SVID.
const FIRST_SVID: Duration = Duration::from_secs(30);
/// How long it waits for bundles. Without them it starts anyway, and refuses SVIDs of trust domains that it does not
/// know.
const FIRST_BUNDLES: Duration = Duration::from_secs(5);

/// Where the Workload API is (SPIFFE Workload Endpoint §4).
#[derive(Clone, Debug)]
pub(crate) struct Address {
    text: String,
    endpoint: Endpoint,
}

impl Address {
    /// Reads `unix:///path/of/the/socket` or `tcp://127.0.0.1:port`. The path is taken as it stands: no character of it
    /// is an escape.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let unix = text.strip_prefix("unix://").filter(|path| path.starts_with('/') && path.len() > 1);
        let endpoint = match unix {
            Some(path) => Endpoint::Unix(PathBuf::from(path)),
            None => {
                let address: SocketAddr = text.strip_prefix("tcp://")?.parse().ok()?;
                Endpoint::Tcp { host: address.ip(), port: address.port() }
            }
        };
        Some(Self { text: text.to_owned(), endpoint })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a starting instance has no X.509-SVID.
#[derive(Debug, thiserror::Error)]
#[error(
    "the Workload API at {address} gave no X.509-SVID within {seconds} seconds: {}; {}",
    .trouble.as_ref().map_or_else(|| "it has not answered".to_owned(), ToString::to_string),
    .trouble.as_ref().map_or("look at the agent's log", Trouble::advice)
)]
pub(crate) struct NoSvid {
    address: String,
    seconds: u64,
    trouble: Option<Trouble>,
}

/// The Workload API, followed until this is dropped.
pub(crate) struct WorkloadApi {
    address: Address,
    own: Option<Arc<OwnSvid>>,
    joined: Arc<Joined>,
    _following: JoinSet<()>,
}

impl WorkloadApi {
    /// Follows the API at `address`: bundles, and our own X.509-SVID if it is wanted.
    pub(crate) fn follow(address: &Address, wants_svid: bool, clock: Arc<dyn Clock>) -> Self {
        Self::at_pace(address, wants_svid, clock, Pace::default())
    }

    fn at_pace(address: &Address, wants_svid: bool, clock: Arc<dyn Clock>, pace: Pace) -> Self {
        let follower = Follower { endpoint: address.endpoint.clone(), random: Arc::new(SystemRandom), pace };
        let joined = Arc::new(Joined::new(clock.clone()));
        let mut following = JoinSet::new();
        for kind in [Kind::X509, Kind::Jwt] {
            following.spawn(follower.clone().follow(BundleTopic::new(kind, joined.clone())));
        }
        let own = wants_svid.then(|| Arc::new(OwnSvid::new(clock)));
        if let Some(own) = &own {
            following.spawn(follower.follow(SvidTopic(own.clone())));
            following.spawn(own.clone().tell());
        }
        Self { address: address.clone(), own, joined, _following: following }
    }

    /// The bundles that the API gives.
    pub(crate) fn bundles(&self) -> Arc<WorkloadBundles> {
        self.joined.bundles()
    }

    /// Our own X.509-SVID, if it is wanted, whether or not there is one at the moment.
    pub(crate) fn own_svid(&self) -> Option<Arc<OwnSvid>> {
        self.own.clone()
    }

    /// Waits for our first X.509-SVID, for at most [`FIRST_SVID`]. `None` if it is not wanted.
    pub(crate) async fn first_svid(&self) -> Result<Option<Arc<OwnSvid>>, NoSvid> {
        self.first_svid_within(FIRST_SVID).await
    }

    async fn first_svid_within(&self, span: Duration) -> Result<Option<Arc<OwnSvid>>, NoSvid> {
        let Some(own) = &self.own else { return Ok(None) };
        let (address, seconds) = (self.address.to_string(), span.as_secs());
        tracing::info!(address, seconds, "waiting for our X.509-SVID from the Workload API");
        match tokio::time::timeout(span, own.first()).await {
            Ok(()) => Ok(Some(own.clone())),
            Err(_) => Err(NoSvid { address, seconds, trouble: own.last_trouble() }),
        }
    }

    /// Returns when bundles of both kinds have arrived, or after five seconds.
    pub(crate) async fn first_bundles(&self) {
        if tokio::time::timeout(FIRST_BUNDLES, self.joined.first()).await.is_err() {
            tracing::warn!(
                address = %self.address,
                "the Workload API has not sent any bundles yet; the server starts without them"
            );
        }
    }
}
