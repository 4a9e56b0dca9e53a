//! What a record grants and demands: scopes of names, pins, conditions, an expression that denies, and domains' own
//! listings.
//!
//! Each part can be asked about the claims of a token or about a name, and answers for itself alone. Who holds which
//! grant, and whether two of them overlap, is for `namespace`.

mod asserter;
mod condition;
#[cfg_attr(not(feature = "deny-expressions"), path = "grants/deny_absent.rs")]
mod deny;
mod grant;
mod listings;
mod mismatch;
mod pin;

pub use asserter::{Asserter, ConnectorSpec, WORKLOADS};
pub use condition::Condition;
pub use deny::{Deny, DenyError};
pub use grant::{Grant, Scope};
pub use listings::Listings;
pub use mismatch::Mismatch;
pub use pin::{Pin, PinValue};
