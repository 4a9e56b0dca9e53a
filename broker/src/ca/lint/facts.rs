//! The facts that a drafted certificate is compared with.

use shared::time::UnixTime;

use crate::ca::authority::Authority;
use crate::ca::profile::Profile;
use crate::ca::proof::ProvenKey;
use crate::principal::Principal;

/// What was decided before the draft: the linter compares the draft with it.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The CA that is to sign.
    pub authority: &'a Authority,
    /// The profile of the certificate.
    pub profile: Profile,
    /// The principal of the certificate.
    pub principal: &'a Principal,
    /// For which key.
    pub key: &'a ProvenKey,
    /// The moment of issuance.
    pub now: UnixTime,
}
