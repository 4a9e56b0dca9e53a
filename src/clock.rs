//! The one place that reads the system's clocks.

use std::time::{Duration, Instant};

use shared::time::{Clock, UnixTime};

mod both;
mod kernel;

pub(crate) use both::SystemClocks;

/// The operating system's real-time clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is handed")]
    fn now(&self) -> UnixTime {
        // A clock before 1970 reads as the epoch, which every validity check refuses.
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixTime::from_millis(since.as_millis() as u64)
    }
}

/// Time since some moment in the past, never set by anybody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "measuring is the edge's business")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// How long it has run.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
