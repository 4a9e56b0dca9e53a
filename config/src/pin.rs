//! Pins: claims that must have a given value.

use serde::{Deserialize, Serialize};

/// The value that a claim must have, or values, one of which it must have.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PinSection {
    /// `"1234"`
    One(PinnedValue),
    /// `["1234", "5678"]`
    OneOf(Vec<PinnedValue>),
}

/// A value with the type that it has in the token's JSON: `"1234"` and `1234` are different.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PinnedValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A string.
    Text(String),
}
