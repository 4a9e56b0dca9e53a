//! How many passwords are hashed at once: each takes 19 MiB, and strangers decide how many come.

use std::sync::{Condvar, Mutex, PoisonError};

/// Hashed at once: 38 MiB at most.
const PLACES: usize = 2;
/// Waiting behind them, about a third of a second; whoever comes after that is sent away.
const QUEUE: usize = 32;

#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    left: Condvar,
}

#[derive(Default)]
struct State {
    inside: usize,
    waiting: usize,
}

/// A place; dropping it lets the next one in.
pub(super) struct Place<'a>(&'a Gate);

impl Gate {
    /// Waits for a place; `None` when too many wait already.
    pub(super) fn enter(&self) -> Option<Place<'_>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.inside >= PLACES {
            if state.waiting >= QUEUE {
                return None;
            }
            state.waiting += 1;
            state = self.left.wait_while(state, |state| state.inside >= PLACES).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        state.inside += 1;
        Some(Place(self))
    }
}

impl Drop for Place<'_> {
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
        let gate = Gate::default();
        let first = gate.enter().expect("free");
        let second = gate.enter().expect("free");
        gate.state.lock().expect("lock").waiting = QUEUE;
        assert!(gate.enter().is_none(), "full");
        gate.state.lock().expect("lock").waiting = 0;
        drop(first);
        let third = gate.enter().expect("free again");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| gate.enter().is_some());
            while gate.state.lock().expect("lock").waiting == 0 {
                std::thread::yield_now();
            }
            drop(second);
            assert!(waiting.join().expect("joins"));
        });
        drop(third);
        assert_eq!(gate.state.lock().expect("lock").inside, 0);
    }
}
