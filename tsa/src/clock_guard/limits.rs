//! What the guard accepts.

use std::time::Duration;

use shared::time::UnixTime;

/// How the `source` of a time begins that a quorum confirmed.
pub(super) const APPROVED: &str = "enforce";

/// What the guard demands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ClockMode {
    /// No timestamp without a fresh quorum of time sources that confirms the machine's clock.
    Enforce,
    /// Sources and kernel are watched and reported, but only what the machine notices by itself stops timestamps.
    Monitor,
    /// No time sources are asked: the machine's clock is believed as long as nothing moves it. For networks without
    /// time sources.
    #[default]
    Local,
}

impl ClockMode {
    /// As the configuration spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Monitor => "monitor",
            Self::Local => "local",
        }
    }
}

impl std::fmt::Display for ClockMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the guard accepts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClockLimits {
    /// What is demanded of the clock.
    pub mode: ClockMode,
    /// How far the clock may be off: the largest error that the quorum leaves possible, and the largest step that is
    /// not called one. With rounding it makes up the accuracy that tokens promise.
    pub threshold: Duration,
    /// Without a quorum: how long the clocks must run side by side again after a step before time is trusted.
    pub settle: Duration,
    /// Without a quorum: a step beyond this is not forgiven by waiting. Times before it, or after it, are wrong by as
    /// much, and a person must say which, by putting the clock back or restarting the program.
    pub forgivable: Duration,
    /// How many time sources are configured. More than half of them must agree.
    pub sources: usize,
    /// How long an answer of a source counts.
    pub expire: Duration,
    /// How many good polls in a row it takes until time is trusted, at start and after trouble.
    pub good_polls: u32,
    /// Whether the kernel must call its clock synchronized too, and not off by more than `threshold`.
    pub needs_kernel: bool,
    /// An earlier time is never signed.
    pub floor: UnixTime,
    /// A later time is never signed.
    pub ceiling: UnixTime,
}

impl ClockLimits {
    /// 2025-01-01T00:00:00Z: before this program's first version. A machine whose clock battery died says 1970 or 2000.
    pub const PROGRAM_FLOOR: UnixTime = UnixTime::from_seconds(1_735_689_600);

    /// Without sources, and no narrower bounds than the program's own: 400 ms, so that with half a second of rounding
    /// an accuracy of one second holds with a tenth to spare.
    pub const LOCAL: Self = Self {
        mode: ClockMode::Local,
        threshold: Duration::from_millis(400),
        settle: Duration::from_secs(5),
        forgivable: Duration::from_secs(3_600),
        sources: 0,
        expire: Duration::from_secs(256),
        good_polls: 3,
        needs_kernel: false,
        floor: Self::PROGRAM_FLOOR,
        ceiling: UnixTime::from_seconds(253_402_300_799),
    };

    /// The same for units whose chains are valid from `floor` to `ceiling`.
    pub fn between(self, floor: UnixTime, ceiling: UnixTime) -> Self {
        Self { floor: floor.max(Self::PROGRAM_FLOOR), ceiling, ..self }
    }

    /// How many sources must agree: more than half, so that liars, who are fewer than half, are never alone.
    pub fn majority(&self) -> usize {
        self.sources / 2 + 1
    }
}
