//! `[[trust_domains]]`

use serde::{Deserialize, Serialize};

use crate::grant::GrantSection;

/// A SPIFFE trust domain whose workloads may sign with nothing but their SVIDs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrustDomainSection {
    /// Its exact name: lower case, without `spiffe://`.
    pub name: String,
    /// Where its bundle comes from. Nothing of this is ever taken from what was fetched.
    pub bundle: BundleSection,
    /// Its bundle endpoint is inside our network: private addresses are allowed for it.
    #[serde(default)]
    pub internal: bool,
    /// Allow a bundle endpoint on this machine. For development and tests.
    #[serde(default)]
    pub danger_loopback: bool,
    /// Which SVIDs are taken.
    #[serde(default = "default_accept")]
    pub accept: Vec<SvidKind>,
    /// The one audience that its JWT-SVIDs must be for.
    #[serde(default = "default_audience")]
    pub audience: String,
    /// Signature algorithms of its JWT-SVIDs.
    #[serde(default = "default_algorithms")]
    pub algorithms: Vec<String>,
    /// The `iss` of its JWT-SVIDs: `any` (or none), `absent`, or exactly this one. The key comes from the bundle in any
    /// case.
    #[serde(default = "default_iss")]
    pub iss: String,
    /// Longest life of a JWT-SVID that is taken, in seconds (`exp` − `iat`).
    #[serde(default = "default_max_token_seconds")]
    pub max_token_seconds: u32,
    /// Longest life of an X.509-SVID that is taken, in seconds.
    #[serde(default = "default_day")]
    pub max_svid_seconds: u32,
    /// Seconds that a bundle is used when it cannot be fetched again. After that nothing of this trust domain is taken.
    #[serde(default = "default_day")]
    pub stale_seconds: u32,
    /// How often one SPIFFE ID may be used a minute.
    #[serde(default = "default_uses_per_minute")]
    pub uses_per_minute: u32,
    /// A JWT-SVID counts once. SPIRE's agents hand out the same one until half its life is over, so leave this off for
    /// them.
    #[serde(default)]
    pub single_use: bool,
    /// What its certificates call it: an https URL or `spiffe://` and a trust domain, unique in this file. Without it
    /// the exact `iss`, or `spiffe://<name>`. Set it before the first certificate and keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer_label: Option<String>,
    /// The audiences for which its workloads may have ID tokens at `/oidc/token`.
    #[serde(default = "default_exchange_audiences")]
    pub exchange_audiences: Vec<String>,
    /// The SPIFFE IDs that it may assert, all below its own name. None: its SVIDs are refused.
    #[serde(default)]
    pub grants: Vec<GrantSection>,
}

/// Where a bundle comes from: exactly one of `https_spiffe`, `https_web`, `file`, `map_file` and `workload_api`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct BundleSection {
    /// URL of a bundle endpoint that presents an X.509-SVID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https_spiffe: Option<String>,
    /// With `https_spiffe`: the SPIFFE ID of that X.509-SVID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
    /// With `https_spiffe` and an endpoint of the same trust domain: file with its bundle, as it is known before the
    /// first fetch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_file: Option<String>,
    /// URL of a bundle endpoint with a certificate as web servers have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https_web: Option<String>,
    /// With `https_web`: PEM file with the authorities of that certificate, instead of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// File with a bundle. Read again when it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// File with a map of bundles. Read again when it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map_file: Option<String>,
    /// From the Workload API of `[spiffe]`: the trust domain of its agent, or one that it federates with.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub workload_api: bool,
}

/// A kind of SVID.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SvidKind {
    /// JWT-SVIDs.
    Jwt,
    /// WIT-SVIDs with a proof by their key. The standard is still incubating.
    Wit,
    /// X.509-SVIDs over mutual TLS.
    X509,
}

fn default_accept() -> Vec<SvidKind> {
    vec![SvidKind::Jwt, SvidKind::X509]
}

fn default_audience() -> String {
    "sigstore".to_owned()
}

fn default_algorithms() -> Vec<String> {
    ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"].map(str::to_owned).to_vec()
}

fn default_iss() -> String {
    "any".to_owned()
}

fn default_max_token_seconds() -> u32 {
    3600
}

fn default_day() -> u32 {
    86_400
}

fn default_uses_per_minute() -> u32 {
    60
}

fn default_exchange_audiences() -> Vec<String> {
    vec!["sigstore".to_owned()]
}
