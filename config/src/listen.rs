//! `[listen]`

use serde::{Deserialize, Serialize};

/// Where the instance listens.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListenSection {
    /// IP address and port; port 0 lets the system pick one. Without `tls` it must be a loopback address.
    pub address: String,
    /// Serve plain HTTP on an address that other machines reach. Only for a reverse proxy that ends TLS right in front.
    pub danger_plain_http: bool,
    /// Serve HTTPS (HTTP/1.1 and HTTP/2 on the one port) with this certificate.
    pub tls: Option<TlsSection>,
    /// Seconds that requests under way get to finish after SIGTERM.
    pub drain_seconds: u32,
    /// Connections served at once; more are left waiting in the system's queue.
    pub max_connections: u32,
    /// IP address and port where `/metrics` is served in plain HTTP, for Prometheus. Without it nowhere.
    pub metrics: Option<String>,
    /// A listener of its own for workloads that present an X.509-SVID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub svid: Option<SvidListenSection>,
}

impl Default for ListenSection {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:8420".to_owned(),
            danger_plain_http: false,
            tls: None,
            drain_seconds: 10,
            max_connections: 4096,
            metrics: None,
            svid: None,
        }
    }
}

/// A TLS certificate and its key. Both files are read again when they change.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    /// PEM file: the server's certificate first, then its intermediates.
    pub certificate: String,
    /// PEM file: its private key, PKCS#8, PKCS#1 or SEC 1. An ECDSA P-256 key costs a client's connection least.
    pub key: String,
}

/// Where workloads connect with mutual TLS. A certificate is asked for and may be absent; no session is resumed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SvidListenSection {
    /// IP address and port.
    pub address: String,
    /// The certificate that this listener presents.
    #[serde(default)]
    pub identity: ListenerIdentity,
}

/// The certificate that a listener presents.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListenerIdentity {
    /// The certificate of `listen.tls`.
    #[default]
    Files,
    /// Our own X.509-SVID, from the Workload API of `[spiffe]`.
    WorkloadApi,
}
