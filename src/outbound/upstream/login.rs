//! What a login at an upstream comes to.

use broker::connector::ConnectorIdentity;
use shared::time::UnixTime;

/// A login at the upstream that verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct UpstreamLogin {
    /// Who it is.
    pub(crate) identity: ConnectorIdentity,
    /// When they logged in there, as far as it is told.
    pub(crate) auth_time: Option<UnixTime>,
}
