//! What happened to the bundle of a trust domain.

use serde::{Deserialize, Serialize};

/// One event of a bundle.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BundleEvent {
    /// It came into force without any key: nothing of the trust domain is accepted any more.
    Emptied,
    /// It came into force.
    Fetched,
    /// It was refused; the previous one stays in force.
    Refused,
}

impl BundleEvent {
    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emptied => "emptied",
            Self::Fetched => "fetched",
            Self::Refused => "refused",
        }
    }
}
