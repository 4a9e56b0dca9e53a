//! What a registrant claims for a domain, and what each way to prove it can carry.

use crate::names::{DomainName, IssuerUrl, NameError};

use super::Account;

/// The label under which a domain keeps its records.
pub const DNS_LABEL: &str = "_sigstore-issuer";
/// Path of a host's document.
pub const DOCUMENT_PATH: &str = "/.well-known/sigstore-issuers.json";

/// The longest domain that can be registered: `_sigstore-issuer.` goes before it and 253 bytes is the longest name in
/// DNS.
const MAX_DOMAIN: usize = 253 - DNS_LABEL.len() - 1;

/// The longest issuer that can be registered by its owner; it is in a TXT record, and in one value of the store
/// with the rest.
const MAX_ISSUER: usize = 1024;

/// The kind of names that an issuer would assert.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum NameKind {
    /// E-mail addresses of the domain.
    Email,
    /// SPIFFE IDs of the trust domain of that name.
    Spiffe,
    /// `https` URIs of exactly this host.
    Uri,
}

impl NameKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Email, Self::Spiffe, Self::Uri];

    /// As records and requests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Spiffe => "spiffe",
            Self::Uri => "uri",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl std::fmt::Display for NameKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How a domain authorizes an issuer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ProofMethod {
    /// A TXT record at `_sigstore-issuer.<domain>`.
    Dns,
    /// The file `/.well-known/sigstore-issuers.json` of the host.
    WellKnown,
}

impl ProofMethod {
    /// As requests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::WellKnown => "well-known",
        }
    }

    /// The method of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Dns, Self::WellKnown].into_iter().find(|method| method.name() == name)
    }
}

impl std::fmt::Display for ProofMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One issuer, one kind of names, one domain, and the registrant's account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claim {
    /// The domain whose names are claimed.
    pub domain: DomainName,
    /// The issuer that would assert the names.
    pub iss: IssuerUrl,
    /// The kind of names.
    pub kind: NameKind,
    /// Those of the domains below as well.
    pub subdomains: bool,
    /// Where the domain's record is.
    pub method: ProofMethod,
    /// The account of the registrant's key.
    pub account: Account,
}

/// Why nothing could prove a claim.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RegistrationClaimError {
    /// Not a domain, rules H1 to H9.
    #[error(transparent)]
    Domain(#[from] NameError),
    /// The label of the record does not fit before it.
    #[error("the domain has {length} bytes; a domain with a record below it has at most {MAX_DOMAIN}")]
    DomainLength {
        /// Its length in bytes.
        length: usize,
    },
    /// A web server does not control its domain's mailboxes.
    #[error("e-mail addresses are proven by DNS only: a web server does not control its domain's mailboxes")]
    EmailNeedsDns,
    /// Longer than a record should be.
    #[error("the issuer has {length} bytes; at most {MAX_ISSUER} can be registered by its owner")]
    IssuerLength {
        /// Its length in bytes.
        length: usize,
    },
    /// A TXT record could not hold it.
    #[error("an issuer with \";\" in its path cannot stand in a TXT record")]
    IssuerNotInRecord,
    /// A URI is known by its exact host, and a SPIFFE ID by its exact trust domain.
    #[error("{0} names are granted for the exact domain; only e-mail addresses have domains below")]
    SubdomainsOf(NameKind),
}

impl RegistrationClaimError {
    /// The rule that refused, or a name where it is not in the rule set.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Domain(error) => error.rule().id(),
            Self::DomainLength { .. } | Self::IssuerLength { .. } | Self::IssuerNotInRecord => "CLAIM",
            Self::EmailNeedsDns | Self::SubdomainsOf(_) => "PROOF",
        }
    }
}

impl Claim {
    /// Refuses what no proof could carry.
    pub fn check(self) -> Result<Self, RegistrationClaimError> {
        let length = self.domain.as_str().len();
        if length > MAX_DOMAIN {
            return Err(RegistrationClaimError::DomainLength { length });
        }
        let length = self.iss.as_str().len();
        if length > MAX_ISSUER {
            return Err(RegistrationClaimError::IssuerLength { length });
        }
        if self.subdomains && self.kind != NameKind::Email {
            return Err(RegistrationClaimError::SubdomainsOf(self.kind));
        }
        match self.method {
            ProofMethod::WellKnown if self.kind == NameKind::Email => Err(RegistrationClaimError::EmailNeedsDns),
            ProofMethod::Dns if self.iss.as_str().contains(';') => Err(RegistrationClaimError::IssuerNotInRecord),
            ProofMethod::Dns | ProofMethod::WellKnown => Ok(self),
        }
    }

    /// True if a name can belong to both (rule O2 checks former names, rule X1 present ones).
    pub fn overlaps(&self, other: &Self) -> bool {
        let covers = |wide: &Self, narrow: &Self| {
            wide.domain == narrow.domain
                || wide.subdomains && narrow.domain.ancestry().any(|above| above == wide.domain.as_str())
        };
        self.kind == other.kind && (covers(self, other) || covers(other, self))
    }

    /// The DNS name whose TXT records are queried. Never one above it.
    pub fn record_name(&self) -> String {
        record_name(&self.domain)
    }

    /// The address of the well-known document.
    pub fn document_url(&self) -> String {
        format!("https://{}{}", self.domain, DOCUMENT_PATH)
    }
}

/// The DNS name of a domain's records.
pub fn record_name(domain: &DomainName) -> String {
    format!("{}.{domain}.", DNS_LABEL)
}
