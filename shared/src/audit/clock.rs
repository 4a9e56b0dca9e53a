//! What happened to the clock (EN 319 421 §7.12: all events of synchronisation with UTC, and its loss).

use serde::{Deserialize, Serialize};

/// One event of the clock guard.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub enum ClockEvent {
    /// The guard began to work: at each start.
    Started {
        /// How many sources it asks.
        sources: u64,
        /// No earlier time is signed, in milliseconds since the epoch; 0 when none is known.
        mark_ms: u64,
    },
    /// The kernel said something new of its clock.
    Kernel {
        /// Whether something keeps it right, by the kernel's own account.
        is_synchronized: bool,
        /// The largest error that the kernel assumes.
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
        /// What was found, in milliseconds since the epoch.
        found_ms: u64,
        /// What is kept instead.
        kept_ms: u64,
    },
    /// Enough sources agree on the time; written when it becomes so, and every hour while it is.
    QuorumHeld {
        /// How many agree.
        agreeing: u64,
        /// How many are configured.
        sources: u64,
        /// The machine's clock is ahead of theirs by so much.
        offset_ms: i64,
        /// And by how much that may be wrong.
        margin_ms: u64,
    },
    /// Not enough sources agree any more.
    QuorumLost {
        /// Why.
        reason: String,
    },
    /// Time is not trusted from now on: requests are refused (mode `monitor`: would be refused).
    RefusalBegan {
        /// Why.
        reason: String,
    },
    /// Time is trusted again.
    RefusalEnded,
    /// The boot clock ran at another pace than the hardware: the machine slept, or its clock is being moved fast.
    Slewed {
        /// How far, ahead of the hardware positive.
        by_ms: i64,
    },
    /// A source counts.
    SourceGained {
        /// Its name.
        source: String,
        /// Whether its answers are authenticated.
        is_authenticated: bool,
    },
    /// A source does not count any more.
    SourceLost {
        /// Its name.
        source: String,
        /// Why.
        reason: String,
    },
    /// The wall clock was set.
    Stepped {
        /// How far, forward positive.
        by_ms: i64,
    },
}
