//! Grants: the names that an asserter owns.

use crate::names::{ClusterName, DomainName, EmailAddress, NameError, ServiceAccounts, SpiffePrefix, UriName};

/// A set of names.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Scope {
    /// One e-mail address.
    EmailAddress(EmailAddress),
    /// The e-mail addresses of a domain.
    EmailDomain {
        /// The domain that the grant is for.
        domain: DomainName,
        /// And of every domain below it.
        subdomains: bool,
    },
    /// The e-mail addresses of the provider's local users, less what any grant gives to others. For one connector only.
    LocalAccounts,
    /// Service accounts of a Kubernetes cluster. Their names are URIs of our own instance, so that they exclude each
    /// other and every other grant by the same index.
    ServiceAccounts {
        /// The cluster's name in the record.
        cluster: ClusterName,
        /// The accounts of the cluster.
        accounts: ServiceAccounts,
        /// The name that they have in certificates, or its beginning.
        prefix: UriName,
    },
    /// SPIFFE IDs of a trust domain, at and below a path of it, by whole path segments.
    Spiffe(SpiffePrefix),
    /// A URI and everything below it, by whole path segments. A prefix that ends in a slash leaves out the name without
    /// it.
    UriPrefix(UriName),
    /// The user names of a domain, and of that domain only.
    Usernames(DomainName),
}

impl Scope {
    /// The domain in it, which rule D1 checks. A trust domain is not a domain (SPIFFE-ID §2.1), a single
    /// address is no namespace, and a service account's name lies on our own.
    pub fn domain(&self) -> Option<DomainName> {
        match self {
            Self::EmailDomain { domain, .. } | Self::Usernames(domain) => Some(domain.clone()),
            Self::UriPrefix(prefix) => Some(prefix.domain()),
            Self::EmailAddress(_) | Self::LocalAccounts | Self::ServiceAccounts { .. } | Self::Spiffe(_) => None,
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::EmailAddress(address) => write!(f, "email-address:{address}"),
            Self::EmailDomain { domain, subdomains: false } => write!(f, "email-domain:{domain}"),
            Self::EmailDomain { domain, subdomains: true } => write!(f, "email-domain:{domain}+subdomains"),
            Self::LocalAccounts => f.write_str("local-accounts"),
            Self::ServiceAccounts { cluster, accounts, .. } => write!(f, "service-accounts:{cluster}/{accounts}"),
            Self::Spiffe(prefix) => prefix.fmt(f),
            Self::UriPrefix(prefix) => write!(f, "uri:{prefix}"),
            Self::Usernames(domain) => write!(f, "usernames:{domain}"),
        }
    }
}

/// A scope given to one asserter.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Grant {
    scope: Scope,
    is_shared: bool,
}

impl Grant {
    /// A scope that no one else may have.
    pub fn exclusive(scope: Scope) -> Self {
        Self { scope, is_shared: false }
    }

    /// A scope that others may have as well, if they too say that they share it.
    pub fn shared(scope: Scope) -> Self {
        Self { scope, is_shared: true }
    }

    /// All e-mail addresses of a domain.
    pub fn email_domain(domain: &str, subdomains: bool) -> Result<Self, NameError> {
        Ok(Self::exclusive(Scope::EmailDomain { domain: DomainName::parse(domain)?, subdomains }))
    }

    /// One address.
    pub fn email_address(address: &str) -> Result<Self, NameError> {
        Ok(Self::exclusive(Scope::EmailAddress(EmailAddress::parse(address)?)))
    }

    /// The URIs at and below a prefix.
    pub fn uri_prefix(prefix: &str) -> Result<Self, NameError> {
        let prefix = UriName::parse(prefix)?;
        if prefix.scheme() != "https" {
            return Err(NameError::NotHttps(prefix.to_string()));
        }
        Ok(Self::exclusive(Scope::UriPrefix(prefix)))
    }

    /// The SPIFFE IDs of `spiffe://<trust domain>`, or those at and below a path of it.
    pub fn spiffe(prefix: &str) -> Result<Self, NameError> {
        Ok(Self::exclusive(Scope::Spiffe(SpiffePrefix::parse(prefix)?)))
    }

    /// The user names of a domain.
    pub fn usernames(domain: &str) -> Result<Self, NameError> {
        Ok(Self::exclusive(Scope::Usernames(DomainName::parse(domain)?)))
    }

    /// Service accounts of a cluster, whose names lie below `base`.
    pub fn service_accounts(
        base: &UriName,
        cluster: &ClusterName,
        accounts: ServiceAccounts,
    ) -> Result<Self, NameError> {
        let prefix = accounts.uri(base, cluster)?;
        Ok(Self::exclusive(Scope::ServiceAccounts { cluster: cluster.clone(), accounts, prefix }))
    }

    /// The addresses of local users.
    pub fn local_accounts() -> Self {
        Self::exclusive(Scope::LocalAccounts)
    }

    /// The names that the grant covers.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// True if others may have them too.
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }
}
