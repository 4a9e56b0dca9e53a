//! Which addresses time may be asked at: the same rule that holds for issuers.

use std::net::SocketAddr;

use crate::outbound::Place;

/// What a source's section allows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    pub(crate) internal: bool,
    pub(crate) danger_loopback: bool,
}

/// Why a host is not asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReachError {
    #[error("{host} could not be resolved: {error}")]
    Resolve { host: String, error: std::io::Error },
    #[error("{host} is at {address}, which its section does not allow")]
    Address { host: String, address: std::net::IpAddr },
    #[error("{0} has no address")]
    NoAddress(String),
}

impl Reach {
    /// The first address of `host` that may be asked.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> Result<SocketAddr, ReachError> {
        let found = tokio::net::lookup_host((host, port)).await;
        let found: Vec<SocketAddr> =
            found.map_err(|error| ReachError::Resolve { host: host.to_owned(), error })?.collect();
        let allows = |address: &&SocketAddr| self.allows(Place::of(address.ip()));
        match (found.iter().find(allows), found.first()) {
            (Some(allowed), _) => Ok(*allowed),
            (None, Some(refused)) => Err(ReachError::Address { host: host.to_owned(), address: refused.ip() }),
            (None, None) => Err(ReachError::NoAddress(host.to_owned())),
        }
    }

    fn allows(&self, place: Place) -> bool {
        match place {
            Place::Loopback => self.danger_loopback,
            Place::Private => self.internal,
            Place::Public => true,
            Place::Reserved => false,
        }
    }
}
