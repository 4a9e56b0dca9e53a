//! User names of a domain: rule N2.

use super::name_error::excerpt;
use super::{DomainName, NameError};

/// `alice!example.com`: a name that is valid inside one domain, with that domain. The domain comes from the issuer's
/// record, never from a token, and an exclamation mark cannot be in either half.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Username {
    text: Box<str>,
    domain: DomainName,
}

impl Username {
    /// The name `user` in `domain`: 1 to 64 of letters, digits, dots, hyphens and underscores.
    pub fn of(user: &str, domain: &DomainName) -> Result<Self, NameError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=64).contains(&user.len()) || !user.bytes().all(is_allowed) {
            return Err(NameError::Username(excerpt(user)));
        }
        Ok(Self { text: format!("{user}!{domain}").into(), domain: domain.clone() })
    }

    /// Reads `user!domain`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (user, domain) = text.split_once('!').ok_or_else(|| NameError::Username(excerpt(text)))?;
        Self::of(user, &DomainName::parse(domain)?)
    }

    /// The whole name, as in a certificate.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the exclamation mark.
    pub fn user(&self) -> &str {
        &self.text[..self.text.len() - self.domain.as_str().len() - 1]
    }

    /// The part after the exclamation mark.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }
}

impl std::fmt::Display for Username {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Rule;

    #[test]
    fn one_spelling_only() {
        let name = Username::parse("Alice.B-c_1!eng.example.com").expect("is a name");
        assert_eq!((name.user(), name.domain().as_str()), ("Alice.B-c_1", "eng.example.com"));
        assert_eq!(name.to_string(), "Alice.B-c_1!eng.example.com");
        assert_eq!(Username::of("Alice.B-c_1", name.domain()), Ok(name));
        for (bad, rule) in [
            ("alice", Rule::N2),
            ("!example.com", Rule::N2),
            ("a b!example.com", Rule::N2),
            ("a@b!example.com", Rule::N2),
            ("\u{e9}!example.com", Rule::N2),
            ("a\0!example.com", Rule::N2),
            (&format!("{}!example.com", "a".repeat(65)), Rule::N2),
            ("a!b!example.com", Rule::H7),
            ("a!Example.com", Rule::H2),
            ("a!localhost", Rule::H5),
        ] {
            assert_eq!(Username::parse(bad).map_err(|error| error.rule()), Err(rule), "{bad:?}");
        }
    }
}
