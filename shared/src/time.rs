//! Time as an argument: the pure core does not read a clock.

use std::time::Duration;

/// A moment, in whole milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX time).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The moment `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// The moment `seconds` seconds after the epoch.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000
    }

    /// This moment cut to the whole second, as X.509 times are (RFC 5280 §4.1.2.5).
    pub const fn floor_to_second(self) -> Self {
        Self(self.0 - self.0 % 1_000)
    }

    /// The moment `span` later; stops at the end of time instead of wrapping.
    pub const fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.as_millis() as u64))
    }

    /// The moment `span` earlier; stops at the epoch.
    pub const fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span.as_millis() as u64))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// RFC 3339 in UTC with whole seconds, `2026-11-21T10:52:00Z`. Fails after the year 9999, which DER cannot say
    /// either.
    pub fn rfc3339(self) -> Result<String, der::Error> {
        Ok(der::DateTime::from_unix_duration(Duration::from_secs(self.seconds()))?.to_string())
    }
}

/// Where `now` comes from. The system's clock lives in the binary; tests bring their own.
pub trait Clock: Send + Sync {
    /// The present time.
    fn now(&self) -> UnixTime;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_is_utc_with_whole_seconds() {
        assert_eq!(UnixTime::from_millis(1_795_258_320_999).rfc3339().expect("year fits"), "2026-11-21T10:52:00Z");
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(UnixTime::from_millis(5).minus(Duration::from_secs(1)).millis(), 0);
        assert_eq!(UnixTime::from_millis(u64::MAX).plus(Duration::from_secs(1)).millis(), u64::MAX);
    }
}
