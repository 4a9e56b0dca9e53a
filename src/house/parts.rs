//! The parts of a house, made from its configuration and what was opened.

use std::sync::Arc;

use broker::ca::{Authority, CertificateLogKey, Profile};
use broker::connector::oidc::{OidcConnector, OidcConnectorParts};
use broker::issuer::{IssuerSpec, KeySet, KeySource};
use broker::names::IssuerUrl;
use broker::profile::Profile as IssuerProfile;
use broker::provider::{Provider, ProviderParts, ProviderSealing};
use broker::signing::Issuance;
use broker::token::JoseAlgorithm;
use shared::keys::Signer;
use shared::log::Log;
use shared::time::Clock as _;
use shared::trust_root::{CertificateChain, LogKey, TrustMaterial, Validity};
use shared::x509::{Chain, NodePrefix};
use tsa::{Accuracy, SigningUnit, UnitConfig};

use super::HouseError;
use super::opened::Opened;
use crate::assemble::{ConnectorSettings, Origin, Settings};
use crate::clock::{SystemClock, SystemClocks};
use crate::data_dir::{DataDir, HouseFile, KeyName};
use crate::http::log::{LogEdge, SignatureLog};
use crate::http::oidc::{FetchError, Fetcher, UpstreamConnector};
use crate::http::timestamp::TimestampEdge;
use crate::outbound::Outbound;
use crate::signature_log::{IssuedLately, Writers};
use crate::trust_publisher::{TrustPublisher, TufKeys};

/// The name of the timestamp unit that a house begins with, as in `/tsa/unit-1`.
const TIMESTAMP_UNIT: &str = "unit-1";
/// What the record of our own provider is called in the audit log.
const OWN_PROVIDER: &str = "own-provider";

/// The provider's way out to one upstream.
fn fetcher(outbound: Outbound) -> Fetcher {
    let outbound = Arc::new(outbound);
    Arc::new(move |request| {
        let outbound = outbound.clone();
        Box::pin(async move { outbound.send(request).await.map_err(|error| FetchError(error.to_string())) })
    })
}

/// What the parts of a house are made from.
pub(super) struct Parts<'a> {
    pub(super) data: &'a DataDir,
    pub(super) file: &'a HouseFile,
    pub(super) opened: &'a Opened,
    pub(super) settings: &'a Settings,
    pub(super) origin: &'a Origin,
}

impl Parts<'_> {
    fn chain(&self, name: &'static str) -> Result<Chain, HouseError> {
        Chain::from_pem(&self.data.certificates(name)?).map_err(|error| HouseError::Chain { name, error })
    }

    fn issuer(&self) -> String {
        format!("{}/oidc", self.origin)
    }

    pub(super) async fn publisher(&self) -> Result<TrustPublisher, HouseError> {
        let validity = Validity { start: self.file.created(), end: None };
        let chain = |chain: Chain| CertificateChain {
            certificates: chain.certificates().iter().map(|certificate| certificate.der().to_vec()).collect(),
            validity,
        };
        let log = |log: &Log| LogKey {
            origin: log.origin().as_str().to_owned(),
            key: log.signer().public_key().clone(),
            algorithm: log.signer().algorithm(),
            validity,
        };
        let material = TrustMaterial {
            house: self.file.name.clone(),
            origin: self.origin.to_string(),
            oidc_issuer: self.issuer(),
            offered_since: self.file.created(),
            issuing: vec![chain(self.chain("issuing-ca")?)],
            timestamping: vec![chain(self.chain("tsa")?)],
            certificate_logs: vec![log(&self.opened.certificates)],
            signature_logs: vec![log(&self.opened.signatures)],
        };
        let signer =
            |name| -> Result<Arc<dyn Signer>, HouseError> { Ok(Arc::new(self.data.key(name, &self.opened.key_file)?)) };
        let keys = TufKeys {
            root: signer(KeyName::TufRoot)?,
            targets: signer(KeyName::TufTargets)?,
            snapshot: signer(KeyName::TufSnapshot)?,
            timestamp: signer(KeyName::TufTimestamp)?,
        };
        let folder = self.data.folder("tuf")?;
        Ok(TrustPublisher::open(folder, keys, &material, self.opened.audit.clone(), SystemClock.now()).await?)
    }

    pub(super) fn provider(&self) -> Result<Provider, HouseError> {
        let mut connectors = vec![broker::connector::ConnectorId::local()];
        connectors.extend(self.settings.records.connectors.iter().map(|connector| connector.id.clone()));
        Ok(Provider::new(ProviderParts {
            origin: self.origin.to_string(),
            clients: self.settings.clients.clone(),
            signer: Arc::new(self.data.key(KeyName::Token, &self.opened.key_file)?),
            sealing: ProviderSealing::derive(&self.opened.key_file),
            store: self.opened.store.clone(),
            lifetimes: self.settings.lifetimes,
            connectors,
        })?)
    }

    /// The record of our own provider: its keys are in this process, so nothing is fetched.
    pub(super) fn own_record(&self, provider: &Provider) -> Result<IssuerSpec, HouseError> {
        let iss =
            IssuerUrl::parse_own(&self.issuer()).map_err(|error| HouseError::Issuer(self.origin.clone(), error))?;
        let keys = KeySet::from_jwks(provider.token_key().jwks().as_bytes())?;
        let keys = KeySource::Pinned(Arc::new(keys));
        let mut record = IssuerSpec::new(OWN_PROVIDER, iss, IssuerProfile::OwnProvider, keys);
        record.algorithms = vec![JoseAlgorithm::Rs256, JoseAlgorithm::Es256];
        Ok(record)
    }

    pub(super) fn upstreams(&self) -> Result<Vec<UpstreamConnector>, HouseError> {
        self.settings.records.connectors.iter().map(|settings| self.upstream(settings)).collect()
    }

    fn upstream(&self, settings: &ConnectorSettings) -> Result<UpstreamConnector, HouseError> {
        let parts = OidcConnectorParts {
            id: settings.id.clone(),
            name: settings.name.clone(),
            issuer: settings.iss.as_str().to_owned(),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            origin: self.origin.to_string(),
            trusts_unverified_email: settings.email_is_verified,
        };
        let connector =
            OidcConnector::new(parts).map_err(|error| HouseError::Connector { id: settings.id.to_string(), error })?;
        let outbound = Outbound::new(&settings.reach)
            .map_err(|error| HouseError::Outbound { id: settings.id.to_string(), error })?;
        Ok(UpstreamConnector::new(connector, fetcher(outbound)))
    }

    pub(super) fn issuance(&self) -> Result<Issuance, HouseError> {
        let key = self.data.key(KeyName::CertificatesLog, &self.opened.key_file)?;
        Ok(Issuance {
            authority: Authority::new(self.chain("issuing-ca")?, self.opened.issuing_key.clone())?,
            log_key: CertificateLogKey::new(Arc::new(key))?,
            profile: Profile::parse(self.settings.certificate_lifetime)?,
            node: NodePrefix::FIRST,
        })
    }

    pub(super) fn timestamps(&self) -> Result<TimestampEdge, HouseError> {
        let config = UnitConfig {
            name: TIMESTAMP_UNIT.to_owned(),
            key: self.opened.timestamp_key.clone(),
            chain: self.chain("tsa")?,
            policies: self.settings.policies.clone(),
            accuracy: Accuracy::ONE_SECOND,
            node: NodePrefix::FIRST,
            form: self.settings.token_form,
        };
        let unit = SigningUnit::new(config, SystemClock.now())?;
        let (audit, random) = (self.opened.audit.clone(), self.opened.random.clone());
        let records = self.settings.timestamp_records;
        Ok(TimestampEdge::new(vec![Arc::new(unit)], Arc::new(SystemClocks), audit, random)?.with_records(records))
    }

    pub(super) fn log_edge(&self, issuance: &Issuance, issued_lately: Arc<IssuedLately>) -> LogEdge {
        let writers = Writers {
            issuers: vec![issuance.authority.certificate().clone()],
            issued_lately,
            allows_public_keys: self.settings.accept_public_keys,
        };
        LogEdge {
            signatures: Some(SignatureLog::new(self.opened.signatures.clone(), writers)),
            certificates: Some(self.opened.certificates.clone()),
            audit: self.settings.serve_audit.then(|| self.opened.audit.clone()),
        }
    }
}
