//! What happened to the bundle of a trust domain.

use serde::{Deserialize, Serialize};

/// One event of a bundle.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BundleEvent {
    /// It came into force without any key: everything is withdrawn.
    Emptied,
    /// It came into force.
    Fetched,
    /// It was not taken; the one before stays.
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
