//! What the configuration and the registered issuers make of the house: one snapshot, swapped whole.
//!
//! A request takes the snapshot in force when it begins and never looks again, so no answer mixes two configurations. A new one
//! is made beside the old, from all settings and all registrations; only when that succeeded and the audit log holds the record
//! of it does it come into force. Making one is serialised: two changes at once become two snapshots, one after the other.

mod current;
mod fixtures;
mod reload;

use std::sync::Arc;

use arc_swap::ArcSwap;
use broker::grants::Listings;
use broker::issuer::IssuerSpec;
use broker::registry::Issuers;
use shared::audit::AuditRecord;
use shared::log::{AppendError, Receipt};
use shared::time::UnixTime;

pub(crate) use current::Current;
pub(crate) use fixtures::{Fixtures, SnapshotError};
pub(crate) use reload::{Cause, Refused, ReloadError, Reloader};

use crate::instance::assemble::{ConnectorSettings, Problems, Settings};
use crate::instance::roles::Roles;
use crate::serving::http::fulcio::FulcioEdge;
use crate::serving::http::oidc::{OidcEdge, UpstreamConnector};

/// Everything that a change of the configuration or of the registered issuers can change.
pub(crate) struct Snapshot {
    /// Who may speak for what.
    pub(crate) issuers: Arc<Issuers>,
    /// The one record whose tokens open our own API: our own provider, for the audience of our own command line.
    pub(crate) api_issuer: Issuers,
    /// Who may administer the house.
    pub(crate) roles: Roles,
    /// The certificate authority's edge.
    pub(crate) fulcio: Arc<FulcioEdge>,
    /// The provider's edge.
    pub(crate) oidc: Arc<OidcEdge>,
    /// The upstream providers, each with what it was made from: one that stays the same keeps what it knows.
    upstreams: Upstreams,
    /// The configuration that it was made from.
    pub(crate) configuration: Loaded,
}

type Upstreams = Vec<(ConnectorSettings, Arc<UpstreamConnector>)>;

/// A configuration in force.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Loaded {
    /// SHA-256 of the file, hex; empty without a file.
    pub(crate) sha256: String,
    /// Since when.
    pub(crate) at: UnixTime,
}

/// The snapshot in force, and the only way to another.
pub(crate) struct Snapshots {
    current: Arc<ArcSwap<Snapshot>>,
    /// Held while a snapshot is made: whoever makes one has seen the one before.
    workshop: tokio::sync::Mutex<Workshop>,
}

/// What snapshots are made from.
struct Workshop {
    fixtures: Fixtures,
    settings: Settings,
    registrations: Registered,
}

/// What owners of domains brought.
#[derive(Clone, Default)]
pub(crate) struct Registered {
    /// The records of their issuers.
    pub(crate) specs: Vec<IssuerSpec>,
    /// The domains that nobody else may speak for.
    pub(crate) listings: Listings,
}

/// Why the snapshot was not changed. The one before it stays in force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    /// The new one cannot be.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// The audit log did not take the record, so nothing may follow from it.
    #[error("the audit log did not take the record of the change: {0}")]
    Audit(#[from] AppendError),
}

impl Snapshots {
    /// The first snapshot, of a house without registered issuers.
    pub(crate) fn open(fixtures: Fixtures, settings: Settings) -> Result<Self, SnapshotError> {
        let snapshot = fixtures.snapshot(&settings, &Registered::default(), None)?;
        let workshop = Workshop { fixtures, settings, registrations: Registered::default() };
        Ok(Self { current: Arc::new(ArcSwap::from_pointee(snapshot)), workshop: tokio::sync::Mutex::new(workshop) })
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

    /// Puts another configuration in force: recorded first, then swapped. A configuration that changes what stands until the
    /// next start is refused whole, because what is in force is always one whole file.
    pub(crate) async fn change_configuration(&self, settings: Settings, cause: &Cause) -> Result<Loaded, ChangeError> {
        let mut workshop = self.workshop.lock().await;
        workshop.settings.fixed.check_unchanged(&settings.fixed)?;
        let Workshop { fixtures, registrations, .. } = &*workshop;
        let snapshot = fixtures.snapshot(&settings, registrations, Some(&self.current()))?;
        let record = AuditRecord::ConfigurationLoaded {
            at_ms: snapshot.configuration.at.millis(),
            sha256: settings.sha256.clone(),
            origin: fixtures.origin.to_string(),
            cause: cause.to_string(),
        };
        fixtures.audit.append(record.to_leaf()).await?;
        let loaded = snapshot.configuration.clone();
        self.current.store(Arc::new(snapshot));
        workshop.settings = settings;
        Ok(loaded)
    }

    /// Puts another set of registered issuers in force: recorded first, then swapped.
    pub(crate) async fn change_registrations(
        &self,
        registrations: Registered,
        record: &AuditRecord,
    ) -> Result<Receipt, ChangeError> {
        let mut workshop = self.workshop.lock().await;
        let snapshot = self.with_registrations(&workshop, &registrations)?;
        let receipt = workshop.fixtures.audit.append(record.to_leaf()).await?;
        self.current.store(Arc::new(snapshot));
        workshop.registrations = registrations;
        Ok(receipt)
    }

    /// Puts in force what was recorded before this process began.
    pub(crate) async fn put_registrations_in_force(&self, registrations: Registered) -> Result<(), ChangeError> {
        let mut workshop = self.workshop.lock().await;
        let snapshot = self.with_registrations(&workshop, &registrations)?;
        self.current.store(Arc::new(snapshot));
        workshop.registrations = registrations;
        Ok(())
    }

    fn with_registrations(&self, workshop: &Workshop, registrations: &Registered) -> Result<Snapshot, ChangeError> {
        let earlier = self.current();
        let mut snapshot = workshop.fixtures.snapshot(&workshop.settings, registrations, Some(&earlier))?;
        // The configuration is the one that was loaded then.
        snapshot.configuration = earlier.configuration.clone();
        Ok(snapshot)
    }
}

#[cfg(test)]
mod tests;
