//! The documents by which clients trust this instance, made from one source of truth.
//!
//! `TrustMaterial` names every key and certificate that was ever active, with the time from which and until which it
//! was. From it come `trusted_root.json` (what verifiers read), `signing_config.v0.2.json` (what signers read), both in
//! one `client_trust_config.json`, and the targets of the TUF repository (`tuf`), which is how clients fetch and
//! refresh them. Everything here is a pure function of its arguments: the same material gives the same bytes.
//!
//! Does not read or write files, and reads no clock.

pub mod client_trust_config;
pub mod documents;
pub mod encoding;
pub mod legacy_targets;
pub mod material;
pub mod signing_config;
pub mod trusted_root;
pub mod tuf;

pub use client_trust_config::ClientTrustConfig;
pub use documents::{TrustDocuments, TrustError};
pub use material::{CertificateChain, LogKey, TrustMaterial, Validity};
pub use signing_config::SigningConfig;
pub use trusted_root::{TrustedRoot, TrustedRootError};
