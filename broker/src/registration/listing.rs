//! The issuers that a domain lists, for domains that want no others.

use std::collections::BTreeSet;

use shared::time::UnixTime;

use super::{InstanceName, Observation, SourceAnswer, txt_record};

/// A domain's records for one instance, combined.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listing {
    /// The issuers that they list.
    pub issuers: BTreeSet<String>,
    /// One of them has `enforce`: no other issuer is allowed.
    pub enforce: bool,
}

impl Listing {
    /// What the resolvers agree on. `None`: they do not, or too few answered, and what was known before stays. A domain
    /// without a record for this instance lists no issuer and forbids none.
    pub fn evaluate(
        instance: &InstanceName,
        observations: &[Observation],
        needed: usize,
        now: UnixTime,
    ) -> Option<Self> {
        let mut read = observations.iter().filter_map(|observation| Self::read(instance, &observation.answer, now));
        let first = read.next()?;
        let mut agreeing = 1;
        for other in read {
            if other != first {
                return None;
            }
            agreeing += 1;
        }
        (agreeing >= needed.max(1)).then_some(first)
    }

    fn read(instance: &InstanceName, answer: &SourceAnswer, now: UnixTime) -> Option<Self> {
        let mut listing = Self { issuers: BTreeSet::new(), enforce: false };
        match answer {
            SourceAnswer::Records { texts, .. } => {
                let statements = texts.iter().filter_map(|text| txt_record::parse(text)?.ok());
                let in_force = |until: Option<UnixTime>| until.is_none_or(|until| now < until);
                for statement in statements.filter(|said| said.ca == *instance && in_force(said.until)) {
                    listing.issuers.insert(statement.iss.to_string());
                    listing.enforce |= statement.enforce;
                }
                Some(listing)
            }
            SourceAnswer::Absent(_) => Some(listing),
            SourceAnswer::Document(_) | SourceAnswer::Failed(_) => None,
        }
    }

    /// True if the domain has said something to this instance.
    pub fn says_anything(&self) -> bool {
        !self.issuers.is_empty()
    }
}
