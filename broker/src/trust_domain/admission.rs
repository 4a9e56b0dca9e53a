//! Whether a bundle may be put in force: rules B2, B3 and B4.

use std::collections::BTreeSet;

use super::{Bundle, BundleError, TrustDomainRecord, TrustDomains};
use crate::names::Rule;

/// Why a bundle is not put in force.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RefusedBundle {
    /// B1: it cannot be parsed.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// B1: the map was to hold it.
    #[error("the map has no bundle of {0}")]
    NotInMap(String),
    /// B2: older than the one in force.
    #[error("its sequence number went back from {held} to {found}, so this is an old bundle")]
    Sequence {
        /// The number of the bundle in force.
        held: u64,
        /// The number of the new bundle.
        found: u64,
    },
    /// B3: it would make everything that we sign an SVID of that trust domain.
    #[error("it has the key {key} of this instance itself, which would make this instance's certificates SVIDs")]
    OwnKey {
        /// SHA-256 of its SubjectPublicKeyInfo, in hexadecimal.
        key: String,
    },
    /// B4: a key belongs to one trust domain.
    #[error("it has the key {key}, which is also in the bundle of {other}")]
    ForeignKey {
        /// SHA-256 of its SubjectPublicKeyInfo, in hexadecimal.
        key: String,
        /// The trust domain that already has the key.
        other: String,
    },
}

impl RefusedBundle {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        match self {
            Self::Bundle(error) => error.rule(),
            Self::NotInMap(_) => Rule::B1,
            Self::Sequence { .. } => Rule::B2,
            Self::OwnKey { .. } => Rule::B3,
            Self::ForeignKey { .. } => Rule::B4,
        }
    }
}

/// What putting an acceptable bundle in force changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// The bundle has no keys: the trust domain has withdrawn everything.
    Emptied,
    /// It has other keys than the one in force, or is the first one.
    Fetched,
    /// The bundle has the same keys as the one in force.
    Unchanged,
}

/// Decides whether `found` may be put in force for `record`. `own` is the SHA-256 of the SubjectPublicKeyInfo of
/// every key that this instance signs with; no other trust domain may have a key of it either.
pub fn evaluate(
    found: &Bundle,
    record: &TrustDomainRecord,
    trust_domains: &TrustDomains,
    own: &BTreeSet<[u8; 32]>,
) -> Result<Admission, RefusedBundle> {
    let held = record.held();
    let held = held.bundle();
    if let (Some(held), Some(found)) = (held.and_then(|held| held.sequence()), found.sequence())
        && found < held
    {
        return Err(RefusedBundle::Sequence { held, found });
    }
    if let Some(key) = found.fingerprints().intersection(own).next() {
        return Err(RefusedBundle::OwnKey { key: hex::encode(key) });
    }
    for other in trust_domains.iter().filter(|other| other.name() != record.name()) {
        let theirs = other.held();
        let shared = theirs.bundle().and_then(|theirs| found.fingerprints().intersection(theirs.fingerprints()).next());
        if let Some(key) = shared {
            let (key, other) = (hex::encode(key), other.name().to_string());
            return Err(RefusedBundle::ForeignKey { key, other });
        }
    }
    Ok(match held {
        Some(held) if held.fingerprints() == found.fingerprints() => Admission::Unchanged,
        _ if found.is_empty() => Admission::Emptied,
        _ => Admission::Fetched,
    })
}
