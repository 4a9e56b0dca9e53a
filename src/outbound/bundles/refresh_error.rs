//! Why a bundle was not refreshed.

use broker::names::{Rule, TrustDomain};
use broker::trust_domain::RefusedBundle;
use shared::log::AppendError;

use super::source::BundleSourceError;

/// Why a bundle was not refreshed. The one before it stays in force.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the bundle of {trust_domain} could not be refreshed: {cause}")]
pub(crate) struct BundleRefreshError {
    pub(super) trust_domain: String,
    pub(super) cause: BundleRefreshCause,
}

/// Why a bundle was not refreshed, without the trust domain.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum BundleRefreshCause {
    /// The source gave no bundle, or one that is refused.
    #[error(transparent)]
    Source(#[from] BundleSourceError),
    /// A bundle that adds keys is not put in force without a record of it.
    #[error("the audit log could not record the change: {0}")]
    Audit(AppendError),
}

impl BundleRefreshError {
    pub(super) fn of(trust_domain: &TrustDomain, cause: BundleRefreshCause) -> Self {
        Self { trust_domain: trust_domain.to_string(), cause }
    }

    /// The rule by which it was refused, if it was.
    pub(crate) fn rule(&self) -> Option<Rule> {
        self.refused().map(RefusedBundle::rule)
    }

    /// Why the bundle was refused, if it was.
    pub(super) fn refused(&self) -> Option<&RefusedBundle> {
        match &self.cause {
            BundleRefreshCause::Source(BundleSourceError::Refused(refused)) => Some(refused),
            BundleRefreshCause::Source(_) | BundleRefreshCause::Audit(_) => None,
        }
    }
}
