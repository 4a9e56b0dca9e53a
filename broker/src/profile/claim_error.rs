//! Why no name can be made from a token's claims.

use crate::names::{NameError, Rule, ServiceAccount};

/// Why no name for a certificate can be made from a token's claims.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClaimError {
    /// E1.
    #[error("the token has no e-mail address")]
    EmailMissing,
    /// E1.
    #[error("the e-mail address is not verified by the issuer: email_verified is not true")]
    EmailUnverified,
    /// N1.
    #[error("the token has no claim {0:?}, which its platform's tokens have")]
    Missing(String),
    /// N1.
    #[error("the claim {0:?} is empty")]
    Empty(String),
    /// N1.
    #[error("the claim {0:?} is neither a string, a whole number nor a Boolean")]
    Type(String),
    /// N1.
    #[error("the claim {claim:?} has a value that is not allowed at its place in a name: {value:?}")]
    Place {
        /// The claim's name.
        claim: String,
        /// The value, shortened.
        value: String,
    },
    /// N1.
    #[error("the claim {0:?} does not agree with the rest of the token, or with the record")]
    Differs(String),
    /// N1.
    #[error("a name or an extension made from the claims would be longer than 2048 bytes")]
    TooLong,
    /// K2.
    #[error("sub {0:?} is not the service account that the claim kubernetes.io names")]
    KubernetesSubject(String),
    /// K3.
    #[error("the service account {0} is not on the list of the record")]
    KubernetesAccount(ServiceAccount),
    /// The result is not a valid name: rules U, H, P, E, S, N2 and K1.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl ClaimError {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        match self {
            Self::EmailMissing | Self::EmailUnverified => Rule::E1,
            Self::Missing(_)
            | Self::Empty(_)
            | Self::Type(_)
            | Self::Place { .. }
            | Self::Differs(_)
            | Self::TooLong => Rule::N1,
            Self::KubernetesSubject(_) => Rule::K2,
            Self::KubernetesAccount(_) => Rule::K3,
            Self::Name(error) => error.rule(),
        }
    }
}
