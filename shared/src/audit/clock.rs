//! What happened to the clock (EN 319 421 §7.12: all events of synchronisation with UTC, and its loss).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::UnixTime;

/// One event of the clock guard.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub enum ClockEvent {
    /// The guard started with the program.
    Started {
        /// How many sources it asks.
        sources: u64,
        /// The latest signed time, in milliseconds since the epoch; 0 if none is known. No earlier time is signed.
        mark_ms: u64,
    },
    /// The kernel changed its statement about its clock.
    Kernel {
        /// Whether the kernel says that its clock is synchronized.
        is_synchronized: bool,
        /// The largest error that the kernel assumes, in milliseconds.
        max_error_ms: u64,
    },
    /// A leap second was announced for the end of this UTC day.
    LeapAnnounced {
        /// The midnight that it comes before, in milliseconds since the epoch.
        midnight_ms: u64,
        /// True for one more second, false for one less.
        is_inserted: bool,
    },
    /// The announced leap second is over; nothing was signed around it.
    LeapPassed {
        /// The midnight that it came before.
        midnight_ms: u64,
        /// Whether the machine's clock took it.
        is_applied: bool,
    },
    /// At a start, a time that was signed earlier was too far ahead to be believed.
    MarkRefused {
        /// The time found, in milliseconds since the epoch.
        found_ms: u64,
        /// The time used instead, in milliseconds since the epoch.
        kept_ms: u64,
    },
    /// Enough sources agree on the time: recorded when this begins, and every hour while it lasts.
    QuorumHeld {
        /// How many agree.
        agreeing: u64,
        /// How many are configured.
        sources: u64,
        /// How far the machine's clock is ahead of theirs, in milliseconds; negative if it is behind.
        offset_ms: i64,
        /// By how much that offset may be wrong, in milliseconds.
        margin_ms: u64,
    },
    /// The sources no longer confirm the clock.
    QuorumLost {
        /// Why they do not.
        reason: String,
    },
    /// Time is not trusted from now on: requests are refused (mode `monitor`: would be refused).
    RefusalBegan {
        /// Why the time is not trusted.
        reason: String,
    },
    /// Time is trusted again.
    RefusalEnded,
    /// The boot clock ran at another pace than the hardware: the machine slept, or its clock is being moved fast.
    Slewed {
        /// How far it ran ahead of the hardware, in milliseconds; negative if behind.
        by_ms: i64,
    },
    /// A source counts from now on.
    SourceGained {
        /// The name of the source.
        source: String,
        /// Whether its answers are authenticated.
        is_authenticated: bool,
    },
    /// A source no longer counts.
    SourceLost {
        /// The name of the source.
        source: String,
        /// Why it does not count.
        reason: String,
    },
    /// The wall clock was set.
    Stepped {
        /// How far, in milliseconds; negative if it was set back.
        by_ms: i64,
    },
}

/// The event as a log line.
impl fmt::Display for ClockEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { sources, mark_ms: 0 } => write!(f, "the clock guard started with {sources} time sources"),
            Self::Started { sources, mark_ms } => {
                let mark = At(*mark_ms);
                write!(f, "the clock guard started with {sources} time sources; no time before {mark} is signed")
            }
            Self::Kernel { is_synchronized, max_error_ms } => {
                let state = if *is_synchronized { "synchronized" } else { "not synchronized" };
                write!(f, "the kernel says that the clock is {state} (maximum error {max_error_ms} ms)")
            }
            Self::LeapAnnounced { midnight_ms, is_inserted } => {
                let change = if *is_inserted { "inserted" } else { "deleted" };
                write!(f, "a leap second will be {change} before {}", At(*midnight_ms))
            }
            Self::LeapPassed { midnight_ms, is_applied } => {
                let applied = if *is_applied { "applied" } else { "did not apply" };
                write!(f, "the leap second before {} is over; the clock {applied} it", At(*midnight_ms))
            }
            Self::MarkRefused { found_ms, kept_ms } => {
                let (found, kept) = (At(*found_ms), At(*kept_ms));
                write!(f, "the latest signed time on record, {found}, is too far ahead to be believed; {kept} is used")
            }
            Self::QuorumHeld { agreeing, sources, offset_ms, margin_ms } => {
                let side = if *offset_ms < 0 { "behind" } else { "ahead of" };
                let offset_ms = offset_ms.unsigned_abs();
                write!(f, "{agreeing} of {sources} time sources agree; ")?;
                write!(f, "the clock is {offset_ms} ms {side} them, give or take {margin_ms} ms")
            }
            Self::QuorumLost { reason } => write!(f, "the time sources no longer confirm the clock: {reason}"),
            Self::RefusalBegan { reason } => write!(f, "the clock is no longer trusted: {reason}"),
            Self::RefusalEnded => f.write_str("the clock is trusted again"),
            Self::Slewed { by_ms } => {
                let apart_ms = by_ms.unsigned_abs();
                f.write_str("the machine slept, or its clock is being moved fast: ")?;
                write!(f, "the boot clock and the hardware moved {apart_ms} ms apart")
            }
            Self::SourceGained { source, is_authenticated } => {
                let how = if *is_authenticated { "authenticated" } else { "not authenticated" };
                write!(f, "the time source {source} counts ({how})")
            }
            Self::SourceLost { source, reason } => write!(f, "the time source {source} no longer counts: {reason}"),
            Self::Stepped { by_ms } => {
                let direction = if *by_ms < 0 { "back" } else { "forward" };
                write!(f, "the clock was moved {direction} by {} ms", by_ms.unsigned_abs())
            }
        }
    }
}

/// Milliseconds since the epoch, shown as RFC 3339 if the year fits.
struct At(u64);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UnixTime::from_millis(self.0).rfc3339() {
            Ok(time) => f.write_str(&time),
            Err(_) => write!(f, "{} ms after 1970", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ClockEvent;

    #[test]
    fn a_log_line_is_a_sentence() {
        let kernel = ClockEvent::Kernel { is_synchronized: false, max_error_ms: 16_000 };
        let started = ClockEvent::Started { sources: 4, mark_ms: 1_795_258_320_999 };
        let held = ClockEvent::QuorumHeld { agreeing: 3, sources: 4, offset_ms: -7, margin_ms: 20 };
        for (event, line) in [
            (kernel, "the kernel says that the clock is not synchronized (maximum error 16000 ms)"),
            (started, "the clock guard started with 4 time sources; no time before 2026-11-21T10:52:00Z is signed"),
            (held, "3 of 4 time sources agree; the clock is 7 ms behind them, give or take 20 ms"),
            (ClockEvent::Stepped { by_ms: -59_000 }, "the clock was moved back by 59000 ms"),
        ] {
            assert_eq!(event.to_string(), line);
        }
    }
}
