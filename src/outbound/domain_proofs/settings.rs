//! Whom to ask about domains, and by which keys their answers are known.

use std::net::SocketAddr;

/// Whom to ask about domains.
#[derive(Clone)]
#[cfg_attr(not(feature = "dns-proofs"), expect(dead_code, reason = "nobody is asked there"))]
pub(crate) struct ResolverSettings {
    /// The name servers that are listed.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The system's are asked as well.
    pub(crate) system: bool,
    /// How many must give the same answer.
    pub(crate) agreeing: usize,
    /// By which keys signatures are checked.
    pub(crate) anchors: Anchors,
}

/// The keys to begin with (RFC 4033 §3.1).
#[derive(Clone)]
#[cfg_attr(not(feature = "dns-proofs"), expect(dead_code, reason = "nothing is checked there"))]
pub(crate) enum Anchors {
    /// Those of the internet's root.
    Internet,
    /// DNSKEY records, one a line (RFC 1035 §5.1), as BIND's `managed-keys` files and `dnssec-keygen` write them.
    Listed(String),
    /// Signatures are not looked at.
    Skipped,
}
