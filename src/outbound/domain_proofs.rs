//! Which issuers may assert a domain's names, as its name servers or its host say. What follows from the answers is
//! decided in `broker::registration`.
//!
//! Without the feature `dns-proofs` nobody asks name servers: `absent` has the interface of `dns`, and no value.

#[cfg(not(feature = "dns-proofs"))]
mod absent;
#[cfg(feature = "dns-proofs")]
mod dns;
pub(crate) mod document;
mod settings;

#[cfg(not(feature = "dns-proofs"))]
pub(crate) use absent::Resolvers;
#[cfg(feature = "dns-proofs")]
pub(crate) use dns::Resolvers;
pub(crate) use settings::{Anchors, ResolverSettings};

#[cfg(test)]
pub(crate) mod tests;
