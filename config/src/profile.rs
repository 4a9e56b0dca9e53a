//! How the claims of an issuer's tokens become a name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How an issuer's claims become a name and the extensions of a certificate: docs/profiles.md has a table for each.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// A role of an AWS account.
    Aws,
    /// A managed identity of a Microsoft Entra tenant.
    Azure,
    /// A Buddy pipeline.
    Buddy,
    /// A Buildkite job.
    Buildkite,
    /// A build on any other platform: `ci` says how.
    Ci,
    /// A CircleCI job.
    CircleCi,
    /// A Codefresh workflow.
    Codefresh,
    /// A person: the verified `email` claim.
    Email,
    /// A service account of Google Cloud.
    Gcp,
    /// A GitHub Actions job.
    GitHub,
    /// A GitLab CI/CD job.
    GitLab,
    /// A service account of a Kubernetes cluster: `kubernetes` says which.
    Kubernetes,
    /// A workload: the `sub` claim, a SPIFFE ID.
    Spiffe,
    /// A machine: the `sub` claim, a URI.
    Uri,
    /// A person or a machine: the `sub` claim, a name inside the domain that `subject_domain` says.
    Username,
}

impl Profile {
    /// As the file says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Buddy => "buddy",
            Self::Buildkite => "buildkite",
            Self::Ci => "ci",
            Self::CircleCi => "circleci",
            Self::Codefresh => "codefresh",
            Self::Email => "email",
            Self::Gcp => "gcp",
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Kubernetes => "kubernetes",
            Self::Spiffe => "spiffe",
            Self::Uri => "uri",
            Self::Username => "username",
        }
    }
}

/// With `profile = "kubernetes"`: which cluster, and who in it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesSection {
    /// What we call the cluster; it stands in every name, since tokens do not say which cluster they are of.
    pub cluster: String,
    /// Namespaces whose accounts may sign. Empty: all.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Names of accounts that may sign. Empty: all.
    #[serde(default)]
    pub service_accounts: Vec<String>,
}

/// With `profile = "ci"`: templates, in which `{claim}` stands for a claim.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CiSection {
    /// The certificate's name: `https://`, a host, and a path that holds claims.
    pub name: String,
    /// The certificate's extensions, by Fulcio's names for them.
    #[serde(default)]
    pub extensions: BTreeMap<String, String>,
}
