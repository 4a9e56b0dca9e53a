//! The status of the fetches for each trust domain.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker::names::TrustDomain;
use broker::trust_domain::TrustDomainRecord;
use shared::time::UnixTime;

use super::refresh_error::BundleRefreshError;

/// A fetch that has not ended by then is started again. Every source has a shorter deadline.
const LONGEST_LOOK: Duration = Duration::from_secs(60);

/// The status of the fetches for one trust domain. Each fetch writes it when it ends; reading it does not wait for one.
#[derive(Clone, Default)]
pub(super) struct BundleStatus {
    /// The record that was fetched for. One that a reload created since, without a bundle, is due at once.
    record: Option<Arc<TrustDomainRecord>>,
    /// When the last fetch ended, and its outcome.
    pub(super) last: Option<(UnixTime, Result<(), BundleRefreshError>)>,
    /// When the next fetch is due.
    pub(super) next: Option<UnixTime>,
    /// How many fetches have succeeded and failed since the start.
    pub(super) succeeded: u64,
    pub(super) failed: u64,
}

impl BundleStatus {
    /// Why the last fetch failed, if it did.
    pub(super) fn trouble(&self) -> Option<&BundleRefreshError> {
        self.last.as_ref().and_then(|(_, outcome)| outcome.as_ref().err())
    }
}

/// The statuses of all trust domains that were fetched for since the start.
#[derive(Default)]
pub(super) struct BundleStatuses(Mutex<HashMap<TrustDomain, BundleStatus>>);

impl BundleStatuses {
    /// The status of one trust domain.
    pub(super) fn of(&self, name: &TrustDomain) -> BundleStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default()
    }

    /// Whether a fetch for the record is due.
    pub(super) fn is_due(&self, record: &Arc<TrustDomainRecord>, now: UnixTime) -> bool {
        let statuses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(status) = statuses.get(record.name()) else { return true };
        let is_new = !status.record.as_ref().is_some_and(|looked_at| Arc::ptr_eq(looked_at, record));
        status.next.is_none_or(|next| now >= next) || is_new && record.held().bundle().is_none()
    }

    /// Notes that a fetch begins, so that the background task starts no other until it ends.
    pub(super) fn begin(&self, record: &Arc<TrustDomainRecord>, now: UnixTime) {
        self.change(record, |status| status.next = Some(now.plus(LONGEST_LOOK)));
    }

    /// Notes that a fetch that began at `now` has ended, and that the next is due at `next`.
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
