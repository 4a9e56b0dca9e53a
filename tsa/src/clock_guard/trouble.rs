//! Why there is no trusted time.

/// Why there is no trusted time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClockTrouble {
    /// The clock was set just now.
    #[error("the clock was moved by {by_ms} ms")]
    Stepped {
        /// How far, forward positive.
        by_ms: i64,
    },
    /// The machine slept just now, or the kernel moves its clocks fast: what is known of them does not hold any more.
    #[error("the machine slept, or its clock is being moved fast: by {by_ms} ms")]
    Slewed {
        /// How far the boot clock went beside the hardware's.
        by_ms: i64,
    },
    /// The clock was set a short while ago.
    #[error("the clock was moved; it must run undisturbed for another {remaining_ms} ms")]
    Settling {
        /// Milliseconds left.
        remaining_ms: u64,
    },
    /// The clock was set by more than waiting forgives.
    #[error("the clock was moved by {by_ms} ms, too far to go on; set it back, or restart the program")]
    Displaced {
        /// How far, forward positive.
        by_ms: i64,
    },
    /// A later time was signed already.
    #[error("the clock is {by_ms} ms behind a time that was already signed")]
    Behind {
        /// How far, in milliseconds.
        by_ms: u64,
    },
    /// Before the floor.
    #[error("the clock is before the first possible time; set it")]
    BeforeFloor,
    /// After the ceiling.
    #[error("the clock is after the last possible time; set it")]
    AfterCeiling,
    /// The time sources have not been heard yet, or not for too long, or they disagree.
    #[error("{agreeing} of {sources} time sources agree; {needed} must")]
    NoQuorum {
        /// How many agree.
        agreeing: usize,
        /// How many must.
        needed: usize,
        /// How many there are.
        sources: usize,
    },
    /// There is a quorum, but not for long enough since the last trouble.
    #[error("the time sources agree again; {remaining} more good polls are needed")]
    Recovering {
        /// How many more good polls.
        remaining: u32,
    },
    /// What the quorum said is too old by now.
    #[error("the last answers of the time sources are too old")]
    Expired,
    /// By the quorum, the clock may be too far off.
    #[error("according to the time sources the clock may be off by {by_ms} ms; at most {limit_ms} ms are allowed")]
    Off {
        /// The largest error that is possible.
        by_ms: u64,
        /// The largest that is allowed.
        limit_ms: u64,
    },
    /// The kernel does not say that its clock is synchronized.
    #[error("the kernel does not say that its clock is synchronized to within {limit_ms} ms")]
    KernelUnsynchronized {
        /// The largest error that is allowed.
        limit_ms: u64,
    },
    /// Nothing is signed around a leap second: POSIX time says some seconds twice.
    #[error("a leap second is near")]
    LeapSecond,
}

impl ClockTrouble {
    /// Whether the guard must look at the clocks again: it then makes another lease.
    pub fn is_news(self) -> bool {
        matches!(self, Self::Stepped { .. } | Self::Slewed { .. })
    }

    /// Two clocks read with a pause between them look like a step, or like sleep; a second reading tells.
    pub fn may_be_a_slow_reading(self) -> bool {
        matches!(self, Self::Stepped { .. } | Self::Slewed { .. } | Self::Off { .. } | Self::Behind { .. })
    }
}
