//! What every route of the API is given.

use std::sync::Arc;

use broker::connector::local::LocalUsers;
use shared::log::Log;
use shared::time::Clock;

use crate::instance::registration::Registrar;
use crate::instance::reload::Reloader;
use crate::instance::snapshots::Snapshots;

/// Where the API is served.
pub(crate) const ROOT: &str = "/api/privyseal/v1";
/// What the API works on.
pub(crate) struct ApiState {
    /// The snapshot in force, and the way to another.
    pub(crate) snapshots: Arc<Snapshots>,
    /// Reads the configuration again.
    pub(crate) reloader: Arc<Reloader>,
    /// Keeps the issuers that owners bring.
    pub(crate) registrar: Arc<Registrar>,
    /// The people who log in with a password.
    pub(crate) local_users: Arc<LocalUsers>,
    /// The audit log.
    pub(crate) audit: Log,
    /// The present moment.
    pub(crate) clock: Arc<dyn Clock>,
}
