//! Background tasks, which run as long as the instance is served.

pub(super) mod revocation_refresher;
pub(super) mod rollover;
pub(super) mod sweep;
