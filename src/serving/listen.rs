//! Sockets: accepting connections, TLS and HTTP.

pub(crate) mod connections;
pub(crate) mod svid;
pub(crate) mod tls;
