//! The high-water mark: the latest time that was signed. No earlier time is signed after it.
//!
//! It is kept on disk and in the audit log, so that a restored snapshot of the machine or a dead clock battery cannot
//! make us sign times before it again. A mark that is too far ahead would stop us for as long, so a clock from the
//! future must not raise it: with a quorum, only times are signed that the quorum confirmed; without one, a start
//! raises the mark by no more than a week and twice the time that the boot clock has counted since.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shared::audit::{AuditRecord, ClockEvent};
use shared::time::UnixTime;

use super::limits::APPROVED;
use super::limits::{ClockLimits, ClockMode};

/// How far beyond the stored mark a time is believed that no quorum confirmed.
///
/// Longer, and a clock that was ahead stops timestamps for longer; shorter, and a machine that was off for longer is
/// open for a clock that goes back meanwhile.
const SLACK: Duration = Duration::from_secs(7 * 86_400);

/// The mark. Many requests raise it at once.
#[derive(Debug)]
pub struct HighWaterMark {
    signed: AtomicU64,
    /// Without a quorum: where the bound began, and when by the boot clock.
    bound: Option<(UnixTime, Duration)>,
}

impl HighWaterMark {
    /// No time much earlier than this is signed.
    pub fn signed_up_to(&self) -> UnixTime {
        UnixTime::from_millis(self.signed.load(Ordering::Acquire))
    }

    pub(super) fn raise(&self, time: UnixTime, boot: Duration) {
        let time = match self.bound {
            None => time,
            Some((from, since)) => time.min(from.plus(SLACK).plus(boot.saturating_sub(since).saturating_mul(2))),
        };
        self.signed.fetch_max(time.millis(), Ordering::AcqRel);
    }
}

/// Finds the mark at a start, from the stored mark and the records that came after it.
#[derive(Clone, Copy, Debug)]
pub struct MarkRecovery {
    kept: Option<UnixTime>,
    approved: Option<UnixTime>,
    own: Option<UnixTime>,
}

impl MarkRecovery {
    /// Begins with the mark in the file, when there is one.
    pub fn new(kept: Option<UnixTime>) -> Self {
        Self { kept, approved: None, own: None }
    }

    /// Looks at a record. Only timestamps count: their time passed a guard.
    pub fn see(&mut self, record: &AuditRecord) {
        let (at_ms, is_approved) = match record {
            AuditRecord::Timestamped { at_ms, clock, .. } => (*at_ms, clock.starts_with(APPROVED)),
            // It does not say what its times rested on, so they are not believed further than they must be.
            AuditRecord::TimestampsCounted { at_ms, .. } => (*at_ms, false),
            _ => return,
        };
        let which = if is_approved { &mut self.approved } else { &mut self.own };
        *which = (*which).max(Some(UnixTime::from_millis(at_ms)));
    }

    /// The mark for a life that begins at boot time `boot`, and an event when a time found was too far ahead to be
    /// believed.
    pub fn finish(self, limits: &ClockLimits, boot: Duration) -> (HighWaterMark, Option<ClockEvent>) {
        let sure = self.kept.max(self.approved);
        let believed = sure.map_or(UnixTime::from_millis(u64::MAX), |sure| sure.plus(SLACK));
        let mark = sure.max(self.own.map(|own| own.min(believed)));
        let refused = self
            .own
            .filter(|own| *own > believed)
            .map(|found| ClockEvent::MarkRefused { found_ms: found.millis(), kept_ms: believed.millis() });
        let bound = match limits.mode {
            ClockMode::Enforce => None,
            // An instance that never signed is as old as its certificates.
            ClockMode::Monitor | ClockMode::Local => Some((mark.unwrap_or(limits.floor), boot)),
        };
        let signed = AtomicU64::new(mark.map_or(0, UnixTime::millis));
        (HighWaterMark { signed, bound }, refused)
    }
}
