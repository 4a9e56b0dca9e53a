//! Whether a bundle may be put in force: rules B2, B3 and B4.

use std::collections::BTreeSet;
use std::sync::Arc;

use broker::issuer::Issuers;
use broker::names::Rule;
use broker::trust_domain::{Bundle, BundleError, TrustDomainRecord};

/// SHA-256 of the SubjectPublicKeyInfo of every key that this house signs with. A bundle that holds one of them would make
/// everything that we sign an SVID of that trust domain: a signing certificate could then open connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnKeys(Arc<BTreeSet<[u8; 32]>>);

impl OwnKeys {
    pub(crate) fn new(keys: impl IntoIterator<Item = [u8; 32]>) -> Self {
        Self(Arc::new(keys.into_iter().collect()))
    }
}

/// Why a bundle is not put in force.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum RefusedBundle {
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error("the map holds no bundle of {0}")]
    NotInMap(String),
    #[error("its sequence number went back from {held} to {found}; somebody shows an old bundle")]
    Sequence { held: u64, found: u64 },
    #[error("it holds the key {key} of this very house, so that certificates of this house would be SVIDs")]
    OwnKey { key: String },
    #[error("it holds the key {key}, which is also in the bundle of {other}")]
    ForeignKey { key: String, other: String },
}

impl RefusedBundle {
    /// The rule.
    pub(crate) fn rule(&self) -> Rule {
        match self {
            Self::Bundle(error) => error.rule(),
            Self::NotInMap(_) => Rule::B1,
            Self::Sequence { .. } => Rule::B2,
            Self::OwnKey { .. } => Rule::B3,
            Self::ForeignKey { .. } => Rule::B4,
        }
    }
}

/// What becomes of a good bundle.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Judgement {
    /// The trust domain has withdrawn everything.
    Emptied,
    /// It vouches by other keys than before, or by some for the first time.
    Fetched,
    /// The same keys.
    Unchanged,
}

/// Judges what was found for `record`, against what it has, what we are and what the others have.
pub(super) fn judge(
    found: &Bundle,
    record: &TrustDomainRecord,
    issuers: &Issuers,
    own: &OwnKeys,
) -> Result<Judgement, RefusedBundle> {
    let held = record.held();
    let held = held.bundle();
    if let (Some(held), Some(found)) = (held.and_then(|held| held.sequence()), found.sequence())
        && found < held
    {
        return Err(RefusedBundle::Sequence { held, found });
    }
    if let Some(key) = found.fingerprints().intersection(&own.0).next() {
        return Err(RefusedBundle::OwnKey { key: hex::encode(key) });
    }
    for other in issuers.trust_domains().iter().filter(|other| other.name() != record.name()) {
        let theirs = other.held();
        let shared = theirs.bundle().and_then(|theirs| found.fingerprints().intersection(theirs.fingerprints()).next());
        if let Some(key) = shared {
            let (key, other) = (hex::encode(key), other.name().to_string());
            return Err(RefusedBundle::ForeignKey { key, other });
        }
    }
    Ok(match held {
        Some(held) if held.fingerprints() == found.fingerprints() => Judgement::Unchanged,
        _ if found.is_empty() => Judgement::Emptied,
        _ => Judgement::Fetched,
    })
}
