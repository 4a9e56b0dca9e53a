//! `[audit]`

use serde::{Deserialize, Serialize};

/// What the audit log keeps.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditSection {
    /// What is kept of timestamps. After a theft of a unit's key, only these records distinguish its timestamps from
    /// the thief's.
    pub timestamps: TimestampRecords,
}

/// What is kept of timestamps.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestampRecords {
    /// A record of each, durable before the token leaves.
    #[default]
    Durable,
    /// No record of each; every minute and at the end a record says how many there were.
    Off,
}
