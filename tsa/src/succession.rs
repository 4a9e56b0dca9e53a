//! The generations of one timestamp unit: a name that stays, under which one key follows another.

use std::sync::Arc;

use shared::time::UnixTime;

use crate::signing_unit::SigningUnit;

/// The keys and certificates that sign under one name, each from its own moment on. Which one signs follows from the
/// trusted time alone, so all may be loaded before and after a change, and nothing has to happen at its moment.
#[derive(Clone)]
pub struct Succession {
    first: Arc<SigningUnit>,
    /// In the order of their moments.
    later: Vec<(UnixTime, Arc<SigningUnit>)>,
}

impl Succession {
    /// A unit that nothing follows yet.
    pub fn of(first: Arc<SigningUnit>) -> Self {
        Self { first, later: Vec::new() }
    }

    /// `unit` signs from `from` on. A moment before the last change counts as that change's: no unit takes over twice.
    #[must_use]
    pub fn followed_by(mut self, unit: Arc<SigningUnit>, from: UnixTime) -> Self {
        let from = self.later.last().map_or(from, |(last, _)| from.max(*last));
        self.later.push((from, unit));
        self
    }

    /// The name, which all generations share.
    pub fn name(&self) -> &str {
        self.first.name()
    }

    /// The one that signs at `at`.
    ///
    /// A change is on a whole second T. What is signed before T says T at the latest, and what is signed from T on says
    /// T at the earliest, since genTime is rounded to the nearest second: so a period of use that ends at T, itself
    /// included, and one that begins at T hold all tokens of either.
    pub fn at(&self, at: UnixTime) -> &Arc<SigningUnit> {
        self.later.iter().rev().find(|(from, _)| *from <= at).map_or(&self.first, |(_, unit)| unit)
    }

    /// All generations, the oldest first.
    pub fn generations(&self) -> impl Iterator<Item = &Arc<SigningUnit>> {
        std::iter::once(&self.first).chain(self.later.iter().map(|(_, unit)| unit))
    }
}

#[cfg(test)]
mod tests {
    use shared::keys::SignatureAlgorithm;

    use super::*;
    use crate::fixture::{NOW, unit};

    #[test]
    fn each_signs_from_its_moment_on() {
        let [first, second, third] = [(); 3].map(|()| unit(SignatureAlgorithm::EcdsaP256Sha256));
        let at = |offset| UnixTime::from_millis(NOW + offset);
        let succession =
            Succession::of(first.clone()).followed_by(second.clone(), at(1_000)).followed_by(third.clone(), at(500));
        for (offset, expected) in [(0, &first), (999, &first), (1_000, &third), (9_000, &third)] {
            assert!(Arc::ptr_eq(succession.at(at(offset)), expected), "{offset}");
        }
        let two = Succession::of(first.clone()).followed_by(second.clone(), at(1_000));
        assert!(Arc::ptr_eq(two.at(at(999)), &first) && Arc::ptr_eq(two.at(at(1_000)), &second));
        assert_eq!(succession.generations().count(), 3);
    }
}
