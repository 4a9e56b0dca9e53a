//! `[timestamps]`

use serde::{Deserialize, Serialize};

/// Timestamps.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimestampsSection {
    /// The policies that a request may name, dotted; the first is used when it names none. An empty list refuses all.
    pub policies: Vec<String>,
    /// Write genTime with up to three decimals instead of whole seconds. For accuracies below a second.
    pub milliseconds: bool,
    /// State in every token that it is a qualified electronic timestamp (ETSI EN 319 422 §9.1). Only a qualified trust service
    /// provider may say so.
    pub qualified: bool,
}

impl Default for TimestampsSection {
    fn default() -> Self {
        // ETSI EN 319 421 §5.2: the best practices policy for time-stamps.
        Self { policies: vec!["0.4.0.2023.1.1".to_owned()], milliseconds: false, qualified: false }
    }
}
