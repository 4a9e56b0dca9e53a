//! Verification policy for other programs, derived from the grants: who may have signed, always as a pair of issuer and
//! name.
//!
//! A name alone proves nothing, since another issuer could assert the same one, and an issuer alone accepts everyone
//! whom it knows. So every line holds both: the issuer exactly, the name exactly or as an anchored pattern
//! that admits what the grant gives and nothing else. Certificates for people who log in through our own provider carry
//! our own issuer, `<origin>/oidc`, whichever connector knew them.

mod accepted;
mod cosign;
mod identity;
mod policy_controller;

pub(crate) use accepted::{AcceptedSigner, Policy};
pub(crate) use cosign::cosign;
pub(crate) use identity::SignerIdentity;
pub(crate) use policy_controller::{Cluster, policy_controller};

#[cfg(test)]
mod tests;
