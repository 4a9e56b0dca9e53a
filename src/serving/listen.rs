//! Sockets: where connections come from, and what the house speaks on them.

pub(crate) mod connections;
pub(crate) mod svid;
pub(crate) mod tls;
