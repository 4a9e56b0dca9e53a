//! Lifetimes of codes, logins, tokens and sessions.

use std::time::Duration;

/// Time that a code may wait for its client (RFC 6749 §4.1.2 allows ten minutes; the client is a program and needs a
/// second).
pub const CODE_LIFETIME: Duration = Duration::from_secs(60);
/// Time that a person has to log in.
pub const FLOW_LIFETIME: Duration = Duration::from_secs(600);

/// The configured lifetimes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lifetimes {
    /// A token. Ten minutes by default, as long as the certificate that it buys: sigstore-python signs many files with
    /// one token, and a person may need a moment between `get-identity-token` and its use.
    pub token: Duration,
    /// A browser's session; zero asks for the password each time.
    pub session: Duration,
}
