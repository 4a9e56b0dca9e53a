//! The state that the routes of the API share.

use std::sync::Arc;

use broker::connector::local::LocalUsers;
use shared::log::Log;
use shared::time::Clock;

use crate::instance::registration::Registrar;
use crate::instance::reload::Reloader;
use crate::instance::snapshots::Snapshots;

/// Where the API is served.
pub(crate) const ROOT: &str = "/api/privyseal/v1";
/// The state that the routes of the API share.
pub(crate) struct ApiState {
    /// The snapshot in force; changes it.
    pub(crate) snapshots: Arc<Snapshots>,
    /// Reloads the configuration.
    pub(crate) reloader: Arc<Reloader>,
    /// The issuers that domain owners registered.
    pub(crate) registrar: Arc<Registrar>,
    /// The local users, who log in with a password.
    pub(crate) local_users: Arc<LocalUsers>,
    /// The audit log.
    pub(crate) audit: Log,
    /// The clock for the present time.
    pub(crate) clock: Arc<dyn Clock>,
}
