//! All records and all grants in force: one snapshot.
//!
//! A record is known by the exact bytes of its `iss` (rule I2). [`Issuers`] is one immutable snapshot of all records
//! together with the [`Rules`] made from their grants; the edge swaps it whole and takes one snapshot for each request.
//! Only the keys inside a record change under way: the edge's key refresher fetches them and is their only writer.
//!
//! Does not: fetch anything.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use shared::excerpt::excerpt;

use crate::grants::{ConnectorSpec, Listings, WORKLOADS};
use crate::issuer::{Issuer, IssuerSpec, catalogue};
use crate::jose::JoseError;
use crate::names::PublicSuffixes;
use crate::namespace::{RegistryConflict, Rules};
use crate::token::{MAX_EXCERPT, TokenError, UnverifiedToken};
use crate::trust_domain::{IssuerPolicy, TrustDomainRecord, TrustDomainSpec, TrustDomains};

/// All records, all grants: one snapshot.
pub struct Issuers {
    records: IssuerRecords,
    trust_domains: TrustDomains,
    rules: Rules,
}

/// The records and connectors that a snapshot is built from.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    /// Issuers of OpenID Connect, our own provider among them.
    pub issuers: Vec<IssuerSpec>,
    /// SPIFFE trust domains.
    pub trust_domains: Vec<TrustDomainSpec>,
    /// The connectors of our own provider.
    pub connectors: Vec<ConnectorSpec>,
}

/// The record that a token leads to.
#[derive(Clone, Copy, Debug)]
pub enum RecordSource<'a> {
    /// An issuer's, by the token's `iss`.
    Issuer(&'a Arc<Issuer>),
    /// A trust domain's, by the token's `sub`.
    TrustDomain(&'a Arc<TrustDomainRecord>),
}

/// All records, by the exact bytes of their `iss`.
#[derive(Default)]
pub(crate) struct IssuerRecords(HashMap<Box<str>, Vec<Arc<Issuer>>>);

/// How many problems one load reports.
const MAX_PROBLEMS: usize = 100;

impl Issuers {
    /// Puts records and the connectors of our own provider together, or says everything that is wrong with them. Public
    /// suffixes are those of the list inside this program.
    pub fn build(specs: Vec<IssuerSpec>, connectors: Vec<ConnectorSpec>) -> Result<Self, Vec<RegistryConflict>> {
        let registry = Registry { issuers: specs, connectors, trust_domains: Vec::new() };
        Self::build_with(&PublicSuffixes::embedded(), registry)
    }

    /// The same with trust domains, and by another list of public suffixes.
    pub fn build_with(suffixes: &PublicSuffixes, registry: Registry) -> Result<Self, Vec<RegistryConflict>> {
        let Registry { issuers: specs, trust_domains, connectors } = registry;
        let mut problems = Vec::new();
        let mut by_iss = IssuerRecords(HashMap::with_capacity(specs.len()));
        let mut records = Vec::with_capacity(specs.len());
        for spec in specs {
            let record = Arc::new(Issuer::new(spec));
            let siblings = by_iss.0.entry(record.iss().as_str().into()).or_default();
            if let Some(other) = siblings.iter().find(|other| !record.is_distinct_from(other)) {
                problems.push(RegistryConflict::DuplicateIssuer {
                    iss: record.iss().to_string(),
                    first: other.id().to_owned(),
                    second: record.id().to_owned(),
                });
            }
            siblings.push(Arc::clone(&record));
            if let Err(error) = catalogue::check(record.iss(), record.pins()) {
                problems.push(RegistryConflict::Shared { issuer: record.id().to_owned(), error });
            }
            records.push(record);
        }
        let trust_domains: Vec<_> =
            trust_domains.into_iter().map(|spec| Arc::new(TrustDomainRecord::new(spec))).collect();
        find_trust_domain_conflicts(&by_iss, &trust_domains, &mut problems);
        find_equal_labels(&by_iss, &records, &trust_domains, &mut problems);
        match Rules::build(suffixes, &records, &trust_domains, connectors) {
            Ok(rules) if problems.is_empty() => {
                return Ok(Self { records: by_iss, trust_domains: TrustDomains::new(trust_domains), rules });
            }
            Ok(_) => {}
            Err(more) => problems.extend(more),
        }
        if problems.len() > MAX_PROBLEMS {
            problems.truncate(MAX_PROBLEMS);
            problems.push(RegistryConflict::TooMany(MAX_PROBLEMS));
        }
        Err(problems)
    }

    /// The same, but for some domains only the issuers that they list may assert names (rule O3).
    pub fn restricted(self, listings: Listings) -> Self {
        Self { rules: self.rules.restricted(listings), ..self }
    }

    /// The record whose `iss` is the token's, byte for byte. Where several records share an `iss`, the token's audience
    /// chooses.
    pub fn find(&self, token: &UnverifiedToken) -> Result<&Arc<Issuer>, TokenError> {
        self.records.find(token)
    }

    /// The record that the token leads to. An `iss` that is registered decides (T2); only where there is none does the
    /// trust domain in `sub`, and its record says which `iss` its tokens may have.
    pub fn source(&self, token: &UnverifiedToken) -> Result<RecordSource<'_>, TokenError> {
        let is_registered = token.issuer().is_some_and(|iss| !self.of(iss).is_empty());
        match token.trust_domain().filter(|_| !is_registered) {
            None => self.find(token).map(RecordSource::Issuer),
            Some(name) => match self.trust_domains.find(name) {
                Some(record) => Ok(RecordSource::TrustDomain(record)),
                None if token.issuer().is_none() => Err(TokenError::TrustDomainUnknown(excerpt(name, MAX_EXCERPT))),
                None => self.find(token).map(RecordSource::Issuer),
            },
        }
    }

    /// The trust domains.
    pub fn trust_domains(&self) -> &TrustDomains {
        &self.trust_domains
    }

    /// The records of an exact `iss`.
    pub fn of(&self, iss: &str) -> &[Arc<Issuer>] {
        self.records.of(iss)
    }

    /// Every record, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.records.0.values().flatten()
    }

    /// Which asserter may assert which names.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Takes over the keys that an earlier snapshot had fetched from the same place, so that a reload does not begin
    /// blind.
    pub fn adopt_keys(&self, earlier: &Self) {
        for record in self.iter() {
            let same = earlier.of(record.iss().as_str()).iter().find(|other| record.fetches_like(other));
            if let Some(other) = same {
                record.replace_keys(other.keys());
            }
        }
        for record in self.trust_domains.iter() {
            let same = earlier.trust_domains.find(record.name().as_str()).filter(|other| record.fetches_like(other));
            if let Some(other) = same {
                record.replace((*other.held()).clone());
            }
        }
    }
}

impl IssuerRecords {
    /// A single one, for cases about the look-up alone.
    pub(crate) fn of_one(spec: IssuerSpec) -> Self {
        let record = Arc::new(Issuer::new(spec));
        Self(HashMap::from([(record.iss().as_str().into(), vec![record])]))
    }

    pub(crate) fn find(&self, token: &UnverifiedToken) -> Result<&Arc<Issuer>, TokenError> {
        let iss = token.issuer().ok_or(JoseError::ClaimMissing("iss"))?;
        match self.0.get(iss).map(Vec::as_slice) {
            None | Some([]) => Err(TokenError::IssuerUnknown(excerpt(iss, MAX_EXCERPT))),
            Some([only]) => Ok(only),
            Some(several) => {
                let audiences = token.audiences()?;
                let chosen = several.iter().find(|record| audiences[..] == [record.audience().as_str()]);
                // None fits: any of them refuses by T3 and says which audience it would take.
                Ok(chosen.unwrap_or(&several[0]))
            }
        }
    }

    fn of(&self, iss: &str) -> &[Arc<Issuer>] {
        self.0.get(iss).map_or(&[], Vec::as_slice)
    }
}

/// X2, I2: a trust domain has one record, and no issuer's `iss`.
fn find_trust_domain_conflicts(
    by_iss: &IssuerRecords,
    trust_domains: &[Arc<TrustDomainRecord>],
    problems: &mut Vec<RegistryConflict>,
) {
    let mut names = HashSet::with_capacity(trust_domains.len());
    for record in trust_domains {
        if !names.insert(record.name()) {
            problems.push(RegistryConflict::DuplicateTrustDomain(record.name().to_string()));
        }
        if let IssuerPolicy::Exact(iss) = record.issuer()
            && let Some(issuer) = by_iss.of(iss.as_str()).first()
        {
            problems.push(RegistryConflict::IssuerOfTrustDomain {
                trust_domain: record.name().to_string(),
                iss: iss.to_string(),
                issuer: issuer.id().to_owned(),
            });
        }
    }
}

/// O1. A verifier knows an issuer by its label alone. So no two records share a label, and no label is the `iss` of
/// another record, even if that one has a different label: readers would mistake one for the other. In the same way,
/// `spiffe://` and the name of a trust domain belong to that trust domain.
fn find_equal_labels(
    by_iss: &IssuerRecords,
    records: &[Arc<Issuer>],
    trust_domains: &[Arc<TrustDomainRecord>],
    problems: &mut Vec<RegistryConflict>,
) {
    let issuers = records.iter().map(|record| (record.label(), Some(record.iss().as_str()), record.id()));
    let names: HashMap<&str, &Arc<TrustDomainRecord>> =
        trust_domains.iter().map(|record| (record.name().as_str(), record)).collect();
    let trust_domains = trust_domains.iter().map(|record| (record.label(), None, record.name().as_str()));
    let mut by_label: HashMap<&str, &str> = HashMap::with_capacity(records.len());
    for (label, iss, id) in issuers.chain(trust_domains) {
        let holder = by_label.insert(label, id);
        // A record with a label of its own does not collide with it through its `iss`.
        let foreign = || {
            let is_foreign = |other: &&Arc<Issuer>| iss != Some(label) && other.label() != label;
            by_iss.of(label).iter().find(is_foreign).map(|other| other.id())
        };
        let named = || {
            let is_foreign = |other: &&&Arc<TrustDomainRecord>| {
                other.label() != label && (iss.is_some() || other.name().as_str() != id)
            };
            let named = label.strip_prefix(WORKLOADS).and_then(|name| names.get(name));
            named.filter(is_foreign).map(|other| other.name().as_str())
        };
        if let Some(other) = holder.or_else(foreign).or_else(named) {
            let (label, first, second) = (label.to_owned(), other.to_owned(), id.to_owned());
            problems.push(RegistryConflict::DuplicateLabel { label, first, second });
        }
    }
}

#[cfg(test)]
mod tests;
