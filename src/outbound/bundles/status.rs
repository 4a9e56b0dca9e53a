//! How the looks at each trust domain's source go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker::names::TrustDomain;
use broker::trust_domain::TrustDomainRecord;
use shared::time::UnixTime;

use super::refresh_error::BundleRefreshError;

/// A look that has not ended by then is begun again. Each way to a source is over long before.
const LONGEST_LOOK: Duration = Duration::from_secs(60);

/// How the looks at one trust domain's source go. Each look writes it when it ends; anybody reads it without waiting
/// for one.
#[derive(Clone, Default)]
pub(super) struct BundleStatus {
    /// Which record was looked at: one that a reload made since, and that took nothing over, is due at once.
    record: Option<Arc<TrustDomainRecord>>,
    /// The last look that ended, and how.
    pub(super) last: Option<(UnixTime, Result<(), BundleRefreshError>)>,
    /// When the next look is due.
    pub(super) next: Option<UnixTime>,
    /// How many looks have succeeded and failed since the start.
    pub(super) succeeded: u64,
    pub(super) failed: u64,
}

impl BundleStatus {
    /// What went wrong at the last look, if anything.
    pub(super) fn trouble(&self) -> Option<&BundleRefreshError> {
        self.last.as_ref().and_then(|(_, outcome)| outcome.as_ref().err())
    }
}

/// The statuses of all trust domains that were looked at since the start.
#[derive(Default)]
pub(super) struct BundleStatuses(Mutex<HashMap<TrustDomain, BundleStatus>>);

impl BundleStatuses {
    /// How it stands with one.
    pub(super) fn of(&self, name: &TrustDomain) -> BundleStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default()
    }

    /// Whether the time of a look at the record has come.
    pub(super) fn is_due(&self, record: &Arc<TrustDomainRecord>, now: UnixTime) -> bool {
        let statuses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(status) = statuses.get(record.name()) else { return true };
        let is_new = !status.record.as_ref().is_some_and(|looked_at| Arc::ptr_eq(looked_at, record));
        status.next.is_none_or(|next| now >= next) || is_new && record.held().bundle().is_none()
    }

    /// A look begins: until it ends the background begins no other.
    pub(super) fn begin(&self, record: &Arc<TrustDomainRecord>, now: UnixTime) {
        self.change(record, |status| status.next = Some(now.plus(LONGEST_LOOK)));
    }

    /// A look that began at `now` has ended, and the next is due at `next`.
    pub(super) fn end(
        &self,
        record: &Arc<TrustDomainRecord>,
        outcome: &Result<(), BundleRefreshError>,
        now: UnixTime,
        next: UnixTime,
    ) {
        self.change(record, |status| {
            status.next = Some(next);
            match outcome {
                Ok(()) => status.succeeded += 1,
                Err(_) => status.failed += 1,
            }
            status.last = Some((now, outcome.clone()));
        });
    }

    fn change(&self, record: &Arc<TrustDomainRecord>, change: impl FnOnce(&mut BundleStatus)) {
        let mut statuses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let status = statuses.entry(record.name().clone()).or_default();
        status.record = Some(Arc::clone(record));
        change(status);
    }
}
