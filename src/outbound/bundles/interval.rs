//! When a bundle is fetched again.

use std::time::Duration;

use shared::random::Random;

/// SPIFFE Federation §5.3: where there is no hint, five minutes.
const WITHOUT_HINT: Duration = Duration::from_secs(300);
/// However short the hint, no more often than this.
const FLOOR: Duration = Duration::from_secs(60);
/// However long the hint, no less often: a revocation waits for the next look.
const CEILING: Duration = Duration::from_secs(3600);
/// For files, where only the date of the file is checked.
pub(super) const OF_FILE: Duration = Duration::from_secs(5);
/// For the Workload API, whose bundles are in memory, so a withdrawal need not wait.
pub(super) const OF_WORKLOAD_API: Duration = Duration::from_secs(1);

/// From a success to the next fetch, by the hint in the bundle; ten per cent more or less, to spread the load.
pub(super) fn after_success(hint: Option<Duration>, random: &dyn Random) -> Duration {
    jittered(hint.unwrap_or(WITHOUT_HINT).clamp(FLOOR, CEILING), random)
}

/// From a failure to the next fetch: a quarter of the interval, and at least 15 seconds less jitter.
pub(super) fn after_failure(hint: Option<Duration>, random: &dyn Random) -> Duration {
    jittered((hint.unwrap_or(WITHOUT_HINT).clamp(FLOOR, CEILING) / 4).max(Duration::from_secs(15)), random)
}

fn jittered(span: Duration, random: &dyn Random) -> Duration {
    let [byte] = random.bytes();
    // From 0.9 to 1.1.
    span * (900 + u32::from(byte) * 200 / 255) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Constant(u8);

    impl Random for Constant {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    #[test]
    fn the_hint_counts_within_bounds() {
        let seconds = |hint: Option<u64>, byte: u8| {
            let hint = hint.map(Duration::from_secs);
            (after_success(hint, &Constant(byte)).as_secs(), after_failure(hint, &Constant(byte)).as_secs())
        };
        assert_eq!(seconds(None, 0), (270, 67));
        assert_eq!(seconds(None, 255), (330, 82));
        assert_eq!(seconds(Some(1), 0), (54, 13));
        assert_eq!(seconds(Some(600), 255), (660, 165));
        assert_eq!(seconds(Some(1 << 40), 255), (3960, 990));
    }
}
