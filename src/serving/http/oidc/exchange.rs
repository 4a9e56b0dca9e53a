//! A workload's SVID at `/oidc/token`: what must be waited for before its token can be signed.

use broker::provider::{Exchange, ExchangeRequest, PreparedToken, TokenError};

use super::super::request_id::RequestId;
use super::OidcEdge;
use crate::instance::svid_uses::UseRefused;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExchangeError {
    /// The core's word.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The use of the SVID could not be counted.
    #[error("{0}")]
    Uncounted(UseRefused),
}

impl OidcEdge {
    /// The order of things: the bundle is fetched if it must be, once, then the rules decide, then the use is counted.
    pub(super) async fn exchange(
        &self,
        request: ExchangeRequest,
        id: &RequestId,
    ) -> Result<PreparedToken, ExchangeError> {
        let now = self.clock.now();
        let judge = |request| self.provider.exchange(request, &self.issuers, now, &*self.random);
        let uncounted = match judge(request)? {
            Exchange::Uncounted(uncounted) => uncounted,
            Exchange::NeedsBundle { needs, request } => {
                self.bundles.refresh_for(&needs, &self.issuers, id.as_str()).await;
                match judge(*request)? {
                    Exchange::Uncounted(uncounted) => uncounted,
                    Exchange::NeedsBundle { needs, request } => return Err(request.unanswered(needs).into()),
                }
            }
        };
        match self.svid_uses.admit(uncounted.svid_use(), now).await {
            Ok(()) => Ok(uncounted.admitted()),
            Err(UseRefused::Use(error)) => Err(uncounted.refused(error).into()),
            Err(other @ (UseRefused::Store(_) | UseRefused::Ended)) => Err(ExchangeError::Uncounted(other)),
        }
    }
}
