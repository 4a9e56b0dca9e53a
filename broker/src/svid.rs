//! SVIDs: how workloads of a SPIFFE trust domain authenticate.
//!
//! One identity, three documents: a JWT-SVID, an X.509-SVID over mutual TLS, and a WIT-SVID with a proof by its key.
//! Each kind of document becomes a [`VerifiedSvid`], made only where every check passed, with the bundle of exactly the
//! trust domain that the document names.
//!
//! Does not: decide which name the identity may have. That is `namespace`, which takes a [`VerifiedSvid`] as it takes a
//! token.

pub(crate) mod credential_kind;
mod jwt;
mod proof_token;
mod svid_use;
mod verified;
mod wit;
mod x509;

pub use jwt::{JwtSvidError, JwtSvidVerification};
pub use proof_token::{MAX_PROOF_LIFETIME, ProofTokenError, ProofUse, UnverifiedProofToken};
pub use svid_use::{SvidUse, UseError};
pub(crate) use verified::Verified;
pub use verified::{NeedsBundle, VerifiedSvid};
pub use wit::{UnverifiedWitSvid, WitSvidError, WitVerification};
pub use x509::{Purpose, UnverifiedX509Svid, X509SvidError, X509Verification};

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod mint;
#[cfg(test)]
mod tests;
