//! What happened to the registration of an issuer.

use serde::{Deserialize, Serialize};

/// One event of a registration that is recorded. A check without an answer changes nothing and is not.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegistrationEvent {
    /// An administrator said yes.
    Approved,
    /// A check got a positive no.
    Denied,
    /// Time passed.
    Elapsed,
    /// Somebody stopped it.
    Froze,
    /// A check found the proof.
    Proved,
    /// It was given up.
    Released,
    /// A registrant asked.
    Requested,
}

impl RegistrationEvent {
    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Elapsed => "elapsed",
            Self::Froze => "froze",
            Self::Proved => "proved",
            Self::Released => "released",
            Self::Requested => "requested",
        }
    }
}
