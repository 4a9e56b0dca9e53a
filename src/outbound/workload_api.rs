//! The SPIFFE Workload API.
//!
//! Without the feature `workload-api` nobody follows it: `absent` has the interface of `client`, and no value.

#[cfg(not(feature = "workload-api"))]
mod absent;
#[cfg(feature = "workload-api")]
mod client;

#[cfg(not(feature = "workload-api"))]
pub(crate) use absent::{Address, NoSvid, OwnSvid, WorkloadApi};
#[cfg(feature = "workload-api")]
pub(crate) use client::{Address, NoSvid, OwnSvid, WorkloadApi};
