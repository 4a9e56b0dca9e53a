//! What the configuration and the registered issuers determine, as one snapshot that is swapped whole.
//!
//! A request takes the snapshot in force when it begins and never looks again, so no answer mixes two configurations. A
//! new one is made beside the old, from all settings and all registrations; only when that succeeded and the audit log
//! holds the record of it does it come into force. UnitKeyPlan one is serialised: two changes at once become two
//! snapshots, one after the other.

mod cause;
mod inputs;
mod snapshot;

use std::sync::Arc;

use arc_swap::ArcSwap;
use shared::audit::AuditRecord;
use shared::log::{AppendError, Receipt};

pub(crate) use cause::Cause;
pub(crate) use inputs::{SnapshotError, SnapshotInputs};
pub(crate) use snapshot::{LoadedConfiguration, RegisteredIssuers, Snapshot};

use crate::current::Current;
use crate::instance::assemble::{Problems, Settings};

/// The snapshot in force, and the only way to replace it.
pub(crate) struct Snapshots {
    current: Arc<ArcSwap<Snapshot>>,
    /// Locked while a snapshot is built, so that each build sees the one before.
    build: tokio::sync::Mutex<Build>,
}

/// What snapshots are built from.
struct Build {
    inputs: SnapshotInputs,
    settings: Settings,
    registrations: RegisteredIssuers,
}

/// Why the snapshot was not changed. The one before it stays in force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    /// The new snapshot cannot be built.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// The audit log could not record the change, so it is not made.
    #[error("the audit log could not record the change, so nothing was changed: {0}")]
    Audit(#[from] AppendError),
}

impl From<SnapshotError> for ChangeError {
    /// The keys and chains were good when the instance opened, so a change that fails on them is reported as one of
    /// its problems.
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Problems(problems) => problems.into(),
            other => Problems::one("the instance", other.to_string()).into(),
        }
    }
}

impl Snapshots {
    /// The first snapshot, of an instance without registered issuers.
    pub(crate) fn open(inputs: SnapshotInputs, settings: Settings) -> Result<Self, SnapshotError> {
        let snapshot = inputs.snapshot(&settings, &RegisteredIssuers::default(), None)?;
        let build = Build { inputs, settings, registrations: RegisteredIssuers::default() };
        Ok(Self { current: Arc::new(ArcSwap::from_pointee(snapshot)), build: tokio::sync::Mutex::new(build) })
    }

    /// The snapshot in force. Take it once a request.
    pub(crate) fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// A part of whatever snapshot is in force when it is asked for.
    pub(crate) fn part<T>(&self, part: fn(&Snapshot) -> &Arc<T>) -> Current<T>
    where
        T: Send + Sync + 'static,
    {
        let current = Arc::clone(&self.current);
        Current::new(move || Arc::clone(part(&current.load())))
    }

    /// Puts another configuration in force: recorded first, then swapped. A configuration that changes what stands
    /// until the next start is refused whole, because what is in force is always one whole file.
    pub(crate) async fn change_configuration(
        &self,
        settings: Settings,
        cause: &Cause,
    ) -> Result<LoadedConfiguration, ChangeError> {
        let mut build = self.build.lock().await;
        build.settings.fixed.check_unchanged(&settings.fixed)?;
        let Build { inputs, registrations, .. } = &*build;
        let snapshot = inputs.snapshot(&settings, registrations, Some(&self.current()))?;
        let record = AuditRecord::ConfigurationLoaded {
            at_ms: snapshot.configuration.at.millis(),
            sha256: settings.sha256.clone(),
            origin: inputs.origin.to_string(),
            cause: cause.to_string(),
        };
        inputs.audit.append(record.to_leaf()).await?;
        let loaded = snapshot.configuration.clone();
        self.current.store(Arc::new(snapshot));
        build.settings = settings;
        Ok(loaded)
    }

    /// Puts another set of registered issuers in force: recorded first, then swapped.
    pub(crate) async fn change_registrations(
        &self,
        registrations: RegisteredIssuers,
        record: &AuditRecord,
    ) -> Result<Receipt, ChangeError> {
        let mut build = self.build.lock().await;
        let snapshot = self.with_registrations(&build, &registrations)?;
        let receipt = build.inputs.audit.append(record.to_leaf()).await?;
        self.current.store(Arc::new(snapshot));
        build.registrations = registrations;
        Ok(receipt)
    }

    /// Puts in force what was recorded before this process began.
    pub(crate) async fn put_registrations_in_force(&self, registrations: RegisteredIssuers) -> Result<(), ChangeError> {
        let mut build = self.build.lock().await;
        let snapshot = self.with_registrations(&build, &registrations)?;
        self.current.store(Arc::new(snapshot));
        build.registrations = registrations;
        Ok(())
    }

    fn with_registrations(&self, build: &Build, registrations: &RegisteredIssuers) -> Result<Snapshot, ChangeError> {
        let earlier = self.current();
        let mut snapshot = build.inputs.snapshot(&build.settings, registrations, Some(&earlier))?;
        // The configuration is the one that was loaded then.
        snapshot.configuration = earlier.configuration.clone();
        Ok(snapshot)
    }
}

#[cfg(test)]
mod tests;
