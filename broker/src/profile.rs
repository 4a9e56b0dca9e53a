//! Profiles: how the claims of a token become a name and the extensions of a certificate.
//!
//! A profile says what a token claims. It never says that the claim may be made: that is `namespace`, which asks the grants of
//! the record about the very [`Claimed`] that ends in the certificate.
//!
//! Does not: decide; nor encode anything.

mod human;

use crate::names::{Name, NameError, Rule, UriName};
use crate::token::VerifiedToken;
pub(crate) use human::verified_address;

/// How an issuer's claims become a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Profile {
    /// People: the `email` claim, verified by the issuer.
    Human,
    /// Our own provider: people as well, but its record speaks for nothing itself. Each of its tokens names, in
    /// `federated_claims.connector_id`, the connector that knew the person, and that connector's grants decide.
    OwnProvider,
    /// Workloads whose `sub` is a URI.
    Uri,
}

/// What a token claims to be, before anybody said that it may.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claimed {
    /// The name that the certificate would hold.
    pub name: Name,
    /// What the client signs to prove that it has the key, as it stands in the token.
    pub proof_name: String,
    /// Fulcio's extensions beside those of issuer and subject, ascending: the last arc of 1.3.6.1.4.1.57264.1.N, and the text.
    pub extensions: Vec<(u8, String)>,
}

/// Why a token claims nothing that a certificate could hold.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClaimError {
    /// E1.
    #[error("the token has no e-mail address")]
    EmailMissing,
    /// E1.
    #[error("the e-mail address is not verified by the issuer: email_verified is not true")]
    EmailUnverified,
    /// The name is no name: rules U, H, P and E.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl ClaimError {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        match self {
            Self::EmailMissing | Self::EmailUnverified => Rule::E1,
            Self::Name(error) => error.rule(),
        }
    }
}

impl Profile {
    /// What the token claims to be.
    pub fn claim(&self, token: &VerifiedToken) -> Result<Claimed, ClaimError> {
        match self {
            Self::Human | Self::OwnProvider => human::claim(token.claims()),
            Self::Uri => {
                let name = Name::Uri(UriName::parse(token.subject())?);
                Ok(Claimed { name, proof_name: token.subject().to_owned(), extensions: Vec::new() })
            }
        }
    }
}
