//! SPIFFE trust domains: rule S3.

use super::NameError;
use super::name_error::excerpt;

/// The name of a trust domain (SPIFFE-ID §2.1). It looks like a domain name but is not one: `a..b` and `example.org.`
/// are trust domains, each different from every other, and nothing may be derived from the domain name system.
///
/// SPIFFE-ID §2.4 calls it case-insensitive and §2.1 requires lower case. Only the lower-case form is accepted here:
/// the name becomes part of a certificate that is compared as bytes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TrustDomain(Box<str>);

impl TrustDomain {
    /// The longest name (SPIFFE-ID §2.3).
    pub const MAX_LENGTH: usize = 255;

    /// Reads 1 to 255 of lower-case letters, digits, dots, hyphens and underscores.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        if !(1..=Self::MAX_LENGTH).contains(&text.len()) || !text.bytes().all(is_allowed) {
            return Err(NameError::TrustDomain(excerpt(text)));
        }
        Ok(Self(text.into()))
    }

    /// The trust domain name, without `spiffe://`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for TrustDomain {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Rule;

    #[test]
    fn it_is_not_a_domain_name() {
        for good in ["example.org", "a..b", "-", "_", "example.org.", ".example.org", "127.0.0.1", "localhost", "xn--a"]
        {
            assert_eq!(TrustDomain::parse(good).expect("is a trust domain").as_str(), good);
        }
        assert!(TrustDomain::parse(&"a".repeat(255)).is_ok());
        for bad in
            ["", "EXAMPLE.org", "ex\u{430}mple.org", "[::1]", "a:1", "a@b", "a%62", "a b", "a/b", &"a".repeat(256)]
        {
            assert_eq!(TrustDomain::parse(bad).map_err(|error| error.rule()), Err(Rule::S3), "{bad:?}");
        }
    }
}
