//! Why a bundle was not brought up to date.

use broker::names::{Rule, TrustDomain};
use broker::trust_domain::RefusedBundle;
use shared::log::AppendError;

use super::source::SourceError;

/// Why a bundle was not brought up to date. The one before it stays in force.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the bundle of {trust_domain}: {cause}")]
pub(crate) struct RefreshError {
    pub(super) trust_domain: String,
    pub(super) cause: RefreshCause,
}

/// The causes.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum RefreshCause {
    /// The source gave no bundle, or one that is refused.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Nothing comes into force without a record of it.
    #[error("the audit log did not take the record of the change: {0}")]
    Audit(AppendError),
}

impl RefreshError {
    pub(super) fn of(trust_domain: &TrustDomain, cause: RefreshCause) -> Self {
        Self { trust_domain: trust_domain.to_string(), cause }
    }

    /// The rule by which it was refused, if it was.
    pub(crate) fn rule(&self) -> Option<Rule> {
        self.refused().map(RefusedBundle::rule)
    }

    /// Why the bundle was refused, if it was.
    pub(super) fn refused(&self) -> Option<&RefusedBundle> {
        match &self.cause {
            RefreshCause::Source(SourceError::Refused(refused)) => Some(refused),
            RefreshCause::Source(_) | RefreshCause::Audit(_) => None,
        }
    }
}
