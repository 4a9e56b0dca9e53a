//! `[[issuers]]`

use serde::{Deserialize, Serialize};

use crate::grant::GrantSection;
use crate::profile::{CiSection, KubernetesSection, Profile};

/// An issuer whose tokens the certificate authority takes directly.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSection {
    /// A short name for it in logs and refusals.
    pub id: String,
    /// The issuer, byte for byte as its tokens say.
    pub iss: String,
    /// The audience that its tokens must be for.
    #[serde(default = "default_audience")]
    pub audience: String,
    /// How its claims become a name.
    pub profile: Profile,
    /// With `github`, `gitlab`, `codefresh` and `buddy`: the platform's address for people, which names begin with. Without
    /// it the platform's own, or what follows from `iss`. With `kubernetes`: what names begin with, before the cluster;
    /// without it `<house.origin>/k8s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// With the profile `username`: the domain that the names are of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_domain: Option<String>,
    /// With the profile `kubernetes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<KubernetesSection>,
    /// With the profile `ci`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ci: Option<CiSection>,
    /// Signature algorithms that it may use.
    #[serde(default = "default_algorithms")]
    pub algorithms: Vec<String>,
    /// JWKS file with its keys, instead of discovery: nothing is fetched.
    pub jwks_file: Option<String>,
    /// PEM file with the authorities that sign its TLS certificate, instead of the system's.
    pub ca_file: Option<String>,
    /// Its host is inside our network: private addresses are allowed for it.
    #[serde(default)]
    pub internal: bool,
    /// Allow plain HTTP on a loopback address. For development only.
    #[serde(default)]
    pub danger_loopback_http: bool,
    /// Longest life of a token that is taken, in seconds (`exp` − `iat`).
    #[serde(default = "default_max_token_seconds")]
    pub max_token_seconds: u32,
    /// The names that it may speak for. None: its tokens are refused.
    #[serde(default)]
    pub grants: Vec<GrantSection>,
}

fn default_audience() -> String {
    "sigstore".to_owned()
}

fn default_algorithms() -> Vec<String> {
    ["RS256", "ES256"].map(str::to_owned).to_vec()
}

fn default_max_token_seconds() -> u32 {
    3600
}
