//! The timestamp authority (RFC 3161, RFC 5816): what a request asks, whether it may be answered, and the token.
//!
//! ```text
//! TimestampRequest::parse ─┐
//! Lease::permit ───────────┴─ SigningUnit::prepare ── audit log ── Prepared::sign ── TimestampResponse
//! ```
//!
//! A token needs a `TrustedNow`, which only the lease of a healthy `ClockGuard` gives, and a `Receipt` for its own
//! audit leaf, which only a log gives once the leaf is durable; so the order is a matter of types. Every refusal is a
//! `Rejection`, which knows its `PKIFailureInfo` and encodes itself.
//!
//! Does not: read a clock, draw randomness, touch a file or a socket, know HTTP. Does not speak the TCP, mail or file
//! transports of RFC 3161 §3.1 to §3.3.

pub mod clock_guard;
mod der_reader;
#[cfg(test)]
mod fixture;
pub mod gen_time;
pub mod hash_algorithm;
pub mod inspect;
pub mod nonce;
pub mod policy;
mod qualified;
pub mod rejection;
pub mod request;
pub mod respond;
pub mod signing_unit;
pub mod succession;
pub mod tst_info;
pub mod unit_certificate;
pub mod verify;

pub use clock_guard::{
    ClockGuard, ClockLimits, ClockMode, ClockReading, ClockTrouble, Clocks, KernelClock, Leap, Lease, Look,
    MarkRecovery, TrustedNow,
};
pub use der_reader::DerFault;
pub use gen_time::{Accuracy, GenTime, Precision};
pub use hash_algorithm::HashAlgorithm;
pub use inspect::{InspectError, Inspection, token_of};
pub use policy::{PolicyOid, PolicyOidError};
pub use rejection::{PkiFailureInfo, Rejection};
pub use request::TimestampRequest;
pub use respond::{Decided, Prepared, TimestampResponse, WithoutRecords};
pub use signing_unit::{SigningUnit, TokenForm, UnitConfig, UnitError, UnitTrouble};
pub use succession::Succession;
pub use tst_info::TstInfo;
pub use verify::{Expected, TimestampTrust, VerifiedTimestamp, VerifyError, verify_response, verify_token};
