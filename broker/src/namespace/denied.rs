//! Refusals.

use crate::grants::{Asserter, Mismatch};
use crate::names::Rule;
use crate::profile::ClaimError;

/// Why an asserter may not use a name. The message is for the caller: it names the rule's matter, never another
/// owner.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Denied {
    /// No name for a certificate can be made from the token's claims.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// C1: our own provider's token does not say which connector knew the person.
    #[error("the token has no federated_claims.connector_id")]
    ConnectorMissing,
    /// C2: the connector is not configured any more.
    #[error("the connector {0:?} is not configured")]
    ConnectorUnknown(String),
    /// C3: what all else permits, the record's own expression refuses.
    #[error("the deny expression of the issuer {0:?} refuses this token")]
    Expression(String),
    /// C1, C2, G5 to G7, N3, O3: the claims do not fit the record, or the domain lists others.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// E6, K3, N2, S4, S9, or V1 to V4.
    #[error("{asserter} has no grant for the name {name:?}")]
    NotGranted {
        /// Who asserted the name.
        asserter: Asserter,
        /// For what.
        name: String,
        /// What the closest grant failed on.
        rule: Rule,
    },
    /// X1: a local user has an address that a grant gives to someone else.
    #[error("the name {name:?} belongs to another issuer")]
    OwnedByAnother {
        /// The refused name.
        name: String,
        /// Its owner, for the log of the instance.
        owner: Asserter,
    },
    /// I2: the record under which the token was verified has been replaced since.
    #[error("the record of the issuer {0:?} has changed; try again")]
    RecordReplaced(String),
}

impl Denied {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        match self {
            Self::Claim(error) => error.rule(),
            Self::ConnectorMissing => Rule::C1,
            Self::ConnectorUnknown(_) => Rule::C2,
            Self::Expression(_) => Rule::C3,
            Self::Mismatch(mismatch) => mismatch.rule(),
            Self::OwnedByAnother { .. } => Rule::X1,
            Self::RecordReplaced(_) => Rule::I2,
            Self::NotGranted { rule, .. } => *rule,
        }
    }
}
