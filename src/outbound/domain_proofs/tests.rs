//! What real name servers and hosts say.

#[cfg(feature = "edge-tests")]
mod dns;
mod document;
#[cfg(feature = "edge-tests")]
pub(crate) mod name_server;
