//! In place of `dns` where the feature `dns-proofs` is not built: there are no resolvers, since none can be made.

use broker::registration::Observation;

use super::settings::ResolverSettings;
use crate::feature::{Feature, NotBuilt};

/// Nobody to ask.
#[derive(Clone)]
pub(crate) enum Resolvers {}

impl Resolvers {
    /// Refuses all settings.
    pub(crate) fn new(_: ResolverSettings) -> Result<Self, NotBuilt> {
        Err(NotBuilt(Feature::DnsProofs))
    }

    pub(crate) fn agreeing(&self) -> usize {
        match *self {}
    }

    pub(crate) async fn observe(&self, _: &str) -> Vec<Observation> {
        match *self {}
    }
}
