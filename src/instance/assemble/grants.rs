//! Grants of the configuration file.

use broker::grants::{Grant, Scope};
use broker::names::{ClusterName, NameError, ServiceAccounts, UriName};
use privyseal_config::GrantSection;

use super::Problems;

/// Why a grant is not valid.
#[derive(Debug, thiserror::Error)]
enum GrantError {
    #[error(
        "a grant needs exactly one of `email` (a domain), `address`, `uri`, `spiffe`, `usernames` and `service_account`"
    )]
    Kind,
    #[error("`subdomains` is only for grants with `email`")]
    Subdomains,
    #[error("`service_account` is only for the profile \"kubernetes\"")]
    NoCluster,
    #[error("{0:?} is not of the form `<namespace>/<account>` or `<namespace>/*`")]
    ServiceAccount(String),
    #[error(transparent)]
    Name(#[from] NameError),
}

/// A cluster whose service accounts can be granted: the base of their names, and the name of the cluster.
pub(super) struct Cluster {
    pub(super) base: UriName,
    pub(super) name: ClusterName,
}

/// All grants of one record; problems go into `problems`.
pub(super) fn understand(
    sections: &[GrantSection],
    cluster: Option<&Cluster>,
    place: &str,
    problems: &mut Problems,
) -> Vec<Grant> {
    let mut grants = Vec::with_capacity(sections.len());
    for (at, section) in sections.iter().enumerate() {
        grants.extend(problems.keep(&format!("{place}.grants[{at}]"), grant(section, cluster)));
    }
    grants
}

fn grant(section: &GrantSection, cluster: Option<&Cluster>) -> Result<Grant, GrantError> {
    let GrantSection { email, address, uri, spiffe, usernames, service_account, subdomains, shared } = section;
    let set = [email, address, uri, spiffe, usernames, service_account];
    if set.iter().filter(|key| key.is_some()).count() != 1 {
        return Err(GrantError::Kind);
    }
    if *subdomains && email.is_none() {
        return Err(GrantError::Subdomains);
    }
    let grant = match set.map(Option::as_deref) {
        [Some(domain), ..] => Grant::email_domain(domain, *subdomains)?,
        [_, Some(address), ..] => Grant::email_address(address)?,
        [_, _, Some(prefix), ..] => Grant::uri_prefix(prefix)?,
        [_, _, _, Some(prefix), ..] => Grant::spiffe(prefix)?,
        [.., Some(domain), _] => Grant::usernames(domain)?,
        [.., Some(account)] => service_accounts(account, cluster)?,
        [.., None] => return Err(GrantError::Kind),
    };
    Ok(if *shared { Grant::shared(scope(&grant)) } else { grant })
}

fn service_accounts(text: &str, cluster: Option<&Cluster>) -> Result<Grant, GrantError> {
    let cluster = cluster.ok_or(GrantError::NoCluster)?;
    let (namespace, name) = text.split_once('/').ok_or_else(|| GrantError::ServiceAccount(text.to_owned()))?;
    let accounts = ServiceAccounts::of(namespace, Some(name).filter(|name| *name != "*"))?;
    Ok(Grant::service_accounts(&cluster.base, &cluster.name, accounts)?)
}

fn scope(grant: &Grant) -> Scope {
    grant.scope().clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understand_toml(text: &str) -> Result<Vec<String>, String> {
        let cluster = Cluster {
            base: UriName::parse("https://seal.example.com/k8s").expect("is a name"),
            name: ClusterName::parse("prod").expect("is a name"),
        };
        let text =
            format!("[[issuers]]\nid = \"a\"\niss = \"https://a.example\"\nprofile = \"uri\"\ngrants = [{text}]");
        let config = privyseal_config::Config::parse(&text).map_err(|error| error.to_string())?;
        let mut problems = Problems::default();
        let grants = understand(&config.issuers[0].grants, Some(&cluster), "issuers[0]", &mut problems);
        problems.none_or(()).map_err(|problems| problems.to_string())?;
        Ok(grants.iter().map(|grant| format!("{} {}", grant.scope(), grant.is_shared())).collect())
    }

    #[test]
    fn each_kind() {
        let text = r#"{ email = "a.example", subdomains = true }, { address = "a@b.example", shared = true },
            { uri = "https://c.example/x" }, { spiffe = "spiffe://d.test/ci" }, { usernames = "e.example" },
            { service_account = "ci/builder" }, { service_account = "cd/*" }"#;
        let wanted = [
            "email-domain:a.example+subdomains false",
            "email-address:a@b.example true",
            "uri:https://c.example/x false",
            "spiffe://d.test/ci false",
            "usernames:e.example false",
            "service-accounts:prod/ci/builder false",
            "service-accounts:prod/cd/* false",
        ];
        assert_eq!(understand_toml(&text.replace('\n', " ")).expect("is understood"), wanted);
    }

    #[test]
    fn problems_are_reported_at_their_place() {
        for (text, part) in [
            ("{ }", "exactly one of"),
            (r#"{ email = "a.example", uri = "https://a.example" }"#, "exactly one of"),
            (r#"{ uri = "https://a.example", subdomains = true }"#, "`subdomains`"),
            (r#"{ spiffe = "example.org" }"#, "spiffe://"),
            (r#"{ service_account = "ci" }"#, "<namespace>/<account>"),
            (r#"{ service_account = "*/builder" }"#, "Kubernetes name"),
            (r#"{ service_account = "ci/../x" }"#, "Kubernetes name"),
        ] {
            let error = understand_toml(text).expect_err(text);
            assert!(error.contains("issuers[0].grants[0]") && error.contains(part), "{error}");
        }
    }
}
