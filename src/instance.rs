//! A house, opened: its logs, its authorities, its provider and its trust root, and the routes that serve them.

pub(crate) mod assemble;
pub(crate) mod data_dir;
pub(crate) mod disclosure;
pub(crate) mod explain;
pub(crate) mod founding;
pub(crate) mod logs;
pub(crate) mod own_bundle;
pub(crate) mod people;
pub(crate) mod policy;
pub(crate) mod registration;
pub(crate) mod revocation;
pub(crate) mod roles;
pub(crate) mod rollover;
pub(crate) mod signature_log;
pub(crate) mod snapshots;
pub(crate) mod svid_uses;
pub(crate) mod timestamp_units;
pub(crate) mod tokens;
pub(crate) mod trust_publisher;
pub(crate) mod trusted_time;

#[cfg(test)]
pub(crate) mod fixture;
mod opened;
mod parts;
mod units;

use std::sync::Arc;

use axum::Router;
use broker::trust_domain::BundleSource;
use shared::audit::AuditRecord;
use shared::log::{AppendError, Log};
use shared::store::Store;
use shared::store::sled::{OpenError, SetAside};
use shared::time::Clock as _;
use shared::x509::ChainError;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use self::opened::Opened;
use self::parts::Parts;
use crate::clock::SystemClock;
use crate::instance::assemble::{Origin, Settings};
use crate::instance::data_dir::{DataDir, DataDirError};
use crate::instance::logs::LogsError;
use crate::instance::registration::{Registrar, RegistrarError, RegistrarParts};
use crate::instance::revocation::RevocationError;
use crate::instance::revocation::keeper::RevocationKeeper;
use crate::instance::rollover::Rollover;
use crate::instance::signature_log::IssuedLately;
use crate::instance::signature_log::first_entry::{self, FirstEntryError};
use crate::instance::snapshots::{Cause, Reloader, SnapshotError, Snapshots};
use crate::instance::timestamp_units::UnitsError;
use crate::instance::trust_publisher::{PublishError, TrustPublisher};
use crate::instance::trusted_time::{TrustedTime, TrustedTimeError};
use crate::outbound::KeyKeeper;
use crate::outbound::bundles::BundleKeeper;
use crate::outbound::workload_api::WorkloadApi;
use crate::serving::http::api::{self, ApiEdge};
use crate::serving::http::disclosure::DisclosureEdge;
use crate::serving::http::health::{self, HealthEdge};
use crate::serving::http::metrics::Figures;
use crate::serving::http::request_id::RequestIds;
use crate::serving::http::timestamp::{self, TimestampEdge, TimestampEdgeError};
use crate::serving::http::{self, frame, fulcio, log, metrics, oidc, spiffe, trust};

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
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    Units(#[from] UnitsError),
    #[error(transparent)]
    Revocation(#[from] RevocationError),
    #[error("timestamps: {0}")]
    Timestamps(#[from] TimestampEdgeError),
    #[error("the clock guard: {0}")]
    TrustedTime(#[from] TrustedTimeError),
    #[error("the trust root: {0}")]
    Trust(#[from] PublishError),
    #[error("the signature log's first entry: {0}")]
    FirstEntry(#[from] FirstEntryError),
    #[error("the audit log did not take the configuration's record: {0}")]
    Audit(#[from] AppendError),
    #[error("registered issuers: {0}")]
    Registrations(#[from] RegistrarError),
}

/// Everything that serves.
pub(crate) struct House {
    origin: Origin,
    root_checksum: String,
    routes: Router,
    logs: Vec<Log>,
    store: Arc<dyn Store>,
    time: Arc<TrustedTime>,
    timestamps: Arc<TimestampEdge>,
    publisher: Arc<TrustPublisher>,
    rollover: Arc<Rollover>,
    revocations: Arc<RevocationKeeper>,
    plain_routes: Router,
    metrics_routes: Router,
    svid_routes: Router,
    keys: Arc<KeyKeeper>,
    bundles: Arc<BundleKeeper>,
    snapshots: Arc<Snapshots>,
    reloader: Arc<Reloader>,
    registrar: Arc<Registrar>,
    /// Followed for as long as the house is open.
    _workload_api: Option<WorkloadApi>,
}

impl House {
    /// Opens the house in `data` to be served as `origin`, with what `workload_api` says if there is one.
    pub(crate) async fn open(
        data: &DataDir,
        settings: Settings,
        origin: Origin,
        workload_api: Option<WorkloadApi>,
    ) -> Result<Self, HouseError> {
        let file = data.house_file()?;
        let opened = Opened::new(data, &file, &settings)?;
        record_configuration(&opened.audit, &settings, &origin).await?;
        if let Some(lost) = &opened.set_aside {
            record_lost_store(&opened.audit, lost).await?;
        }
        first_entry::make(&opened.signatures).await?;
        let parts = Parts { data, file: &file, opened: &opened, settings: &settings, origin: &origin };
        let revocations = parts.revocations()?;
        let mut units = parts.timestamp_units(&revocations)?;
        let workload_bundles = workload_api.as_ref().map(WorkloadApi::bundles).unwrap_or_default();
        let bundles = parts.bundles(&units.chains()?, workload_bundles)?;
        let material = parts.material(units.chains()?)?;
        let publisher = Arc::new(parts.publisher(&material).await?);
        units.note_published(SystemClock.now())?;
        units.destroy_due(std::time::Duration::ZERO, SystemClock.now())?;
        let own_bundle = parts.own_bundle()?;
        let root_checksum = publisher.root_sha256().await.unwrap_or_default();

        let keys = Arc::new(KeyKeeper::new(opened.clock.clone()));
        let issued_lately = Arc::<IssuedLately>::default();
        let fixtures = parts.fixtures(issued_lately.clone(), keys.clone(), bundles.clone())?;
        let log = Arc::new(parts.log_edge(issued_lately)?);
        let successions = parts.successions(&units)?;
        let time = Arc::new(parts.time(&successions)?);
        let timestamps = Arc::new(parts.timestamps(successions, time.clone())?);
        let disclosure = Arc::new(DisclosureEdge {
            timestamps: timestamps.clone(),
            origin: origin.clone(),
            section: settings.disclosure.clone(),
        });
        let rollover = parts.rollover(units, material, publisher.clone(), timestamps.clone())?;
        let keys_to_probe = vec![opened.issuing_key.clone()];
        let own_svid = workload_api.as_ref().and_then(WorkloadApi::own_svid);
        let (source, registration) = (settings.source.clone(), settings.registration.clone());
        let local_users = fixtures.local_users.clone();
        let snapshots = Arc::new(Snapshots::open(fixtures, settings)?);
        let issuers = snapshots.part(|snapshot| &snapshot.issuers);
        let health = HealthEdge::new(opened.logs(), keys_to_probe, timestamps.clone(), bundles.clone(), issuers);
        let health = Arc::new(health.with_own_svid(own_svid));
        let (audit, clock) = (opened.audit.clone(), opened.clock.clone());
        let reloader = Arc::new(Reloader::new(source, snapshots.clone(), audit.clone(), clock.clone()));
        let registrar = Arc::new(
            Registrar::open(RegistrarParts {
                house: file.name.clone(),
                settings: registration,
                audit: opened.audit.clone(),
                store: opened.store.clone(),
                clock: clock.clone(),
                snapshots: snapshots.clone(),
            })
            .await?,
        );
        let snapshot = snapshots.current();
        let mut records = snapshot.issuers.trust_domains().iter();
        if let Some(workload_api) = &workload_api
            && records.any(|record| matches!(record.source(), BundleSource::WorkloadApi))
        {
            workload_api.first_bundles().await;
        }
        bundles.begin(&snapshot.issuers).await;
        let api = Arc::new(ApiEdge {
            snapshots: snapshots.clone(),
            reloader: reloader.clone(),
            registrar: registrar.clone(),
            local_users,
            audit,
            clock,
        });
        let routes = fulcio::routes(snapshots.part(|snapshot| &snapshot.fulcio))
            .merge(timestamp::routes(timestamps.clone()))
            .merge(http::disclosure::routes(disclosure))
            .merge(log::routes(log))
            .merge(oidc::routes(snapshots.part(|snapshot| &snapshot.oidc)))
            .merge(trust::routes(publisher.edge()))
            .merge(api::routes(api))
            .merge(http::revocation::routes(revocations.edge.clone()))
            .merge(spiffe::routes(own_bundle.clone()))
            .merge(health::routes(health.clone()));
        let ids = Arc::new(RequestIds::new(&*opened.random));
        // What workloads come for, and nothing that people or administrators use.
        let svid_routes = fulcio::routes(snapshots.part(|snapshot| &snapshot.fulcio))
            .merge(oidc::token_routes(snapshots.part(|snapshot| &snapshot.oidc)))
            .merge(spiffe::routes(own_bundle))
            .merge(health::routes(health.clone()));
        let svid_routes = frame::frame(svid_routes, ids.clone());
        let plain_routes = frame::frame(http::revocation::routes(revocations.edge.clone()), ids.clone());
        let figures = Figures {
            bundles: bundles.clone(),
            issuers: snapshots.part(|snapshot| &snapshot.issuers),
            logs: opened.logs(),
            time: time.clone(),
            clock: opened.clock.clone(),
        };
        let metrics_routes = frame::frame(metrics::routes(figures), ids.clone());
        Ok(Self {
            routes: frame::frame(routes, ids),
            origin,
            root_checksum,
            logs: opened.logs(),
            store: opened.store,
            time,
            timestamps,
            publisher,
            rollover,
            revocations,
            plain_routes,
            metrics_routes,
            svid_routes,
            keys,
            bundles,
            snapshots,
            reloader,
            registrar,
            _workload_api: workload_api,
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

    /// Reads the configuration again on every SIGHUP and when its file changes, until it is dropped. Nothing if there is no
    /// file: then SIGHUP ends the program, as it ends others.
    pub(crate) fn follow_configuration(&self) -> Result<Option<impl Future<Output = ()> + use<>>, std::io::Error> {
        if !self.reloader.has_file() {
            return Ok(None);
        }
        Ok(Some(self.reloader.clone().follow(signal(SignalKind::hangup())?)))
    }

    /// The routes that workloads use over mutual TLS.
    pub(crate) fn svid_routes(&self) -> Router {
        self.svid_routes.clone()
    }

    /// The routes that are served in plain HTTP to everybody: those of revocation.
    pub(crate) fn plain_routes(&self) -> Router {
        self.plain_routes.clone()
    }

    /// The routes that are served in plain HTTP where the operator wants metrics.
    pub(crate) fn metrics_routes(&self) -> Router {
        self.metrics_routes.clone()
    }

    /// What goes on beside the requests, until it is shut down.
    pub(crate) fn chores(&self) -> JoinSet<()> {
        let mut chores = JoinSet::new();
        chores.spawn(self.time.clone().watch());
        chores.spawn(self.time.clone().ask_sources());
        chores.spawn(self.time.clone().keep_mark());
        chores.spawn(self.timestamps.clone().keep_counting());
        chores.spawn(self.rollover.clone().keep_turning());
        chores.spawn(self.revocations.clone().keep_fresh());
        let publisher = self.publisher.clone();
        chores.spawn(async move { publisher.keep_fresh(&SystemClock).await });
        chores.spawn(sweep(self.store.clone()));
        chores.spawn(self.registrar.clone().keep_current());
        chores.spawn(self.bundles.clone().keep_fresh(self.snapshots.part(|snapshot| &snapshot.issuers)));
        chores.spawn(self.keys.clone().keep_fresh(self.snapshots.part(|snapshot| &snapshot.issuers)));
        chores
    }

    /// Commits what has queued in the logs and closes them.
    pub(crate) fn close(&self) {
        self.timestamps.record_count();
        if let Err(error) = self.time.keep_mark_now() {
            tracing::error!(%error, "the latest time signed could not be kept; the audit log still has it");
        }
        self.logs.iter().for_each(Log::close);
    }
}

async fn record_configuration(audit: &Log, settings: &Settings, origin: &Origin) -> Result<(), HouseError> {
    let record = AuditRecord::ConfigurationLoaded {
        at_ms: SystemClock.now().millis(),
        sha256: settings.sha256.clone(),
        origin: origin.to_string(),
        cause: Cause::Start.to_string(),
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
