//! What a connector is made of.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use broker::connector::ConnectorId;
use shared::secret::Secret;

/// An outbound request that was not answered, for the log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct FetchError(pub(crate) String);

pub(super) type Fetched = Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, FetchError>> + Send>>;

/// Sends one request to a host that this connector's record names: no redirects, a deadline, a cap (invariant 7).
pub(crate) type Fetcher = Arc<dyn Fn(http::Request<Vec<u8>>) -> Fetched + Send + Sync>;

/// What a connector is made of.
#[cfg_attr(not(feature = "upstream-login"), expect(dead_code, reason = "nothing is made of them there"))]
pub(crate) struct UpstreamParts {
    /// Its name in URLs and tokens.
    pub(crate) id: ConnectorId,
    /// What the login page calls it.
    pub(crate) name: String,
    /// The upstream's issuer, byte for byte.
    pub(crate) issuer: String,
    /// Our client identifier there.
    pub(crate) client_id: String,
    /// Our client secret there; without one we are a public client.
    pub(crate) client_secret: Option<Secret<String>>,
    /// `https://host[:port]`, without a slash at its end; the redirect URI follows from it.
    pub(crate) origin: String,
    /// Take an address that the upstream does not call verified.
    pub(crate) trusts_unverified_email: bool,
}
