//! What the machine's clocks say.

use std::time::Duration;

use shared::time::UnixTime;

/// The three clocks, read one directly after the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClockReading {
    /// The wall clock (`CLOCK_REALTIME`).
    pub wall: UnixTime,
    /// Time since boot, time asleep included (`CLOCK_BOOTTIME`). The kernel slews it together with the wall clock, so
    /// only steps move the two apart.
    pub boot: Duration,
    /// What the hardware counted, unsteered (`CLOCK_MONOTONIC_RAW`). It stands still in sleep.
    pub raw: Duration,
}

impl ClockReading {
    /// A reading of the two clocks that count through sleep, for a machine that never sleeps.
    pub fn awake(wall: UnixTime, boot: Duration) -> Self {
        Self { wall, boot, raw: boot }
    }

    /// Wall clock minus boot clock, in milliseconds: constant as long as the wall clock is not set.
    pub(super) fn offset_ms(self) -> i64 {
        millis(self.wall).saturating_sub(span_ms(self.boot))
    }
}

/// A closer look, taken a few times a second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Look {
    /// The clocks.
    pub reading: ClockReading,
    /// The kernel's statement about its clock, if it makes one.
    pub kernel: Option<KernelClock>,
}

/// `adjtimex(2)`, as far as it matters here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KernelClock {
    /// Whether something keeps the clock synchronized: `STA_UNSYNC` is not set.
    pub is_synchronized: bool,
    /// The largest error that the kernel assumes (`maxerror`). It grows by 500 ppm as long as nothing corrects it.
    pub max_error: Duration,
    /// What the end of this UTC day brings (`STA_INS`, `STA_DEL`).
    pub leap: Option<Leap>,
}

/// A second more or less at the end of a UTC day.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Leap {
    /// 23:59:60 is added; POSIX clocks repeat a second.
    Insert,
    /// 23:59:59 is left out.
    Delete,
}

/// Where the edge takes readings from. The system's clocks live in the binary; tests bring their own.
pub trait Clocks: Send + Sync {
    /// Reads the clocks: at every request, so it must be cheap.
    fn read(&self) -> ClockReading;

    /// Looks closer.
    fn look(&self) -> Look {
        Look { reading: self.read(), kernel: None }
    }
}

/// Milliseconds since the epoch, signed, for differences.
pub(super) fn millis(time: UnixTime) -> i64 {
    i64::try_from(time.millis()).unwrap_or(i64::MAX)
}

/// A span's whole milliseconds.
pub(super) fn span_ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
