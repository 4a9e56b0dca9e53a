//! `[timestamps]`

use serde::{Deserialize, Serialize};

/// Timestamps.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimestampsSection {
    /// The policies that a request may name, dotted; the first is used when it names none. An empty list refuses all.
    pub policies: Vec<String>,
}

impl Default for TimestampsSection {
    fn default() -> Self {
        // ETSI EN 319 421 §5.2: the best practices policy for time-stamps.
        Self { policies: vec!["0.4.0.2023.1.1".to_owned()] }
    }
}
