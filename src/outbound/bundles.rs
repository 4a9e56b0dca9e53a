//! The bundles of registered trust domains: fetching, checking, caching, and putting them in force.
//!
//! Only the refresher writes them. A bundle that is refused changes nothing; one without a key is a revocation and
//! takes effect immediately. The last good bundle of an endpoint is kept on disk, so that it is there after a restart,
//! and a self-serving endpoint is verified with the newest bundle rather than the one that an operator once copied.

mod cache;
mod endpoint;
mod interval;
mod ledger;
mod own_keys;
mod refresh_error;
mod refresher;
mod report;
mod source;
mod status;

pub(crate) use own_keys::OwnKeys;
pub(crate) use refresher::{BundleParts, BundleRefresher};
pub(crate) use report::{BundleReport, BundleState};
pub(crate) use source::{MAX_BUNDLE_FILE, WorkloadBundles};

#[cfg(test)]
mod tests;
