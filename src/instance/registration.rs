//! Issuers that domain owners register: checking the domains, keeping the registrations, and putting them in force.
//!
//! The rules and decisions are in `broker::registration`. Here are the resolvers, the host's document, the
//! store and the audit log. One task at a time changes a registration: the change goes into the audit log first, then
//! into force, then into the store. A crash in between loses nothing, because what the store lacks is read from the
//! audit log at the next start.

mod enforcing;
mod evidence;
mod recheck;
mod registrant;
mod registrar;
mod replay;

pub(crate) use registrant::RegistrantKey;
pub(crate) use registrar::{Registrar, RegistrarError, RegistrarParts, RegistrationRefusal};

#[cfg(test)]
mod tests;
