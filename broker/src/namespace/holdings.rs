//! The asserters that hold one point of the namespace.

use crate::grants::Grant;

pub(super) type AsserterIndex = u32;

/// One grant, as the indexes know it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holding {
    pub(super) asserter: AsserterIndex,
    /// Position among the asserter's grants.
    pub(super) grant: u32,
    pub(super) is_shared: bool,
}

impl Holding {
    pub(super) fn new(asserter: AsserterIndex, grant: u32, of: &Grant) -> Self {
        Self { asserter, grant, is_shared: of.is_shared() }
    }
}

/// The holders of one point; nearly always one. Sorted by asserter once all are in, so that many sharers cost no more.
#[derive(Debug, Default)]
pub(super) struct Holdings(Vec<Holding>);

impl Holdings {
    pub(super) fn add(&mut self, held: Holding) {
        self.0.push(held);
    }

    pub(super) fn sort(&mut self) {
        self.0.sort_by_key(|held| held.asserter);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Holding> {
        self.0.iter()
    }

    pub(super) fn of(&self, asserter: AsserterIndex) -> Option<&Holding> {
        self.0.binary_search_by_key(&asserter, |held| held.asserter).ok().map(|at| &self.0[at])
    }
}
