//! What time servers and their clients send each other: packets of NTP (RFC 5905, RFC 7822), and the records, extension
//! fields and authentication of network time security (RFC 8915).
//!
//! ```text
//! nts_record::offer ── Agreement::parse ── Association::new ── seal ── (a server) ── Packet::parse ── open
//! ```
//!
//! A client's side only. Does not: open a socket, speak TLS, read a clock, draw randomness, decide whether the time is
//! believed.

pub mod association;
pub mod extension_field;
pub mod ntp_packet;
pub mod nts_record;

pub use association::{Association, AuthenticationError};
pub use extension_field::{ExtensionField, FieldError};
pub use ntp_packet::{Kiss, LeapIndicator, NtpReply, Packet, PacketError};
pub use nts_record::{Agreement, RecordError};
