//! What more than one crate needs.
//!
//! A concept belongs here only if two crates use it: digests, keys, X.509, the log, the store, time, randomness,
//! secrets and the trust root. This crate does not know HTTP, TLS, tokio or the configuration file, and it makes no
//! decision about who may sign what.

pub mod audit;
pub mod digest;
pub mod excerpt;
pub mod keys;
pub mod log;
pub mod random;
pub mod secret;
pub mod store;
pub mod strict_json;
pub mod time;
pub mod trust_root;
pub mod x509;
