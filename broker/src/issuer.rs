//! The records of the accepted issuers, each with its keys.
//!
//! Does not: fetch keys, or put records together. That is `registry`.

pub mod catalogue;
mod record;

pub use record::{Issuer, IssuerSpec, KeySource, Reach, RecordOrigin};
