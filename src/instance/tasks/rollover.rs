//! Changes the timestamp units' keys on time: makes what is due, publishes it, and uses it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::keys::KeyFile;
use shared::time::{Clock as _, UnixTime};
use shared::trust_root::TrustMaterial;
use shared::x509::RevocationAddresses;

use crate::clock::SystemClock;
use crate::instance::assemble::UnitSettings;
use crate::instance::timestamp_authority::TimestampAuthority;
use crate::instance::timestamp_units::{IN_FLIGHT, TimestampUnits, UnitFiles, UnitsError};
use crate::instance::trust_publisher::{PublishError, TrustPublisher};

/// How often to look. Nothing depends on it: which key signs follows from the time of each request.
const LOOK_EVERY: Duration = Duration::from_secs(20);

/// Why a step was not completed. The next one continues from there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RolloverError {
    #[error(transparent)]
    Units(#[from] UnitsError),
    #[error("the trust root could not be published: {0}")]
    Publish(#[from] PublishError),
    #[error("the work was interrupted")]
    CutOff,
}

/// The rollover of the timestamp units' keys.
pub(crate) struct Rollover {
    pub(crate) units: Arc<Mutex<TimestampUnits>>,
    pub(crate) settings: Arc<UnitSettings>,
    pub(crate) files: UnitFiles,
    pub(crate) key_file: Arc<KeyFile>,
    pub(crate) addresses: Option<RevocationAddresses>,
    /// The trust root's material but for the units' chains.
    pub(crate) material: TrustMaterial,
    pub(crate) publisher: Arc<TrustPublisher>,
    pub(crate) authority: Arc<TimestampAuthority>,
}

impl Rollover {
    /// Does what is due, every 20 seconds; never returns.
    pub(crate) async fn keep_rolling_over(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Err(error) = self.clone().step(SystemClock.now()).await {
                tracing::error!(%error, "the rollover of the timestamp units' keys failed; this is tried again");
            }
        }
    }

    /// Does what is due at `now`.
    pub(crate) async fn step(self: Arc<Self>, now: UnixTime) -> Result<(), RolloverError> {
        let is_made = self.with_units(move |this, units| {
            let root = || this.files.root(None, &this.key_file);
            let is_made = units.make_due(&this.settings, this.addresses.as_ref(), &root, now)?;
            let is_closed = units.close_due(now)?;
            Ok(is_made || is_closed)
        });
        let is_changed = is_made.await?;
        let chains = self.with_units(|_, units| units.chains()).await?;
        let material = TrustMaterial { timestamping: chains, ..self.material.clone() };
        let is_signed = self.publisher.publish(&material, now).await?;
        let is_published = self.with_units(move |_, units| units.note_published(now)).await?;
        self.with_units(move |_, units| units.destroy_due(IN_FLIGHT, now)).await?;
        if is_changed || is_published {
            let units = self.with_units(move |this, units| units.successions(&this.settings, now)).await?;
            self.authority.serve(units);
            self.authority.serve_chains(self.with_units(|_, units| units.chain_texts()).await?);
            tracing::info!(is_signed, "the rollover of the timestamp units' keys made a step");
        }
        Ok(())
    }

    /// Files and the audit log are waited for, so this is not for the threads that serve.
    async fn with_units<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self, &mut TimestampUnits) -> Result<T, UnitsError> + Send + 'static,
    ) -> Result<T, RolloverError> {
        let this = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let mut units = this.units.lock().unwrap_or_else(PoisonError::into_inner);
            work(&this, &mut units)
        });
        Ok(done.await.map_err(|_| RolloverError::CutOff)??)
    }
}
