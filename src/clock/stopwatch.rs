//! Measures how long something takes.

use std::time::{Duration, Instant};

/// Monotonic time since a start.
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
