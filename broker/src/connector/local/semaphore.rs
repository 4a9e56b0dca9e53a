//! How many passwords are hashed at once: each takes 19 MiB, and unauthenticated callers decide how many come.

use std::sync::{Condvar, Mutex, PoisonError};

/// Hashed at once: 38 MiB at most.
const PERMITS: usize = 2;
/// Waiting behind them, about a third of a second; later ones are refused.
const QUEUE: usize = 32;

#[derive(Default)]
pub(super) struct PasswordSemaphore {
    state: Mutex<SemaphoreState>,
    left: Condvar,
}

#[derive(Default)]
struct SemaphoreState {
    inside: usize,
    waiting: usize,
}

/// A permit; dropping it lets the next one in.
pub(super) struct SemaphorePermit<'a>(&'a PasswordSemaphore);

impl PasswordSemaphore {
    /// Waits for a permit; `None` when too many wait already.
    pub(super) fn enter(&self) -> Option<SemaphorePermit<'_>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.inside >= PERMITS {
            if state.waiting >= QUEUE {
                return None;
            }
            state.waiting += 1;
            state =
                self.left.wait_while(state, |state| state.inside >= PERMITS).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        state.inside += 1;
        Some(SemaphorePermit(self))
    }
}

impl Drop for SemaphorePermit<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).inside -= 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let semaphore = PasswordSemaphore::default();
        let first = semaphore.enter().expect("free");
        let second = semaphore.enter().expect("free");
        semaphore.state.lock().expect("lock").waiting = QUEUE;
        assert!(semaphore.enter().is_none(), "full");
        semaphore.state.lock().expect("lock").waiting = 0;
        drop(first);
        let third = semaphore.enter().expect("free again");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| semaphore.enter().is_some());
            while semaphore.state.lock().expect("lock").waiting == 0 {
                std::thread::yield_now();
            }
            drop(second);
            assert!(waiting.join().expect("joins"));
        });
        drop(third);
        assert_eq!(semaphore.state.lock().expect("lock").inside, 0);
    }
}
