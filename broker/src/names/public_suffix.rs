//! Public suffixes: rule D1.

use psl::Psl;

use super::DomainName;

/// The class of a domain in the Public Suffix List.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Suffix {
    /// A party registered it, or it lies below a domain that a party registered.
    Registrable,
    /// Unrelated parties register names below it (`co.uk`, `github.io`), so no one owns all of it.
    Public,
    /// The list does not know its top-level domain: an instance's own (`corp.internal`), or one younger than the list.
    UnknownTopLevel,
}

/// The Public Suffix List, both its ICANN and its private part.
pub struct PublicSuffixes(SuffixSource);

enum SuffixSource {
    Embedded,
    File(Box<publicsuffix::List>),
}

/// Why a text is not a Public Suffix List.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SuffixListError {
    /// Longer than the limit.
    #[error("the list has {length} bytes; at most {} are accepted", PublicSuffixes::MAX_BYTES)]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// A line is not a rule, or one of the two parts is empty.
    #[error("this is not a Public Suffix List: {0}")]
    Form(publicsuffix::Error),
    /// The list is incomplete: domains below the missing suffixes could be granted.
    #[error("the list lacks the public suffix {0}, so it is incomplete")]
    Incomplete(&'static str),
}

impl PublicSuffixes {
    /// Longest list that is read; today's has a third of a mebibyte.
    pub const MAX_BYTES: usize = 4 << 20;

    /// The list inside this program.
    pub const fn embedded() -> Self {
        Self(SuffixSource::Embedded)
    }

    /// Reads a newer list, in the form in which <https://publicsuffix.org/list/public_suffix_list.dat> is published.
    pub fn parse(text: &str) -> Result<Self, SuffixListError> {
        if text.len() > Self::MAX_BYTES {
            return Err(SuffixListError::TooLong { length: text.len() });
        }
        let list: publicsuffix::List = text.parse().map_err(SuffixListError::Form)?;
        let list = Self(SuffixSource::File(Box::new(list)));
        // A truncated list would release the suffixes that it lacks. One suffix of either part, the private one
        // far down.
        for known in ["co.uk", "github.io"] {
            if list.find(known.as_bytes()) != Suffix::Public {
                return Err(SuffixListError::Incomplete(known));
            }
        }
        Ok(list)
    }

    /// The class of the domain in the list.
    pub fn of(&self, domain: &DomainName) -> Suffix {
        self.find(domain.as_str().as_bytes())
    }

    /// True if the domain is a public suffix: it cannot be granted.
    pub fn is_public(&self, domain: &DomainName) -> bool {
        self.of(domain) == Suffix::Public
    }

    fn find(&self, domain: &[u8]) -> Suffix {
        let length = self.known_length(domain);
        // Below `kawasaki.jp` the list has `*`: each of its children is a suffix. To own it would be to own all of
        // them.
        let child = [b"any.", domain].concat();
        match length {
            None => Suffix::UnknownTopLevel,
            Some(length) if length == domain.len() || self.known_length(&child) == Some(child.len()) => Suffix::Public,
            Some(_) => Suffix::Registrable,
        }
    }

    /// How long the public suffix of a domain is; none if no rule of the list matches it.
    fn known_length(&self, domain: &[u8]) -> Option<usize> {
        let suffix = match &self.0 {
            SuffixSource::Embedded => psl::List.suffix(domain),
            SuffixSource::File(list) => list.suffix(domain),
        };
        suffix.filter(|suffix| suffix.is_known()).map(|suffix| suffix.as_bytes().len())
    }
}

impl std::fmt::Debug for PublicSuffixes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            SuffixSource::Embedded => "PublicSuffixes(embedded)",
            SuffixSource::File(_) => "PublicSuffixes(file)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(list: &PublicSuffixes, domain: &str) -> Suffix {
        list.of(&DomainName::parse(domain).expect("is a domain"))
    }

    #[test]
    fn the_embedded_list() {
        let list = PublicSuffixes::embedded();
        for public in [
            "co.uk",
            "github.io",
            "pages.dev",
            "s3.amazonaws.com",
            "web.app",
            "xn--55qx5d.cn",
            "anything.ck",
            "kawasaki.jp",
            "a.kawasaki.jp",
            "compute.amazonaws.com",
        ] {
            assert_eq!(of(&list, public), Suffix::Public, "{public}");
        }
        for owned in [
            "example.com",
            "example.co.uk",
            "alice.github.io",
            "eng.example.com",
            "www.ck",
            "a.xn--p1ai",
            "city.kawasaki.jp",
            "amazonaws.com",
        ] {
            assert_eq!(of(&list, owned), Suffix::Registrable, "{owned}");
        }
        for unknown in ["corp.internal", "a.b.lan", "x.test"] {
            assert_eq!(of(&list, unknown), Suffix::UnknownTopLevel, "{unknown}");
        }
    }

    #[test]
    fn a_list_from_a_file() {
        let icann =
            "// ===BEGIN ICANN DOMAINS===\nuk\nco.uk\ncn\n公司.cn\n*.ck\n!www.ck\nlan\r\n// ===END ICANN DOMAINS===\n";
        let private = "// ===BEGIN PRIVATE DOMAINS===\nio\ngithub.io\nhosting.lan\n";
        let list = PublicSuffixes::parse(&format!("{icann}{private}")).expect("is a list");
        for (domain, suffix) in [
            ("co.uk", Suffix::Public),
            ("xn--55qx5d.cn", Suffix::Public),
            ("a.ck", Suffix::Public),
            ("www.ck", Suffix::Registrable),
            ("hosting.lan", Suffix::Public),
            ("a.hosting.lan", Suffix::Registrable),
            ("corp.lan", Suffix::Registrable),
            ("example.com", Suffix::UnknownTopLevel),
        ] {
            assert_eq!(of(&list, domain), suffix, "{domain}");
        }
        assert_eq!(PublicSuffixes::parse(icann).err(), Some(SuffixListError::Incomplete("github.io")));
        assert_eq!(PublicSuffixes::parse(private).err(), Some(SuffixListError::Incomplete("co.uk")));
        assert!(matches!(PublicSuffixes::parse("").err(), Some(SuffixListError::Form(_))));
        assert!(matches!(PublicSuffixes::parse("<html>").err(), Some(SuffixListError::Form(_))));
        let long = "a".repeat(PublicSuffixes::MAX_BYTES + 1);
        assert_eq!(PublicSuffixes::parse(&long).err(), Some(SuffixListError::TooLong { length: long.len() }));
    }
}
