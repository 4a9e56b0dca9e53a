//! The SPIFFE Workload API, of which the instance is a client like any workload: our own X.509-SVID, and the bundles of
//! trust domains.
//!
//! Where the API is, the configuration says; `SPIFFE_ENDPOINT_SOCKET` is not read. Each message of a stream is the full
//! state: what is not in it is withdrawn. An agent that goes away takes nothing with it at once: our SVID is shown until
//! it expires, bundles count for as long as their records say. One that hangs keeps its socket open, so that a stream
//! which says nothing is opened anew every minute: only what was said lately is confirmed.

mod bundles;
mod calls;
mod follow;
mod own_svid;
#[cfg(all(test, feature = "edge-tests"))]
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

/// How long an instance that begins waits for its X.509-SVID.
const FIRST_SVID: Duration = Duration::from_secs(30);
/// How long it waits for bundles: without them it begins all the same, and refuses whom it does not know yet.
const FIRST_BUNDLES: Duration = Duration::from_secs(5);

/// Where the Workload API is (SPIFFE Workload Endpoint §4).
#[derive(Clone, Debug)]
pub(crate) struct Address {
    text: String,
    endpoint: Endpoint,
}

/// A text that is no address of a Workload API.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is neither unix:///path/of/the/socket nor tcp://127.0.0.1:port (SPIFFE Workload Endpoint 4)")]
pub(crate) struct AddressError(String);

impl Address {
    /// Reads `unix:///path/of/the/socket` or `tcp://127.0.0.1:port`. The path is taken as it stands: no character of it
    /// is an escape.
    pub(crate) fn parse(text: &str) -> Result<Self, AddressError> {
        let unix = text.strip_prefix("unix://").filter(|path| path.starts_with('/') && path.len() > 1);
        let endpoint = match unix {
            Some(path) => Endpoint::Unix(PathBuf::from(path)),
            None => {
                let address = text.strip_prefix("tcp://").and_then(|address| address.parse::<SocketAddr>().ok());
                let address = address.ok_or_else(|| AddressError(text.to_owned()))?;
                Endpoint::Tcp { host: address.ip(), port: address.port() }
            }
        };
        Ok(Self { text: text.to_owned(), endpoint })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why the instance has no X.509-SVID to begin with.
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

    /// What the API says of trust domains.
    pub(crate) fn bundles(&self) -> Arc<WorkloadBundles> {
        self.joined.bundles()
    }

    /// Our own X.509-SVID, if it is wanted, whether or not there is one at the moment.
    pub(crate) fn own_svid(&self) -> Option<Arc<OwnSvid>> {
        self.own.clone()
    }

    /// Our own X.509-SVID when the first has come, but not for ever. None if it is not wanted.
    pub(crate) async fn first_svid(&self) -> Result<Option<Arc<OwnSvid>>, NoSvid> {
        self.first_svid_within(FIRST_SVID).await
    }

    async fn first_svid_within(&self, span: Duration) -> Result<Option<Arc<OwnSvid>>, NoSvid> {
        let Some(own) = &self.own else { return Ok(None) };
        let (address, seconds) = (self.address.to_string(), span.as_secs());
        tracing::info!(seconds, "waiting for the Workload API at {address}");
        match tokio::time::timeout(span, own.first()).await {
            Ok(()) => Ok(Some(own.clone())),
            Err(_) => Err(NoSvid { address, seconds, trouble: own.last_trouble() }),
        }
    }

    /// Comes when bundles of both kinds have been told, and in any case soon.
    pub(crate) async fn first_bundles(&self) {
        if tokio::time::timeout(FIRST_BUNDLES, self.joined.first()).await.is_err() {
            tracing::warn!(address = %self.address, "the Workload API has told no bundles yet");
        }
    }
}
