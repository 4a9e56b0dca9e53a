//! A domain's statement about an issuer: one TXT record, or one entry of the well-known document.

use shared::time::UnixTime;

use super::excerpt::excerpt;
use super::{Account, AccountError, NameKind};
use crate::names::{IssuerUrl, NameError};

/// The instance that a statement is about: its own name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InstanceName(Box<str>);

impl InstanceName {
    /// Reads an instance's name: 1 to 253 printable ASCII characters that a TXT record can hold.
    pub fn parse(text: &str) -> Result<Self, StatementError> {
        let fits = (1..=253).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';');
        if fits { Ok(Self(text.into())) } else { Err(StatementError::Instance(excerpt(text))) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for InstanceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// "This issuer may assert these names of mine, to that instance, when this key requests it."
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement {
    /// The issuer that the domain lists.
    pub iss: IssuerUrl,
    /// The instance that the statement is for.
    pub ca: InstanceName,
    /// The account of the registrant's key.
    pub account: Account,
    /// The kinds of names, each once.
    pub kinds: Vec<NameKind>,
    /// The domains below too. In DNS only.
    pub subdomains: bool,
    /// No issuer that the domain does not list may assert its names. In DNS only.
    pub enforce: bool,
    /// The statement is invalid from then on.
    pub until: Option<UnixTime>,
}

/// Why a text is no statement. A record that is none proves nothing; it does not spoil its neighbours.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StatementError {
    /// `acct`.
    #[error("acct: {0}")]
    Account(#[from] AccountError),
    /// `ca`.
    #[error("ca: {0:?} is not the name of an instance")]
    Instance(String),
    /// A member is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A member is there twice.
    #[error("{0} is given twice")]
    Twice(String),
    /// A part is not `name=value`, or has characters that are not allowed.
    #[error("{0:?} is not a part like name=value in printable ASCII without spaces")]
    Part(String),
    /// `iss`.
    #[error("iss: {0}")]
    Issuer(#[from] NameError),
    /// `kinds`.
    #[error("kinds: {0:?} is not a list of email, spiffe and uri, each at most once")]
    Kinds(String),
    /// `sub` or `enforce`.
    #[error("{name}: {value:?} is neither yes nor no")]
    YesOrNo {
        /// The name of the part.
        name: &'static str,
        /// Its value, shortened.
        value: String,
    },
    /// `until`.
    #[error("until: {0:?} is not a number of seconds since 1970")]
    Until(String),
    /// Too long.
    #[error("{length} bytes; a record has at most {limit}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The longest accepted, in bytes.
        limit: usize,
    },
    /// A member of the document has another JSON type.
    #[error("{0} has the wrong JSON type")]
    Type(&'static str),
    /// `sub` or `enforce` in a document, which covers its host only.
    #[error("{0} is allowed in DNS only")]
    DnsOnly(&'static str),
}

/// A list of kinds.
pub(super) fn kinds<'a>(names: impl Iterator<Item = &'a str>) -> Result<Vec<NameKind>, StatementError> {
    let mut kinds = Vec::new();
    for name in names {
        match NameKind::parse(name) {
            Some(kind) if !kinds.contains(&kind) => kinds.push(kind),
            _ => return Err(StatementError::Kinds(excerpt(name))),
        }
    }
    if kinds.is_empty() { Err(StatementError::Kinds(String::new())) } else { Ok(kinds) }
}
