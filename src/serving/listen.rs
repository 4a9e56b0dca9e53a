//! Sockets: where connections come from, and what the instance speaks on them.

pub(crate) mod connections;
pub(crate) mod svid;
pub(crate) mod tls;
