//! The wall clock and the boot clock, read together.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use shared::time::Clock as _;
use tsa::{ClockReading, Clocks};

use super::SystemClock;

/// The operating system's two clocks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClocks;

/// Counts through sleep. `Instant` does not on Linux, so waking a laptop would look like a clock that was set.
#[cfg(any(target_os = "linux", target_os = "android"))]
const BOOT: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const BOOT: ClockId = ClockId::Monotonic;

impl Clocks for SystemClocks {
    fn read(&self) -> ClockReading {
        let wall = SystemClock.now();
        let boot = clock_gettime(BOOT);
        // Since boot: neither part is negative.
        let boot =
            Duration::new(boot.tv_sec.try_into().unwrap_or_default(), boot.tv_nsec.try_into().unwrap_or_default());
        ClockReading { wall, boot }
    }
}
