//! One snapshot.

use std::sync::Arc;

use broker::grants::Listings;
use broker::issuer::IssuerSpec;
use broker::registry::Issuers;
use shared::time::UnixTime;

use crate::instance::assemble::ConnectorSettings;
use crate::instance::certificate_authority::CertificateAuthority;
use crate::instance::openid_provider::OpenIdProvider;
use crate::instance::roles::Roles;
use crate::outbound::upstream::UpstreamConnector;

/// Everything that a change of the configuration or of the registered issuers can change.
pub(crate) struct Snapshot {
    /// Who may assert which names.
    pub(crate) issuers: Arc<Issuers>,
    /// The one record whose tokens open our own API: our own provider, for the audience of our own command line.
    pub(crate) api_issuer: Issuers,
    /// Who may administer the instance.
    pub(crate) roles: Roles,
    /// The certificate authority.
    pub(crate) certificate_authority: Arc<CertificateAuthority>,
    /// The OpenID provider.
    pub(crate) provider: Arc<OpenIdProvider>,
    /// The upstream providers, each with what it was made from: one that stays the same keeps what it knows.
    pub(super) upstreams: Upstreams,
    /// The configuration that it was made from.
    pub(crate) configuration: LoadedConfiguration,
}

pub(super) type Upstreams = Vec<(ConnectorSettings, Arc<UpstreamConnector>)>;

/// A configuration in force.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LoadedConfiguration {
    /// SHA-256 of the file, hex; empty without a file.
    pub(crate) sha256: String,
    /// Since when it is in force.
    pub(crate) at: UnixTime,
}

/// What domain owners have registered.
#[derive(Clone, Default)]
pub(crate) struct RegisteredIssuers {
    /// The records of their issuers.
    pub(crate) specs: Vec<IssuerSpec>,
    /// The domains for which only the listed issuers are accepted.
    pub(crate) listings: Listings,
}
