//! Refusals.

use super::Speaker;
use crate::names::{NameError, Rule};
use crate::profile::ClaimError;

/// Why a speaker may not use a name. The message is for the one who asked: it names the rule's matter, never another owner.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Denied {
    /// The token claims nothing that a certificate could hold.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// G5 to G7: the value is none, or fits no pattern.
    #[error("the claim {claim:?} does not fit the issuer's record{}", .error.as_ref().map(|e| format!(": {e}")).unwrap_or_default())]
    ConditionDiffers {
        /// Which.
        claim: String,
        /// What the first pattern says.
        error: Option<NameError>,
    },
    /// N3: no element of the list is one that the record names.
    #[error("no element of the claim {0:?} is one that the issuer's record names exactly")]
    ConditionList(String),
    /// C1.
    #[error("the token has no claim {0:?}, which the issuer's record matches")]
    ConditionMissing(String),
    /// C2: neither a text nor a list of texts.
    #[error("the claim {0:?} is neither a text nor a list, so no pattern fits it")]
    ConditionType(String),
    /// C1: our own provider's token does not say which connector knew the person.
    #[error("the token has no federated_claims.connector_id")]
    ConnectorMissing,
    /// C2: the connector is not configured any more.
    #[error("the connector {0:?} is not configured")]
    ConnectorUnknown(String),
    /// C3: what all else permits, the record's own expression refuses.
    #[error("the expression in the record of the issuer {0:?} refuses this token")]
    Expression(String),
    /// E6, K3, N2, S4, S9, or V1 to V4.
    #[error("{speaker} has no grant for the name {name:?}")]
    NotGranted {
        /// Who asked.
        speaker: Speaker,
        /// For what.
        name: String,
        /// What the closest grant failed on.
        rule: Rule,
    },
    /// O3: the domain lists the issuers that may speak for it, and this is none of them.
    #[error("{domain} lists in its own records who may speak for it, and {iss} is not among them")]
    NotListed {
        /// The domain.
        domain: String,
        /// The issuer.
        iss: String,
    },
    /// X1: a local user has an address that a grant gives to someone else.
    #[error("the name {name:?} belongs to another issuer")]
    OwnedByAnother {
        /// The name.
        name: String,
        /// Its owner, for the log of the house.
        owner: Speaker,
    },
    /// C2.
    #[error("the claim {0:?} has not the value that the issuer's record demands")]
    PinDiffers(String),
    /// C1.
    #[error("the token has no claim {0:?}, which the issuer's record demands")]
    PinMissing(String),
    /// I2: the record under which the token was verified has been replaced since.
    #[error("the record of the issuer {0:?} has changed; ask again")]
    RecordReplaced(String),
}

impl Denied {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        match self {
            Self::Claim(error) => error.rule(),
            Self::ConditionDiffers { error, .. } => error.as_ref().map_or(Rule::G7, NameError::rule),
            Self::ConditionList(_) => Rule::N3,
            Self::ConditionMissing(_) | Self::ConnectorMissing | Self::PinMissing(_) => Rule::C1,
            Self::ConditionType(_) | Self::ConnectorUnknown(_) | Self::PinDiffers(_) => Rule::C2,
            Self::Expression(_) => Rule::C3,
            Self::NotListed { .. } => Rule::O3,
            Self::OwnedByAnother { .. } => Rule::X1,
            Self::RecordReplaced(_) => Rule::I2,
            Self::NotGranted { rule, .. } => *rule,
        }
    }
}
