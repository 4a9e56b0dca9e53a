//! The wall clock, the boot clock and the hardware's, read together.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};
use shared::time::Clock as _;
use tsa::{ClockReading, Clocks, Look};

use super::kernel;
use super::wall::SystemClock;

/// The operating system's three clocks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClocks;

/// Counts through sleep. `Instant` does not on Linux, so waking a laptop would look like a clock that was set.
#[cfg(any(target_os = "linux", target_os = "android"))]
const BOOT: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const BOOT: ClockId = ClockId::Monotonic;

/// Counts what the hardware counts, without adjustments.
#[cfg(any(target_os = "linux", target_os = "android"))]
const RAW: ClockId = ClockId::MonotonicRaw;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const RAW: ClockId = ClockId::Monotonic;

/// A reading of all clocks that took longer than this is repeated: the thread was interrupted in between.
const TOGETHER: Duration = Duration::from_micros(200);
/// How often it is repeated before the last one is used.
const TRIES: u32 = 8;

impl Clocks for SystemClocks {
    fn read(&self) -> ClockReading {
        let raw = span(clock_gettime(RAW));
        let wall = SystemClock.now();
        ClockReading { wall, boot: span(clock_gettime(BOOT)), raw }
    }

    fn look(&self) -> Look {
        let mut tries = 0;
        loop {
            let before = span(clock_gettime(BOOT));
            let reading = self.read();
            tries += 1;
            if reading.boot.saturating_sub(before) <= TOGETHER || tries == TRIES {
                return Look { reading, kernel: kernel::clock() };
            }
        }
    }
}

/// A time since boot, of which neither part is negative.
fn span(time: Timespec) -> Duration {
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}
