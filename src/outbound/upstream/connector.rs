//! An upstream provider: our relying party, the HTTP client for it, and its cached metadata and keys.

mod relying_party;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use broker::connector::ConnectorId;
use broker::provider::{AuthorizeRequest, Parameters, UpstreamState};
use shared::random::Random;
use shared::time::UnixTime;
use tokio::sync::Mutex;

use self::relying_party::{OidcConnector, OidcConnectorError, Upstream};
use super::error::UpstreamError;
use super::login::UpstreamLogin;
use super::parts::{Fetched, Fetcher, UpstreamParts};

/// Discovery and keys are fetched again after this long.
const FRESH: Duration = Duration::from_secs(600);
/// For an unknown key they are fetched at most this often.
const PAUSE: Duration = Duration::from_secs(30);

/// An upstream provider.
pub(crate) struct UpstreamConnector {
    connector: OidcConnector,
    fetcher: Fetcher,
    /// Locked while fetching, so that many logins cause one request.
    known: Mutex<Option<(UnixTime, Arc<Upstream>)>>,
}

impl UpstreamConnector {
    /// Puts a connector together. It speaks to nobody yet.
    pub(crate) fn new(parts: UpstreamParts, fetcher: Fetcher) -> Result<Self, OidcConnectorError> {
        Ok(Self { connector: OidcConnector::new(parts)?, fetcher, known: Mutex::new(None) })
    }

    /// Its name in URLs and tokens.
    pub(crate) fn id(&self) -> &ConnectorId {
        self.connector.id()
    }

    /// What the login page calls it.
    pub(crate) fn name(&self) -> &str {
        self.connector.name()
    }

    /// Where to send the browser, and what to expect back. `state` comes from `Provider::upstream_state`.
    pub(crate) async fn start(
        &self,
        request: &AuthorizeRequest,
        state: String,
        now: UnixTime,
        random: &dyn Random,
    ) -> Result<(String, UpstreamState), UpstreamError> {
        let known = self.known(now).await?;
        self.connector.start(&known, request, state, random)
    }

    /// Who logged in, by the upstream's `answer` to what was `sent`. That the answer belongs to this browser is checked
    /// before, by `OpenFlow::check_callback`.
    pub(crate) async fn finish(
        &self,
        answer: &Parameters,
        sent: &UpstreamState,
        max_age: Option<u64>,
        now: UnixTime,
    ) -> Result<UpstreamLogin, UpstreamError> {
        let (connector, http) = (&self.connector, self.http());
        let known = self.known(now).await?;
        let code = connector.read_answer(&known, answer)?;
        let tokens = connector.exchange(&known, &code, sent, &http).await?;
        match connector.verify(&known, &tokens, sent, max_age, now, &http).await {
            // It may have a new key since we looked.
            Err(UpstreamError::KeyUnknown) => {
                let known = self.refreshed(now).await?;
                connector.verify(&known, &tokens, sent, max_age, now, &http).await
            }
            verified => verified,
        }
    }

    /// The HTTP client that `openidconnect` takes.
    fn http(&self) -> impl Fn(http::Request<Vec<u8>>) -> Fetched + Send + Sync + use<> {
        let fetcher = self.fetcher.clone();
        move |request| fetcher(request)
    }

    /// What the upstream says of itself, at most ten minutes old.
    async fn known(&self, now: UnixTime) -> Result<Arc<Upstream>, UpstreamError> {
        self.younger_than(FRESH, now).await
    }

    /// The same, fetched again.
    async fn refreshed(&self, now: UnixTime) -> Result<Arc<Upstream>, UpstreamError> {
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
