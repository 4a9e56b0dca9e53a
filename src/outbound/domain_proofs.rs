//! What a domain says of who speaks for it, asked of its name servers or of its host. What follows from the answers is
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
