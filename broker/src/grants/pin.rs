//! Pins: claims that must be there with a given value (rules C1 and C2).

use shared::strict_json::Json;

use super::Mismatch;
use crate::jose::Claims;

/// A claim and the value that it must have, or values, one of which it must have. A shared issuer signs for everyone;
/// the pin restricts it to one organisation, and should name something that is never given to another
/// (`repository_owner_id`, not `repository_owner`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pin {
    path: Vec<String>,
    values: Vec<PinValue>,
}

/// The value, with its JSON type: `"1234"` and `1234` are different.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PinValue {
    /// `true` or `false`.
    Bool(bool),
    /// A number, compared by its characters.
    Number(String),
    /// A string, compared as bytes.
    String(String),
}

impl Pin {
    /// A pin on a claim of the token itself.
    pub fn claim(name: &str, value: PinValue) -> Self {
        Self { path: vec![name.to_owned()], values: vec![value] }
    }

    /// A pin on a member inside other claims.
    pub fn nested(path: Vec<String>, value: PinValue) -> Self {
        Self { path, values: vec![value] }
    }

    /// A pin to any of several values. Without a value nothing fits.
    pub fn one_of(path: Vec<String>, values: Vec<PinValue>) -> Self {
        Self { path, values }
    }

    /// True if it is this claim that is pinned.
    pub fn is_on(&self, path: &[&str]) -> bool {
        self.path == path
    }

    /// The accepted values; the claim must have one of them.
    pub fn values(&self) -> &[PinValue] {
        &self.values
    }

    pub(crate) fn check(&self, claims: &Claims) -> Result<(), Mismatch> {
        let found = claims.at(&self.path).ok_or_else(|| Mismatch::PinMissing(self.to_string()))?;
        let is_equal = |value: &PinValue| match (value, found) {
            (PinValue::Bool(wanted), Json::Bool(found)) => wanted == found,
            (PinValue::Number(wanted), Json::Number(found)) => wanted == found,
            (PinValue::String(wanted), Json::String(found)) => wanted == found,
            _ => false,
        };
        if self.values.iter().any(is_equal) { Ok(()) } else { Err(Mismatch::PinDiffers(self.to_string())) }
    }
}

/// The way to the claim.
impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path.join("."))
    }
}
