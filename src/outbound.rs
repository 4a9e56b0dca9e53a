//! The instance's outgoing calls: for issuers' keys, SPIFFE bundles, upstream logins, domain proofs, the time and the
//! Workload API. Nothing else is called.
//!
//! The HTTP client calls only hosts that a record names, by `https`, and ends within ten seconds; it follows no
//! redirect, obeys no proxy from the environment, carries no credential of ours by itself, and reads at most 1 MiB. A
//! host's name is resolved here and only addresses that the record allows are connected to, so a name that points into
//! our own network leads nowhere.

mod address;
pub(crate) mod bundles;
mod client;
mod clients;
pub(crate) mod domain_proofs;
mod key_refresher;
pub(crate) mod time_sources;
pub(crate) mod upstream;
pub(crate) mod workload_api;

pub(crate) use address::AddressKind;
pub(crate) use client::{Outbound, OutboundError};
pub(crate) use key_refresher::{KeyRefreshError, KeyRefresher};

#[cfg(test)]
mod tests;
