//! What a draft is held against.

use shared::time::UnixTime;

use crate::ca::authority::Authority;
use crate::ca::profile::Profile;
use crate::ca::proof::ProvenKey;
use crate::principal::Principal;

/// What was decided, for the draft to be held against.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The CA that is to sign.
    pub authority: &'a Authority,
    /// By which profile.
    pub profile: Profile,
    /// For whom.
    pub principal: &'a Principal,
    /// For which key.
    pub key: &'a ProvenKey,
    /// The moment of issuance.
    pub now: UnixTime,
}
