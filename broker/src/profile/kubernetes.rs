//! Service accounts of a Kubernetes cluster.
//!
//! A token names namespace and account, never the cluster: every cluster has a `default/builder`, and many have the same `iss`.
//! So the name carries what the operator calls the cluster.

use super::{BaseUrl, ClaimError, ClaimPath, Claimed};
use crate::names::{Name, UriName};
use crate::token::VerifiedToken;

/// One cluster, and those of its accounts that may sign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KubernetesProfile {
    /// `https://seal.example.com/k8s/prod-eu`, before `/ns/<namespace>/sa/<account>`.
    prefix: String,
    /// Empty: all.
    namespaces: Vec<String>,
    /// Empty: all.
    service_accounts: Vec<String>,
}

/// Why a cluster cannot be described so.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KubernetesProfileError {
    /// The cluster's name is no DNS label.
    #[error("cluster: {0:?} is not a name of 1 to 63 lower-case letters, digits and inner hyphens")]
    Cluster(String),
    /// No namespace can be called that.
    #[error("namespaces: {0:?} is not the name of a namespace")]
    Namespace(String),
    /// No account can be called that.
    #[error("service_accounts: {0:?} is not the name of a service account")]
    ServiceAccount(String),
}

impl KubernetesProfile {
    /// The cluster called `cluster` below `base`, an address of ours. Empty lists allow every namespace and every account.
    pub fn parse(
        base: &BaseUrl,
        cluster: &str,
        namespaces: &[String],
        service_accounts: &[String],
    ) -> Result<Self, KubernetesProfileError> {
        if !is_label(cluster) {
            return Err(KubernetesProfileError::Cluster(cluster.to_owned()));
        }
        if let Some(bad) = namespaces.iter().find(|name| !is_label(name)) {
            return Err(KubernetesProfileError::Namespace(bad.clone()));
        }
        if let Some(bad) = service_accounts.iter().find(|name| !is_subdomain(name)) {
            return Err(KubernetesProfileError::ServiceAccount(bad.clone()));
        }
        Ok(Self {
            prefix: format!("{base}/{cluster}"),
            namespaces: namespaces.to_vec(),
            service_accounts: service_accounts.to_vec(),
        })
    }

    /// The name's template, for documentation.
    pub fn name_template(&self) -> String {
        format!("{}/ns/{{namespace}}/sa/{{serviceaccount}}", self.prefix)
    }

    pub(super) fn claim(&self, token: &VerifiedToken) -> Result<Claimed, ClaimError> {
        let path = |path| ClaimPath::parse(path).expect("a pointer");
        let namespace = path("/kubernetes.io/namespace").required(token.claims())?;
        let account = path("/kubernetes.io/serviceaccount/name").required(token.claims())?;
        let name = Name::Uri(self.permit(token.subject(), namespace, account)?);
        Ok(Claimed { name, proof_name: token.subject().to_owned(), extensions: Vec::new() })
    }

    /// K1 before K2 before K3: names are names before they are compared.
    fn permit(&self, subject: &str, namespace: &str, account: &str) -> Result<UriName, ClaimError> {
        let excerpt = |text: &str| text.chars().take(80).collect();
        if !is_label(namespace) {
            return Err(ClaimError::KubernetesName(excerpt(namespace)));
        }
        if !is_subdomain(account) {
            return Err(ClaimError::KubernetesName(excerpt(account)));
        }
        if subject != format!("system:serviceaccount:{namespace}:{account}") {
            return Err(ClaimError::KubernetesSubject(excerpt(subject)));
        }
        let allows = |list: &[String], name: &str| list.is_empty() || list.iter().any(|allowed| allowed == name);
        if !allows(&self.namespaces, namespace) || !allows(&self.service_accounts, account) {
            return Err(ClaimError::KubernetesAccount { namespace: excerpt(namespace), account: excerpt(account) });
        }
        Ok(UriName::parse(&format!("{}/ns/{namespace}/sa/{account}", self.prefix))?)
    }
}

/// A DNS label (RFC 1123 §2.1), which a namespace's name is.
fn is_label(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(is_allowed) && !name.starts_with('-') && !name.ends_with('-')
}

/// Labels with dots between them, which an account's name may be.
fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Rule;

    fn cluster(namespaces: &[&str], accounts: &[&str]) -> KubernetesProfile {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let base = BaseUrl::parse("https://seal.example.com/k8s").expect("an address");
        KubernetesProfile::parse(&base, "prod-eu", &list(namespaces), &list(accounts)).expect("a cluster")
    }

    #[test]
    fn the_name_says_which_cluster() {
        let name = cluster(&["ci"], &["builder"]).permit("system:serviceaccount:ci:builder", "ci", "builder");
        assert_eq!(name.expect("is permitted").as_str(), "https://seal.example.com/k8s/prod-eu/ns/ci/sa/builder");
        let name = cluster(&[], &[]).permit("system:serviceaccount:any:some.account", "any", "some.account");
        assert_eq!(name.expect("is permitted").as_str(), "https://seal.example.com/k8s/prod-eu/ns/any/sa/some.account");
    }

    #[test]
    fn refusals_name_their_rule() {
        let cases = [
            ("system:serviceaccount:../..:x", "../..", "x", Rule::K1),
            ("system:serviceaccount:ci:../../x", "ci", "../../x", Rule::K1),
            ("system:serviceaccount:CI:x", "CI", "x", Rule::K1),
            ("system:serviceaccount:ci:a b", "ci", "a b", Rule::K1),
            ("system:serviceaccount:a.b:x", "a.b", "x", Rule::K1),
            ("system:serviceaccount:evil:x", "ci", "builder", Rule::K2),
            ("ci:builder", "ci", "builder", Rule::K2),
            ("system:serviceaccount:ci:builder ", "ci", "builder", Rule::K2),
            ("system:serviceaccount:ci:builder2", "ci", "builder2", Rule::K3),
            ("system:serviceaccount:ci-evil:builder", "ci-evil", "builder", Rule::K3),
        ];
        for (subject, namespace, account, rule) in cases {
            let refused = cluster(&["ci"], &["builder"]).permit(subject, namespace, account);
            assert_eq!(refused.map_err(|error| error.rule()), Err(rule), "{subject} {namespace}/{account}");
        }
    }

    #[test]
    fn a_cluster_has_a_label_for_a_name() {
        let base = BaseUrl::parse("https://seal.example.com").expect("an address");
        for bad in ["", "prod/eu", "Prod", "a.b", "-a", &"a".repeat(64)] {
            let refused = KubernetesProfile::parse(&base, bad, &[], &[]);
            assert_eq!(refused, Err(KubernetesProfileError::Cluster(bad.to_owned())));
        }
        assert!(KubernetesProfile::parse(&base, "a", &["*".to_owned()], &[]).is_err());
        assert!(KubernetesProfile::parse(&base, "a", &[], &["*".to_owned()]).is_err());
    }
}
