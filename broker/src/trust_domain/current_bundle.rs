//! The current bundle of a trust domain, and when it was fetched.

use std::sync::Arc;
use std::time::Duration;

use shared::time::UnixTime;

use super::Bundle;

/// The bundle of a trust domain as last fetched. Replaced whole.
#[derive(Clone, Debug, Default)]
pub struct CurrentBundle {
    bundle: Option<Arc<Bundle>>,
    fetched_at: Option<UnixTime>,
}

/// Why a bundle cannot be used now, though a newer one might.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unusable {
    /// There has never been one.
    #[error("its bundle has not been fetched yet")]
    Missing,
    /// It could not be fetched again for longer than the record allows.
    #[error("its bundle was last fetched {seconds} seconds ago and may be used for {limit}")]
    Stale {
        /// Seconds since the last fetch.
        seconds: u64,
        /// The most seconds since a fetch that the record allows.
        limit: u64,
    },
}

impl CurrentBundle {
    /// Nothing: the state before the first fetch.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// A bundle that was seen at its source at this moment.
    pub fn new(bundle: Arc<Bundle>, fetched_at: UnixTime) -> Self {
        Self { bundle: Some(bundle), fetched_at: Some(fetched_at) }
    }

    /// The same bundle, seen again.
    pub fn seen_again(&self, at: UnixTime) -> Self {
        Self { bundle: self.bundle.clone(), fetched_at: Some(at) }
    }

    /// The bundle, however old.
    pub fn bundle(&self) -> Option<&Arc<Bundle>> {
        self.bundle.as_ref()
    }

    /// When it was last seen at its source.
    pub fn fetched_at(&self) -> Option<UnixTime> {
        self.fetched_at
    }

    /// The bundle, if it can still be used at `now`.
    pub fn usable(&self, stale_after: Duration, now: UnixTime) -> Result<&Arc<Bundle>, Unusable> {
        let (Some(bundle), Some(at)) = (&self.bundle, self.fetched_at) else { return Err(Unusable::Missing) };
        let age = now.since(at);
        if age > stale_after {
            return Err(Unusable::Stale { seconds: age.as_secs(), limit: stale_after.as_secs() });
        }
        Ok(bundle)
    }
}
