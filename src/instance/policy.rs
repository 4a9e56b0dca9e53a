//! Verification policy for the programs of others, made from the grants: who may have signed, always as a pair.
//!
//! A name alone proves nothing, since another issuer could vouch for the same one, and an issuer alone lets in
//! everybody whom it knows. So every line holds both: the issuer exactly, the name exactly or as an anchored pattern
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
