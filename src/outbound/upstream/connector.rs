//! An upstream provider: our relying party, the HTTP client for it, and its cached metadata and keys.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use shared::time::UnixTime;
use tokio::sync::Mutex;

use super::error::UpstreamError;
use super::relying_party::{OidcConnector, Upstream};

/// An outbound request that was not answered, for the log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct FetchError(pub(crate) String);

type Fetched = Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, FetchError>> + Send>>;

/// Sends one request to a host that this connector's record names: no redirects, a deadline, a cap (invariant 7).
pub(crate) type Fetcher = Arc<dyn Fn(http::Request<Vec<u8>>) -> Fetched + Send + Sync>;

/// Discovery and keys are fetched again after this long.
const FRESH: Duration = Duration::from_secs(600);
/// For an unknown key they are fetched at most this often.
const PAUSE: Duration = Duration::from_secs(30);

pub(crate) struct UpstreamConnector {
    connector: OidcConnector,
    fetcher: Fetcher,
    /// Locked while fetching, so that many logins cause one request.
    known: Mutex<Option<(UnixTime, Arc<Upstream>)>>,
}

impl UpstreamConnector {
    pub(crate) fn new(connector: OidcConnector, fetcher: Fetcher) -> Self {
        Self { connector, fetcher, known: Mutex::new(None) }
    }

    pub(crate) fn connector(&self) -> &OidcConnector {
        &self.connector
    }

    /// The HTTP client that `openidconnect` takes.
    pub(crate) fn http(&self) -> impl Fn(http::Request<Vec<u8>>) -> Fetched + Send + Sync + use<> {
        let fetcher = self.fetcher.clone();
        move |request| fetcher(request)
    }

    /// The upstream's metadata and keys, at most ten minutes old.
    pub(crate) async fn known(&self, now: UnixTime) -> Result<Arc<Upstream>, UpstreamError> {
        self.younger_than(FRESH, now).await
    }

    /// The same, at most 30 seconds old.
    pub(crate) async fn refreshed(&self, now: UnixTime) -> Result<Arc<Upstream>, UpstreamError> {
        self.younger_than(PAUSE, now).await
    }

    async fn younger_than(&self, age: Duration, now: UnixTime) -> Result<Arc<Upstream>, UpstreamError> {
        let mut known = self.known.lock().await;
        if let Some((at, upstream)) = &*known
            && now.since(*at) < age
        {
            return Ok(upstream.clone());
        }
        let upstream = Arc::new(self.connector.discover(&self.http()).await?);
        *known = Some((now, upstream.clone()));
        Ok(upstream)
    }
}
