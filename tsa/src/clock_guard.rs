//! The clock guard: the only source of a time that may be signed.
//!
//! The guard itself never sets a clock and reads none. The edge takes a [`Look`] at the clocks a few times a second
//! and, with time sources, a poll about once a minute, and feeds both in order. What the guard makes of them is a
//! [`Lease`]: requests read it without waiting for one another, and each checks its own reading of the clocks against
//! it.
//!
//! What it notices:
//!
//! - a **step**: the wall clock moved against the boot clock, which cannot be set (`date -s`, a restored snapshot);
//! - a clock that is **off** according to a majority of time sources, or that they have not confirmed for too long;
//! - a boot clock that runs at another **pace** than the hardware: sleep, or a kernel that moves the clock fast;
//! - a **rollback** across restarts: the wall clock is behind a time that was already signed;
//! - a **leap second**, announced by the kernel or by the sources;
//! - **out of bounds**: before this program existed, or after every certificate has ended.

mod leap;
mod lease;
mod limits;
mod mark;
mod quorum;
mod reading;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use shared::audit::ClockEvent;
use shared::time::UnixTime;

use lease::{Basis, Pace, exceeds};
use quorum::NoQuorum;

pub use leap::LeapSecond;
pub use lease::{Lease, TrustedNow};
pub use limits::{ClockLimits, ClockMode};
pub use mark::{HighWaterMark, MarkRecovery};
pub use quorum::{DRIFT_PPM, Exchange, ExchangeError, Quorum, Sample};
pub use reading::{ClockReading, Clocks, KernelClock, Leap, Look};
pub use trouble::ClockTrouble;

/// How often a quorum that holds is recorded.
const HELD_EVERY: Duration = Duration::from_secs(3_600);
/// How long after a leap second its announcement is not believed again: kernels let it stand.
const LEAP_REST: Duration = Duration::from_secs(86_400);

/// A time source, as the log names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceLabel {
    /// The name in the configuration.
    pub name: String,
    /// Whether its answers are authenticated.
    pub is_authenticated: bool,
}

/// The result of asking one source in a poll: an answer, or why there is none.
pub type PollAnswer = Result<Sample, String>;

/// A time source and its state.
#[derive(Clone, Debug)]
pub struct TimeSource {
    label: SourceLabel,
    sample: Option<Sample>,
    counts: bool,
    trouble: Option<String>,
}

impl TimeSource {
    /// Its name, and whether its answers are authenticated.
    pub fn label(&self) -> &SourceLabel {
        &self.label
    }

    /// Whether it is one of those that agree.
    pub fn counts(&self) -> bool {
        self.counts
    }

    /// Why it does not count: the last poll brought no answer, or one that disagrees with the others.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

/// The state machine. The edge owns one, and feeds it from one task: looks and polls never overlap.
#[derive(Debug)]
pub struct ClockGuard {
    /// As configured; constant after the start.
    limits: ClockLimits,
    /// The latest time signed. Each signature moves it, through the leases that share it; the guard only hands it out.
    mark: Arc<HighWaterMark>,
    /// What the machine's clocks did. Looks write it.
    clocks: MachineClocks,
    /// Announced leap seconds. Looks write it, and polls announce.
    leaps: Leaps,
    /// What the time sources said. Polls write it; a look that finds the clocks moved takes it back.
    polls: Polls,
    /// Why timestamps were refused at the end of the last look or poll.
    trouble: Option<ClockTrouble>,
    /// What happened since the edge last took the events.
    events: Vec<ClockEvent>,
}

/// What the machine's own clocks did since the start.
#[derive(Debug)]
struct MachineClocks {
    /// Wall clock minus boot clock when nothing was wrong.
    offset_ms: i64,
    /// Since a step the clocks must run side by side until this boot time.
    settled: Duration,
    /// Whether the wall clock is away from `offset_ms` by more than is forgiven.
    is_displaced: bool,
    /// How the boot clock runs beside the hardware's, since the last quorum.
    pace: Pace,
    /// What the kernel said last of its own clock.
    kernel: Option<KernelClock>,
}

/// Announced leap seconds.
#[derive(Debug)]
struct Leaps {
    /// The one that is to come.
    announced: Option<LeapSecond>,
    /// Until then no other announcement is believed.
    rest_until: UnixTime,
}

/// The answers of the time sources.
#[derive(Debug)]
struct Polls {
    /// In the order of the start.
    sources: Vec<TimeSource>,
    /// The last quorum, if it still holds.
    quorum: Result<Quorum, NoQuorum>,
    /// How many polls in a row were good.
    good: u32,
    /// The boot time at which a quorum was last recorded.
    held_at: Option<Duration>,
    /// Answers to questions sent before this boot time no longer apply: the clocks were moved since.
    forgotten: Duration,
}

impl ClockGuard {
    /// Starts from `first`. `mark` is what was signed before; `sources` are those that polls will ask.
    pub fn start(mut limits: ClockLimits, sources: Vec<SourceLabel>, mark: MarkRecovery, first: &Look) -> Self {
        limits.sources = sources.len();
        let (mark, refused) = mark.finish(&limits, first.reading.boot);
        let started = ClockEvent::Started { sources: sources.len() as u64, mark_ms: mark.signed_up_to().millis() };
        Self {
            limits,
            mark: Arc::new(mark),
            clocks: MachineClocks {
                offset_ms: first.reading.offset_ms(),
                settled: Duration::ZERO,
                is_displaced: false,
                pace: Pace::at(first.reading),
                kernel: None,
            },
            leaps: Leaps { announced: None, rest_until: UnixTime::from_millis(0) },
            polls: Polls {
                sources: sources
                    .into_iter()
                    .map(|label| TimeSource { label, sample: None, counts: false, trouble: None })
                    .collect(),
                quorum: Err(NoQuorum { agreeing: 0 }),
                good: 0,
                held_at: None,
                forgotten: Duration::ZERO,
            },
            trouble: None,
            events: std::iter::once(started).chain(refused).collect(),
        }
    }

    /// What requests may hold until the next look or poll.
    pub fn lease(&self) -> Lease {
        self.lease_as(self.limits.mode)
    }

    /// Looks at the clocks. The answer is for readiness; in mode `monitor` see also [`Self::advice`].
    pub fn look(&mut self, look: &Look) -> Result<TrustedNow, ClockTrouble> {
        self.note_kernel(look.kernel);
        self.note_leap(look.reading);
        self.note_pace(look.reading);
        self.note_step(look.reading);
        if self.polls.quorum.is_ok_and(|quorum| quorum.is_expired(look.reading.boot)) {
            self.lose_quorum(NoQuorum { agreeing: 0 }, "their last answers are too old".to_owned());
        }
        self.evaluate(look.reading);
        self.lease().check(look.reading)
    }

    /// Takes what a round of questions brought, one answer a source in the order of the start.
    pub fn poll(&mut self, answers: &[PollAnswer], look: &Look) {
        let boot = look.reading.boot;
        // It may have slept since the first of them answered, whether or not a look in between has seen it.
        self.note_pace(look.reading);
        let answers: Vec<PollAnswer> = answers.iter().map(|answer| self.still_counts(answer)).collect();
        let mut fresh = 0;
        for (source, answer) in self.polls.sources.iter_mut().zip(&answers) {
            match answer {
                Ok(sample) => {
                    source.sample = Some(*sample);
                    fresh += 1;
                }
                Err(_) => source.sample = source.sample.filter(|sample| boot <= sample.at() + self.limits.expire),
            }
        }
        let unaware = self.note_leap_of_sources(look.reading.wall);
        let samples: Vec<Option<Sample>> = self
            .polls
            .sources
            .iter()
            .zip(&unaware)
            .map(|(source, unaware)| source.sample.filter(|_| !unaware))
            .collect();
        let found = Quorum::of(&samples, self.limits.majority(), boot, self.limits.expire);
        let agrees = match &found {
            Ok((_, agrees)) | Err((_, agrees)) => agrees.clone(),
        };
        self.note_sources(&agrees, &answers, &unaware);
        match found {
            Ok((quorum, _)) => self.hold_quorum(quorum, look),
            Err((none, _)) => {
                let reason =
                    format!("{} of {} agree; {} must", none.agreeing, self.polls.sources.len(), self.limits.majority());
                self.lose_quorum(none, reason);
            }
        }
        // The question is only whether this poll was good; the ones before are what is counted.
        let is_good = fresh >= self.limits.majority()
            && matches!(
                self.strict_lease(0).check(look.reading),
                Ok(_) | Err(ClockTrouble::Behind { .. } | ClockTrouble::LeapSecond)
            );
        if is_good {
            self.polls.good = self.polls.good.saturating_add(1);
        } else if self.polls.good < self.limits.good_polls {
            self.polls.good = 0;
        }
        self.evaluate(look.reading);
    }

    /// What happened since the last call.
    pub fn take_events(&mut self) -> Vec<ClockEvent> {
        std::mem::take(&mut self.events)
    }

    /// What the guard lets pass.
    pub fn limits(&self) -> ClockLimits {
        self.limits
    }

    /// The latest time signed.
    pub fn mark(&self) -> Arc<HighWaterMark> {
        self.mark.clone()
    }

    /// Why timestamps are refused, or would be if the mode were `enforce` instead of `monitor`.
    pub fn advice(&self) -> Option<ClockTrouble> {
        self.trouble
    }

    /// Whether the time sources should be asked again soon, because time is not trusted without them.
    pub fn is_waiting_for_polls(&self) -> bool {
        !self.polls.sources.is_empty() && (self.polls.quorum.is_err() || self.polls.good < self.limits.good_polls)
    }

    /// The last quorum, if it still holds.
    pub fn quorum(&self) -> Option<Quorum> {
        self.polls.quorum.ok()
    }

    /// The sources, in the order of the start.
    pub fn sources(&self) -> &[TimeSource] {
        &self.polls.sources
    }

    /// The kernel's last statement about its clock.
    pub fn kernel(&self) -> Option<KernelClock> {
        self.clocks.kernel
    }

    /// The leap second that is announced.
    pub fn leap(&self) -> Option<LeapSecond> {
        self.leaps.announced
    }

    /// How far a clock that reads like this is from the middle of what the quorum leaves possible, and how far that is
    /// from its ends.
    pub fn offset_and_margin(&self, reading: ClockReading) -> Option<(i64, u64)> {
        self.polls.quorum.ok().map(|quorum| quorum.offset_and_margin(reading.offset_ms()))
    }

    fn lease_as(&self, mode: ClockMode) -> Lease {
        match mode {
            ClockMode::Enforce => self.strict_lease(self.limits.good_polls.saturating_sub(self.polls.good)),
            ClockMode::Monitor | ClockMode::Local => {
                self.lease_on(Basis::Own { offset_ms: self.clocks.offset_ms, settled: self.clocks.settled })
            }
        }
    }

    fn strict_lease(&self, remaining: u32) -> Lease {
        let limit_ms = self.limits.threshold.as_millis() as u64;
        self.lease_on(match self.polls.quorum {
            Err(NoQuorum { agreeing }) => {
                let (needed, sources) = (self.limits.majority(), self.limits.sources);
                Basis::None(ClockTrouble::NoQuorum { agreeing, needed, sources })
            }
            Ok(_) if self.limits.needs_kernel && !self.kernel_is_right() => {
                Basis::None(ClockTrouble::KernelUnsynchronized { limit_ms })
            }
            Ok(quorum) => Basis::Quorum { offset_ms: self.clocks.offset_ms, quorum, remaining },
        })
    }

    fn lease_on(&self, basis: Basis) -> Lease {
        Lease {
            limits: self.limits,
            basis,
            pace: self.clocks.pace,
            leap: self.leaps.announced,
            mark: self.mark.clone(),
        }
    }

    fn kernel_is_right(&self) -> bool {
        self.clocks.kernel.is_some_and(|kernel| kernel.is_synchronized && kernel.max_error <= self.limits.threshold)
    }

    /// Trouble that only the sources can end restarts the count of good polls. The beginning and the end of a refusal
    /// are events.
    fn evaluate(&mut self, reading: ClockReading) {
        let mode = match self.limits.mode {
            ClockMode::Local => ClockMode::Local,
            ClockMode::Enforce | ClockMode::Monitor => ClockMode::Enforce,
        };
        let trouble = self.lease_as(mode).check(reading).err();
        if let Some(
            ClockTrouble::Stepped { .. }
            | ClockTrouble::NoQuorum { .. }
            | ClockTrouble::Expired
            | ClockTrouble::Off { .. }
            | ClockTrouble::KernelUnsynchronized { .. },
        ) = trouble
        {
            self.polls.good = 0;
        }
        match (self.trouble, trouble) {
            (None, Some(trouble)) => self.events.push(ClockEvent::RefusalBegan { reason: trouble.to_string() }),
            (Some(_), None) => self.events.push(ClockEvent::RefusalEnded),
            _ => {}
        }
        self.trouble = trouble;
    }

    fn note_kernel(&mut self, kernel: Option<KernelClock>) {
        if let Some(kernel) = kernel
            && self.clocks.kernel.is_none_or(|before| before.is_synchronized != kernel.is_synchronized)
        {
            let max_error_ms = kernel.max_error.as_millis() as u64;
            self.events.push(ClockEvent::Kernel { is_synchronized: kernel.is_synchronized, max_error_ms });
        }
        self.clocks.kernel = kernel;
    }

    fn note_leap(&mut self, reading: ClockReading) {
        if let Some(kind) = self.clocks.kernel.and_then(|kernel| kernel.leap) {
            self.announce(LeapSecond::at_end_of_day(kind, reading.wall), reading.wall);
        }
        let Some(leap) = self.leaps.announced.filter(|leap| leap.is_past(reading.wall)) else { return };
        self.leaps.announced = None;
        self.leaps.rest_until = leap.midnight().plus(LEAP_REST);
        let moved = reading.offset_ms().saturating_sub(self.clocks.offset_ms);
        let is_applied = !exceeds(moved.saturating_sub(leap.shift_ms()), self.limits.threshold);
        if is_applied {
            self.clocks.offset_ms = reading.offset_ms();
        }
        self.events.push(ClockEvent::LeapPassed { midnight_ms: leap.midnight().millis(), is_applied });
        // What the sources said before was counted in other seconds.
        self.forget_samples(reading.boot, "a leap second has passed");
    }

    fn announce(&mut self, leap: LeapSecond, wall: UnixTime) {
        if self.leaps.announced.is_some() || wall < self.leaps.rest_until {
            return;
        }
        self.leaps.announced = Some(leap);
        self.events
            .push(ClockEvent::LeapAnnounced { midnight_ms: leap.midnight().millis(), is_inserted: leap.is_inserted() });
    }

    /// A majority that announces a leap second is believed. On its day, a source that does not announce it is left out:
    /// it smears the second over hours, or does not know of it, and is wrong either way. Answers which those are.
    fn note_leap_of_sources(&mut self, wall: UnixTime) -> Vec<bool> {
        let announced = [Leap::Insert, Leap::Delete].into_iter().find(|kind| {
            let announcing = self.polls.sources.iter().filter(|s| s.sample.is_some_and(|s| s.leap() == Some(*kind)));
            announcing.count() >= self.limits.majority()
        });
        let Some(kind) = announced else { return vec![false; self.polls.sources.len()] };
        if let Some(leap) = LeapSecond::at_end_of_month(kind, wall) {
            self.announce(leap, wall);
        }
        let kind = self.leaps.announced.filter(|leap| leap.is_today(wall)).map(LeapSecond::kind);
        self.polls.sources.iter().map(|s| kind.is_some() && s.sample.is_some_and(|s| s.leap() != kind)).collect()
    }

    fn note_pace(&mut self, reading: ClockReading) {
        let broken = self.clocks.pace.broken_by(reading);
        if let Some(by_ms) = broken {
            self.events.push(ClockEvent::Slewed { by_ms });
            self.clocks.settled = reading.boot.saturating_add(self.limits.settle);
            self.forget_samples(reading.boot, "the machine slept, or its clock is being moved fast");
        }
        if broken.is_some() || self.polls.sources.is_empty() {
            self.clocks.pace = Pace::at(reading);
        }
    }

    fn still_counts(&self, answer: &PollAnswer) -> PollAnswer {
        match answer {
            Ok(sample) if sample.sent() < self.polls.forgotten => {
                Err("its answer is from before the machine's clocks were moved".to_owned())
            }
            other => other.clone(),
        }
    }

    fn note_step(&mut self, reading: ClockReading) {
        if self.leaps.announced.is_some_and(|leap| leap.is_near(reading.wall)) {
            return;
        }
        let offset_ms = reading.offset_ms();
        let by_ms = offset_ms.saturating_sub(self.clocks.offset_ms);
        // Compared with the offset at the start and not with the last one, so that many small steps add up.
        if !exceeds(by_ms, self.limits.threshold) {
            self.clocks.is_displaced = false;
            return;
        }
        if !self.clocks.is_displaced {
            self.events.push(ClockEvent::Stepped { by_ms });
        }
        // With a quorum, it says whether the clock is right now, however far it was moved.
        self.clocks.is_displaced = self.limits.mode != ClockMode::Enforce && exceeds(by_ms, self.limits.forgivable);
        self.polls.good = 0;
        if !self.clocks.is_displaced {
            self.clocks.offset_ms = offset_ms;
            self.clocks.settled = reading.boot.saturating_add(self.limits.settle);
        }
    }

    fn note_sources(&mut self, agrees: &[bool], answers: &[PollAnswer], unaware: &[bool]) {
        for (at, source) in self.polls.sources.iter_mut().enumerate() {
            let counts = agrees.get(at).copied().unwrap_or_default();
            source.trouble = match answers.get(at) {
                _ if unaware.get(at) == Some(&true) => {
                    Some("it does not announce the leap second that others announce")
                }
                Some(Err(reason)) => Some(reason.as_str()),
                _ if !counts => Some("it disagrees with the others"),
                _ => None,
            }
            .map(str::to_owned);
            if counts == source.counts {
                continue;
            }
            source.counts = counts;
            let SourceLabel { name, is_authenticated } = source.label.clone();
            self.events.push(if counts {
                ClockEvent::SourceGained { source: name, is_authenticated }
            } else {
                ClockEvent::SourceLost { source: name, reason: source.trouble.clone().unwrap_or_default() }
            });
        }
    }

    fn hold_quorum(&mut self, quorum: Quorum, look: &Look) {
        let boot = look.reading.boot;
        if self.polls.quorum.is_err() || self.polls.held_at.is_none_or(|at| boot.saturating_sub(at) >= HELD_EVERY) {
            let (offset_ms, margin_ms) = quorum.offset_and_margin(look.reading.offset_ms());
            let (agreeing, sources) = (quorum.agreeing() as u64, self.polls.sources.len() as u64);
            self.events.push(ClockEvent::QuorumHeld { agreeing, sources, offset_ms, margin_ms });
            self.polls.held_at = Some(boot);
        }
        self.clocks.pace = Pace::at(look.reading);
        self.polls.quorum = Ok(quorum);
    }

    fn lose_quorum(&mut self, none: NoQuorum, reason: String) {
        if self.polls.quorum.is_ok() {
            self.events.push(ClockEvent::QuorumLost { reason });
        }
        self.polls.quorum = Err(none);
        self.polls.good = 0;
    }

    fn forget_samples(&mut self, at: Duration, reason: &str) {
        self.polls.forgotten = at;
        self.polls.sources.iter_mut().for_each(|source| source.sample = None);
        self.lose_quorum(NoQuorum { agreeing: 0 }, reason.to_owned());
    }
}

#[cfg(test)]
pub(crate) mod tests;
