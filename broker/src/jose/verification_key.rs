//! One key of a key set.

use aws_lc_rs::signature::ParsedPublicKey;

use super::JoseAlgorithm;

/// A key under every algorithm that it may be used with.
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

    /// The key as it verifies signatures of this algorithm; none if it is not made for it.
    pub(crate) fn parsed_for(&self, algorithm: JoseAlgorithm) -> Option<&ParsedPublicKey> {
        self.uses.iter().find(|(used, _)| *used == algorithm).map(|(_, key)| key)
    }
}
