//! What real name servers and hosts say.

mod dns;
mod document;
pub(crate) mod name_server;
