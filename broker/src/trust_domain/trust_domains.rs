//! All trust domains of one snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use super::TrustDomainRecord;
use crate::names::TrustDomain;

/// Every trust domain, by its exact name.
#[derive(Debug, Default)]
pub struct TrustDomains(HashMap<TrustDomain, Arc<TrustDomainRecord>>);

impl TrustDomains {
    pub(crate) fn new(records: impl IntoIterator<Item = Arc<TrustDomainRecord>>) -> Self {
        Self(records.into_iter().map(|record| (record.name().clone(), record)).collect())
    }

    /// The record of exactly this name.
    pub fn find(&self, name: &str) -> Option<&Arc<TrustDomainRecord>> {
        self.0.get(name)
    }

    /// Every record, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TrustDomainRecord>> {
        self.0.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
