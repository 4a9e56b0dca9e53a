//! The clock guard of a running instance: it reads the machine's clocks, asks the time sources, stores the high-water
//! mark and records events. Requests take their time from it without waiting for any of that.

mod mark_file;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::{Value, json};
use shared::audit::{AuditRecord, ClockEvent};
use shared::log::{Log, ReadError};
use shared::random::{Random, SystemRandom};
use shared::time::UnixTime;
use tsa::clock_guard::PollAnswer;
use tsa::{ClockGuard, ClockLimits, ClockMode, ClockTrouble, Clocks, Lease, Look, MarkRecovery, TrustedNow};

use crate::outbound::time_sources::TimeSources;
pub(crate) use mark_file::{MarkFile, MarkFileError};

/// How often the clocks are read. A step or sleep in between is still seen by every request; reading them records it.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often the high-water mark is written, when it has moved.
const KEEP_EVERY: Duration = Duration::from_secs(5);
/// How soon sources are asked again while time waits for them.
const ASK_AGAIN: Duration = Duration::from_secs(4);
/// For how many rounds without success, so that sources which are down are not flooded.
const ASK_AGAIN_ROUNDS: u32 = 8;

/// Why the guard cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustedTimeError {
    /// The last leaves of the audit log cannot be read, so the latest signed time is unknown.
    #[error("the audit log cannot be read, so the latest signed time is unknown: {0}")]
    Audit(#[from] ReadError),
    #[error(transparent)]
    Mark(#[from] MarkFileError),
}

/// The only source of times that are signed.
pub(crate) struct TrustedTime {
    clocks: Arc<dyn Clocks>,
    lease: ArcSwap<Lease>,
    guard: Mutex<ClockGuard>,
    sources: TimeSources,
    audit: Log,
    mark: Option<MarkFile>,
}

impl TrustedTime {
    /// Starts the guard at the latest time on record: the stored mark and the timestamps in `audit` since it was kept.
    pub(crate) fn start(
        limits: ClockLimits,
        sources: TimeSources,
        clocks: Arc<dyn Clocks>,
        audit: Log,
        mark: Option<MarkFile>,
    ) -> Result<Self, TrustedTimeError> {
        let recovery = recover(&audit, mark.as_ref())?;
        let first = clocks.look();
        let mut guard = ClockGuard::start(limits, sources.labels(), recovery, &first);
        let _ = guard.look(&first);
        let lease = ArcSwap::from_pointee(guard.lease());
        Ok(Self { clocks, lease, guard: Mutex::new(guard), sources, audit, mark })
    }

    /// A time that may be signed: the clocks' readings, checked against the lease.
    pub(crate) fn permit(&self) -> Result<TrustedNow, ClockTrouble> {
        let lease = self.lease.load();
        lease.permit(self.clocks.read()).or_else(|trouble| {
            if !trouble.may_be_a_slow_reading() {
                return Err(trouble);
            }
            lease.permit(self.clocks.read()).inspect_err(|trouble| {
                // The guard learns at once what a request has seen.
                if trouble.is_news() {
                    let _ = self.look();
                }
            })
        })
    }

    /// The time of the machine's clock, trusted or not, for what is not signed as a timestamp.
    pub(crate) fn wall(&self) -> UnixTime {
        self.clocks.read().wall
    }

    /// Looks at the clocks now, for readiness.
    pub(crate) fn look(&self) -> Result<TrustedNow, ClockTrouble> {
        self.with_guard(|guard, look| guard.look(look))
    }

    /// The full status of the clock, for health and the disclosure statement.
    pub(crate) fn report(&self) -> Value {
        self.with_guard(|guard, look| {
            let trouble = guard.look(look).err();
            let sources: Vec<Value> = guard
                .sources()
                .iter()
                .map(|source| {
                    let label = source.label();
                    json!({
                        "name": label.name,
                        "authenticated": label.is_authenticated,
                        "counts": source.counts(),
                        "trouble": source.trouble(),
                    })
                })
                .collect();
            let quorum = guard.quorum().zip(guard.offset_and_margin(look.reading)).map(|(quorum, (offset, margin))| {
                json!({ "agreeing": quorum.agreeing(), "offset_ms": offset, "margin_ms": margin })
            });
            let kernel = guard.kernel().map(|kernel| {
                json!({ "synchronized": kernel.is_synchronized, "max_error_ms": kernel.max_error.as_millis() as u64 })
            });
            json!({
                "mode": guard.limits().mode.as_str(),
                "trusted": trouble.is_none(),
                "trouble": trouble.map(|trouble| trouble.to_string()),
                "enforce_would_say": guard.advice().map(|trouble| trouble.to_string()),
                "threshold_ms": guard.limits().threshold.as_millis() as u64,
                "quorum": quorum,
                "sources": sources,
                "kernel": kernel,
                "leap_second_at_ms": guard.leap().map(|leap| leap.midnight().millis()),
                "signed_up_to_ms": guard.mark().signed_up_to().millis(),
            })
        })
    }

    /// The limits that the guard works with.
    pub(crate) fn limits(&self) -> ClockLimits {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner).limits()
    }

    /// Where the time comes from, in words for relying parties.
    pub(crate) fn described(&self) -> String {
        let own = "the machine's clock, synchronized by its operator and checked for steps against the boot clock";
        let labels = self.sources.labels();
        if labels.is_empty() {
            return own.to_owned();
        }
        let limits = self.limits();
        let authenticated = labels.iter().filter(|label| label.is_authenticated).count();
        let how = match limits.mode {
            ClockMode::Enforce => "and confirmed by",
            ClockMode::Monitor | ClockMode::Local => "and compared with, but not required to agree with,",
        };
        format!(
            "{own}, {how} a majority of {} time servers ({authenticated} of them authenticated by RFC 8915), at least \
             {}",
            labels.len(),
            limits.majority()
        )
    }

    /// The guard's mode and whether the clock is trusted: all that the liveness answer says.
    pub(crate) fn summary(&self) -> Value {
        let lease = self.lease.load();
        json!({ "mode": self.limits().mode.as_str(), "trusted": lease.check(self.clocks.read()).is_ok() })
    }

    /// Reads the clocks for as long as the instance is served.
    pub(crate) async fn watch(self: Arc<Self>) {
        loop {
            let _ = self.look();
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Polls the time sources, if there are any; never returns otherwise.
    pub(crate) async fn ask_sources(self: Arc<Self>) {
        if self.sources.is_empty() {
            return;
        }
        let mut in_vain = 0;
        loop {
            let answers = self.sources.ask(&self.clocks).await;
            let answers: Vec<PollAnswer> = answers.into_iter().map(|a| a.map_err(|error| error.to_string())).collect();
            let (is_waiting, is_heard) = self.with_guard(|guard, look| {
                guard.poll(&answers, look);
                (guard.is_waiting_for_polls(), guard.quorum().is_some())
            });
            in_vain = if is_heard { 0 } else { in_vain + 1 };
            let soon = is_waiting && in_vain <= ASK_AGAIN_ROUNDS;
            let wait = if soon { self.sources.poll_every().min(ASK_AGAIN) } else { self.sources.poll_every() };
            tokio::time::sleep(jittered(wait)).await;
        }
    }

    /// Keeps the high-water mark on disk.
    pub(crate) async fn keep_mark(self: Arc<Self>) {
        loop {
            tokio::time::sleep(KEEP_EVERY).await;
            let time = self.clone();
            if let Ok(Err(error)) = tokio::task::spawn_blocking(move || time.keep_mark_now()).await {
                tracing::error!(%error, "the latest time signed could not be stored; the audit log still has it");
            }
        }
    }

    /// Writes the high-water mark if it has moved.
    pub(crate) fn keep_mark_now(&self) -> Result<(), MarkFileError> {
        let Some(file) = &self.mark else { return Ok(()) };
        // The size first: a record is appended after its time has raised the mark, so the mark covers all up to this
        // size.
        let size = self.audit.size();
        let mark = self.guard.lock().unwrap_or_else(PoisonError::into_inner).mark().signed_up_to();
        file.keep(mark, size)
    }

    /// Does `work` with the guard, then publishes the new lease for requests and records the guard's events.
    fn with_guard<T>(&self, work: impl FnOnce(&mut ClockGuard, &Look) -> T) -> T {
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that the guard sees readings in the order in which they were taken.
        let look = self.clocks.look();
        let done = work(&mut guard, &look);
        self.lease.store(Arc::new(guard.lease()));
        for event in guard.take_events() {
            log(&event);
            let record = AuditRecord::Clock {
                at_ms: look.reading.wall.millis(),
                mode: guard.limits().mode.as_str().to_owned(),
                event,
            };
            // In the log's queue, which is committed also when the log is closed: nothing here waits for the disk.
            drop(self.audit.append(record.to_leaf()));
        }
        done
    }
}

/// A sentence for each event, with its values as fields.
fn log(event: &ClockEvent) {
    let moment = |millis: u64| UnixTime::from_millis(millis).rfc3339().unwrap_or_default();
    match event {
        ClockEvent::Started { sources, mark_ms } => {
            let mark = moment(*mark_ms);
            tracing::info!(sources, mark, "the clock guard started; no time before the mark is signed");
        }
        ClockEvent::Kernel { is_synchronized: true, max_error_ms } => {
            tracing::info!(max_error_ms, "the kernel says that the clock is synchronized");
        }
        ClockEvent::Kernel { is_synchronized: false, max_error_ms } => {
            tracing::warn!(max_error_ms, "the kernel says that the clock is not synchronized");
        }
        ClockEvent::LeapAnnounced { midnight_ms, is_inserted } => {
            let (midnight, kind) = (moment(*midnight_ms), if *is_inserted { "inserted" } else { "deleted" });
            tracing::warn!(midnight, kind, "a leap second is announced; no timestamps are signed around it");
        }
        ClockEvent::LeapPassed { midnight_ms, is_applied } => {
            tracing::warn!(midnight = moment(*midnight_ms), is_applied, "the leap second is over");
        }
        ClockEvent::MarkRefused { found_ms, kept_ms } => {
            let (found, kept) = (moment(*found_ms), moment(*kept_ms));
            tracing::warn!(
                found,
                kept,
                "the latest signed time on record is too far ahead of the clock and is ignored"
            );
        }
        ClockEvent::QuorumHeld { agreeing, sources, offset_ms, margin_ms } => {
            tracing::info!(agreeing, sources, offset_ms, margin_ms, "the time sources agree");
        }
        ClockEvent::QuorumLost { reason } => tracing::warn!(reason, "too few time sources agree"),
        ClockEvent::RefusalBegan { reason } => {
            tracing::error!(
                reason,
                "the clock is not trusted: timestamps are refused, unless time.mode is \"monitor\""
            );
        }
        ClockEvent::RefusalEnded => tracing::warn!("the clock is trusted again"),
        ClockEvent::Slewed { by_ms } => {
            tracing::warn!(by_ms, "the clock ran at another pace than the hardware, or the machine slept");
        }
        ClockEvent::SourceGained { source, is_authenticated } => {
            tracing::info!(source, is_authenticated, "a time source counts");
        }
        ClockEvent::SourceLost { source, reason } => {
            tracing::warn!(source, reason, "a time source no longer counts");
        }
        ClockEvent::Stepped { by_ms } => tracing::warn!(by_ms, "the clock was set"),
    }
}

/// The latest signed time: the stored mark, and the records since.
fn recover(audit: &Log, mark: Option<&MarkFile>) -> Result<MarkRecovery, TrustedTimeError> {
    let kept = mark.map(MarkFile::read).transpose()?.flatten();
    let mut recovery = MarkRecovery::new(kept.map(|kept| kept.mark()));
    for index in kept.map_or(0, |kept| kept.audit_size())..audit.size() {
        let leaf = audit.leaf(index)?.unwrap_or_default();
        if let Ok(record) = serde_json::from_slice::<AuditRecord>(&leaf) {
            recovery.see(&record);
        }
    }
    Ok(recovery)
}

/// A tenth more or less, so that many instances do not ask at once (RFC 5905 §13.1 does the same to its poll interval).
fn jittered(wait: Duration) -> Duration {
    let random: &dyn Random = &SystemRandom;
    let [byte] = random.bytes::<1>();
    wait.mul_f64(0.9 + 0.2 * f64::from(byte) / 255.0)
}

#[cfg(test)]
mod tests;
