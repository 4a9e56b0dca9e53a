//! `[[issuers]]`

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::grant::GrantSection;
use crate::pin::PinSection;
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
    /// With `github`, `gitlab`, `codefresh` and `buddy`: the platform's address for people, which names begin with.
    /// Without it the platform's own, or what follows from `iss`. With `kubernetes`: what names begin with, before the
    /// cluster; without it `<instance.origin>/k8s`.
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
    /// What its certificates call it instead of `iss`: an https URL or `spiffe://` and a trust domain, unique in this
    /// file. Two clusters with one `iss` need one each. Set it before the first certificate and keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer_label: Option<String>,
    /// Claims that must be there with exactly this value, or one of these, of this type. A shared issuer (GitHub,
    /// GitLab.com, Google, …) is refused without one on a claim that is never given to another. A claim is its name, or
    /// a JSON Pointer to a member inside others: `/google/compute_engine/project_number`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pins: BTreeMap<String, PinSection>,
    /// Claims that must fit one of these patterns: exact, or with `*` for a whole segment between slashes and `**` for
    /// all segments at the end. A claim that is a list fits if one of its elements is exactly one of these.
    #[serde(default, rename = "match", skip_serializing_if = "BTreeMap::is_empty")]
    pub matches: BTreeMap<String, Vec<String>>,
    /// A CEL expression over `claims` and `name`; a token for which it is not false is refused. It can only refuse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny: Option<String>,
    /// Signature algorithms that it may use.
    #[serde(default = "default_algorithms")]
    pub algorithms: Vec<String>,
    /// JWKS file with its keys, instead of discovery: nothing is fetched.
    pub jwks_file: Option<String>,
    /// Where its keys are, instead of the `jwks_uri` of its metadata, which must be on its own host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// PEM file with the authorities that sign its TLS certificate, instead of the system's.
    pub ca_file: Option<String>,
    /// Its host is inside our network: private addresses are allowed for it.
    #[serde(default)]
    pub internal: bool,
    /// Allow plain HTTP on a loopback address. For development only.
    #[serde(default)]
    pub danger_loopback_http: bool,
    /// Accept tokens with other audiences beside ours. Each of those others can present such a token here.
    #[serde(default)]
    pub danger_more_audiences: bool,
    /// Longest life of a token that is taken, in seconds (`exp` − `iat`).
    #[serde(default = "default_max_token_seconds")]
    pub max_token_seconds: u32,
    /// The names that it may assert. None: its tokens are refused.
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
