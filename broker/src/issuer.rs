//! The issuers whose word counts, and the keys by which we know it.
//!
//! A record is known by the exact bytes of its `iss` (rule I2). [`Issuers`] is one immutable snapshot of all records together
//! with the [`Rules`] made from their grants; the edge swaps it whole and takes one snapshot for each request. Only the keys
//! inside a record change under way: the edge's key keeper fetches them and is their only writer.
//!
//! Does not: fetch anything.

pub mod catalogue;
mod jwks;
mod key_set;
mod record;

use std::collections::HashMap;
use std::sync::Arc;

pub(crate) use jwks::parse_uses as parse_jwk_uses;
pub use jwks::{JwksError, MAX_JWKS_BYTES, MAX_KEYS, SkipReason, SkippedKey};
pub use key_set::KeySet;
pub(crate) use key_set::Selection;
pub use record::{Issuer, IssuerSpec, KeySource, Reach, RecordOrigin};

use crate::names::{PublicSuffixes, Rule};
use crate::namespace::{ConnectorSpec, Listings, Overlap, Rules, Speaker};
use crate::token::{TokenError, UnverifiedToken};

/// All records, all grants: one snapshot.
pub struct Issuers {
    records: Records,
    rules: Rules,
}

/// All records, by the exact bytes of their `iss`.
#[derive(Default)]
pub(crate) struct Records(HashMap<Box<str>, Vec<Arc<Issuer>>>);

/// Why the records do not fit together.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RegistrationError {
    /// I2: two records of one `iss` that tokens could not tell apart.
    #[error(
        "issuers {first:?} and {second:?} have the same iss {iss}; that needs a different audience and pinned keys in each (rule I2)"
    )]
    DuplicateIssuer {
        /// The `iss`.
        iss: String,
        /// One record.
        first: String,
        /// The other.
        second: String,
    },
    /// O1: two records that certificates could not tell apart, or one that calls itself by another's `iss`.
    #[error(
        "certificates would call both {first:?} and {second:?} {label}; give one of them an issuer_label of its own (rule O1)"
    )]
    DuplicateLabel {
        /// The label.
        label: String,
        /// One record.
        first: String,
        /// The other.
        second: String,
    },
    /// M1: a shared issuer that is not pinned to one party.
    #[error("the issuer {issuer:?}: {error}")]
    Shared {
        /// The record.
        issuer: String,
        /// What is wrong.
        error: catalogue::SharedIssuerError,
    },
    /// D1: a domain in which unrelated parties register names.
    #[error("{scope} of {speaker}: {domain} is a public suffix, below which anybody may register (rule D1)")]
    PublicSuffix {
        /// Whose grant.
        speaker: Speaker,
        /// The grant.
        scope: String,
        /// The domain.
        domain: String,
    },
    /// D1: an owner cannot have a domain of which nobody knows whether it is a public suffix.
    #[error(
        "{scope} of {speaker}: the Public Suffix List does not know the top-level domain of {domain}, so only the configuration \
         may grant it (rule D1)"
    )]
    UnknownTopLevel {
        /// Whose grant.
        speaker: Speaker,
        /// The grant.
        scope: String,
        /// The domain.
        domain: String,
    },
    /// Two records, or two connectors, have the same identifier.
    #[error("two records are called {0:?}")]
    DuplicateId(String),
    /// An identifier is empty, too long or holds spaces.
    #[error("{0:?} is not an identifier of 1 to 255 printable ASCII characters")]
    Id(String),
    /// Only a connector keeps local users.
    #[error("the issuer {0:?} cannot hold the grant local-accounts; only a connector of our own provider can")]
    LocalAccounts(String),
    /// Our own provider speaks through its connectors.
    #[error("the issuer {0:?} is our own provider and speaks through its connectors; give the grants to them")]
    OwnProviderGrants(String),
    /// Our own provider is one.
    #[error("both {first:?} and {second:?} say that they are our own provider")]
    TwoOwnProviders {
        /// One record.
        first: String,
        /// The other.
        second: String,
    },
    /// X2: a trust domain has one source of keys, so one record speaks for it, whatever the paths.
    #[error(
        "both {first} and {second} hold the trust domain {trust_domain} or a part of it; it belongs to one record (rule X2)"
    )]
    TrustDomainTwice {
        /// The trust domain.
        trust_domain: String,
        /// One holder.
        first: Speaker,
        /// The other.
        second: Speaker,
    },
    /// X1: two speakers own the same name.
    #[error(transparent)]
    Overlap(#[from] Overlap),
    /// More of the same; the list ends here.
    #[error("more than {0} problems; the rest is not listed")]
    TooMany(usize),
}

impl RegistrationError {
    /// The rule that is broken; none for what is only about identifiers and kinds of grants.
    pub fn rule(&self) -> Option<Rule> {
        match self {
            Self::DuplicateIssuer { .. } => Some(Rule::I2),
            Self::DuplicateLabel { .. } => Some(Rule::O1),
            Self::Shared { .. } => Some(Rule::M1),
            Self::PublicSuffix { .. } | Self::UnknownTopLevel { .. } => Some(Rule::D1),
            Self::TrustDomainTwice { .. } => Some(Rule::X2),
            Self::Overlap(_) => Some(Rule::X1),
            Self::DuplicateId(_)
            | Self::Id(_)
            | Self::LocalAccounts(_)
            | Self::OwnProviderGrants(_)
            | Self::TwoOwnProviders { .. }
            | Self::TooMany(_) => None,
        }
    }
}

/// How many problems one load reports.
const MAX_PROBLEMS: usize = 100;

impl Issuers {
    /// Puts records and the connectors of our own provider together, or says everything that is wrong with them. Public suffixes
    /// are those of the list inside this program.
    pub fn build(specs: Vec<IssuerSpec>, connectors: Vec<ConnectorSpec>) -> Result<Self, Vec<RegistrationError>> {
        Self::build_with(&PublicSuffixes::embedded(), specs, connectors)
    }

    /// The same by another list of public suffixes.
    pub fn build_with(
        suffixes: &PublicSuffixes,
        specs: Vec<IssuerSpec>,
        connectors: Vec<ConnectorSpec>,
    ) -> Result<Self, Vec<RegistrationError>> {
        let mut problems = Vec::new();
        let mut by_iss = Records(HashMap::with_capacity(specs.len()));
        let mut records = Vec::with_capacity(specs.len());
        for spec in specs {
            let record = Arc::new(Issuer::new(spec));
            let siblings = by_iss.0.entry(record.iss().as_str().into()).or_default();
            if let Some(other) = siblings.iter().find(|other| !record.is_told_apart_from(other)) {
                problems.push(RegistrationError::DuplicateIssuer {
                    iss: record.iss().to_string(),
                    first: other.id().to_owned(),
                    second: record.id().to_owned(),
                });
            }
            siblings.push(Arc::clone(&record));
            if let Err(error) = catalogue::check(record.iss(), record.pins()) {
                problems.push(RegistrationError::Shared { issuer: record.id().to_owned(), error });
            }
            records.push(record);
        }
        find_equal_labels(&by_iss, &records, &mut problems);
        match Rules::build(suffixes, &records, connectors) {
            Ok(rules) if problems.is_empty() => return Ok(Self { records: by_iss, rules }),
            Ok(_) => {}
            Err(more) => problems.extend(more),
        }
        if problems.len() > MAX_PROBLEMS {
            problems.truncate(MAX_PROBLEMS);
            problems.push(RegistrationError::TooMany(MAX_PROBLEMS));
        }
        Err(problems)
    }

    /// The same, but some domains are spoken for by nobody whom they do not list (rule O3).
    pub fn restricted(self, listings: Listings) -> Self {
        Self { rules: self.rules.restricted(listings), ..self }
    }

    /// The record whose `iss` is the token's, byte for byte. Where several records share an `iss`, the token's audience chooses.
    pub fn find(&self, token: &UnverifiedToken) -> Result<&Arc<Issuer>, TokenError> {
        self.records.find(token)
    }

    /// The records of an exact `iss`.
    pub fn of(&self, iss: &str) -> &[Arc<Issuer>] {
        self.records.of(iss)
    }

    /// Every record, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.records.0.values().flatten()
    }

    /// Who may speak for what.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Takes over the keys that an earlier snapshot had fetched from the same place, so that a reload does not begin blind.
    pub fn adopt_keys(&self, earlier: &Self) {
        for record in self.iter() {
            let same = earlier.of(record.iss().as_str()).iter().find(|other| record.fetches_like(other));
            if let Some(other) = same {
                record.replace_keys(other.keys());
            }
        }
    }
}

impl Records {
    /// A single one, for cases about the look-up alone.
    pub(crate) fn of_one(spec: IssuerSpec) -> Self {
        let record = Arc::new(Issuer::new(spec));
        Self(HashMap::from([(record.iss().as_str().into(), vec![record])]))
    }

    pub(crate) fn find(&self, token: &UnverifiedToken) -> Result<&Arc<Issuer>, TokenError> {
        match self.0.get(token.issuer()).map(Vec::as_slice) {
            None | Some([]) => Err(TokenError::IssuerUnknown(token.issuer().chars().take(120).collect())),
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

/// O1. A verifier knows an issuer by its label alone. So no two records share one, and none takes the `iss` of another for its
/// own, even if that other has a different label: the next reader would take it for the other.
fn find_equal_labels(by_iss: &Records, records: &[Arc<Issuer>], problems: &mut Vec<RegistrationError>) {
    let mut by_label: HashMap<&str, &Arc<Issuer>> = HashMap::with_capacity(records.len());
    for record in records {
        let label = record.label();
        let holder = by_label.insert(label, record);
        // Who has a label of his own is not met by its holder.
        let is_foreign = |other: &&Arc<Issuer>| label != record.iss().as_str() && other.label() != label;
        let foreign = || by_iss.of(label).iter().find(is_foreign);
        if let Some(other) = holder.or_else(foreign) {
            problems.push(RegistrationError::DuplicateLabel {
                label: label.to_owned(),
                first: other.id().to_owned(),
                second: record.id().to_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests;
