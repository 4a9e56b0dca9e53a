//! The records of the issuers whose word counts, each with the keys by which we know it.
//!
//! Does not: fetch keys, or put records together. That is `registry`.

pub mod catalogue;
mod record;

pub use record::{Issuer, IssuerSpec, KeySource, Reach, RecordOrigin};
