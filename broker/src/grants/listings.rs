//! Domains whose own records list the issuers that may assert their names: rule O3.

use std::collections::{BTreeMap, BTreeSet};

use super::Mismatch;
use crate::names::Name;

/// Domains, each with the only issuers that may assert its names, regardless of grants. A domain that is not among
/// them makes no such restriction; the names of one with an empty list may be asserted by no issuer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Listings {
    by_domain: BTreeMap<Box<str>, BTreeSet<String>>,
}

impl Listings {
    /// Adds the issuers that a domain lists.
    pub fn insert(&mut self, domain: &str, issuers: BTreeSet<String>) {
        self.by_domain.insert(domain.into(), issuers);
    }

    /// Each domain with its issuers.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        self.by_domain.iter().map(|(domain, issuers)| (&**domain, issuers))
    }

    /// Whether the issuer, or the trust domain by its label, may assert the name's domain: exactly that domain, since a
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
