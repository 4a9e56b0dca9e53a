//! Workloads of a Kubernetes cluster: rule K1.

use super::name_error::excerpt;
use super::{NameError, UriName};

/// The name that we give to a cluster, a DNS-1123 label. Kubernetes itself has none that is unique, and a name without
/// it would be the same in every cluster.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClusterName(Box<str>);

impl ClusterName {
    /// Reads 1 to 63 lower-case letters, digits and inner hyphens (RFC 1123 §2.1).
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_label(text)?;
        Ok(Self(text.into()))
    }

    /// The cluster's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ClusterName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A service account: its namespace, a DNS-1123 label, and its name, a DNS-1123 subdomain.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServiceAccount {
    namespace: Box<str>,
    name: Box<str>,
}

impl ServiceAccount {
    /// Reads both parts.
    pub fn parse(namespace: &str, name: &str) -> Result<Self, NameError> {
        check_label(namespace)?;
        check_subdomain(name)?;
        Ok(Self { namespace: namespace.into(), name: name.into() })
    }

    /// The Kubernetes namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name inside the namespace.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its form in `sub`: `system:serviceaccount:<namespace>:<name>`.
    pub fn subject(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }

    /// Its name in a certificate, below `base` (`https://seal.example.com/k8s`).
    pub fn uri(&self, base: &UriName, cluster: &ClusterName) -> Result<UriName, NameError> {
        ServiceAccounts::of(&self.namespace, Some(&self.name))?.uri(base, cluster)
    }
}

impl std::fmt::Display for ServiceAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One service account of a namespace, or all of them.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ServiceAccounts {
    namespace: Box<str>,
    name: Option<Box<str>>,
}

impl ServiceAccounts {
    /// All accounts of a namespace, or the one with this name.
    pub fn of(namespace: &str, name: Option<&str>) -> Result<Self, NameError> {
        check_label(namespace)?;
        name.map_or(Ok(()), check_subdomain)?;
        Ok(Self { namespace: namespace.into(), name: name.map(Into::into) })
    }

    /// True if the account is one of them.
    pub fn covers(&self, account: &ServiceAccount) -> bool {
        *self.namespace == *account.namespace && self.name.as_ref().is_none_or(|name| *name == account.name)
    }

    /// The name in certificates, or what they all begin with: `<base>/<cluster>/ns/<namespace>/sa/<name>`.
    pub fn uri(&self, base: &UriName, cluster: &ClusterName) -> Result<UriName, NameError> {
        let name = self.name.as_deref().unwrap_or_default();
        UriName::parse(&format!("{base}/{cluster}/ns/{}/sa/{name}", self.namespace))
    }
}

impl std::fmt::Display for ServiceAccounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name.as_deref().unwrap_or("*"))
    }
}

fn check_label(label: &str) -> Result<(), NameError> {
    let is_ldh = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !(1..=63).contains(&label.len()) || !is_ldh || label.starts_with('-') || label.ends_with('-') {
        return Err(NameError::Kubernetes(excerpt(label)));
    }
    Ok(())
}

/// Labels between dots. Kubernetes puts no limit of its own on one of them, so only the limit of the whole applies.
fn check_subdomain(name: &str) -> Result<(), NameError> {
    let is_part = |part: &str| {
        let is_ldh = part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        !part.is_empty() && is_ldh && !part.starts_with('-') && !part.ends_with('-')
    };
    if !(1..=253).contains(&name.len()) || !name.split('.').all(is_part) {
        return Err(NameError::Kubernetes(excerpt(name)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Rule;

    #[test]
    fn names_of_kubernetes() {
        let account = ServiceAccount::parse("ci", "builder.v2").expect("is one");
        assert_eq!(account.subject(), "system:serviceaccount:ci:builder.v2");
        let base = UriName::parse("https://seal.example.com/k8s").expect("is a base");
        let cluster = ClusterName::parse("prod-eu").expect("is a cluster");
        assert_eq!(
            account.uri(&base, &cluster).expect("is a name").as_str(),
            "https://seal.example.com/k8s/prod-eu/ns/ci/sa/builder.v2"
        );
        let all = ServiceAccounts::of("ci", None).expect("are some");
        assert_eq!(
            all.uri(&base, &cluster).expect("is a prefix").as_str(),
            "https://seal.example.com/k8s/prod-eu/ns/ci/sa/"
        );
        assert!(all.covers(&account));
        assert!(!ServiceAccounts::of("ci", Some("builder")).expect("is one").covers(&account));
        assert!(!ServiceAccounts::of("ci2", None).expect("are some").covers(&account));
        for bad in ["", "CI", "a_b", "a.b", "-a", "a-", "..", "a/b", "a:b", "a%62", "\u{e9}", "*", &"a".repeat(64)] {
            assert_eq!(ClusterName::parse(bad).map_err(|error| error.rule()), Err(Rule::K1), "{bad:?}");
            assert_eq!(ServiceAccount::parse(bad, "x").map_err(|error| error.rule()), Err(Rule::K1), "{bad:?}");
        }
        for bad in ["", "..", "a..b", ".a", "a.", "A", "../x", "a/b", "*", &"a".repeat(254)] {
            assert_eq!(ServiceAccount::parse("ci", bad).map_err(|error| error.rule()), Err(Rule::K1), "{bad:?}");
        }
    }
}
