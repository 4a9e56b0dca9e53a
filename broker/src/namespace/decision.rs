//! The grant that gives a name to an asserter.

use crate::grants::Scope;
use crate::names::Rule;

/// The grant that covers a name, and the rule by which it does.
pub(super) struct Decision<'a> {
    pub(super) rule: Rule,
    pub(super) grant: &'a Scope,
}
