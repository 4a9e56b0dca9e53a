//! Leap seconds: POSIX time says a second twice or leaves one out, and nothing is signed around it.
//!
//! `23:59:60` can be written in a GeneralizedTime but breaks parsers, and a repeated 23:59:59 is one second off for
//! half of those who read it. The second is known hours before, so the honest answer is four seconds of
//! timeNotAvailable.

use std::time::Duration;

use shared::time::UnixTime;

use super::reading::Leap;

/// How near is too near: the second itself, and rounding.
const NEAR: Duration = Duration::from_secs(2);

const DAY: u64 = 86_400;

/// An announced leap second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LeapSecond {
    midnight: UnixTime,
    kind: Leap,
}

impl LeapSecond {
    /// At the end of the UTC day of `now`: what the kernel means.
    pub(super) fn at_end_of_day(kind: Leap, now: UnixTime) -> Self {
        Self { midnight: UnixTime::from_seconds((now.seconds() / DAY + 1) * DAY), kind }
    }

    /// At the end of the UTC month of `now`: what time servers mean (RFC 5905 §7.3). `None` after the year 9999.
    pub(super) fn at_end_of_month(kind: Leap, now: UnixTime) -> Option<Self> {
        let date = der::DateTime::from_unix_duration(Duration::from_secs(now.seconds())).ok()?;
        let (year, month) = if date.month() == 12 { (date.year() + 1, 1) } else { (date.year(), date.month() + 1) };
        let midnight = der::DateTime::new(year, month, 1, 0, 0, 0).ok()?;
        Some(Self { midnight: UnixTime::from_seconds(midnight.unix_duration().as_secs()), kind })
    }

    /// The midnight after it.
    pub fn midnight(self) -> UnixTime {
        self.midnight
    }

    /// True for one second more.
    pub fn is_inserted(self) -> bool {
        self.kind == Leap::Insert
    }

    /// Whether it is inserted or deleted.
    pub(super) fn kind(self) -> Leap {
        self.kind
    }

    /// How far it moves a POSIX clock against the boot clock.
    pub(super) fn shift_ms(self) -> i64 {
        match self.kind {
            Leap::Insert => -1_000,
            Leap::Delete => 1_000,
        }
    }

    /// Whether `wall` may be inside the second or its rounding.
    pub(super) fn is_near(self, wall: UnixTime) -> bool {
        wall >= self.midnight.minus(NEAR) && !self.is_past(wall)
    }

    /// Whether a clock that says `wall` is over it, also when it repeats a second.
    pub(super) fn is_past(self, wall: UnixTime) -> bool {
        wall >= self.midnight.plus(NEAR)
    }

    /// Whether it comes within a day.
    pub(super) fn is_today(self, wall: UnixTime) -> bool {
        wall >= self.midnight.minus(Duration::from_secs(DAY))
    }
}
