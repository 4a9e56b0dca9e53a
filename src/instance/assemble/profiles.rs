//! Profiles of the configuration file.

use broker::names::DomainName;
use broker::profile::{BaseUrl, CiProfile, KubernetesProfile, Profile};
use privyseal_config::{IssuerSection, Profile as Named};

use super::{Origin, Problems};

/// The profile of one record; problems go into `problems`.
pub(super) fn understand(
    section: &IssuerSection,
    origin: Option<&Origin>,
    place: &str,
    problems: &mut Problems,
) -> Option<Profile> {
    refuse_strays(section, place, problems);
    let base = |default: Option<String>, problems: &mut Problems| {
        let text = section.base_url.clone().or(default);
        let text = text.ok_or("must be set, since it does not follow from iss");
        let place = format!("{place}.base_url");
        let text = problems.keep(&place, text)?;
        problems.keep(&place, BaseUrl::parse(&text))
    };
    let own = |address: &str| Some(address.to_owned());
    Some(match section.profile {
        Named::Aws => Profile::Aws,
        Named::Azure => problems.keep(&format!("{place}.iss"), Profile::azure(&section.iss))?,
        Named::Buddy => Profile::buddy(&base(own("https://app.buddy.works"), problems)?),
        Named::Buildkite => Profile::buildkite(),
        Named::Ci => ci(section, place, problems)?,
        Named::CircleCi => Profile::circleci(),
        Named::Codefresh => Profile::codefresh(&base(own("https://g.codefresh.io"), problems)?),
        Named::Email => Profile::Human,
        Named::Gcp => Profile::Gcp,
        Named::GitHub => Profile::github(&base(github_of(&section.iss), problems)?),
        // A GitLab is its own issuer.
        Named::GitLab => Profile::gitlab(&base(own(&section.iss), problems)?),
        Named::Kubernetes => {
            let base = base(origin.map(|origin| format!("{origin}/k8s")), problems)?;
            kubernetes(section, &base, place, problems)?
        }
        Named::Spiffe => Profile::Spiffe,
        Named::Uri => Profile::Uri,
        Named::Username => {
            let place = format!("{place}.subject_domain");
            let domain = section
                .subject_domain
                .as_deref()
                .ok_or("the profile \"username\" needs the domain of its names; set it here");
            let domain = problems.keep(&place, domain)?;
            Profile::Username(problems.keep(&place, DomainName::parse(domain))?)
        }
    })
}

/// Refuses settings of other profiles, which would have no effect.
fn refuse_strays(section: &IssuerSection, place: &str, problems: &mut Problems) {
    let has_base =
        matches!(section.profile, Named::Buddy | Named::Codefresh | Named::GitHub | Named::GitLab | Named::Kubernetes);
    let strays = [
        ("base_url", section.base_url.is_some() && !has_base),
        ("subject_domain", section.subject_domain.is_some() && section.profile != Named::Username),
        ("kubernetes", section.kubernetes.is_some() && section.profile != Named::Kubernetes),
        ("ci", section.ci.is_some() && section.profile != Named::Ci),
    ];
    for (key, is_stray) in strays {
        if is_stray {
            problems.add(
                &format!("{place}.{key}"),
                format!(
                    "has no effect with the profile \"{}\"; remove it, or choose the profile that it is for",
                    section.profile.name()
                ),
            );
        }
    }
}

/// The address of the GitHub with the issuer `iss`: github.com (an enterprise may have an issuer of its own there), a
/// host with data residency, or an Enterprise Server.
fn github_of(iss: &str) -> Option<String> {
    let rest = iss.strip_prefix("https://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host == "token.actions.githubusercontent.com" {
        return Some("https://github.com".to_owned());
    }
    if let Some(tenant) = host.strip_prefix("token.actions.").filter(|tenant| tenant.ends_with(".ghe.com")) {
        return Some(format!("https://{tenant}"));
    }
    (path == "_services/token").then(|| format!("https://{host}"))
}

fn ci(section: &IssuerSection, place: &str, problems: &mut Problems) -> Option<Profile> {
    let place = format!("{place}.ci");
    let ci = problems.keep(&place, section.ci.as_ref().ok_or("the profile \"ci\" needs its templates"))?;
    let extensions = ci.extensions.iter().map(|(key, text)| (key.as_str(), text.as_str()));
    problems.keep(&place, CiProfile::parse(&ci.name, extensions)).map(|table| Profile::Ci(table.into()))
}

fn kubernetes(section: &IssuerSection, base: &BaseUrl, place: &str, problems: &mut Problems) -> Option<Profile> {
    let place = format!("{place}.kubernetes");
    let cluster = section.kubernetes.as_ref().ok_or("the profile \"kubernetes\" needs the name of the cluster");
    let cluster = problems.keep(&place, cluster)?;
    let parsed = KubernetesProfile::parse(base, &cluster.cluster, &cluster.namespaces, &cluster.service_accounts);
    problems.keep(&place, parsed).map(|profile| Profile::Kubernetes(profile.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understand_text(text: &str) -> Result<Profile, String> {
        let text = format!("[[issuers]]\nid = \"x\"\n{text}\n");
        let config = privyseal_config::Config::parse(&text).map_err(|error| error.to_string())?;
        let mut problems = Problems::default();
        let profile = understand(&config.issuers[0], None, "issuers[0]", &mut problems);
        problems.none_or(()).map_err(|problems| problems.to_string())?;
        profile.ok_or_else(|| "nothing".to_owned())
    }

    fn name_of(text: &str) -> String {
        match understand_text(text).expect("is understood") {
            Profile::Ci(table) => table.name_template(),
            Profile::Kubernetes(cluster) => cluster.name_template(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_platforms_address_follows_from_its_issuer() {
        let cases = [
            (r#"iss = "https://token.actions.githubusercontent.com""#, "https://github.com"),
            (r#"iss = "https://token.actions.githubusercontent.com/acme""#, "https://github.com"),
            (r#"iss = "https://token.actions.acme.ghe.com""#, "https://acme.ghe.com"),
            (r#"iss = "https://github.corp.example/_services/token""#, "https://github.corp.example"),
            (
                "iss = \"https://tokens.corp.example\"\nbase_url = \"https://github.corp.example\"",
                "https://github.corp.example",
            ),
        ];
        for (settings, base) in cases {
            assert_eq!(name_of(&format!("profile = \"github\"\n{settings}")), format!("{base}/{{+job_workflow_ref}}"));
        }
        assert_eq!(
            name_of(
                "profile = \"kubernetes\"\niss = \"https://k\"\nbase_url = \"https://s.example/k8s\"\nkubernetes = { cluster = \"a\" }"
            ),
            "https://s.example/k8s/a/ns/{namespace}/sa/{serviceaccount}"
        );
    }

    #[test]
    fn problems_are_reported_at_their_place() {
        let cases = [
            ("profile = \"github\"\niss = \"https://tokens.example\"", "issuers[0].base_url: must be set"),
            ("profile = \"github\"\niss = \"https://x.example\"\nbase_url = \"https://X\"", "issuers[0].base_url: "),
            (
                "profile = \"uri\"\niss = \"https://x.example\"\nbase_url = \"https://x.example\"",
                "issuers[0].base_url: has no effect",
            ),
            ("profile = \"uri\"\niss = \"https://x.example\"\nci = { name = \"x\" }", "issuers[0].ci: has no effect"),
            ("profile = \"username\"\niss = \"https://x.example\"", "issuers[0].subject_domain: the profile"),
            (
                "profile = \"username\"\niss = \"https://x.example\"\nsubject_domain = \"Example.com\"",
                "issuers[0].subject_domain: ",
            ),
            (
                "profile = \"uri\"\niss = \"https://x.example\"\nsubject_domain = \"example.com\"",
                "issuers[0].subject_domain: has no effect",
            ),
            ("profile = \"ci\"\niss = \"https://x.example\"", "issuers[0].ci: the profile \"ci\" needs"),
            ("profile = \"ci\"\niss = \"https://x.example\"\nci = { name = \"{a}\" }", "issuers[0].ci: name: "),
            ("profile = \"kubernetes\"\niss = \"https://x.example\"", "issuers[0].base_url: must be set"),
            (
                "profile = \"kubernetes\"\niss = \"https://x.example\"\nbase_url = \"https://x.example\"\nkubernetes = { cluster = \"A\" }",
                "issuers[0].kubernetes: cluster: ",
            ),
            (
                "profile = \"azure\"\niss = \"https://login.microsoftonline.com/common/v2.0\"",
                "issuers[0].iss: the iss of an Azure",
            ),
        ];
        for (text, wanted) in cases {
            let refused = understand_text(text).expect_err("is wrong");
            assert!(refused.contains(wanted), "{text}: {refused}");
        }
    }
}
