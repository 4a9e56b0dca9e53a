//! The wall clock.

use shared::time::{Clock, UnixTime};

/// The operating system's real-time clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that all others are given")]
    fn now(&self) -> UnixTime {
        // A clock before 1970 reads as the epoch, which every validity check refuses.
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixTime::from_millis(since.as_millis() as u64)
    }
}
