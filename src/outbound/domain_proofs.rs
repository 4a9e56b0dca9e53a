//! What a domain says of who speaks for it, asked of its name servers or of its host. What follows from the answers is
//! decided in `broker::registration`.

mod dns;
pub(crate) mod document;

pub(crate) use dns::{ResolverSettings, Resolvers};

#[cfg(test)]
pub(crate) mod tests;
