//! Claims that do not fit a record, and names that a domain lists for others.

use crate::names::{NameError, Rule};

/// Why claims or a name do not fit what a record, or a domain, demands.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Mismatch {
    /// G5 to G7: the value is none, or fits no pattern.
    #[error("the claim {claim:?} does not fit the issuer's record{}", .error.as_ref().map(|e| format!(": {e}")).unwrap_or_default())]
    ConditionDiffers {
        /// The claim's name.
        claim: String,
        /// Why the first pattern does not fit.
        error: Option<NameError>,
    },
    /// N3: no element of the list is one that the record names.
    #[error("no element of the claim {0:?} is one that the issuer's record names exactly")]
    ConditionList(String),
    /// C1.
    #[error("the token has no claim {0:?}, which the issuer's record matches")]
    ConditionMissing(String),
    /// C2: neither a text nor a list of texts.
    #[error("the claim {0:?} is neither a string nor a list, so no pattern fits it")]
    ConditionType(String),
    /// O3: the domain lists the issuers that may assert its names, and this is none of them.
    #[error("the records of {domain} list the issuers that may assert its names, and {iss} is not among them")]
    NotListed {
        /// The domain of the name in the token.
        domain: String,
        /// The issuer, or the trust domain's label, that asserted the name.
        iss: String,
    },
    /// C2.
    #[error("the claim {0:?} does not have the value that the issuer's record requires")]
    PinDiffers(String),
    /// C1.
    #[error("the token has no claim {0:?}, which the issuer's record requires")]
    PinMissing(String),
}

impl Mismatch {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        match self {
            Self::ConditionDiffers { error, .. } => error.as_ref().map_or(Rule::G7, NameError::rule),
            Self::ConditionList(_) => Rule::N3,
            Self::ConditionMissing(_) | Self::PinMissing(_) => Rule::C1,
            Self::ConditionType(_) | Self::PinDiffers(_) => Rule::C2,
            Self::NotListed { .. } => Rule::O3,
        }
    }
}
