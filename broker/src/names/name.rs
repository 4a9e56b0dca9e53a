//! The names that a certificate can hold.

use super::{EmailAddress, SpiffeId, UriName, Username};

/// A subject alternative name, as one of the types that only their parser can make.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Name {
    /// An e-mail address.
    Email(EmailAddress),
    /// A workload of a trust domain.
    SpiffeId(SpiffeId),
    /// A URI.
    Uri(UriName),
    /// A user name of a domain.
    Username(Username),
}

impl Name {
    /// The name's bytes.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(address) => address.as_str(),
            Self::SpiffeId(id) => id.as_str(),
            Self::Uri(uri) => uri.as_str(),
            Self::Username(name) => name.as_str(),
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
