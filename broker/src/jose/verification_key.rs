//! One key of a key set.

use aws_lc_rs::signature::ParsedPublicKey;

use super::JoseAlgorithm;

/// A key, with each algorithm that it may be used with.
#[derive(Debug)]
pub(crate) struct VerificationKey {
    kid: Option<Box<str>>,
    uses: Vec<(JoseAlgorithm, ParsedPublicKey)>,
}

impl VerificationKey {
    pub(crate) fn new(kid: Option<&str>, uses: Vec<(JoseAlgorithm, ParsedPublicKey)>) -> Self {
        Self { kid: kid.map(Into::into), uses }
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The key for this algorithm; none if it does not fit it.
    pub(crate) fn parsed_for(&self, algorithm: JoseAlgorithm) -> Option<&ParsedPublicKey> {
        self.uses.iter().find(|(used, _)| *used == algorithm).map(|(_, key)| key)
    }
}
