//! A house, opened: its logs, its authorities, its provider and its trust root, and the routes that serve them.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use broker::ca::{Authority, AuthorityError, CertificateLogKey, CertificateLogKeyError, Profile, ProfileError};
use broker::connector::local::LocalUsers;
use broker::connector::oidc::{OidcConnector, OidcConnectorError, OidcConnectorParts};
use broker::issuer::{IssuerSpec, Issuers, JwksError, KeySet, KeySource, Profile as IssuerProfile};
use broker::names::{IssuerUrl, NameError};
use broker::provider::{Provider, ProviderParts, ProviderSealing, TokenKeyError};
use broker::signing::Issuance;
use broker::token::JoseAlgorithm;
use shared::audit::AuditRecord;
use shared::keys::{KeyFile, Signer};
use shared::log::{AppendError, Log};
use shared::random::{Random, SystemRandom};
use shared::store::Store;
use shared::store::sled::{OpenError, SetAside, SledStore};
use shared::time::Clock;
use shared::trust_root::{CertificateChain, LogKey, TrustMaterial, Validity};
use shared::x509::{Chain, ChainError, NodePrefix};
use tokio::task::JoinSet;
use tsa::{Accuracy, SigningUnit, UnitConfig, UnitError};

use crate::assemble::{ConnectorSettings, Origin, Problems, Settings};
use crate::clock::{SystemClock, SystemClocks};
use crate::data_dir::{DataDir, DataDirError, HouseFile, KeyName};
use crate::http::fulcio::{self, FulcioEdge};
use crate::http::health::{self, HealthEdge};
use crate::http::log::{self, LogEdge, SignatureLog};
use crate::http::oidc::{self, FetchError, Fetcher, OidcEdge, OidcParts, UpstreamConnector};
use crate::http::request_id::RequestIds;
use crate::http::timestamp::{self, TimestampEdge, TimestampEdgeError};
use crate::http::{frame, trust};
use crate::logs::{self, LogName, LogsError};
use crate::outbound::{KeyKeeper, Outbound, OutboundError};
use crate::signature_log::IssuedLately;
use crate::signature_log::Writers;
use crate::signature_log::first_entry::{self, FirstEntryError};
use crate::trust_publisher::{PublishError, TrustPublisher, TufKeys};

/// The name of the timestamp unit that a house begins with, as in `/tsa/unit-1`.
const TIMESTAMP_UNIT: &str = "unit-1";
/// What the record of our own provider is called in the audit log.
const OWN_PROVIDER: &str = "own-provider";
/// How often expired codes and sessions are swept.
const SWEEP_EVERY: std::time::Duration = std::time::Duration::from_secs(60);
/// How many are swept at once.
const SWEEP_AT_ONCE: usize = 1_000;

/// Why a house does not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HouseError {
    #[error(transparent)]
    Data(#[from] DataDirError),
    #[error(transparent)]
    Logs(#[from] LogsError),
    #[error(transparent)]
    Store(#[from] OpenError),
    #[error("{name}: {error}")]
    Chain { name: &'static str, error: ChainError },
    #[error("the issuing authority: {0}")]
    Authority(#[from] AuthorityError),
    #[error("the key of the certificate log: {0}")]
    CertificateLog(#[from] CertificateLogKeyError),
    #[error("certificates: {0}")]
    Profile(#[from] ProfileError),
    #[error("the timestamp unit: {0}")]
    Unit(#[from] UnitError),
    #[error("timestamps: {0}")]
    Timestamps(#[from] TimestampEdgeError),
    #[error("the token key: {0}")]
    TokenKey(#[from] TokenKeyError),
    #[error("the token key: {0}")]
    OwnKeys(#[from] JwksError),
    #[error("the origin {0} cannot be an issuer: {1}")]
    Issuer(Origin, NameError),
    #[error(transparent)]
    Problems(#[from] Problems),
    #[error("connector {id}: {error}")]
    Connector { id: String, error: OidcConnectorError },
    #[error("connector {id}: {error}")]
    Outbound { id: String, error: OutboundError },
    #[error("the trust root: {0}")]
    Trust(#[from] PublishError),
    #[error("the signature log's first entry: {0}")]
    FirstEntry(#[from] FirstEntryError),
    #[error("the audit log did not take the configuration's record: {0}")]
    Audit(#[from] AppendError),
}

/// Everything that serves.
pub(crate) struct House {
    origin: Origin,
    root_checksum: String,
    routes: Router,
    logs: Vec<Log>,
    store: Arc<dyn Store>,
    timestamps: Arc<TimestampEdge>,
    publisher: Arc<TrustPublisher>,
    keys: Arc<KeyKeeper>,
    records: Arc<ArcSwap<Issuers>>,
}

impl House {
    /// Opens the house in `data` to be served as `origin`.
    pub(crate) async fn open(data: &DataDir, settings: Settings, origin: Origin) -> Result<Self, HouseError> {
        let file = data.house_file()?;
        let opened = Opened::new(data, &file)?;
        record_configuration(&opened.audit, &settings, &origin).await?;
        if let Some(lost) = &opened.set_aside {
            record_lost_store(&opened.audit, lost).await?;
        }
        first_entry::make(&opened.signatures).await?;
        let parts = Parts { data, file: &file, opened: &opened, settings: &settings, origin: &origin };
        let publisher = Arc::new(parts.publisher().await?);
        let root_checksum = publisher.root_sha256().await.unwrap_or_default();

        let provider = parts.provider()?;
        let issuers = Arc::new(settings.records.build(parts.own_record(&provider)?)?);
        let records = Arc::new(ArcSwap::new(issuers.clone()));
        let keys = Arc::new(KeyKeeper::new(opened.clock.clone()));
        let issuance = Arc::new(parts.issuance()?);
        let timestamps = Arc::new(parts.timestamps()?);
        let issued_lately = Arc::<IssuedLately>::default();
        let fulcio = Arc::new(FulcioEdge {
            issued_lately: issued_lately.clone(),
            issuers: records.clone(),
            issuance: issuance.clone(),
            audit: opened.audit.clone(),
            certificates: opened.certificates.clone(),
            keys: keys.clone(),
            clock: opened.clock.clone(),
            random: opened.random.clone(),
        });
        let oidc = Arc::new(OidcEdge::new(OidcParts {
            provider: Arc::new(provider),
            local: Some(Arc::new(LocalUsers::new(opened.store.clone(), &*opened.random))),
            upstreams: parts.upstreams()?,
            issuers: issuers.clone(),
            audit: opened.audit.clone(),
            clock: opened.clock.clone(),
            random: opened.random.clone(),
        }));
        let log = Arc::new(parts.log_edge(&issuance, issued_lately));
        let keys_to_probe = vec![opened.issuing_key.clone(), opened.timestamp_key.clone()];
        let health = Arc::new(HealthEdge::new(opened.logs(), keys_to_probe, timestamps.clone()));
        let routes = fulcio::routes(fulcio)
            .merge(timestamp::routes(timestamps.clone()))
            .merge(log::routes(log))
            .merge(oidc::routes(oidc))
            .merge(trust::routes(publisher.edge()))
            .merge(health::routes(health));
        let ids = Arc::new(RequestIds::new(&*opened.random));
        Ok(Self {
            routes: frame::frame(routes, ids),
            origin,
            root_checksum,
            logs: opened.logs(),
            store: opened.store,
            timestamps,
            publisher,
            keys,
            records,
        })
    }

    /// Where clients reach it.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// SHA-256 of the TUF root, hex.
    pub(crate) fn root_checksum(&self) -> &str {
        &self.root_checksum
    }

    /// All routes.
    pub(crate) fn routes(&self) -> Router {
        self.routes.clone()
    }

    /// What goes on beside the requests, until it is shut down.
    pub(crate) fn chores(&self) -> JoinSet<()> {
        let mut chores = JoinSet::new();
        chores.spawn(self.timestamps.clone().watch_clocks());
        let publisher = self.publisher.clone();
        chores.spawn(async move { publisher.keep_fresh(&SystemClock).await });
        chores.spawn(sweep(self.store.clone()));
        chores.spawn(self.keys.clone().keep_fresh(self.records.clone()));
        chores
    }

    /// Commits what has queued in the logs and closes them.
    pub(crate) fn close(&self) {
        self.logs.iter().for_each(Log::close);
    }
}

/// What a house opens first.
struct Opened {
    key_file: KeyFile,
    certificates: Log,
    signatures: Log,
    audit: Log,
    store: Arc<dyn Store>,
    set_aside: Option<SetAside>,
    issuing_key: Arc<dyn Signer>,
    timestamp_key: Arc<dyn Signer>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Opened {
    fn new(data: &DataDir, file: &HouseFile) -> Result<Self, HouseError> {
        let key_file = data.key_file()?;
        let log = |name: LogName| -> Result<Log, HouseError> {
            Ok(logs::open(data, name, &file.name, data.key(name.key(), &key_file)?)?)
        };
        let signer = |name| -> Result<Arc<dyn Signer>, HouseError> { Ok(Arc::new(data.key(name, &key_file)?)) };
        let (store, report) = SledStore::open(&data.folder("store")?, SystemClock.now(), |_| Ok(()))?;
        if report.set_aside.is_some() {
            tracing::error!(%report, "the store was set aside");
        }
        Ok(Self {
            certificates: log(LogName::Certificates)?,
            signatures: log(LogName::Signatures)?,
            audit: log(LogName::Audit)?,
            store: Arc::new(store),
            set_aside: report.set_aside,
            issuing_key: signer(KeyName::IssuingCa)?,
            timestamp_key: signer(KeyName::Tsa)?,
            key_file,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        })
    }

    fn logs(&self) -> Vec<Log> {
        vec![self.certificates.clone(), self.signatures.clone(), self.audit.clone()]
    }
}

async fn record_configuration(audit: &Log, settings: &Settings, origin: &Origin) -> Result<(), HouseError> {
    let record = AuditRecord::ConfigurationLoaded {
        at_ms: SystemClock.now().millis(),
        sha256: settings.sha256.clone(),
        origin: origin.to_string(),
    };
    audit.append(record.to_leaf()).await?;
    Ok(())
}

async fn record_lost_store(audit: &Log, lost: &SetAside) -> Result<(), HouseError> {
    let record = AuditRecord::StoreSetAside {
        at_ms: SystemClock.now().millis(),
        path: lost.path.display().to_string(),
        reason: lost.reason.clone(),
    };
    audit.append(record.to_leaf()).await?;
    Ok(())
}

async fn sweep(store: Arc<dyn Store>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let store = store.clone();
        let swept = tokio::task::spawn_blocking(move || store.sweep(SystemClock.now(), SWEEP_AT_ONCE)).await;
        if let Ok(Err(error)) = swept {
            tracing::error!(%error, "expired records could not be swept");
        }
    }
}

/// The provider's way out to one upstream.
fn fetcher(outbound: Outbound) -> Fetcher {
    let outbound = Arc::new(outbound);
    Arc::new(move |request| {
        let outbound = outbound.clone();
        Box::pin(async move { outbound.send(request).await.map_err(|error| FetchError(error.to_string())) })
    })
}

/// What the parts of a house are made from.
struct Parts<'a> {
    data: &'a DataDir,
    file: &'a HouseFile,
    opened: &'a Opened,
    settings: &'a Settings,
    origin: &'a Origin,
}

impl Parts<'_> {
    fn chain(&self, name: &'static str) -> Result<Chain, HouseError> {
        Chain::from_pem(&self.data.certificates(name)?).map_err(|error| HouseError::Chain { name, error })
    }

    fn issuer(&self) -> String {
        format!("{}/oidc", self.origin)
    }

    async fn publisher(&self) -> Result<TrustPublisher, HouseError> {
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

    fn provider(&self) -> Result<Provider, HouseError> {
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
    fn own_record(&self, provider: &Provider) -> Result<IssuerSpec, HouseError> {
        let iss =
            IssuerUrl::parse_own(&self.issuer()).map_err(|error| HouseError::Issuer(self.origin.clone(), error))?;
        let keys = KeySet::from_jwks(provider.token_key().jwks().as_bytes())?;
        let keys = KeySource::Pinned(Arc::new(keys));
        let mut record = IssuerSpec::new(OWN_PROVIDER, iss, IssuerProfile::OwnProvider, keys);
        record.algorithms = vec![JoseAlgorithm::Rs256, JoseAlgorithm::Es256];
        Ok(record)
    }

    fn upstreams(&self) -> Result<Vec<UpstreamConnector>, HouseError> {
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

    fn issuance(&self) -> Result<Issuance, HouseError> {
        let key = self.data.key(KeyName::CertificatesLog, &self.opened.key_file)?;
        Ok(Issuance {
            authority: Authority::new(self.chain("issuing-ca")?, self.opened.issuing_key.clone())?,
            log_key: CertificateLogKey::new(Arc::new(key))?,
            profile: Profile::parse(self.settings.certificate_lifetime)?,
            node: NodePrefix::FIRST,
        })
    }

    fn timestamps(&self) -> Result<TimestampEdge, HouseError> {
        let config = UnitConfig {
            name: TIMESTAMP_UNIT.to_owned(),
            key: self.opened.timestamp_key.clone(),
            chain: self.chain("tsa")?,
            policies: self.settings.policies.clone(),
            accuracy: Accuracy::ONE_SECOND,
            node: NodePrefix::FIRST,
        };
        let unit = SigningUnit::new(config, SystemClock.now())?;
        let (audit, random) = (self.opened.audit.clone(), self.opened.random.clone());
        Ok(TimestampEdge::new(vec![Arc::new(unit)], Arc::new(SystemClocks), audit, random)?)
    }

    fn log_edge(&self, issuance: &Issuance, issued_lately: Arc<IssuedLately>) -> LogEdge {
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
