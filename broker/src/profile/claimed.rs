//! The name and extensions that a token claims.

use crate::names::Name;

/// What a token claims, before the rules permit it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claimed {
    /// The name that the certificate would hold.
    pub name: Name,
    /// What the client signs to prove that it has the key, as in the token.
    pub proof_name: String,
    /// Fulcio's extensions beside those of issuer and subject, ascending: the last arc of 1.3.6.1.4.1.57264.1.N, and
    /// the text.
    pub extensions: Vec<(u8, String)>,
}

impl Claimed {
    /// A name that is proven by signing `sub`, without extensions.
    pub(super) fn subject(subject: &str, name: Name) -> Self {
        Self { name, proof_name: subject.to_owned(), extensions: Vec::new() }
    }
}
