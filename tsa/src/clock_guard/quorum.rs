//! What a majority of time sources leaves possible (Marzullo's intersection), measured against the boot clock.
//!
//! Every interval here bounds *true time minus boot clock*. The boot clock cannot be set, so an answer keeps its
//! meaning when the wall clock is stepped, and a wrong wall clock shows at once in the next reading.

use std::time::Duration;

use super::reading::{Leap, span_ms};

/// How fast the boot clock may drift from true time, in parts per million: what a crystal does (200 at worst) and what
/// the kernel may steer it (see `STEERING_PPM` of a lease). The kernel assumes the same for its own `maxerror`.
pub const DRIFT_PPM: i64 = 500;

/// Furthest root distance of a server that is believed at all; RFC 5905 §11.2.1 says 1.5 s.
const MAX_DISTANCE_US: i64 = 1_500_000;

/// One question to a time server and its answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Exchange {
    /// Boot clock when the question left (T1).
    pub sent: Duration,
    /// Boot clock when the answer was here (T4).
    pub received: Duration,
    /// The server's time when the question came (T2), in microseconds since the epoch.
    pub server_received_us: i64,
    /// The server's time when the answer left (T3).
    pub server_sent_us: i64,
    /// The server's own distance from its reference clock, there and back.
    pub root_delay_us: i64,
    /// How far the server may be off besides.
    pub root_dispersion_us: i64,
    /// What it announces for the end of the month.
    pub leap: Option<Leap>,
}

/// Why an answer cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ExchangeError {
    /// It left the server before it came there, or took longer there than on the whole way.
    #[error("its timestamps contradict each other")]
    Order,
    /// The server is too far from its reference clock.
    #[error("by its own account it may be off by {0} ms")]
    Distance(i64),
}

/// What one source said: true time minus boot clock is between these.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sample {
    sent: Duration,
    at: Duration,
    earliest_ms: i64,
    latest_ms: i64,
    leap: Option<Leap>,
}

impl Sample {
    /// RFC 5905 §8 and §11.2.1: half the way there and back, half the root delay and the root dispersion are how far
    /// the middle may be off. A server's clock that ran differently in between is covered by the microsecond that is
    /// added.
    pub fn measure(exchange: &Exchange) -> Result<Self, ExchangeError> {
        let distance = (exchange.root_delay_us / 2).saturating_add(exchange.root_dispersion_us);
        if exchange.root_delay_us < 0 || exchange.root_dispersion_us < 0 || distance > MAX_DISTANCE_US {
            return Err(ExchangeError::Distance(distance / 1_000));
        }
        let (sent, received) = (micros(exchange.sent), micros(exchange.received));
        let at_server = exchange.server_sent_us.saturating_sub(exchange.server_received_us);
        let on_the_way = received.saturating_sub(sent).saturating_sub(at_server);
        if received < sent || at_server < 0 || on_the_way < 0 {
            return Err(ExchangeError::Order);
        }
        // Truth when the answer left is T3, and it travelled for at least nothing and at most `on_the_way`.
        let latest = exchange.server_received_us.saturating_sub(sent).saturating_add(distance + 1);
        let earliest = exchange.server_sent_us.saturating_sub(received).saturating_sub(distance + 1);
        Ok(Self {
            sent: exchange.sent,
            at: exchange.received,
            earliest_ms: earliest.div_euclid(1_000),
            latest_ms: latest.div_euclid(1_000) + 1,
            leap: exchange.leap,
        })
    }

    /// The leap second that the source announces.
    pub fn leap(&self) -> Option<Leap> {
        self.leap
    }

    /// The boot clock when the source was asked.
    pub fn sent(&self) -> Duration {
        self.sent
    }

    /// The boot clock when it was taken.
    pub fn at(&self) -> Duration {
        self.at
    }

    /// The bounds at boot time `now`, widened by what may have drifted since.
    fn at_boot(&self, now: Duration) -> (i64, i64) {
        let drift = drift_ms(now.saturating_sub(self.at));
        (self.earliest_ms.saturating_sub(drift), self.latest_ms.saturating_add(drift))
    }
}

/// A majority that agrees.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quorum {
    at: Duration,
    expires: Duration,
    earliest_ms: i64,
    latest_ms: i64,
    agreeing: usize,
}

/// Too few agree.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoQuorum {
    /// How many share a moment.
    pub agreeing: usize,
}

impl Quorum {
    /// What `samples` leave possible at boot time `now`, when `majority` of them share a moment. `None` stands for a
    /// source that has not answered lately.
    ///
    /// The bounds are those of the closest `majority` of the sources that share a moment, taken together, and not their
    /// intersection: liars are fewer than the majority, so one of these sources is honest, and true time is within
    /// *its* bounds; liars could narrow an intersection until it leaves true time out.
    pub fn of(
        samples: &[Option<Sample>],
        majority: usize,
        now: Duration,
        expire: Duration,
    ) -> Result<(Self, Vec<bool>), (NoQuorum, Vec<bool>)> {
        let bounds: Vec<Option<(i64, i64)>> = samples.iter().map(|s| s.map(|sample| sample.at_boot(now))).collect();
        let (low, high, agreeing) = intersection(&bounds);
        let agrees: Vec<bool> =
            bounds.iter().map(|b| agreeing > 0 && b.is_some_and(|(from, to)| from <= high && to >= low)).collect();
        let count = agrees.iter().filter(|agrees| **agrees).count();
        if count < majority || majority == 0 {
            return Err((NoQuorum { agreeing: count }, agrees));
        }
        let middle = low + (high - low) / 2;
        let mut members: Vec<(i64, i64, i64, Duration)> = samples
            .iter()
            .zip(&bounds)
            .zip(&agrees)
            .filter(|(_, agrees)| **agrees)
            .filter_map(|((sample, bounds), _)| {
                let (sample, (from, to)) = (sample.as_ref()?, (*bounds)?);
                Some(((middle - from).max(to - middle), from, to, sample.at))
            })
            .collect();
        members.sort_unstable_by_key(|member| member.0);
        members.truncate(majority);
        let oldest = members.iter().map(|member| member.3).min().unwrap_or(now);
        let quorum = Self {
            at: now,
            expires: oldest.saturating_add(expire),
            earliest_ms: members.iter().map(|member| member.1).min().unwrap_or(i64::MIN),
            latest_ms: members.iter().map(|member| member.2).max().unwrap_or(i64::MAX),
            agreeing: count,
        };
        Ok((quorum, agrees))
    }

    /// How many sources agree.
    pub fn agreeing(&self) -> usize {
        self.agreeing
    }

    /// Whether it is too old at boot time `now`.
    pub fn is_expired(&self, now: Duration) -> bool {
        now > self.expires || now < self.at
    }

    /// The largest error that a wall clock can have which is `offset_ms` ahead of the boot clock at boot time `now`.
    pub fn largest_error(&self, offset_ms: i64, now: Duration) -> Duration {
        let ahead = offset_ms.saturating_sub(self.earliest_ms);
        let behind = self.latest_ms.saturating_sub(offset_ms);
        let error = ahead.max(behind).max(0).saturating_add(drift_ms(now.saturating_sub(self.at)));
        Duration::from_millis(error.unsigned_abs())
    }

    /// How far ahead such a clock is of the middle of what is possible, and how far it is from there to either end.
    pub fn offset_and_margin(&self, offset_ms: i64) -> (i64, u64) {
        let width = self.latest_ms.saturating_sub(self.earliest_ms);
        (offset_ms.saturating_sub(self.earliest_ms.saturating_add(width / 2)), (width / 2).unsigned_abs() + 1)
    }
}

/// The moments that the most bounds share, and how many do (Marzullo 1984). Among equals the narrowest.
fn intersection(bounds: &[Option<(i64, i64)>]) -> (i64, i64, usize) {
    // A beginning sorts before an end at the same moment: bounds that touch agree.
    let mut edges: Vec<(i64, bool)> =
        bounds.iter().flatten().flat_map(|&(from, to)| [(from, false), (to, true)]).collect();
    edges.sort_unstable();
    let (mut open, mut best) = (0_usize, (0, 0, 0_usize));
    for (at, &(moment, is_end)) in edges.iter().enumerate() {
        if is_end {
            open -= 1;
            continue;
        }
        open += 1;
        let until = edges.get(at + 1).map_or(moment, |next| next.0);
        if open > best.2 || (open == best.2 && until - moment < best.1 - best.0) {
            best = (moment, until, open);
        }
    }
    best
}

/// How far the boot clock may have drifted in `span`, rounded up.
pub(super) fn drift_ms(span: Duration) -> i64 {
    span_ms(span).saturating_mul(DRIFT_PPM) / 1_000_000 + 1
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
