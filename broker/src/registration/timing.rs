//! Intervals and lifetimes of registrations.

use std::time::Duration;

/// The times of a registration's life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timing {
    /// A proof is checked again this long after it was last seen.
    pub recheck: Duration,
    /// The time until the next check after one without a result.
    pub retry: Duration,
    /// A domain that denies is asked again after this; the second denial freezes.
    pub confirm: Duration,
    /// Without a proof for so long, no more certificates.
    pub stale_after: Duration,
    /// Without a proof for this long, the registration is tombstoned.
    pub expire_after: Duration,
    /// A request that is not proved and approved in this time is dropped.
    pub pending_for: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        const HOUR: u64 = 3600;
        Self {
            recheck: Duration::from_secs(24 * HOUR),
            retry: Duration::from_secs(HOUR),
            confirm: Duration::from_secs(600),
            stale_after: Duration::from_secs(72 * HOUR),
            expire_after: Duration::from_secs(90 * 24 * HOUR),
            pending_for: Duration::from_secs(30 * 24 * HOUR),
        }
    }
}
