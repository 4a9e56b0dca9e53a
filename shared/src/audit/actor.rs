//! Who did something.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What [`Actor::System`] is called.
const SYSTEM: &str = "system";
/// What it was called in version 0.1; such records stay readable.
const SYSTEM_BEFORE: &str = "the house";

/// Who did something, as a record names them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "String", into = "String")]
pub enum Actor {
    /// The e-mail address of the API's caller.
    Caller(String),
    /// The instance itself: a check was due, or time passed.
    System,
}

impl From<String> for Actor {
    fn from(name: String) -> Self {
        if name == SYSTEM || name == SYSTEM_BEFORE { Self::System } else { Self::Caller(name) }
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.to_string()
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caller(address) => address,
            Self::System => SYSTEM,
        })
    }
}
