//! From records and connectors to rules, with every problem named.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use shared::excerpt::excerpt;

use super::email_index::EmailIndex;
use super::holdings::{AsserterIndex, Holding, Holdings};
use super::uri_index::UriIndex;
use super::{AsserterEntry, AsserterRecord, Overlap, RegistryConflict, Rules};
use crate::grants::{Asserter, ConnectorSpec, Grant, Listings, Scope};
use crate::issuer::{Issuer, RecordOrigin};
use crate::names::{PublicSuffixes, Suffix, TrustDomain};
use crate::profile::Profile;
use crate::trust_domain::TrustDomainRecord;

impl Rules {
    pub(crate) fn build(
        suffixes: &PublicSuffixes,
        records: &[Arc<Issuer>],
        trust_domains: &[Arc<TrustDomainRecord>],
        connectors: Vec<ConnectorSpec>,
    ) -> Result<Self, Vec<RegistryConflict>> {
        let mut rules = Self {
            asserters: Vec::with_capacity(records.len() + connectors.len()),
            by_record: HashMap::with_capacity(records.len()),
            by_connector: HashMap::with_capacity(connectors.len()),
            by_trust_domain: HashMap::with_capacity(trust_domains.len()),
            emails: EmailIndex::default(),
            spiffe: UriIndex::default(),
            uris: UriIndex::default(),
            usernames: HashMap::new(),
            listings: Listings::default(),
        };
        let mut problems = Vec::new();
        let mut own_provider: Option<&Arc<Issuer>> = None;
        for record in records {
            if *record.profile() == Profile::OwnProvider {
                if let Some(first) = own_provider.replace(record) {
                    problems.push(RegistryConflict::TwoOwnProviders {
                        first: first.id().to_owned(),
                        second: record.id().to_owned(),
                    });
                }
                if !record.grants().is_empty() {
                    problems.push(RegistryConflict::OwnProviderGrants(record.id().to_owned()));
                }
            }
            let asserter = Asserter::Issuer(record.id().into());
            rules.add(asserter, record.grants().to_vec(), Some(AsserterRecord::Issuer(record.clone())), &mut problems);
        }
        for record in trust_domains {
            let is_own =
                |scope: &Scope| matches!(scope, Scope::Spiffe(prefix) if prefix.trust_domain() == record.name());
            for scope in record.grants().iter().map(Grant::scope).filter(|scope| !is_own(scope)) {
                let (trust_domain, scope) = (record.name().to_string(), scope.to_string());
                problems.push(RegistryConflict::ForeignGrant { trust_domain, scope });
            }
            let asserter = Asserter::TrustDomain(record.name().as_str().into());
            rules.add(
                asserter,
                record.grants().to_vec(),
                Some(AsserterRecord::TrustDomain(record.clone())),
                &mut problems,
            );
        }
        for connector in connectors {
            rules.add(Asserter::Connector(connector.id.into()), connector.grants, None, &mut problems);
        }
        rules.find_public_suffixes(suffixes, &mut problems);
        rules.emails.sort();
        rules.spiffe.sort();
        rules.uris.sort();
        rules.usernames.values_mut().for_each(Holdings::sort);
        rules.find_overlaps(&mut problems);
        if problems.is_empty() { Ok(rules) } else { Err(problems) }
    }

    fn add(
        &mut self,
        asserter: Asserter,
        grants: Vec<Grant>,
        record: Option<AsserterRecord>,
        problems: &mut Vec<RegistryConflict>,
    ) {
        let index = self.asserters.len() as AsserterIndex;
        let id = asserter.id();
        if !(1..=255).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            problems.push(RegistryConflict::Id(excerpt(id, 80)));
        }
        let ids = match asserter {
            Asserter::Connector(_) => &mut self.by_connector,
            Asserter::Issuer(_) => &mut self.by_record,
            Asserter::TrustDomain(_) => &mut self.by_trust_domain,
        };
        if ids.insert(id.into(), index).is_some() {
            problems.push(RegistryConflict::DuplicateId(asserter.to_string()));
        }
        for (at, grant) in grants.iter().enumerate() {
            let held = Holding::new(index, at as u32, grant);
            match grant.scope() {
                Scope::EmailAddress(address) => self.emails.add_address(address, held),
                Scope::EmailDomain { domain, subdomains } => self.emails.add_domain(domain, *subdomains, held),
                Scope::LocalAccounts if record.is_some() => {
                    problems.push(RegistryConflict::LocalAccounts(id.to_owned()));
                }
                Scope::LocalAccounts => {}
                Scope::Spiffe(prefix) => self.spiffe.add(prefix, held),
                Scope::ServiceAccounts { prefix, .. } | Scope::UriPrefix(prefix) => self.uris.add(prefix, held),
                Scope::Usernames(domain) => self.usernames.entry(domain.clone()).or_default().add(held),
            }
        }
        let keeps_local_accounts = grants.iter().any(|grant| *grant.scope() == Scope::LocalAccounts);
        self.asserters.push(AsserterEntry { asserter, grants, record, keeps_local_accounts });
    }

    /// D1. A grant by domain lies below a domain that one party registered.
    fn find_public_suffixes(&self, suffixes: &PublicSuffixes, problems: &mut Vec<RegistryConflict>) {
        for entry in &self.asserters {
            let origin = match &entry.record {
                Some(AsserterRecord::Issuer(record)) => record.origin(),
                Some(AsserterRecord::TrustDomain(_)) | None => RecordOrigin::Configured,
            };
            for scope in entry.grants.iter().map(Grant::scope) {
                let Some(domain) = scope.domain() else { continue };
                let (asserter, name) = (entry.asserter.clone(), domain.to_string());
                match (suffixes.of(&domain), origin) {
                    (Suffix::Public, _) => {
                        problems.push(RegistryConflict::PublicSuffix {
                            asserter,
                            scope: scope.to_string(),
                            domain: name,
                        });
                    }
                    (Suffix::UnknownTopLevel, RecordOrigin::Registered) => {
                        let scope = scope.to_string();
                        problems.push(RegistryConflict::UnknownTopLevel { asserter, scope, domain: name });
                    }
                    (Suffix::Registrable, _) | (Suffix::UnknownTopLevel, RecordOrigin::Configured) => {}
                }
            }
        }
    }

    /// X1. Two scopes overlap only if one lies inside the other, so each is looked up as if it were a name; the
    /// asserter that covers it must be the same, or both must share. X2. A trust domain is not divided: its one holder
    /// is found at once.
    fn find_overlaps(&self, problems: &mut Vec<RegistryConflict>) {
        // Grants that cover each other (equal ones do) are found from both sides and reported once.
        let mut seen = HashSet::new();
        // The record of a trust domain holds it, even if nothing is granted to it yet.
        let registered = (0..).zip(&self.asserters).filter_map(|(index, entry)| match &entry.record {
            Some(AsserterRecord::TrustDomain(record)) => Some((record.name(), index)),
            _ => None,
        });
        let mut trust_domains: HashMap<&TrustDomain, AsserterIndex> = registered.collect();
        let mut local_keeper: Option<&AsserterEntry> = None;
        for (index, entry) in (0..).zip(&self.asserters) {
            for (at, grant) in (0..).zip(&entry.grants) {
                let is_conflict = |held: &&Holding| held.asserter != index && !(held.is_shared && grant.is_shared());
                let conflict = match grant.scope() {
                    Scope::EmailAddress(address) => self.emails.covering(address).find(is_conflict),
                    Scope::EmailDomain { domain, .. } => self.emails.covering_domain(domain).find(is_conflict),
                    Scope::Spiffe(prefix) => {
                        let trust_domain = prefix.trust_domain();
                        let holder = *trust_domains.entry(trust_domain).or_insert(index);
                        if holder != index {
                            problems.push(RegistryConflict::TrustDomainTwice {
                                trust_domain: trust_domain.to_string(),
                                first: self.entry(holder).asserter.clone(),
                                second: entry.asserter.clone(),
                            });
                        }
                        None
                    }
                    Scope::ServiceAccounts { prefix, .. } | Scope::UriPrefix(prefix) => {
                        self.uris.covering_prefix(prefix).find(is_conflict)
                    }
                    Scope::Usernames(domain) => self.usernames[domain].iter().find(|held| is_conflict(held)),
                    Scope::LocalAccounts => {
                        let is_connector = entry.record.is_none();
                        if let Some(other) = local_keeper.filter(|_| is_connector) {
                            problems.push(overlap(other, &Scope::LocalAccounts, entry, &Scope::LocalAccounts));
                        }
                        local_keeper = local_keeper.or(is_connector.then_some(entry));
                        None
                    }
                };
                let Some(held) = conflict else { continue };
                let mut pair = [(held.asserter, held.grant), (index, at)];
                pair.sort_unstable();
                if seen.insert(pair) {
                    let other = self.entry(held.asserter);
                    problems.push(overlap(other, other.grants[held.grant as usize].scope(), entry, grant.scope()));
                }
            }
        }
    }
}

fn overlap(first: &AsserterEntry, wider: &Scope, second: &AsserterEntry, narrower: &Scope) -> RegistryConflict {
    RegistryConflict::Overlap(Overlap {
        first: first.asserter.clone(),
        first_scope: wider.to_string(),
        second: second.asserter.clone(),
        second_scope: narrower.to_string(),
    })
}
