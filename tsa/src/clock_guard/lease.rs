//! What requests get from the guard: how to decide, from two clock readings alone, whether there is a time to sign.

use std::sync::Arc;
use std::time::Duration;

use shared::time::UnixTime;

use super::leap::LeapSecond;
use super::limits::{APPROVED, ClockLimits, ClockMode};
use super::mark::HighWaterMark;
use super::quorum::Quorum;
use super::reading::{ClockReading, span_ms};
use super::trouble::ClockTrouble;

/// What the machine's clock may do without breaking its [`Pace`], and what cutting readings to milliseconds loses.
const UNSEEN: Duration = Duration::from_millis(50);

/// A time that may be signed. Only a [`Lease`] makes one, and only a [`ClockGuard`](super::ClockGuard) makes a lease.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TrustedNow {
    time: UnixTime,
    uncertainty: Duration,
    mode: ClockMode,
}

impl TrustedNow {
    /// The moment.
    pub fn time(self) -> UnixTime {
        self.time
    }

    /// How far it may be off: by the quorum's bounds, or without a quorum by what the guard would not notice.
    pub fn uncertainty(self) -> Duration {
        self.uncertainty
    }

    /// What the audit log writes about it: the mode, and the bound where time sources confirm it.
    pub fn source(self) -> String {
        match self.mode {
            ClockMode::Enforce => format!("{APPROVED} {} ms", self.uncertainty.as_millis()),
            ClockMode::Monitor | ClockMode::Local => self.mode.as_str().to_owned(),
        }
    }
}

/// How fast the kernel may steer the boot clock against the hardware, in parts per million, without our asking the
/// sources anew. With 200 for a bad crystal it makes up [`DRIFT_PPM`](super::DRIFT_PPM).
const STEERING_PPM: i64 = 300;
/// And how far besides: reading two clocks takes a moment.
const STEERING_MS: i64 = 20;

/// Where boot and hardware clock were when they were last known to run side by side.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Pace {
    boot: Duration,
    raw: Duration,
}

impl Pace {
    pub(super) fn at(reading: ClockReading) -> Self {
        Self { boot: reading.boot, raw: reading.raw }
    }

    /// How far they are apart since, in milliseconds, if that is more than the kernel's steering: the machine slept, or
    /// its clock is being moved fast. How long it slept, the kernel took from a clock that may be a second off, and put
    /// into wall and boot clock alike.
    pub(super) fn broken_by(self, reading: ClockReading) -> Option<i64> {
        let (boot, raw) = (reading.boot.saturating_sub(self.boot), reading.raw.saturating_sub(self.raw));
        let by_ms = span_ms(boot).saturating_sub(span_ms(raw));
        let allowed = STEERING_MS + span_ms(raw).saturating_mul(STEERING_PPM) / 1_000_000;
        (by_ms.abs() > allowed).then_some(by_ms)
    }
}

/// What time rests on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Basis {
    /// Nothing: there is no trusted time.
    None(ClockTrouble),
    /// The machine's clock alone: it is where it was against the boot clock, and time is good once that reaches
    /// `settled`.
    Own { offset_ms: i64, settled: Duration },
    /// A quorum that confirms the machine's clock. Time is trusted after `remaining` more good polls.
    Quorum { offset_ms: i64, quorum: Quorum, remaining: u32 },
}

/// Good as long as the clocks do what the guard last saw them do. It never changes, so any number of requests read it
/// at once; the guard makes another when something happens.
#[derive(Clone, Debug)]
pub struct Lease {
    pub(super) limits: ClockLimits,
    pub(super) basis: Basis,
    pub(super) pace: Pace,
    pub(super) leap: Option<LeapSecond>,
    pub(super) mark: Arc<HighWaterMark>,
}

impl Lease {
    /// A time that may be signed, and the mark moves up to it.
    pub fn permit(&self, reading: ClockReading) -> Result<TrustedNow, ClockTrouble> {
        let now = self.check(reading)?;
        self.mark.raise(now.time, reading.boot);
        Ok(now)
    }

    /// The same without the intent to sign.
    pub fn check(&self, reading: ClockReading) -> Result<TrustedNow, ClockTrouble> {
        if self.leap.is_some_and(|leap| leap.is_near(reading.wall)) {
            return Err(ClockTrouble::LeapSecond);
        }
        if let Some(by_ms) = self.pace.broken_by(reading) {
            return Err(ClockTrouble::Slewed { by_ms });
        }
        let uncertainty = self.uncertainty(reading)?;
        if reading.wall < self.limits.floor {
            return Err(ClockTrouble::BeforeFloor);
        }
        if reading.wall > self.limits.ceiling {
            return Err(ClockTrouble::AfterCeiling);
        }
        let behind = self.mark.signed_up_to().since(reading.wall);
        if behind > self.limits.threshold {
            return Err(ClockTrouble::Behind { by_ms: behind.as_millis() as u64 });
        }
        Ok(TrustedNow { time: reading.wall, uncertainty, mode: self.limits.mode })
    }

    fn uncertainty(&self, reading: ClockReading) -> Result<Duration, ClockTrouble> {
        let threshold = self.limits.threshold;
        match self.basis {
            Basis::None(trouble) => Err(trouble),
            Basis::Own { offset_ms, settled } => {
                let by_ms = reading.offset_ms().saturating_sub(offset_ms);
                if exceeds(by_ms, self.limits.forgivable) {
                    return Err(ClockTrouble::Displaced { by_ms });
                }
                if exceeds(by_ms, threshold) {
                    return Err(ClockTrouble::Stepped { by_ms });
                }
                match settled.checked_sub(reading.boot) {
                    Some(left) if !left.is_zero() => {
                        Err(ClockTrouble::Settling { remaining_ms: left.as_millis() as u64 })
                    }
                    _ => Ok(threshold),
                }
            }
            Basis::Quorum { offset_ms, quorum, remaining } => {
                let by_ms = reading.offset_ms().saturating_sub(offset_ms);
                if exceeds(by_ms, threshold) {
                    return Err(ClockTrouble::Stepped { by_ms });
                }
                if quorum.is_expired(reading.boot) {
                    return Err(ClockTrouble::Expired);
                }
                let error = quorum.largest_error(reading.offset_ms(), reading.boot).saturating_add(UNSEEN);
                if error > threshold {
                    let (by_ms, limit_ms) = (error.as_millis() as u64, threshold.as_millis() as u64);
                    return Err(ClockTrouble::Off { by_ms, limit_ms });
                }
                if remaining > 0 { Err(ClockTrouble::Recovering { remaining }) } else { Ok(error) }
            }
        }
    }
}

/// Whether a difference in milliseconds is larger than `limit`, in either direction.
pub(super) fn exceeds(by_ms: i64, limit: Duration) -> bool {
    u128::from(by_ms.unsigned_abs()) > limit.as_millis()
}
