//! Domains that say by their own records who may speak for them: rule O3.

use std::collections::{BTreeMap, BTreeSet};

use super::Mismatch;
use crate::names::Name;

/// Domains, each with the only issuers that may speak for its names, whatever grants there are. A domain that is not
/// among them has not said so; one with no issuer at all is spoken for by nobody.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Listings {
    by_domain: BTreeMap<Box<str>, BTreeSet<String>>,
}

impl Listings {
    /// Takes in what a domain says.
    pub fn insert(&mut self, domain: &str, issuers: BTreeSet<String>) {
        self.by_domain.insert(domain.into(), issuers);
    }

    /// Each domain with its issuers.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        self.by_domain.iter().map(|(domain, issuers)| (&**domain, issuers))
    }

    /// Whether the issuer, or the trust domain by its label, may speak for the name's domain: that very domain, since a
    /// domain says nothing about those below it.
    pub(crate) fn check(&self, name: &Name, iss: &str) -> Result<(), Mismatch> {
        if self.by_domain.is_empty() {
            return Ok(());
        }
        let domain = match name {
            Name::Email(address) => address.domain().to_string(),
            Name::SpiffeId(id) => id.trust_domain().to_string(),
            Name::Uri(uri) => uri.host().to_owned(),
            Name::Username(name) => name.domain().to_string(),
        };
        match self.by_domain.get(domain.as_str()) {
            Some(issuers) if !issuers.contains(iss) => Err(Mismatch::NotListed { domain, iss: iss.to_owned() }),
            _ => Ok(()),
        }
    }
}
