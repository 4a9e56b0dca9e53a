//! What happened to the registration of an issuer.

use serde::{Deserialize, Serialize};

/// One event of a registration that is recorded. A check without an answer changes nothing and is not recorded.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegistrationEvent {
    /// An administrator approved it.
    Approved,
    /// A check found that there is no proof.
    Denied,
    /// A deadline passed.
    Elapsed,
    /// It was frozen.
    Froze,
    /// A check found the proof.
    Proved,
    /// An administrator released its names.
    Released,
    /// A registrant requested it.
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
