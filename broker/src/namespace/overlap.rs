//! Rule X1, as a problem to report.

use crate::grants::Asserter;

/// Two asserters own the same names, and not both of them share.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{second_scope} of {second} overlaps {first_scope} of {first}: a name has one owner, unless both grants say shared (rule X1)"
)]
pub struct Overlap {
    /// The holder of the wider grant.
    pub first: Asserter,
    /// The overlapping grant.
    pub first_scope: String,
    /// The holder of the grant inside it, or equal to it.
    pub second: Asserter,
    /// The overlapping grant.
    pub second_scope: String,
}
