//! Timestamps without a record of each (`audit.timestamps = "off"`): they are counted.

use std::sync::{Mutex, PoisonError};

use shared::audit::AuditRecord;
use shared::time::UnixTime;
use tsa::WithoutRecords;

/// The count, and the permission to sign without a receipt, which only the operator's setting gives.
pub(super) struct Unrecorded {
    word: WithoutRecords,
    since_last_record: Mutex<Option<Count>>,
}

/// How many, and the latest of their times.
struct Count {
    count: u64,
    latest: UnixTime,
}

impl Unrecorded {
    pub(super) fn start() -> Self {
        tracing::warn!("audit.timestamps is off: the audit log only counts timestamps and has no record of each");
        Self { word: WithoutRecords::as_the_operator_decided(), since_last_record: Mutex::default() }
    }

    /// Counts a timestamp that is about to be signed: one that fails to be signed is counted too, so that the count is
    /// never too low.
    pub(super) fn count_one(&self, at: UnixTime) {
        let mut since = self.since_last_record.lock().unwrap_or_else(PoisonError::into_inner);
        let Count { count, latest } = since.take().unwrap_or(Count { count: 0, latest: at });
        *since = Some(Count { count: count + 1, latest: latest.max(at) });
    }

    /// The operator's permission to sign without a record.
    pub(super) fn word(&self) -> WithoutRecords {
        self.word
    }

    /// The record of what was signed since the last one; none when nothing was.
    pub(super) fn count(&self) -> Option<AuditRecord> {
        let mut since = self.since_last_record.lock().unwrap_or_else(PoisonError::into_inner);
        since.take().map(|Count { count, latest }| AuditRecord::TimestampsCounted { at_ms: latest.millis(), count })
    }
}
