//! Which addresses a time source may have: the same rule as for issuers.

use std::net::SocketAddr;

use crate::outbound::AddressKind;

/// The addresses that a source's section allows.
#[derive(Clone, Debug, Default)]
pub(crate) struct TimeReach {
    pub(crate) internal: bool,
    pub(crate) danger_loopback: bool,
}

/// Why a host cannot be called.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReachError {
    #[error("{host} could not be resolved: {error}")]
    Resolve { host: String, error: std::io::Error },
    #[error(
        "{host} has the address {address}, which its section does not allow; if the host is internal, set internal = \
         true"
    )]
    Address { host: String, address: std::net::IpAddr },
    #[error("{0} has no address")]
    NoAddress(String),
}

impl TimeReach {
    /// The first address of `host` that may be asked.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> Result<SocketAddr, ReachError> {
        let found = tokio::net::lookup_host((host, port)).await;
        let found: Vec<SocketAddr> =
            found.map_err(|error| ReachError::Resolve { host: host.to_owned(), error })?.collect();
        let allows = |address: &&SocketAddr| self.allows(AddressKind::of(address.ip()));
        match (found.iter().find(allows), found.first()) {
            (Some(allowed), _) => Ok(*allowed),
            (None, Some(refused)) => Err(ReachError::Address { host: host.to_owned(), address: refused.ip() }),
            (None, None) => Err(ReachError::NoAddress(host.to_owned())),
        }
    }

    fn allows(&self, place: AddressKind) -> bool {
        match place {
            AddressKind::Loopback => self.danger_loopback,
            AddressKind::Private => self.internal,
            AddressKind::Public => true,
            AddressKind::Reserved => false,
        }
    }
}
