//! In place of `connector` where the feature `upstream-login` is not built: there is no connector, since none can be
//! made.

use broker::connector::ConnectorId;
use broker::provider::{AuthorizeRequest, Parameters, UpstreamState};
use shared::random::Random;
use shared::time::UnixTime;

use super::error::UpstreamError;
use super::login::UpstreamLogin;
use super::parts::{Fetcher, UpstreamParts};
use crate::feature::{Feature, NotBuilt};

/// No upstream provider.
pub(crate) enum UpstreamConnector {}

impl UpstreamConnector {
    /// Refuses all parts.
    pub(crate) fn new(_: UpstreamParts, _: Fetcher) -> Result<Self, NotBuilt> {
        Err(NotBuilt(Feature::UpstreamLogin))
    }

    pub(crate) fn id(&self) -> &ConnectorId {
        match *self {}
    }

    pub(crate) fn name(&self) -> &str {
        match *self {}
    }

    pub(crate) async fn start(
        &self,
        _: &AuthorizeRequest,
        _: String,
        _: UnixTime,
        _: &dyn Random,
    ) -> Result<(String, UpstreamState), UpstreamError> {
        match *self {}
    }

    pub(crate) async fn finish(
        &self,
        _: &Parameters,
        _: &UpstreamState,
        _: Option<u64>,
        _: UnixTime,
    ) -> Result<UpstreamLogin, UpstreamError> {
        match *self {}
    }
}
