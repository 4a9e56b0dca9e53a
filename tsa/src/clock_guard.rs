//! The clock guard: the only source of a time that may be signed.
//!
//! This first version works alone (`local`): it asks nobody else for the time, trusts the system's clock at its start, and from
//! then on watches that nothing moves it. It cannot know that a clock was wrong from the beginning, but for the bounds that
//! it is given. An operator keeps the system's clock right (chrony, ntpd, PTP); the guard notices when that goes wrong:
//!
//! - a **step**: the wall clock and the boot clock, which nobody can set, moved apart (`date -s`, a restored snapshot, a leap
//!   second that the kernel repeats);
//! - a **rollback** across restarts: the wall clock is behind a time that was already signed;
//! - **out of bounds**: before this program existed, or after every certificate has ended.

use std::time::Duration;

use shared::audit::AuditRecord;
use shared::time::UnixTime;

/// Both clocks, read one directly after the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClockReading {
    /// The wall clock (`CLOCK_REALTIME`).
    pub wall: UnixTime,
    /// Time since boot, time asleep included (`CLOCK_BOOTTIME`). The kernel slews it together with the wall clock, so only
    /// steps move the two apart.
    pub boot: Duration,
}

/// Where the edge takes readings from. The system's clocks live in the binary; tests bring their own.
pub trait Clocks: Send + Sync {
    /// Reads both clocks.
    fn read(&self) -> ClockReading;
}

/// What the guard lets pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClockLimits {
    /// The two clocks may move apart by this much in all; it is what the guard's time may be off by, as far as it can tell.
    pub step: Duration,
    /// How long the clocks must then run side by side again before time is trusted.
    pub settle: Duration,
    /// A step beyond this is not forgiven by waiting: times before it, or after it, are wrong by as much, and a person must
    /// say which, by putting the clock back or restarting the program.
    pub forgivable: Duration,
    /// Earlier than this is no time for us.
    pub floor: UnixTime,
    /// Later than this neither.
    pub ceiling: UnixTime,
}

impl ClockLimits {
    /// 2025-01-01T00:00:00Z: before this program's first version. A machine whose clock battery died says 1970 or 2000.
    pub const PROGRAM_FLOOR: UnixTime = UnixTime::from_seconds(1_735_689_600);

    /// The limits for units whose chains are valid from `floor` to `ceiling`: steps of 400 ms, so that with half a second of
    /// rounding an accuracy of one second holds with a tenth to spare.
    pub fn local(floor: UnixTime, ceiling: UnixTime) -> Self {
        Self {
            step: Duration::from_millis(400),
            settle: Duration::from_secs(5),
            forgivable: Duration::from_secs(3_600),
            floor: floor.max(Self::PROGRAM_FLOOR),
            ceiling,
        }
    }
}

/// Why there is no trusted time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClockTrouble {
    /// The clock was set just now.
    #[error("the clock was moved by {by_ms} ms")]
    Stepped {
        /// How far, forward positive.
        by_ms: i64,
    },
    /// The clock was set a short while ago.
    #[error("the clock was moved; it must run undisturbed for {remaining_ms} ms more")]
    Settling {
        /// Until when.
        remaining_ms: u64,
    },
    /// The clock was set by more than waiting forgives.
    #[error("the clock is {by_ms} ms away from where it was; put it back or restart the program")]
    Displaced {
        /// How far, forward positive.
        by_ms: i64,
    },
    /// A later time was signed already.
    #[error("the clock is {by_ms} ms behind a time that was already signed")]
    Behind {
        /// How far.
        by_ms: u64,
    },
    /// Before the floor.
    #[error("the clock is before the first moment that is possible")]
    BeforeFloor,
    /// After the ceiling.
    #[error("the clock is after the last moment that is possible")]
    AfterCeiling,
}

/// A time that may be signed. Only a [`ClockGuard`] makes one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TrustedNow {
    time: UnixTime,
    uncertainty: Duration,
}

impl TrustedNow {
    /// The moment.
    pub fn time(self) -> UnixTime {
        self.time
    }

    /// How far it may be off without the guard noticing.
    pub fn uncertainty(self) -> Duration {
        self.uncertainty
    }

    /// What the audit log writes about it.
    pub fn source(self) -> &'static str {
        "local"
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// The clocks run side by side.
    Steady,
    /// They do so again since a step; good from this boot time on.
    Settling(Duration),
}

/// The state machine. The edge owns one, feeds it readings in the order in which it takes them, and tells it at start the
/// latest time that was signed before.
#[derive(Debug)]
pub struct ClockGuard {
    limits: ClockLimits,
    /// Wall clock minus boot clock when time was last trusted from scratch, in milliseconds.
    offset_ms: i64,
    state: State,
    signed_up_to: UnixTime,
}

impl ClockGuard {
    /// Starts from `first`. `signed_up_to` is the high-water mark: the latest time in the audit log, see [`Self::mark_in`].
    pub fn start(limits: ClockLimits, signed_up_to: Option<UnixTime>, first: ClockReading) -> Self {
        let signed_up_to = signed_up_to.unwrap_or(UnixTime::from_millis(0));
        Self { limits, offset_ms: offset_ms(first), state: State::Steady, signed_up_to }
    }

    /// The time that `record` proves to have been signed. Only records of timestamps count: their time passed a guard, so a
    /// clock that was far ahead cannot raise the mark.
    pub fn mark_in(record: &AuditRecord) -> Option<UnixTime> {
        match record {
            AuditRecord::Timestamped { at_ms, .. } | AuditRecord::TimestampsCounted { at_ms, .. } => {
                Some(UnixTime::from_millis(*at_ms))
            }
            _ => None,
        }
    }

    /// The high-water mark: no time much earlier than this is signed.
    pub fn signed_up_to(&self) -> UnixTime {
        self.signed_up_to
    }

    /// What the guard lets pass.
    pub fn limits(&self) -> ClockLimits {
        self.limits
    }

    /// A time that may be signed, and the mark moves up to it.
    pub fn permit(&mut self, reading: ClockReading) -> Result<TrustedNow, ClockTrouble> {
        let now = self.observe(reading)?;
        self.signed_up_to = self.signed_up_to.max(now.time);
        Ok(now)
    }

    /// Feeds a reading and says whether time is trusted, without the intent to sign: for readiness and for a regular look at
    /// the clocks, which notices a step even when nobody asks for a timestamp.
    pub fn observe(&mut self, reading: ClockReading) -> Result<TrustedNow, ClockTrouble> {
        self.check_step(reading)?;
        if let State::Settling(until) = self.state {
            if reading.boot < until {
                return Err(ClockTrouble::Settling { remaining_ms: (until - reading.boot).as_millis() as u64 });
            }
            self.state = State::Steady;
        }
        if reading.wall < self.limits.floor {
            return Err(ClockTrouble::BeforeFloor);
        }
        if reading.wall > self.limits.ceiling {
            return Err(ClockTrouble::AfterCeiling);
        }
        let behind = self.signed_up_to.since(reading.wall);
        if behind > self.limits.step {
            return Err(ClockTrouble::Behind { by_ms: behind.as_millis() as u64 });
        }
        Ok(TrustedNow { time: reading.wall, uncertainty: self.limits.step })
    }

    fn check_step(&mut self, reading: ClockReading) -> Result<(), ClockTrouble> {
        let offset_ms = offset_ms(reading);
        let by_ms = offset_ms.saturating_sub(self.offset_ms);
        // Compared with the offset at the start and not with the last one, so that many small steps add up.
        if u128::from(by_ms.unsigned_abs()) <= self.limits.step.as_millis() {
            return Ok(());
        }
        if u128::from(by_ms.unsigned_abs()) > self.limits.forgivable.as_millis() {
            return Err(ClockTrouble::Displaced { by_ms });
        }
        self.offset_ms = offset_ms;
        self.state = State::Settling(reading.boot.saturating_add(self.limits.settle));
        Err(ClockTrouble::Stepped { by_ms })
    }
}

fn offset_ms(reading: ClockReading) -> i64 {
    (reading.wall.millis() as i64).saturating_sub(reading.boot.as_millis() as i64)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const BOOT: u64 = 1_000_000;
    const WALL: u64 = 1_795_258_320_000;

    fn at(wall: u64, boot: u64) -> ClockReading {
        ClockReading { wall: UnixTime::from_millis(wall), boot: Duration::from_millis(boot) }
    }

    fn limits() -> ClockLimits {
        ClockLimits::local(UnixTime::from_millis(WALL - 1_000_000), UnixTime::from_millis(WALL + 100_000_000))
    }

    /// A trusted time for tests of what comes after.
    pub(crate) fn trusted(millis: u64) -> TrustedNow {
        let limits = ClockLimits::local(ClockLimits::PROGRAM_FLOOR, UnixTime::from_seconds(32_503_680_000));
        ClockGuard::start(limits, None, at(millis, BOOT)).permit(at(millis, BOOT)).expect("a steady clock")
    }

    fn guard() -> ClockGuard {
        ClockGuard::start(limits(), None, at(WALL, BOOT))
    }

    #[test]
    fn a_steady_clock_is_trusted() {
        let mut guard = guard();
        for later in [0, 1, 1_000, 86_400_000] {
            let now = guard.permit(at(WALL + later, BOOT + later)).expect("steady");
            assert_eq!(now.time().millis(), WALL + later);
            assert_eq!(guard.signed_up_to(), now.time());
        }
    }

    #[test]
    fn a_step_in_either_direction_stops_time_until_it_has_settled() {
        for by in [401, -401, 3_600_000, -3_600_000_i64] {
            let mut guard = guard();
            let moved = |later: u64| at((WALL + later).saturating_add_signed(by), BOOT + later);
            assert_eq!(guard.permit(moved(10)), Err(ClockTrouble::Stepped { by_ms: by }));
            assert_eq!(guard.permit(moved(11)), Err(ClockTrouble::Settling { remaining_ms: 4_999 }));
            assert_eq!(guard.permit(moved(5_009)), Err(ClockTrouble::Settling { remaining_ms: 1 }));
            let settled = guard.permit(moved(5_010));
            if by >= -1_000_000 {
                assert_eq!(settled.map(|now| now.time()), Ok(moved(5_010).wall));
            } else {
                assert_eq!(settled, Err(ClockTrouble::BeforeFloor));
            }
        }
    }

    #[test]
    fn a_step_while_settling_starts_the_wait_again() {
        let mut guard = guard();
        assert!(matches!(guard.permit(at(WALL + 1_000, BOOT)), Err(ClockTrouble::Stepped { .. })));
        assert!(matches!(guard.permit(at(WALL + 2_000 + 4_000, BOOT + 4_000)), Err(ClockTrouble::Stepped { .. })));
        let again = guard.permit(at(WALL + 2_000 + 5_000, BOOT + 5_000));
        assert_eq!(again, Err(ClockTrouble::Settling { remaining_ms: 4_000 }));
    }

    #[test]
    fn small_steps_add_up() {
        let mut guard = guard();
        assert!(guard.permit(at(WALL + 300, BOOT)).is_ok());
        assert!(guard.permit(at(WALL + 400, BOOT)).is_ok());
        assert_eq!(guard.permit(at(WALL + 401, BOOT)), Err(ClockTrouble::Stepped { by_ms: 401 }));
    }

    #[test]
    fn a_large_step_is_forgiven_only_by_undoing_it() {
        let mut guard = guard();
        let displaced = Err(ClockTrouble::Displaced { by_ms: 3_600_001 });
        assert_eq!(guard.permit(at(WALL + 3_600_001, BOOT)), displaced);
        assert_eq!(guard.permit(at(WALL + 3_600_001 + 60_000, BOOT + 60_000)), displaced);
        assert!(guard.permit(at(WALL + 60_001, BOOT + 60_001)).is_ok());
        assert!(guard.signed_up_to() < UnixTime::from_millis(WALL + 100_000));
    }

    #[test]
    fn a_rollback_across_a_restart_is_refused_until_the_clock_has_caught_up() {
        let signed = UnixTime::from_millis(WALL + 10_000);
        let mut guard = ClockGuard::start(limits(), Some(signed), at(WALL, BOOT));
        assert_eq!(guard.permit(at(WALL, BOOT)), Err(ClockTrouble::Behind { by_ms: 10_000 }));
        assert_eq!(guard.permit(at(WALL + 9_599, BOOT + 9_599)), Err(ClockTrouble::Behind { by_ms: 401 }));
        assert!(guard.permit(at(WALL + 9_600, BOOT + 9_600)).is_ok());
        assert_eq!(guard.signed_up_to(), signed);
    }

    #[test]
    fn bounds_are_inclusive() {
        let limits = limits();
        for (wall, expected) in [
            (limits.floor.millis() - 1, Some(ClockTrouble::BeforeFloor)),
            (limits.floor.millis(), None),
            (limits.ceiling.millis(), None),
            (limits.ceiling.millis() + 1, Some(ClockTrouble::AfterCeiling)),
        ] {
            let mut guard = ClockGuard::start(limits, None, at(wall, BOOT));
            assert_eq!(guard.permit(at(wall, BOOT)).err(), expected);
        }
        assert_eq!(ClockLimits::local(UnixTime::from_millis(0), limits.ceiling).floor, ClockLimits::PROGRAM_FLOOR);
    }

    #[test]
    fn only_timestamps_raise_the_mark() {
        let (sha256, origin, cause) = (String::new(), String::new(), String::new());
        let other = AuditRecord::ConfigurationLoaded { at_ms: u64::MAX, sha256, origin, cause };
        assert_eq!(ClockGuard::mark_in(&other), None);
    }

    #[test]
    fn absurd_readings_do_not_panic() {
        let mut guard = guard();
        for (wall, boot) in [(u64::MAX, 0), (0, u64::MAX), (u64::MAX, u64::MAX), (0, 0)] {
            let _ = guard.permit(at(wall, boot));
        }
    }
}
