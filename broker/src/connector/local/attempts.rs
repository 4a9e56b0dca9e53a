//! Failed logins by account, in memory: after five in a row each further attempt has to wait, twice as long every time.
//!
//! Every attempt counts as failed until it has succeeded, so attempts made at the same moment count too. Accounts that
//! do not exist are counted like those that do: a lock does not reveal that an account exists.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shared::time::UnixTime;

/// Failures that cost nothing: people mistype.
const FREE: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// An account that was left alone for this long is forgotten.
const MEMORY: Duration = Duration::from_secs(60 * 60);
/// Accounts remembered; some 2 MiB. Beyond it those that failed longest ago are forgotten.
const ACCOUNTS: usize = 16_384;

#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<String, Failures>>);

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: UnixTime,
}

impl Failures {
    fn wait(self) -> Duration {
        let Some(over) = self.count.checked_sub(FREE) else { return Duration::ZERO };
        FIRST_WAIT.saturating_mul(1_u32.checked_shl(over).unwrap_or(u32::MAX)).min(LONGEST_WAIT)
    }
}

/// An attempt under way, counted as a failure unless it succeeds.
pub(super) struct Attempt<'a> {
    attempts: &'a Attempts,
    account: String,
}

impl Attempts {
    /// Lets an attempt begin, or says how many seconds it has to wait.
    pub(super) fn begin(&self, account: &str, now: UnixTime) -> Result<Attempt<'_>, u64> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = accounts.get(account).copied().filter(|failures| now.since(failures.last) < MEMORY);
        let failures = known.unwrap_or(Failures { count: 0, last: now });
        let rest = failures.wait().saturating_sub(now.since(failures.last));
        if !rest.is_zero() {
            return Err(rest.as_millis().div_ceil(1_000) as u64);
        }
        if accounts.len() >= ACCOUNTS && !accounts.contains_key(account) {
            forget(&mut accounts, now);
        }
        accounts.insert(account.to_owned(), Failures { count: failures.count.saturating_add(1), last: now });
        Ok(Attempt { attempts: self, account: account.to_owned() })
    }
}

/// Frees entries: the expired ones, or the older half when none has expired.
fn forget(accounts: &mut HashMap<String, Failures>, now: UnixTime) {
    accounts.retain(|_, failures| now.since(failures.last) < MEMORY);
    if accounts.len() >= ACCOUNTS {
        let mut times: Vec<UnixTime> = accounts.values().map(|failures| failures.last).collect();
        let (_, middle, _) = times.select_nth_unstable(ACCOUNTS / 2);
        let middle = *middle;
        accounts.retain(|_, failures| failures.last > middle);
    }
}

impl Attempt<'_> {
    pub(super) fn succeeded(self) {
        self.attempts.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(1_000_000 + seconds)
    }

    #[test]
    fn five_are_free_then_the_wait_doubles_up_to_its_limit() {
        let attempts = Attempts::default();
        for _ in 0..FREE {
            assert!(attempts.begin("a", at(0)).is_ok());
        }
        assert_eq!(attempts.begin("a", at(0)).err(), Some(10));
        assert_eq!(attempts.begin("a", at(9)).err(), Some(1));
        assert!(attempts.begin("b", at(9)).is_ok(), "another account is free");
        assert!(attempts.begin("a", at(10)).is_ok());
        assert_eq!(attempts.begin("a", at(10)).err(), Some(20));
        let mut now = 30;
        for _ in 0..40 {
            assert!(attempts.begin("a", at(now)).is_ok());
            now += 900;
        }
        assert_eq!(attempts.begin("a", at(now - 900)).err(), Some(900));
    }

    #[test]
    fn success_and_time_forgive() {
        let attempts = Attempts::default();
        for _ in 0..FREE {
            let _ = attempts.begin("a", at(0));
        }
        attempts.begin("a", at(10)).expect("may try").succeeded();
        assert!(attempts.begin("a", at(10)).is_ok());
        for _ in 0..FREE {
            let _ = attempts.begin("a", at(11));
        }
        assert!(attempts.begin("a", at(11)).is_err());
        assert!(attempts.begin("a", at(11 + 3600)).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let attempts = Attempts::default();
        for account in 0..(3 * ACCOUNTS as u64) {
            let _ = attempts.begin(&account.to_string(), at(account / 100));
            assert!(attempts.0.lock().expect("lock").len() <= ACCOUNTS);
        }
    }
}
