//! The problems of a configuration, each with its place.

use std::fmt::{Display, Formatter};
use std::ops::RangeInclusive;

/// One problem.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Problem {
    /// The place in the file, as `issuers[2].grants[0]`.
    pub(crate) place: String,
    /// What is wrong, and what to do.
    pub(crate) message: String,
}

/// All problems of a configuration.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// A single problem.
    pub(crate) fn one(place: &str, message: String) -> Self {
        Self(vec![Problem { place: place.to_owned(), message }])
    }

    pub(crate) fn add(&mut self, place: &str, message: String) {
        self.0.push(Problem { place: place.to_owned(), message });
    }

    /// Adds all of `others`.
    pub(crate) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// The value; an error is added to the problems instead.
    pub(crate) fn keep<T, E: Display>(&mut self, place: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(place, error.to_string())).ok()
    }

    /// The number. One outside `range` is added to the problems, and the nearest one inside is returned.
    pub(crate) fn within(&mut self, place: &str, number: u32, range: RangeInclusive<u32>) -> u64 {
        let (low, high) = (*range.start(), *range.end());
        if !range.contains(&number) {
            self.add(place, format!("{number} is not between {low} and {high}"));
        }
        u64::from(number.clamp(low, high))
    }

    /// Every problem.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// Every problem in one line, its place first.
    pub(crate) fn texts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|problem| format!("{}: {}", problem.place, problem.message))
    }

    /// `value` if there are no problems.
    pub(crate) fn none_or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl Display for Problems {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self.0.len() {
            1 => write!(f, "the configuration has a problem")?,
            count => write!(f, "the configuration has {count} problems")?,
        }
        for text in self.texts() {
            write!(f, "\n  {text}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
