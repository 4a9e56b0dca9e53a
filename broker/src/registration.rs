//! Registration of issuers: an owner proves that a domain lets an issuer assert its names.
//!
//! That an issuer's host is `idp.example.com` proves that the issuer controls that host; it does not prove that the
//! owner of `example.com` lets it assert `*@example.com`. So the domain must point to the issuer: by a TXT
//! record at `_sigstore-issuer.<domain>`, or, for the names of one host, by a document on that host. A record names the
//! issuer, the instance, and the key that signed the request, so a copy of one is useless to others.
//!
//! Everything here is a function of its arguments: resolvers' answers in, decisions out. The edge asks the resolvers,
//! keeps registrations, and writes every change into the audit log before it takes effect.
//!
//! Does not: walk up from a name to the domains above it. A domain's record covers the domain itself, and those
//! below it only if it says so.

mod account;
mod claim;
mod excerpt;
mod image;
mod life;
mod listing;
mod proof;
mod request;
mod roster;
mod statement;
mod timing;
pub mod txt_record;
pub mod well_known;

pub use account::{Account, AccountError};
pub use claim::{Claim, DNS_LABEL, DOCUMENT_PATH, NameKind, ProofMethod, RegistrationClaimError, record_name};
pub use image::{ImageError, MAX_IMAGE_BYTES};
pub use life::{
    LifeChange, LifeError, LifeEvent, Registration, RegistrationId, RegistrationRelease, RegistrationState,
};
pub use listing::Listing;
pub use proof::{Absence, ClosestRecord, Inconclusive, Observation, Proof, ProofFinding, SourceAnswer, evaluate};
pub use request::{
    MAX_REQUEST_BYTES, REQUEST_TYPE, RegistrationRequest, RegistrationRequestError, RequestPolicy, signing_input,
};
pub use roster::{Roster, RosterError};
pub use statement::{InstanceName, Statement, StatementError};
pub use timing::Timing;

#[cfg(test)]
mod tests;
