//! The bundles of registered trust domains: fetched, judged, kept, and put in force.
//!
//! One writer: the keeper. A bundle that is refused changes nothing; one without a key is a revocation and takes effect at once. The
//! last good bundle of an endpoint is kept on disk, so that a restart does not begin blind and a self-serving endpoint is known by
//! the newest bundle rather than by the one that an operator once copied.

mod endpoint;
mod interval;
mod keeper;
mod kept;
mod own_keys;
mod report;
mod source;

pub(crate) use keeper::{BundleKeeper, BundleParts};
pub(crate) use own_keys::OwnKeys;
pub(crate) use report::{Report, State};
pub(crate) use source::WorkloadBundles;

#[cfg(test)]
mod tests;
