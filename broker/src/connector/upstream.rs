//! Users of an upstream OpenID provider: what becomes of the claims that it makes of a person (OpenID Connect Core
//! §5.1).
//!
//! Makes no requests: the edge hands in verified claims.

use super::{ConnectorId, ConnectorIdentity};

/// Longest name that goes into a token, in characters.
const MAX_NAME: usize = 200;

/// A person, as verified claims of an upstream say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UpstreamPerson<'a> {
    /// `sub`.
    pub subject: &'a str,
    /// `email`.
    pub email: Option<&'a str>,
    /// `email_verified`, of the document that names the address.
    pub email_verified: Option<bool>,
    /// `name`, by [`display_name`].
    pub name: Option<String>,
}

impl UpstreamPerson<'_> {
    /// The identity of the person for this instance.
    pub fn identity(self, connector: &ConnectorId, trusts_unverified_email: bool) -> ConnectorIdentity {
        let vouched = self.email_verified == Some(true) || trusts_unverified_email;
        ConnectorIdentity {
            connector_id: connector.clone(),
            user_id: self.subject.to_owned(),
            email_verified: self.email.is_some() && vouched,
            // ASCII letters only: an address with others is refused by the rules, not folded here.
            email: self.email.map(str::to_ascii_lowercase),
            name: self.name,
        }
    }
}

/// A name without control characters, cut to 200 characters; `None` if nothing is left.
pub fn display_name(name: &str) -> Option<String> {
    let plain: String = name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    (!plain.is_empty()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(email: Option<&str>, email_verified: Option<bool>, trusts: bool) -> ConnectorIdentity {
        let person = UpstreamPerson { subject: "17", email, email_verified, name: None };
        person.identity(&ConnectorId::parse("corp").expect("an id"), trusts)
    }

    #[test]
    fn an_address_counts_when_somebody_vouches_for_it() {
        let table = [(Some(true), false, true), (Some(false), false, false), (None, false, false), (None, true, true)];
        for (verified, trusts, vouched) in table {
            let identity = identity(Some("Alice@Corp.example"), verified, trusts);
            assert_eq!(identity.email.as_deref(), Some("alice@corp.example"));
            assert_eq!(identity.email_verified, vouched, "{verified:?} {trusts}");
        }
        assert!(!identity(None, Some(true), true).email_verified, "there is nothing to vouch for");
    }

    #[test]
    fn names_are_plain_and_short() {
        assert_eq!(display_name("Al\u{7}ice").as_deref(), Some("Alice"));
        assert_eq!(display_name("\n"), None);
        assert_eq!(display_name(&"x".repeat(300)).map(|name| name.len()), Some(MAX_NAME));
    }
}
