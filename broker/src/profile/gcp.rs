//! Service accounts of Google Cloud.
//!
//! Their tokens come from `accounts.google.com`, which also signs for every Gmail user, so the address must be
//! a service account's, and the record needs a pin (`sub`, the account's unique number, or the project's number).

use super::{ClaimError, Claimed, human};
use crate::jose::Claims;
use crate::names::Name;

/// Addresses below it are given by Google to service accounts only.
const SERVICE_ACCOUNTS: &str = ".gserviceaccount.com";

pub(super) fn claim(claims: &Claims) -> Result<Claimed, ClaimError> {
    let claimed = human::claim(claims)?;
    match &claimed.name {
        Name::Email(address) if address.domain().as_str().ends_with(SERVICE_ACCOUNTS) => Ok(claimed),
        _ => Err(ClaimError::Differs("email".into())),
    }
}
