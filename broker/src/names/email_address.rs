//! E-mail addresses as names in certificates: rules E2 to E5, and the spelling half of E6.

use super::name_error::excerpt;
use super::{DomainName, NameError};

/// An address whose local part is a dot-atom, kept unchanged (RFC 5321 §2.4 leaves its case to the host), and whose
/// domain is ASCII-lowercased. The domain must then satisfy the H rules.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EmailAddress {
    text: Box<str>,
    domain: DomainName,
}

impl EmailAddress {
    /// Reads an address. What is accepted parses back to itself, byte for byte.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.len() > 254 {
            return Err(NameError::EmailLength { length: text.len() });
        }
        if let Some(at) = text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            return Err(NameError::EmailCharacter { at });
        }
        let count = text.bytes().filter(|&byte| byte == b'@').count();
        let Some((local, domain)) = text.split_once('@').filter(|_| count == 1) else {
            return Err(NameError::EmailAt { count });
        };
        if !is_dot_atom(local) || local.len() > 64 {
            return Err(NameError::EmailLocal(excerpt(local)));
        }
        let domain = DomainName::parse(&domain.to_ascii_lowercase())?;
        Ok(Self { text: format!("{local}@{domain}").into(), domain })
    }

    /// The address with its domain in lower case.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part after the at sign.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }
}

impl std::fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::borrow::Borrow<str> for EmailAddress {
    fn borrow(&self) -> &str {
        &self.text
    }
}

/// `dot-atom-text = 1*atext *("." 1*atext)` (RFC 5322 §3.2.3).
fn is_dot_atom(local: &str) -> bool {
    local.split('.').all(|atom| {
        !atom.is_empty()
            && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Rule;

    #[test]
    fn the_domain_is_lowered_and_the_local_part_is_not() {
        let address = EmailAddress::parse("Alice.O'Neil+ci@EXAMPLE.com").expect("is an address");
        assert_eq!(address.as_str(), "Alice.O'Neil+ci@example.com");
        assert_eq!(address.domain().as_str(), "example.com");
        assert_eq!(EmailAddress::parse(address.as_str()), Ok(address));
    }

    #[test]
    fn refusals_name_their_rule() {
        let cases = [
            ("", Rule::E4),
            ("example.com", Rule::E4),
            ("a@evil.net@example.com", Rule::E4),
            ("\"a@evil.net\"@example.com", Rule::E4),
            ("@example.com", Rule::E5),
            (".a@example.com", Rule::E5),
            ("a.@example.com", Rule::E5),
            ("a..b@example.com", Rule::E5),
            ("\"a\"@example.com", Rule::E5),
            ("a(b)@example.com", Rule::E5),
            ("a,b@example.com", Rule::E5),
            (&format!("{}@example.com", "a".repeat(65)), Rule::E5),
            (&format!("a@{}.com", "a.".repeat(130)), Rule::E3),
            ("a@example.com ", Rule::E2),
            ("a@example.com\n", Rule::E2),
            ("a\0@example.com", Rule::E2),
            ("a@\u{ff45}xample.com", Rule::E2),
            ("\u{130}@example.com", Rule::E2),
            ("a@", Rule::H3),
            ("a@example.com.", Rule::H4),
            ("a@localhost", Rule::H5),
            ("a@.example.com", Rule::H6),
            ("a@[127.0.0.1]", Rule::H7),
            ("a@127.0.0.1", Rule::H9),
        ];
        for (bad, rule) in cases {
            assert_eq!(EmailAddress::parse(bad).map_err(|error| error.rule()), Err(rule), "{bad:?}");
        }
    }
}
