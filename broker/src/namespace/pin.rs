//! Pins: claims that must be there with one value (rules C1 and C2).

use shared::strict_json::Json;

use super::Denied;
use crate::token::Claims;

/// A claim and the value that it must have. A shared issuer signs for everybody; the pin is what makes its word about one
/// organisation, and should name something that is never given to another (`repository_owner_id`, not `repository_owner`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pin {
    path: Vec<String>,
    value: PinValue,
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
        Self { path: vec![name.to_owned()], value }
    }

    /// A pin on a member inside other claims.
    pub fn nested(path: Vec<String>, value: PinValue) -> Self {
        Self { path, value }
    }

    pub(super) fn check(&self, claims: &Claims) -> Result<(), Denied> {
        let found = claims.at(&self.path).ok_or_else(|| Denied::PinMissing(self.path.join(".")))?;
        let equal = match (&self.value, found) {
            (PinValue::Bool(wanted), Json::Bool(found)) => wanted == found,
            (PinValue::Number(wanted), Json::Number(found)) => wanted == found,
            (PinValue::String(wanted), Json::String(found)) => wanted == found,
            _ => false,
        };
        if equal { Ok(()) } else { Err(Denied::PinDiffers(self.path.join("."))) }
    }
}
