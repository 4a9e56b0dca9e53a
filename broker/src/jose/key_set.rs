//! The keys of one issuer, parsed once.

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::signature::ParsedPublicKey;
use shared::excerpt::excerpt;
use shared::keys::PublicKey;
use shared::time::UnixTime;

use super::{JoseAlgorithm, JwksError, SkippedKey, VerificationKey, jwks};

/// The verification keys that an issuer published together.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<VerificationKey>,
    by_kid: HashMap<Box<str>, usize>,
    skipped: Vec<SkippedKey>,
    trusted_until: Option<UnixTime>,
    fetched_at: Option<UnixTime>,
}

/// The keys that fit a header's `kid` and `alg`.
pub(crate) enum Selection<'a> {
    /// The only key that fits.
    Key(&'a ParsedPublicKey),
    /// No key in the set fits, or the set is too old.
    Unknown,
    /// There is one, but not for this algorithm.
    Unsuitable,
    /// No `kid`, and this many keys fit.
    Ambiguous(usize),
}

impl KeySet {
    /// No keys: the state before the first fetch.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads a JWK Set (RFC 7517 §5). Entries that cannot verify tokens are left out and listed in [`Self::skipped`];
    /// an empty result is valid and means that the issuer has withdrawn every key.
    pub fn from_jwks(document: &[u8]) -> Result<Self, JwksError> {
        let (keys, skipped) = jwks::parse(document)?;
        Self::of(keys, skipped)
    }

    /// Keys of our own provider, in this process.
    pub fn from_public_keys(keys: &[(String, JoseAlgorithm, PublicKey)]) -> Result<Self, JwksError> {
        let keys = keys
            .iter()
            .map(|(kid, algorithm, key)| {
                let parsed = ParsedPublicKey::new(algorithm.verification(), key.spki_der())
                    .map_err(|_| JwksError::Unsuitable { kid: kid.clone(), algorithm: *algorithm })?;
                Ok(VerificationKey::new(Some(kid), vec![(*algorithm, parsed)]))
            })
            .collect::<Result<Vec<_>, JwksError>>()?;
        Self::of(keys, Vec::new())
    }

    /// The keys of a SPIFFE bundle for one use, each with a `kid` of its own.
    pub(crate) fn of_bundle(keys: Vec<VerificationKey>) -> Self {
        let named = |(at, key): (usize, &VerificationKey)| Some((key.kid()?.into(), at));
        let by_kid = keys.iter().enumerate().filter_map(named).collect();
        Self { keys, by_kid, ..Self::default() }
    }

    fn of(keys: Vec<VerificationKey>, skipped: Vec<SkippedKey>) -> Result<Self, JwksError> {
        let mut by_kid = HashMap::new();
        for (at, key) in keys.iter().enumerate() {
            if let Some(kid) = key.kid()
                && by_kid.insert(kid.into(), at).is_some()
            {
                return Err(JwksError::DuplicateKid(excerpt(kid, 120)));
            }
        }
        Ok(Self { keys, by_kid, skipped, trusted_until: None, fetched_at: None })
    }

    /// Says when the set was fetched, and for how long it may be trusted if no later fetch succeeds.
    pub fn fetched(self, at: UnixTime, trusted_for: Duration) -> Self {
        Self { fetched_at: Some(at), trusted_until: Some(at.plus(trusted_for)), ..self }
    }

    /// When it was fetched, if it was.
    pub fn fetched_at(&self) -> Option<UnixTime> {
        self.fetched_at
    }

    /// The entries of the JWK Set that were left out, and why.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The names of the keys, in the order of the set.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter_map(VerificationKey::kid)
    }

    /// Every key for the algorithm, in the order of the set.
    pub(crate) fn fitting(&self, algorithm: JoseAlgorithm) -> impl Iterator<Item = &ParsedPublicKey> {
        self.keys.iter().filter_map(move |key| key.parsed_for(algorithm))
    }

    pub(crate) fn select(&self, kid: Option<&str>, algorithm: JoseAlgorithm, now: UnixTime) -> Selection<'_> {
        if self.keys.is_empty() || self.trusted_until.is_some_and(|until| now > until) {
            return Selection::Unknown;
        }
        let Some(kid) = kid else {
            let mut fitting = self.fitting(algorithm);
            return match (fitting.next(), fitting.count()) {
                (Some(only), 0) => Selection::Key(only),
                (Some(_), more) => Selection::Ambiguous(more + 1),
                (None, _) => Selection::Ambiguous(0),
            };
        };
        match self.by_kid.get(kid) {
            None => Selection::Unknown,
            Some(&at) => self.keys[at].parsed_for(algorithm).map_or(Selection::Unsuitable, Selection::Key),
        }
    }
}
