//! Upstream providers as the edge holds them: the connector, the way to it over the network, and what it last said of itself.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use broker::connector::ConnectorId;
use broker::connector::oidc::{OidcConnector, Upstream, UpstreamError};
use shared::time::UnixTime;
use tokio::sync::Mutex;

use super::super::pages;
use super::super::request_id::RequestId;

/// An outbound request that was not answered, for the log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct FetchError(pub(crate) String);

type Fetched = Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, FetchError>> + Send>>;

/// Sends one request to a host that this connector's record names: no redirects, a deadline, a cap (invariant 7).
pub(crate) type Fetcher = Arc<dyn Fn(http::Request<Vec<u8>>) -> Fetched + Send + Sync>;

/// Discovery and keys are fetched again after this long.
const FRESH: Duration = Duration::from_secs(600);
/// And for an unknown key not more often than this, whoever asks.
const PAUSE: Duration = Duration::from_secs(30);

pub(crate) struct UpstreamConnector {
    connector: OidcConnector,
    fetcher: Fetcher,
    /// Held while fetching, so that a crowd of logins makes one request.
    known: Mutex<Option<(UnixTime, Arc<Upstream>)>>,
}

impl UpstreamConnector {
    pub(crate) fn new(connector: OidcConnector, fetcher: Fetcher) -> Self {
        Self { connector, fetcher, known: Mutex::new(None) }
    }

    pub(super) fn connector(&self) -> &OidcConnector {
        &self.connector
    }

    /// The HTTP client that `openidconnect` takes.
    pub(super) fn http(&self) -> impl Fn(http::Request<Vec<u8>>) -> Fetched + Send + Sync + use<> {
        let fetcher = self.fetcher.clone();
        move |request| fetcher(request)
    }

    /// What the upstream says of itself, at most ten minutes old.
    pub(super) async fn known(&self, now: UnixTime) -> Result<Arc<Upstream>, UpstreamError> {
        self.younger_than(FRESH, now).await
    }

    /// The same, fetched again.
    pub(super) async fn refreshed(&self, now: UnixTime) -> Result<Arc<Upstream>, UpstreamError> {
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

/// A page that names the rule; what the upstream said goes to the log only.
pub(super) fn refuse(error: &UpstreamError, connector: &ConnectorId, request: &RequestId) -> Response {
    let status = match error {
        UpstreamError::Discovery(_)
        | UpstreamError::Error(_)
        | UpstreamError::Exchange(_)
        | UpstreamError::IdTokenMissing
        | UpstreamError::KeyUnknown
        | UpstreamError::Scheme
        | UpstreamError::UserInfo(_) => StatusCode::BAD_GATEWAY,
        UpstreamError::AccessHash
        | UpstreamError::AuthTime
        | UpstreamError::AuthorizedParty
        | UpstreamError::CodeMissing
        | UpstreamError::IdToken(_)
        | UpstreamError::IssMismatch
        | UpstreamError::IssMissing
        | UpstreamError::Parameters(_)
        | UpstreamError::Refused => StatusCode::BAD_REQUEST,
    };
    let detail = error.detail().unwrap_or_default();
    tracing::warn!(request = request.as_str(), %connector, %error, detail, "upstream login failed");
    let problem = format!("{error}. Request: {request}");
    pages::problem(status, "The login at the other provider failed", &problem, None)
}
