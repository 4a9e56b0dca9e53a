//! Sigstore's documents: what a bundle and a log entry are, and whether they verify.
//!
//! ```text
//! EntryRequest::parse ── Entry::verify ── the leaf of a signature log
//! Bundle::parse ─────────────── verify ── Verified, or the one thing that is wrong
//! ```
//!
//! Plain synchronous functions. Does not: read a clock, draw randomness, touch a file or a socket, know HTTP. Does not
//! check revocation, and reads neither Rekor v1's entries nor bundles before version 0.2.

pub mod bundle;
pub mod dsse;
pub mod entry;
pub mod entry_request;
pub mod key_details;
pub mod verify;

pub use bundle::{Bundle, BundleError};
pub use entry::{Entry, EntryError, Writers};
pub use entry_request::{EntryRequest, RequestError};
pub use key_details::KeyDetails;
pub use verify::{ExpectedIdentity, Verified, VerifyError, verify};
