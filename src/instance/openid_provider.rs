//! The OpenID provider as it is served: what `broker::provider` decides and signs, with the users, the upstreams and
//! the counted uses that it waits for.

use std::sync::Arc;

use broker::connector::local::LocalUsers;
use broker::provider::{Exchange, ExchangeRequest, PreparedToken, Provider, TokenError, WorkloadMethods};
use broker::registry::Issuers;
use bytes::Bytes;
use shared::log::Log;
use shared::random::Random;
use shared::time::Clock;

use crate::instance::svid_uses::{SvidUseError, SvidUses};
use crate::outbound::bundles::BundleRefresher;
use crate::outbound::upstream::UpstreamConnector;

/// The OpenID provider; one for each snapshot.
pub(crate) struct OpenIdProvider {
    pub(crate) provider: Arc<Provider>,
    /// Absent when nobody may log in with a password.
    pub(crate) local: Option<Arc<LocalUsers>>,
    pub(crate) upstreams: Vec<Arc<UpstreamConnector>>,
    /// The records, whose rules say who may log in as whom.
    pub(crate) issuers: Arc<Issuers>,
    /// Fetches trust domains' bundles.
    pub(crate) bundles: Arc<BundleRefresher>,
    /// Counts the uses of SVIDs.
    pub(crate) svid_uses: Arc<SvidUses>,
    pub(crate) audit: Log,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    /// The metadata document (OpenID Connect Discovery 1.0 §3).
    pub(crate) discovery: Bytes,
    /// The key set (RFC 7517).
    pub(crate) jwks: Bytes,
}

/// What a provider is made of.
pub(crate) struct OpenIdProviderParts {
    pub(crate) provider: Arc<Provider>,
    pub(crate) local: Option<Arc<LocalUsers>>,
    pub(crate) upstreams: Vec<Arc<UpstreamConnector>>,
    pub(crate) issuers: Arc<Issuers>,
    pub(crate) bundles: Arc<BundleRefresher>,
    pub(crate) svid_uses: Arc<SvidUses>,
    /// Whether there is a listener for workloads, without which nobody can present an X.509-SVID.
    pub(crate) has_svid_listener: bool,
    pub(crate) audit: Log,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// The decision of `broker::provider`, or its failure.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The use of the SVID could not be counted.
    #[error("{0}")]
    Uncounted(SvidUseError),
}

impl OpenIdProvider {
    pub(crate) fn new(parts: OpenIdProviderParts) -> Self {
        let workloads = workload_methods(&parts.issuers, parts.has_svid_listener);
        Self {
            discovery: parts.provider.discovery(workloads).into(),
            jwks: parts.provider.token_key().jwks().into(),
            provider: parts.provider,
            local: parts.local,
            upstreams: parts.upstreams,
            issuers: parts.issuers,
            bundles: parts.bundles,
            svid_uses: parts.svid_uses,
            audit: parts.audit,
            clock: parts.clock,
            random: parts.random,
        }
    }

    /// What an SVID becomes (RFC 8693). The order of steps: the bundle is fetched if it must be, once, then the rules
    /// decide, then the use is counted. `id` names the request in our logs.
    pub(crate) async fn exchange(&self, request: ExchangeRequest, id: &str) -> Result<PreparedToken, ExchangeError> {
        let now = self.clock.now();
        let evaluate = |request| self.provider.exchange(request, &self.issuers, now, &*self.random);
        let uncounted = match evaluate(request)? {
            Exchange::Uncounted(uncounted) => uncounted,
            Exchange::NeedsBundle { needs, request } => {
                self.bundles.refresh_for(&needs, &self.issuers, id).await;
                match evaluate(*request)? {
                    Exchange::Uncounted(uncounted) => uncounted,
                    Exchange::NeedsBundle { needs, request } => return Err(request.unanswered(needs).into()),
                }
            }
        };
        match self.svid_uses.admit(uncounted.svid_use(), now).await {
            Ok(()) => Ok(uncounted.admitted()),
            Err(SvidUseError::Use(error)) => Err(uncounted.refused(error).into()),
            Err(other @ (SvidUseError::Store(_) | SvidUseError::Ended)) => Err(ExchangeError::Uncounted(other)),
        }
    }
}

fn workload_methods(issuers: &Issuers, has_svid_listener: bool) -> WorkloadMethods {
    let accepted = || issuers.trust_domains().iter().map(|record| record.accepts());
    WorkloadMethods {
        jwt: accepted().any(|accepts| accepts.jwt),
        x509: has_svid_listener && accepted().any(|accepts| accepts.x509),
    }
}
