//! The issuers whose word counts, and the keys by which we know it.
//!
//! A record is known by the exact bytes of its `iss` (rule I2). [`Issuers`] is one immutable snapshot of all records together
//! with the [`Rules`] made from their grants; the edge swaps it whole and takes one snapshot for each request. Only the keys
//! inside a record change under way: the edge's key keeper fetches them and is their only writer.
//!
//! Does not: fetch anything.

mod jwks;
mod key_set;
mod record;

use std::collections::HashMap;
use std::sync::Arc;

pub(crate) use jwks::parse_uses as parse_jwk_uses;
pub use jwks::{JwksError, MAX_JWKS_BYTES, MAX_KEYS, SkipReason, SkippedKey};
pub use key_set::KeySet;
pub(crate) use key_set::Selection;
pub use record::{Issuer, IssuerSpec, KeySource, Reach};

use crate::namespace::{ConnectorSpec, Overlap, Rules, Speaker};
use crate::token::{TokenError, UnverifiedToken};

/// All records, all grants: one snapshot.
pub struct Issuers {
    by_iss: HashMap<Box<str>, Vec<Arc<Issuer>>>,
    rules: Rules,
}

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

/// How many problems one load reports.
const MAX_PROBLEMS: usize = 100;

impl Issuers {
    /// Puts records and the connectors of our own provider together, or says everything that is wrong with them.
    pub fn build(specs: Vec<IssuerSpec>, connectors: Vec<ConnectorSpec>) -> Result<Self, Vec<RegistrationError>> {
        let mut problems = Vec::new();
        let mut by_iss: HashMap<Box<str>, Vec<Arc<Issuer>>> = HashMap::with_capacity(specs.len());
        let mut records = Vec::with_capacity(specs.len());
        for spec in specs {
            let record = Arc::new(Issuer::new(spec));
            let siblings = by_iss.entry(record.iss().as_str().into()).or_default();
            if let Some(other) = siblings.iter().find(|other| !record.is_told_apart_from(other)) {
                problems.push(RegistrationError::DuplicateIssuer {
                    iss: record.iss().to_string(),
                    first: other.id().to_owned(),
                    second: record.id().to_owned(),
                });
            }
            siblings.push(Arc::clone(&record));
            records.push(record);
        }
        match Rules::build(&records, connectors) {
            Ok(rules) if problems.is_empty() => return Ok(Self { by_iss, rules }),
            Ok(_) => {}
            Err(more) => problems.extend(more),
        }
        if problems.len() > MAX_PROBLEMS {
            problems.truncate(MAX_PROBLEMS);
            problems.push(RegistrationError::TooMany(MAX_PROBLEMS));
        }
        Err(problems)
    }

    /// The record whose `iss` is the token's, byte for byte. Where several records share an `iss`, the token's audience chooses.
    pub fn find(&self, token: &UnverifiedToken) -> Result<&Arc<Issuer>, TokenError> {
        match self.by_iss.get(token.issuer()).map(Vec::as_slice) {
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

    /// The records of an exact `iss`.
    pub fn of(&self, iss: &str) -> &[Arc<Issuer>] {
        self.by_iss.get(iss).map_or(&[], Vec::as_slice)
    }

    /// Every record, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.by_iss.values().flatten()
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

#[cfg(test)]
mod tests;
