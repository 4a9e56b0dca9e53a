//! Issuers that sign for all users of a platform: rule M1.
//!
//! Anyone can get a token of GitHub.com. What ties such a token to one organisation is a claim that the
//! platform never gives to another, so a record of a shared issuer is refused without a pin on one. Names
//! (`repository_owner`) are not enough: they are renamed, released and taken again.
//!
//! The catalogue knows issuers by their host alone, without path or port, so that a variant does not slip by.

use shared::excerpt::excerpt;

use crate::grants::{Pin, PinValue};
use crate::names::IssuerUrl;

/// A platform whose issuer many parties share.
#[derive(Debug)]
pub struct SharedIssuer {
    /// The platform's name.
    pub platform: &'static str,
    host: &'static str,
    /// The paths of the claims, one of which must be pinned. Their values are never given to another party.
    pins: &'static [&'static [&'static str]],
}

impl SharedIssuer {
    /// The claims, one of which must be pinned, as the configuration names them.
    fn claims(&self) -> Vec<String> {
        let name = |claim: &&[&str]| match claim {
            [name] => (*name).to_owned(),
            steps => steps.iter().map(|step| format!("/{step}")).collect(),
        };
        self.pins.iter().map(name).collect()
    }
}

/// Why the record of a shared issuer is not accepted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SharedIssuerError {
    /// No claim that belongs to one party is pinned.
    #[error("{platform} signs tokens for all its users: pin one of {pins} (rule M1)")]
    Unpinned {
        /// The platform's name.
        platform: &'static str,
        /// The claims, one of which must be pinned.
        pins: String,
    },
    /// An address for all tenants at once, or for no tenant.
    #[error(
        "{platform} has an issuer for each tenant, whose address holds the tenant's identifier; {tenant:?} is none (rule M1)"
    )]
    Tenantless {
        /// The platform's name.
        platform: &'static str,
        /// The path segment in place of the tenant, shortened.
        tenant: String,
    },
    /// The pin and the address name different tenants.
    #[error("pin {claim} to {tenant:?}, the tenant in the issuer's address, and to nothing else (rule M1)")]
    OtherTenant {
        /// The claim that must be pinned.
        claim: &'static str,
        /// The tenant in the address.
        tenant: String,
    },
}

/// The shared issuers, each with the claims that distinguish its users.
pub const CATALOGUE: &[SharedIssuer] = &[
    SharedIssuer {
        platform: "GitHub Actions",
        host: "token.actions.githubusercontent.com",
        pins: &[&["repository_owner_id"], &["repository_id"], &["enterprise_id"]],
    },
    SharedIssuer { platform: "GitLab.com", host: "gitlab.com", pins: &[&["namespace_id"], &["project_id"]] },
    SharedIssuer {
        platform: "Buildkite",
        host: "agent.buildkite.com",
        pins: &[&["organization_id"], &["pipeline_id"]],
    },
    SharedIssuer { platform: "CircleCI", host: "oidc.circleci.com", pins: &[&["oidc.circleci.com/project-id"]] },
    SharedIssuer {
        platform: "Google",
        host: "accounts.google.com",
        pins: &[&["hd"], &["sub"], &["google", "compute_engine", "project_number"]],
    },
    SharedIssuer {
        platform: "Terraform Cloud",
        host: "app.terraform.io",
        pins: &[&["terraform_organization_id"], &["terraform_project_id"], &["terraform_workspace_id"]],
    },
    SharedIssuer {
        platform: "the public Sigstore instance",
        host: "oauth2.sigstore.dev",
        pins: &[&["sub"], &["federated_claims", "user_id"]],
    },
    SharedIssuer { platform: "Codefresh", host: "oidc.codefresh.io", pins: &[&["account_id"], &["pipeline_id"]] },
    SharedIssuer { platform: "Buddy", host: "api.buddy.works", pins: BUDDY },
    SharedIssuer { platform: "Buddy", host: "api.eu.buddy.works", pins: BUDDY },
    SharedIssuer { platform: "Buddy", host: "api.asia.buddy.works", pins: BUDDY },
    SharedIssuer { platform: "Buddy", host: "oidc.buddyusercontent.com", pins: BUDDY },
    SharedIssuer {
        platform: "Bitbucket Pipelines",
        host: "api.bitbucket.org",
        pins: &[&["workspaceUuid"], &["repositoryUuid"]],
    },
    SharedIssuer { platform: "Vercel", host: "oidc.vercel.com", pins: &[&["owner_id"], &["project_id"]] },
    SharedIssuer { platform: "Fly.io", host: "oidc.fly.io", pins: &[&["org_id"], &["app_id"]] },
    SharedIssuer { platform: "Apple", host: "appleid.apple.com", pins: &[&["sub"]] },
    SharedIssuer { platform: "Slack", host: "slack.com", pins: &[&["https://slack.com/team_id"]] },
    SharedIssuer { platform: "LinkedIn", host: "www.linkedin.com", pins: &[&["sub"]] },
    SharedIssuer { platform: "Facebook", host: "www.facebook.com", pins: &[&["sub"]] },
];

const BUDDY: &[&[&str]] = &[&["workspace_id"], &["project_id"], &["pipeline_id"]];

/// Microsoft Entra, public and national clouds, tokens of both versions.
const ENTRA: &[&str] = &[
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.microsoft.com",
    "login.windows.net",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
    "sts.windows.net",
    "sts.chinacloudapi.cn",
];

/// The tenant of all personal Microsoft accounts.
const ENTRA_CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// M1: whether a record of this `iss` with these pins asserts names of one party only.
pub(crate) fn check(iss: &IssuerUrl, pins: &[Pin]) -> Result<(), SharedIssuerError> {
    let host = iss.url().host();
    if ENTRA.contains(&host) {
        return check_entra(iss, pins);
    }
    match CATALOGUE.iter().find(|shared| shared.host == host) {
        Some(shared) if !shared.pins.iter().any(|claim| pins.iter().any(|pin| pin.is_on(claim))) => {
            Err(SharedIssuerError::Unpinned { platform: shared.platform, pins: shared.claims().join(", ") })
        }
        _ => Ok(()),
    }
}

/// The tenant's identifier is the first segment of the path: `/<tenant>/` in version 1, `/<tenant>/v2.0` in version 2.
/// Everything else there (`common`, `organizations`, `consumers`, a domain) is an endpoint for many tenants and no
/// issuer of one.
fn check_entra(iss: &IssuerUrl, pins: &[Pin]) -> Result<(), SharedIssuerError> {
    let platform = "Microsoft Entra";
    let tenant = iss.url().path().split('/').nth(1).unwrap_or_default();
    if !is_guid(tenant) || tenant == ENTRA_CONSUMERS {
        return Err(SharedIssuerError::Tenantless { platform, tenant: excerpt(tenant, 80) });
    }
    match pins.iter().find(|pin| pin.is_on(&["tid"])) {
        None => Err(SharedIssuerError::Unpinned { platform, pins: "tid".to_owned() }),
        Some(pin) if pin.values() != [PinValue::String(tenant.to_owned())] => {
            Err(SharedIssuerError::OtherTenant { claim: "tid", tenant: tenant.to_owned() })
        }
        Some(_) => Ok(()),
    }
}

fn is_guid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    text.split('-').count() == lengths.len()
        && text.split('-').zip(lengths).all(|(part, length)| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

    fn decide(iss: &str, pins: &[(&str, &str)]) -> Result<(), SharedIssuerError> {
        let pins: Vec<Pin> =
            pins.iter().map(|(claim, value)| Pin::claim(claim, PinValue::String((*value).to_owned()))).collect();
        check(&IssuerUrl::parse(iss).expect("is an issuer"), &pins)
    }

    #[test]
    fn every_shared_issuer_needs_a_pin_that_is_its_own() {
        for shared in CATALOGUE {
            for path in ["", "/", "/a", "/auth"] {
                let iss = format!("https://{}{path}", shared.host);
                let refused = decide(&iss, &[("repository_owner", "acme"), ("email", "a@b.example")]);
                assert!(matches!(refused, Err(SharedIssuerError::Unpinned { .. })), "{iss}");
            }
            for claim in shared.pins {
                let path = claim.iter().map(|&step| step.to_owned()).collect();
                let pin = Pin::nested(path, PinValue::String("1".into()));
                let iss = IssuerUrl::parse(&format!("https://{}", shared.host)).expect("is an issuer");
                assert_eq!(check(&iss, &[pin]), Ok(()), "{claim:?}");
            }
        }
        assert_eq!(decide("https://token.actions.githubusercontent.com/octo", &[("repository_owner_id", "1")]), Ok(()));
        for own in
            ["https://gitlab.example.com", "https://idp.example.com", "https://oidc.eks.eu-west-1.amazonaws.com/id/A"]
        {
            assert_eq!(decide(own, &[]), Ok(()), "{own}");
        }
    }

    #[test]
    fn the_documentation_has_every_shared_issuer() {
        const PAGE: &str = include_str!("../../../docs/names.md");
        for shared in CATALOGUE {
            let claims: Vec<_> = shared.claims().iter().map(|claim| format!("`{claim}`")).collect();
            let row = format!("| {} | `{}` | {} |", shared.platform, shared.host, claims.join(", "));
            assert!(PAGE.lines().any(|line| line == row), "docs/names.md lacks {row}");
        }
    }

    #[test]
    fn an_entra_tenant_is_in_the_address_and_in_the_pin() {
        for (host, rest) in
            [("login.microsoftonline.com", "/v2.0"), ("sts.windows.net", "/"), ("login.microsoftonline.us", "/v2.0")]
        {
            let iss = format!("https://{host}/{TENANT}{rest}");
            assert_eq!(decide(&iss, &[("tid", TENANT)]), Ok(()), "{iss}");
            assert!(matches!(decide(&iss, &[]), Err(SharedIssuerError::Unpinned { .. })));
            assert!(matches!(decide(&iss, &[("oid", "x")]), Err(SharedIssuerError::Unpinned { .. })));
            let other = "00000000-0000-0000-0000-000000000001";
            assert!(matches!(decide(&iss, &[("tid", other)]), Err(SharedIssuerError::OtherTenant { .. })));
            for tenantless in [
                "",
                "/",
                "/common/v2.0",
                "/organizations/v2.0",
                "/consumers/v2.0",
                "/acme.onmicrosoft.com/v2.0",
                &format!("/{ENTRA_CONSUMERS}/v2.0"),
            ] {
                let refused = decide(&format!("https://{host}{tenantless}"), &[("tid", TENANT)]);
                assert!(matches!(refused, Err(SharedIssuerError::Tenantless { .. })), "{tenantless}: {refused:?}");
            }
        }
    }
}
