//! What real name servers and hosts say.

#[cfg(feature = "dns-proofs")]
mod dns;
mod document;
#[cfg(feature = "dns-proofs")]
pub(crate) mod name_server;
