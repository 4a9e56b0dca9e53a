//! What each fuzz target checks of one parser of outside bytes. Beyond "does not panic": what is accepted says again
//! what was read, what a second reader refuses is refused, and caps hold.
//!
//! A target in `targets/` only hands its bytes to a function here. Seeds are in `seeds/<target>/`.

pub mod broker;
pub mod bundle;
pub mod config;
pub mod documents;
pub mod keys;
pub mod log;
pub mod namespace;
pub mod profile;
pub mod provider;
pub mod registration;
pub mod second_opinion;
pub mod signature_log;
pub mod svid;
pub mod time_sources;
pub mod timestamps;
pub mod x509;

/// The bytes as text, for parsers that take no others.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
