//! E-mail grants, by address and by domain.

use std::collections::HashMap;

use super::holdings::{AsserterIndex, Holding, Holdings};
use crate::names::{DomainName, EmailAddress};

/// A name is found by one look-up for its address and one for each domain on the way up.
#[derive(Debug, Default)]
pub(super) struct EmailIndex {
    addresses: HashMap<Box<str>, Holdings>,
    /// Holders of a domain's own addresses, with and without those below it.
    domains: HashMap<Box<str>, DomainHoldings>,
}

#[derive(Debug, Default)]
struct DomainHoldings {
    exact: Holdings,
    with_subdomains: Holdings,
}

impl EmailIndex {
    pub(super) fn add_address(&mut self, address: &EmailAddress, held: Holding) {
        self.addresses.entry(address.as_str().into()).or_default().add(held);
    }

    pub(super) fn add_domain(&mut self, domain: &DomainName, subdomains: bool, held: Holding) {
        let holdings = self.domains.entry(domain.as_str().into()).or_default();
        if subdomains { holdings.with_subdomains.add(held) } else { holdings.exact.add(held) }
    }

    pub(super) fn sort(&mut self) {
        self.addresses.values_mut().for_each(Holdings::sort);
        for domain in self.domains.values_mut() {
            domain.exact.sort();
            domain.with_subdomains.sort();
        }
    }

    /// The asserter's grant that covers the address, if it has one.
    pub(super) fn find<'a>(&'a self, asserter: AsserterIndex, address: &'a EmailAddress) -> Option<&'a Holding> {
        let by_address = self.addresses.get(address.as_str()).and_then(|holdings| holdings.of(asserter));
        by_address.or_else(|| self.layers(address.domain()).find_map(|holdings| holdings.of(asserter)))
    }

    /// Every grant that covers the address.
    pub(super) fn covering<'a>(&'a self, address: &'a EmailAddress) -> impl Iterator<Item = &'a Holding> {
        let by_address = self.addresses.get(address.as_str()).into_iter().flat_map(Holdings::iter);
        by_address.chain(self.covering_domain(address.domain()))
    }

    /// Every domain grant that covers addresses of this domain.
    pub(super) fn covering_domain<'a>(&'a self, domain: &'a DomainName) -> impl Iterator<Item = &'a Holding> {
        self.layers(domain).flat_map(Holdings::iter)
    }

    fn layers<'a>(&'a self, domain: &'a DomainName) -> impl Iterator<Item = &'a Holdings> {
        let own = self.domains.get(domain.as_str()).into_iter().map(|holdings| &holdings.exact);
        own.chain(domain.ancestry().filter_map(|name| self.domains.get(name)).map(|holdings| &holdings.with_subdomains))
    }
}
