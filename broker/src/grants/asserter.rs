//! Asserters: the records and connectors that assert names.

use super::Grant;

/// An issuer, trust domain or connector that can assert names.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Asserter {
    /// A connector of our own provider, by its identifier.
    Connector(Box<str>),
    /// The record of an issuer, by its identifier.
    Issuer(Box<str>),
    /// A SPIFFE trust domain, by its name.
    TrustDomain(Box<str>),
}

impl Asserter {
    /// The configured id of the issuer or connector, or the name of the trust domain.
    pub fn id(&self) -> &str {
        match self {
            Self::Connector(id) | Self::Issuer(id) | Self::TrustDomain(id) => id,
        }
    }
}

impl std::fmt::Display for Asserter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connector(id) => write!(f, "connector:{id}"),
            Self::Issuer(id) => write!(f, "issuer:{id}"),
            Self::TrustDomain(name) => write!(f, "trust-domain:{name}"),
        }
    }
}

/// With what the connector of a token begins that our own provider made for a workload; the trust domain follows. No
/// connector can be called that, since a slash is no part of their names.
pub const WORKLOADS: &str = "spiffe://";

/// A connector of our own provider and the names that it may assert. The one that keeps local users holds
/// `Grant::local_accounts()`.
#[derive(Clone, Debug)]
pub struct ConnectorSpec {
    /// What `federated_claims.connector_id` says. 1 to 255 printable ASCII characters.
    pub id: String,
    /// The names that it may assert. None, unless a grant says so.
    pub grants: Vec<Grant>,
}
