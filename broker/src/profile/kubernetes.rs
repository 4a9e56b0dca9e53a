//! Service accounts of a Kubernetes cluster.
//!
//! A token names namespace and account, never the cluster: every cluster has a `default/builder`, and many have the
//! same `iss`. So the name carries what the operator calls the cluster.

use shared::excerpt::excerpt;

use super::{BaseUrl, ClaimError, ClaimPath, Claimed};
use crate::jose::Claims;
use crate::names::{ClusterName, Name, NameError, ServiceAccount, UriName};

/// One cluster, and those of its accounts that may sign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KubernetesProfile {
    base: BaseUrl,
    cluster: ClusterName,
    /// Empty: all.
    namespaces: Vec<String>,
    /// Empty: all.
    service_accounts: Vec<String>,
}

/// Why a cluster cannot be described so. Each is rule K1.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KubernetesProfileError {
    /// The cluster's name is not a DNS label.
    #[error("cluster: {0}")]
    Cluster(NameError),
    /// No namespace can be called that.
    #[error("namespaces: {0}")]
    Namespace(NameError),
    /// No account can be called that.
    #[error("service_accounts: {0}")]
    ServiceAccount(NameError),
}

impl KubernetesProfile {
    /// The cluster called `cluster` below `base`, an address of ours. Empty lists allow every namespace and every
    /// account.
    pub fn parse(
        base: &BaseUrl,
        cluster: &str,
        namespaces: &[String],
        service_accounts: &[String],
    ) -> Result<Self, KubernetesProfileError> {
        let cluster = ClusterName::parse(cluster).map_err(KubernetesProfileError::Cluster)?;
        for namespace in namespaces {
            ServiceAccount::parse(namespace, "any").map_err(KubernetesProfileError::Namespace)?;
        }
        for name in service_accounts {
            ServiceAccount::parse("any", name).map_err(KubernetesProfileError::ServiceAccount)?;
        }
        Ok(Self {
            base: base.clone(),
            cluster,
            namespaces: namespaces.to_vec(),
            service_accounts: service_accounts.to_vec(),
        })
    }

    /// The name's template, for documentation.
    pub fn name_template(&self) -> String {
        format!("{}/{}/ns/{{namespace}}/sa/{{serviceaccount}}", self.base, self.cluster)
    }

    pub(super) fn claim(&self, subject: &str, claims: &Claims) -> Result<Claimed, ClaimError> {
        let path = |path| ClaimPath::parse(path).expect("a pointer");
        let namespace = path("/kubernetes.io/namespace").required(claims)?;
        let account = path("/kubernetes.io/serviceaccount/name").required(claims)?;
        let name = Name::Uri(self.permit(subject, namespace, account)?);
        Ok(Claimed::subject(subject, name))
    }

    /// K1 before K2 before K3: names are names before they are compared.
    pub(crate) fn permit(&self, subject: &str, namespace: &str, account: &str) -> Result<UriName, ClaimError> {
        let account = ServiceAccount::parse(namespace, account)?;
        if subject != account.subject() {
            return Err(ClaimError::KubernetesSubject(excerpt(subject, 80)));
        }
        let allows = |list: &[String], name: &str| list.is_empty() || list.iter().any(|allowed| allowed == name);
        if !allows(&self.namespaces, account.namespace()) || !allows(&self.service_accounts, account.name()) {
            return Err(ClaimError::KubernetesAccount(account));
        }
        Ok(account.uri(self.base.name(), &self.cluster)?)
    }
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
            assert!(matches!(refused, Err(KubernetesProfileError::Cluster(_))), "{bad}");
        }
        assert!(KubernetesProfile::parse(&base, "a", &["*".to_owned()], &[]).is_err());
        assert!(KubernetesProfile::parse(&base, "a", &[], &["*".to_owned()]).is_err());
    }
}
