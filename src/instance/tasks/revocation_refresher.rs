//! Keeps the published revocation list and OCSP answers up to date.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::time::{Clock as _, UnixTime};

use crate::clock::SystemClock;
use crate::instance::assemble::RevocationSettings;
use crate::instance::revocation::{PublishedRevocations, RevocationError, Revocations};

/// How often to check: the responder knows a unit's new certificate after at most this time.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// The register, and what is published of it.
pub(crate) struct RevocationRefresher {
    pub(crate) revocations: Mutex<Revocations>,
    pub(crate) settings: RevocationSettings,
    pub(crate) published: Arc<PublishedRevocations>,
}

impl RevocationRefresher {
    /// Checks every minute; never returns.
    pub(crate) async fn keep_fresh(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let this = self.clone();
            let done = tokio::task::spawn_blocking(move || this.look(SystemClock.now())).await;
            if let Ok(Err(error)) = done {
                tracing::error!(
                    %error,
                    "the revocation list and OCSP answers could not be updated; this is tried again in a minute"
                );
            }
        }
    }

    fn look(&self, now: UnixTime) -> Result<(), RevocationError> {
        let mut revocations = self.revocations.lock().unwrap_or_else(PoisonError::into_inner);
        revocations.refresh(&self.settings, now)?;
        self.published.state.store(Arc::new(revocations.state()?));
        Ok(())
    }
}
