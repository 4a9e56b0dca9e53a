//! Where people log in: with a password of ours, or at an upstream OpenID provider.
//!
//! A connector says who logged in (`ConnectorIdentity`). Which name that person may have in a token is decided
//! afterwards, by the namespace rules that the certificate authority applies too.

pub mod local;
pub mod upstream;

use serde::{Deserialize, Serialize};
use shared::digest::sha256_hex;
use shared::excerpt::excerpt;

use crate::grants::WORKLOADS;

/// A connector's name in URLs and tokens: 1 to 32 lower-case letters, digits and hyphens.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConnectorId(String);

/// Not a connector's name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a connector's id has 1 to {MAX_ID} lower-case letters, digits and hyphens, not '{0}'")]
pub struct ConnectorIdError(String);

const MAX_ID: usize = 32;

impl ConnectorId {
    /// The local users.
    pub fn local() -> Self {
        Self("local".to_owned())
    }

    /// Checks `id`.
    pub fn parse(id: &str) -> Result<Self, ConnectorIdError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(allowed) {
            return Err(ConnectorIdError(excerpt(id, 2 * MAX_ID)));
        }
        Ok(Self(id.to_owned()))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ConnectorId {
    type Error = ConnectorIdError;

    fn try_from(id: String) -> Result<Self, ConnectorIdError> {
        Self::parse(&id)
    }
}

impl From<ConnectorId> for String {
    fn from(id: ConnectorId) -> Self {
        id.0
    }
}

impl std::fmt::Display for ConnectorId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The person who logged in, as the connector names them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ConnectorIdentity {
    /// The connector that the person logged in with.
    pub connector_id: ConnectorId,
    /// Its own name for the person, never given to another: a local user's identifier, an upstream's `sub`.
    pub user_id: String,
    /// The e-mail address, if it names one.
    pub email: Option<String>,
    /// Whether the connector verified that the address is the person's.
    pub email_verified: bool,
    /// The display name of the person.
    pub name: Option<String>,
}

impl ConnectorIdentity {
    /// The `sub` of our tokens: at most 255 ASCII characters and never reassigned (OpenID Connect Core §2). The
    /// connector's id comes first, so two upstreams cannot meet in one subject; what would not fit is replaced by its
    /// hash.
    pub fn subject(&self) -> String {
        const MAX_SUBJECT: usize = 255;
        let plain = format!("{}:{}", self.connector_id, self.user_id);
        // With a connector "spiffe" and a user "//example.org/ci", readers of `sub` would take the person for that
        // workload.
        let is_fit = plain.bytes().all(|byte| byte.is_ascii_graphic()) && !plain.starts_with(WORKLOADS);
        if plain.len() <= MAX_SUBJECT && is_fit {
            return plain;
        }
        format!("{}:sha256:{}", self.connector_id, sha256_hex(self.user_id.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_lower_case_and_plain() {
        for good in ["local", "corp", "a", "google-2"] {
            assert!(ConnectorId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "Local", "a/b", "a b", "ä", "..", &"x".repeat(33)] {
            assert!(ConnectorId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn subjects_fit_and_do_not_collide() {
        let identity = |id: &str, user: &str| ConnectorIdentity {
            connector_id: ConnectorId::parse(id).expect("id"),
            user_id: user.to_owned(),
            email: None,
            email_verified: false,
            name: None,
        };
        assert_eq!(identity("corp", "123").subject(), "corp:123");
        let long = identity("corp", &"u".repeat(300)).subject();
        assert!(long.starts_with("corp:sha256:") && long.len() <= 255);
        assert_ne!(long, identity("corp", &"v".repeat(300)).subject());
        assert!(identity("corp", "ü").subject().is_ascii());
    }

    #[test]
    fn no_person_has_the_subject_of_a_workload() {
        let identity = |id: &str, user: &str| ConnectorIdentity {
            connector_id: ConnectorId::parse(id).expect("id"),
            user_id: user.to_owned(),
            email: None,
            email_verified: false,
            name: None,
        };
        assert_eq!(identity("spiffe", "a.test/ci").subject(), "spiffe:a.test/ci");
        assert!(identity("spiffe", "//a.test/ci").subject().starts_with("spiffe:sha256:"));
    }
}
