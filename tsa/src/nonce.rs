//! The nonce of a request (RFC 3161 §2.4.1).

/// The longest nonce that is read, in octets of its INTEGER; clients send 8 to 20.
pub const MAX_NONCE: usize = 64;
