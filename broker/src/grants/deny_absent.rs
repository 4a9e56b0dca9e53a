//! In place of `deny.rs` where the feature `deny-expressions` is not built: there is no expression, since none can be
//! read.

use crate::jose::Claims;
use crate::names::Name;

/// No expression.
#[derive(Debug, Eq, PartialEq)]
pub enum Deny {}

/// Why a text is no expression here.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DenyError {
    /// The feature `deny-expressions` of this crate is off.
    #[error("expressions are not evaluated in this build (feature deny-expressions)")]
    NotBuilt,
}

impl Deny {
    /// Refuses every text.
    pub fn parse(_: &str) -> Result<Self, DenyError> {
        Err(DenyError::NotBuilt)
    }

    /// The expression.
    pub fn as_str(&self) -> &str {
        match *self {}
    }

    pub(crate) fn denies(&self, _: &Claims, _: &Name) -> bool {
        match *self {}
    }
}
