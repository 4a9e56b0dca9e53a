//! What stays the same when the configuration changes, and how a snapshot is built from it.

use std::sync::Arc;

use broker::ca::{Authority, AuthorityError, CertificateLogKey, CertificateLogKeyError, Profile, ProfileError};
use broker::connector::ConnectorId;
use broker::connector::local::LocalUsers;
use broker::issuer::{IssuerSpec, KeySource};
use broker::jose::{JoseAlgorithm, JwksError, KeySet};
use broker::names::{Audience, IssuerUrl, NameError};
use broker::profile::Profile as IssuerProfile;
use broker::provider::{COMMAND_LINE_CLIENT, Provider, ProviderParts, ProviderSealing, TokenKeyError};
use broker::registry::Issuers;
use broker::signing::Issuance;
use shared::keys::{KeyFile, Signer};
use shared::log::Log;
use shared::random::Random;
use shared::store::Store;
use shared::time::Clock;
use shared::x509::{Chain, NodePrefix};

use super::snapshot::{LoadedConfiguration, RegisteredIssuers, Snapshot, Upstreams};
use crate::instance::assemble::{ConnectorSettings, Origin, Problems, RecordSettings, Settings};
use crate::instance::certificate_authority::CertificateAuthority;
use crate::instance::openid_provider::{OpenIdProvider, OpenIdProviderParts};
use crate::instance::signature_log::IssuedLately;
use crate::instance::svid_uses::SvidUses;
use crate::outbound::bundles::BundleRefresher;
use crate::outbound::upstream::{FetchError, Fetcher, UpstreamConnector, UpstreamParts};
use crate::outbound::{KeyRefresher, Outbound};

/// The name of our own provider's record in the audit log.
const OWN_PROVIDER: &str = "own-provider";

/// Keys, logs, the store and caches: the same for every snapshot of an instance.
pub(crate) struct SnapshotInputs {
    pub(crate) origin: Origin,
    /// The local user that `init` added.
    pub(crate) first_user: Option<String>,
    pub(crate) key_file: KeyFile,
    pub(crate) token_key: Arc<dyn Signer>,
    pub(crate) issuing_chain: Chain,
    pub(crate) issuing_key: Arc<dyn Signer>,
    pub(crate) certificate_log_key: Arc<dyn Signer>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) local_users: Arc<LocalUsers>,
    pub(crate) audit: Log,
    pub(crate) certificates: Log,
    pub(crate) issued_lately: Arc<IssuedLately>,
    pub(crate) keys: Arc<KeyRefresher>,
    pub(crate) bundles: Arc<BundleRefresher>,
    pub(crate) svid_uses: Arc<SvidUses>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

/// Why no snapshot can be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    /// The configuration does not fit together, or not with the registered issuers.
    #[error(transparent)]
    Problems(#[from] Problems),
    #[error("the issuing authority cannot be used: {0}")]
    Authority(#[from] AuthorityError),
    #[error("the key of the certificate log cannot be used: {0}")]
    CertificateLog(#[from] CertificateLogKeyError),
    #[error("the certificates' lifetime cannot be used: {0}")]
    Profile(#[from] ProfileError),
    #[error("the token key cannot be used: {0}")]
    TokenKey(#[from] TokenKeyError),
    #[error("the token key cannot be used: {0}")]
    OwnKeys(#[from] JwksError),
    #[error("the origin {0} cannot be an issuer: {1}")]
    Issuer(Origin, NameError),
}

impl SnapshotInputs {
    /// Makes a snapshot beside the `earlier` one, from which it takes over what was fetched from the same places.
    pub(super) fn snapshot(
        &self,
        settings: &Settings,
        registrations: &RegisteredIssuers,
        earlier: Option<&Snapshot>,
    ) -> Result<Snapshot, SnapshotError> {
        let provider = Arc::new(self.provider(settings)?);
        let own = self.own_record(&provider)?;
        let issuers = settings.records.build(own.clone(), &registrations.specs)?;
        let issuers = Arc::new(issuers.restricted(registrations.listings.clone()));
        if let Some(earlier) = earlier {
            issuers.adopt_keys(&earlier.issuers);
        }
        let certificate_authority = CertificateAuthority {
            origin: self.origin.clone(),
            issuers: issuers.clone(),
            issuance: Arc::new(self.issuance(settings)?),
            audit: self.audit.clone(),
            certificates: self.certificates.clone(),
            issued_lately: self.issued_lately.clone(),
            keys: self.keys.clone(),
            bundles: self.bundles.clone(),
            svid_uses: self.svid_uses.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
        };
        let upstreams = self.upstreams(&settings.records, earlier)?;
        let provider = OpenIdProvider::new(OpenIdProviderParts {
            provider,
            local: Some(self.local_users.clone()),
            upstreams: upstreams.iter().map(|(_, upstream)| upstream.clone()).collect(),
            issuers: issuers.clone(),
            bundles: self.bundles.clone(),
            svid_uses: self.svid_uses.clone(),
            has_svid_listener: settings.listen.svid.is_some(),
            audit: self.audit.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
        });
        Ok(Snapshot {
            issuers,
            api_issuer: api_issuer(own)?,
            roles: settings.roles.in_instance_of(self.first_user.as_deref()),
            certificate_authority: Arc::new(certificate_authority),
            provider: Arc::new(provider),
            upstreams,
            configuration: LoadedConfiguration { sha256: settings.sha256.clone(), at: self.clock.now() },
        })
    }

    fn provider(&self, settings: &Settings) -> Result<Provider, TokenKeyError> {
        let mut connectors = vec![ConnectorId::local()];
        connectors.extend(settings.records.connectors.iter().map(|connector| connector.id.clone()));
        Provider::new(ProviderParts {
            origin: self.origin.to_string(),
            clients: settings.clients.clone(),
            signer: self.token_key.clone(),
            sealing: ProviderSealing::derive(&self.key_file),
            store: self.store.clone(),
            lifetimes: settings.lifetimes,
            connectors,
        })
    }

    /// The record of our own provider: its keys are in this process, so nothing is fetched.
    fn own_record(&self, provider: &Provider) -> Result<IssuerSpec, SnapshotError> {
        let iss = IssuerUrl::parse_own(provider.issuer())
            .map_err(|error| SnapshotError::Issuer(self.origin.clone(), error))?;
        let keys = KeySet::from_jwks(provider.token_key().jwks().as_bytes())?;
        let keys = KeySource::Pinned(Arc::new(keys));
        let mut record = IssuerSpec::new(OWN_PROVIDER, iss, IssuerProfile::OwnProvider, keys);
        record.algorithms = vec![JoseAlgorithm::Rs256, JoseAlgorithm::Es256];
        Ok(record)
    }

    fn issuance(&self, settings: &Settings) -> Result<Issuance, SnapshotError> {
        Ok(Issuance {
            authority: Authority::new(self.issuing_chain.clone(), self.issuing_key.clone())?,
            log_key: CertificateLogKey::new(self.certificate_log_key.clone())?,
            profile: Profile::parse(settings.certificate_lifetime)?,
            node: NodePrefix::FIRST,
        })
    }

    fn upstreams(&self, records: &RecordSettings, earlier: Option<&Snapshot>) -> Result<Upstreams, Problems> {
        let mut problems = Problems::default();
        let mut upstreams = Vec::with_capacity(records.connectors.len());
        for (at, settings) in records.connectors.iter().enumerate() {
            let same = earlier.and_then(|earlier| {
                earlier
                    .upstreams
                    .iter()
                    .find(|(made_from, _)| made_from.is_like(settings))
                    .map(|(_, same)| same.clone())
            });
            let upstream = same.map_or_else(|| self.upstream(settings).map(Arc::new), Ok);
            let upstream = problems.keep(&format!("connectors[{at}]"), upstream);
            upstreams.extend(upstream.map(|upstream| (settings.clone(), upstream)));
        }
        problems.none_or(upstreams)
    }

    fn upstream(&self, settings: &ConnectorSettings) -> Result<UpstreamConnector, String> {
        let parts = UpstreamParts {
            id: settings.id.clone(),
            name: settings.name.clone(),
            issuer: settings.iss.as_str().to_owned(),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            origin: self.origin.to_string(),
            trusts_unverified_email: settings.email_is_verified,
        };
        let outbound = Outbound::new(&settings.reach).map_err(|error| error.to_string())?;
        UpstreamConnector::new(parts, fetcher(outbound)).map_err(|error| error.to_string())
    }
}

/// The same provider under another audience, in a snapshot of its own: a token for the API is not accepted by the
/// authority, or the other way round. The names of persons still follow the rules of the instance.
fn api_issuer(own: IssuerSpec) -> Result<Issuers, SnapshotError> {
    let audience = Audience::parse(COMMAND_LINE_CLIENT).expect("printable ASCII");
    let record = IssuerSpec { audience, ..own };
    Issuers::build(vec![record], Vec::new()).map_err(|errors| {
        let mut problems = Problems::default();
        errors.into_iter().for_each(|error| problems.add("the instance", error.to_string()));
        problems.into()
    })
}

/// The HTTP client for one upstream.
fn fetcher(outbound: Outbound) -> Fetcher {
    let outbound = Arc::new(outbound);
    Arc::new(move |request| {
        let outbound = outbound.clone();
        Box::pin(async move { outbound.send(request).await.map_err(|error| FetchError(error.to_string())) })
    })
}
