//! An open instance: its logs, authorities, provider, trust root and background tasks. It does not know how it is
//! served.

pub(crate) mod assemble;
pub(crate) mod certificate_authority;
pub(crate) mod data_dir;
pub(crate) mod disclosure;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod local_users;
pub(crate) mod logs;
pub(crate) mod openid_provider;
pub(crate) mod own_bundle;
pub(crate) mod policy;
pub(crate) mod registration;
pub(crate) mod reload;
pub(crate) mod revocation;
pub(crate) mod roles;
pub(crate) mod served_logs;
pub(crate) mod signature_log;
pub(crate) mod snapshots;
pub(crate) mod svid_uses;
pub(crate) mod timestamp_authority;
pub(crate) mod timestamp_units;
pub(crate) mod tokens;
pub(crate) mod trust_publisher;
pub(crate) mod trusted_time;

mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod opened;
mod parts;
mod tasks;
mod timestamping;

use std::sync::Arc;

use broker::connector::local::LocalUsers;
use broker::registry::Issuers;
use broker::trust_domain::BundleSource;
use bytes::Bytes;
use privyseal_config::DisclosureSection;
use shared::keys::Signer;
use shared::log::Log;
use shared::random::Random;
use shared::store::Store;
use shared::time::Clock;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

pub(crate) use self::error::InstanceError;
use self::opened::Opened;
use self::parts::{InstanceParts, PublishedRoot};
use self::tasks::revocation_refresher::RevocationRefresher;
use self::tasks::rollover::Rollover;
use self::tasks::sweep;
use self::timestamping::Timestamping;
use crate::clock::SystemClock;
use crate::current::Current;
use crate::instance::assemble::{Origin, Settings};
use crate::instance::data_dir::DataDir;
use crate::instance::registration::{Registrar, RegistrarParts};
use crate::instance::reload::Reloader;
use crate::instance::revocation::PublishedRevocations;
use crate::instance::served_logs::ServedLogs;
use crate::instance::signature_log::IssuedLately;
use crate::instance::snapshots::Snapshots;
use crate::instance::timestamp_authority::TimestampAuthority;
use crate::instance::trust_publisher::{PublishedTrust, TrustPublisher};
use crate::instance::trusted_time::TrustedTime;
use crate::outbound::KeyRefresher;
use crate::outbound::bundles::BundleRefresher;
use crate::outbound::workload_api::{OwnSvid, WorkloadApi};

/// An open instance. The listeners take from it what they serve.
pub(crate) struct Instance {
    /// The origin that clients use.
    pub(crate) origin: Origin,
    /// SHA-256 of the TUF root, hex.
    pub(crate) root_checksum: String,
    /// The certificate log, the signature log and the audit log, in this order.
    pub(crate) logs: Vec<Log>,
    /// Which of them are served, and how.
    pub(crate) served_logs: Arc<ServedLogs>,
    /// The audit log.
    pub(crate) audit: Log,
    /// The issuing authority's key.
    pub(crate) issuing_key: Arc<dyn Signer>,
    /// The time that timestamps state.
    pub(crate) time: Arc<TrustedTime>,
    /// The timestamp authority.
    pub(crate) timestamps: Arc<TimestampAuthority>,
    /// The operator's part of the disclosure statement.
    pub(crate) disclosure: DisclosureSection,
    /// The bundle of our own trust domain, if we have one.
    pub(crate) own_bundle: Option<Bytes>,
    /// Fetches the bundles of other trust domains.
    pub(crate) bundles: Arc<BundleRefresher>,
    /// The users who log in with a password.
    pub(crate) local_users: Arc<LocalUsers>,
    /// The snapshot in force, and how to replace it.
    pub(crate) snapshots: Arc<Snapshots>,
    /// Reloads the configuration.
    pub(crate) reloader: Arc<Reloader>,
    /// Keeps the issuers that domain owners register.
    pub(crate) registrar: Arc<Registrar>,
    /// The present time, where it need not be trusted as a timestamp's.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    store: Arc<dyn Store>,
    publisher: Arc<TrustPublisher>,
    rollover: Arc<Rollover>,
    revocations: Arc<RevocationRefresher>,
    keys: Arc<KeyRefresher>,
    /// Followed for as long as the instance is open.
    workload_api: Option<WorkloadApi>,
}

impl Instance {
    /// Opens the instance in `data` to be served as `origin`, with the bundles and SVID of `workload_api` if there is
    /// one.
    ///
    /// The order is that of trust: what is revoked, then the units that may still sign, then the trust root that names
    /// them, and only then what signs.
    pub(crate) async fn open(
        data: &DataDir,
        settings: Settings,
        origin: Origin,
        workload_api: Option<WorkloadApi>,
    ) -> Result<Self, InstanceError> {
        let file = data.instance_file()?;
        let opened = Opened::new(data, &file, &settings)?;
        opened.record_start(&settings, &origin).await?;
        let parts = InstanceParts { data, file: &file, opened: &opened, settings: &settings, origin: &origin };
        let revocations = parts.revocations()?;
        let mut units = parts.timestamp_units(&revocations)?;
        let bundles = parts.bundles(&units.chains()?, workload_api.as_ref())?;
        let trust = parts.publish_trust(&mut units).await?;
        let own_bundle = parts.own_bundle()?;
        let keys = Arc::new(KeyRefresher::new(opened.clock.clone()));
        let issued_lately = Arc::<IssuedLately>::default();
        let inputs = parts.snapshot_inputs(issued_lately.clone(), keys.clone(), bundles.clone())?;
        let served_logs = Arc::new(parts.served_logs(issued_lately)?);
        let Timestamping { time, authority: timestamps, rollover } = parts.timestamping(units, &trust)?;
        let PublishedRoot { publisher, .. } = trust;
        let local_users = inputs.local_users.clone();
        let (source, disclosure) = (settings.source.clone(), settings.disclosure.clone());
        let registration = settings.registration.clone();
        let snapshots = Arc::new(Snapshots::open(inputs, settings)?);
        let Opened { audit, clock, .. } = &opened;
        let reloader = Arc::new(Reloader::new(source, snapshots.clone(), audit.clone(), clock.clone()));
        let registrar = Registrar::open(RegistrarParts {
            instance: file.name.clone(),
            settings: registration,
            audit: audit.clone(),
            store: opened.store.clone(),
            clock: clock.clone(),
            snapshots: snapshots.clone(),
        });
        let registrar = Arc::new(registrar.await?);
        begin_bundles(&bundles, &snapshots.current().issuers, workload_api.as_ref()).await;
        Ok(Self {
            root_checksum: publisher.root_sha256().await.unwrap_or_default(),
            origin,
            logs: opened.logs(),
            served_logs,
            audit: opened.audit,
            issuing_key: opened.issuing_key,
            time,
            timestamps,
            disclosure,
            own_bundle,
            bundles,
            local_users,
            snapshots,
            reloader,
            registrar,
            clock: opened.clock,
            random: opened.random,
            store: opened.store,
            publisher,
            rollover,
            revocations,
            keys,
            workload_api,
        })
    }

    /// The published trust root.
    pub(crate) fn published_trust(&self) -> Arc<PublishedTrust> {
        self.publisher.published()
    }

    /// The published revocation list and OCSP answers.
    pub(crate) fn published_revocations(&self) -> Arc<PublishedRevocations> {
        self.revocations.published.clone()
    }

    /// Our own X.509-SVID, if the Workload API gives us one.
    pub(crate) fn own_svid(&self) -> Option<Arc<OwnSvid>> {
        self.workload_api.as_ref().and_then(WorkloadApi::own_svid)
    }

    /// The issuers and trust domains in force.
    pub(crate) fn issuers(&self) -> Current<Issuers> {
        self.snapshots.part(|snapshot| &snapshot.issuers)
    }

    /// Reloads the configuration on every SIGHUP and when its file changes, until the future is dropped. `None` if
    /// there is no file: then SIGHUP ends the program, as usual.
    pub(crate) fn follow_configuration(&self) -> Result<Option<impl Future<Output = ()> + use<>>, std::io::Error> {
        if !self.reloader.has_file() {
            return Ok(None);
        }
        Ok(Some(self.reloader.clone().follow(signal(SignalKind::hangup())?)))
    }

    /// The background tasks, which run until they are shut down.
    pub(crate) fn tasks(&self) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        tasks.spawn(self.time.clone().watch());
        tasks.spawn(self.time.clone().ask_sources());
        tasks.spawn(self.time.clone().keep_mark());
        tasks.spawn(self.timestamps.clone().keep_counting());
        tasks.spawn(self.rollover.clone().keep_rolling_over());
        tasks.spawn(self.revocations.clone().keep_fresh());
        let publisher = self.publisher.clone();
        tasks.spawn(async move { publisher.keep_fresh(&SystemClock).await });
        tasks.spawn(sweep::keep_swept(self.store.clone()));
        tasks.spawn(self.registrar.clone().keep_current());
        tasks.spawn(self.bundles.clone().keep_fresh(self.issuers()));
        tasks.spawn(self.keys.clone().keep_fresh(self.issuers()));
        tasks
    }

    /// Commits what has queued in the logs and closes them.
    pub(crate) fn close(&self) {
        self.timestamps.record_count();
        if let Err(error) = self.time.keep_mark_now() {
            tracing::error!(%error, "the latest time signed could not be stored; the audit log still has it");
        }
        self.logs.iter().for_each(Log::close);
    }
}

/// Loads the bundles that are already here. The Workload API's first answer is waited for only where a trust domain
/// needs it.
async fn begin_bundles(bundles: &BundleRefresher, issuers: &Issuers, workload_api: Option<&WorkloadApi>) {
    let mut records = issuers.trust_domains().iter();
    if let Some(workload_api) = workload_api
        && records.any(|record| matches!(record.source(), BundleSource::WorkloadApi))
    {
        workload_api.first_bundles().await;
    }
    bundles.begin(issuers).await;
}
