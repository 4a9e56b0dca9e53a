//! Certificates that this instance issued a moment ago.
//!
//! A signer sends its certificate back within seconds, to have the signature logged. Then it is enough to recognise its
//! bytes instead of verifying our own signature, which on P-384 takes longer than all other checks of an entry
//! together.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use shared::digest::sha256;

/// How many are known before the older half is forgotten; 32 bytes each. What is forgotten is verified as any other.
const GENERATION: usize = 16_384;

/// SHA-256 of each certificate, in two generations.
#[derive(Debug, Default)]
pub(crate) struct IssuedLately(Mutex<[HashSet<[u8; 32]>; 2]>);

impl IssuedLately {
    /// Remembers a certificate that is about to be released.
    pub(crate) fn remember(&self, der: &[u8]) {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if generations[0].len() >= GENERATION {
            generations.swap(0, 1);
            generations[0].clear();
        }
        generations[0].insert(sha256(der));
    }

    /// Whether these very bytes were released lately.
    pub(crate) fn knows(&self, der: &[u8]) -> bool {
        let hash = sha256(der);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|generation| generation.contains(&hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_was_remembered_and_forgets_the_oldest_half() {
        let issued = IssuedLately::default();
        issued.remember(b"first");
        assert!(issued.knows(b"first") && !issued.knows(b"second"));
        (0..GENERATION).for_each(|number| issued.remember(&number.to_be_bytes()));
        assert!(issued.knows(b"first"), "the generation before is still known");
        (0..GENERATION).for_each(|number| issued.remember(&(GENERATION + number).to_be_bytes()));
        assert!(!issued.knows(b"first"));
    }
}
