//! Which issuers may assert a domain's names, as its name servers or its host say. What follows from the answers is
//! decided in `broker::registration`.

mod dns;
pub(crate) mod document;

pub(crate) use dns::{ResolverSettings, Resolvers};

#[cfg(test)]
pub(crate) mod tests;
