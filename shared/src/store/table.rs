//! The tables of a store.

/// The kinds of record. Each is a key space of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Table {
    /// Authorization codes, by SHA-256 of the code.
    Codes,
    /// Registrations of issuers, by identifier. The audit log holds them too.
    Registrations,
    /// Browser sessions, by SHA-256 of the session secret.
    Sessions,
    /// SVIDs and proofs that count once and were used, by their SHA-256.
    UsedSvids,
    /// Local users, by normalised e-mail address.
    Users,
}
