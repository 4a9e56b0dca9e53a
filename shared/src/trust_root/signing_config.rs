//! `signing_config.v0.2.json`: where a signer finds each service.

use serde::{Deserialize, Serialize};

use super::encoding::ValidFor;

/// The media type. Clients refuse version 0.1.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

/// `dev.sigstore.trustroot.v1.SigningConfig`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SigningConfig {
    /// Which version of the document this is.
    pub media_type: String,
    /// Certificate authorities: base URLs. `majorApiVersion` is 1 although the path says v2 (sigstore-go,
    /// sigstore-java).
    pub ca_urls: Vec<Service>,
    /// OpenID providers: issuers.
    pub oidc_urls: Vec<Service>,
    /// Signature logs: base URLs. Absent together with its selector when the instance keeps none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rekor_tlog_urls: Vec<Service>,
    /// How many of the logs to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rekor_tlog_config: Option<ServiceSelection>,
    /// Timestamp authorities: whole endpoints.
    pub tsa_urls: Vec<Service>,
    /// How many of the timestamp authorities to use.
    pub tsa_config: ServiceSelection,
}

/// `Service`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Service {
    /// Its address; never with a slash at the end, since sigstore-python appends paths to it as text.
    pub url: String,
    /// The version of its protocol.
    pub major_api_version: u32,
    /// When it is in use.
    pub valid_for: ValidFor,
    /// Its operator: clients pick at most one service of each operator.
    pub operator: String,
}

/// `ServiceConfiguration`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSelection {
    /// Always `ANY`, the one value that every client takes.
    pub selector: String,
}

impl ServiceSelection {
    /// One service is enough.
    pub fn any() -> Self {
        Self { selector: "ANY".to_owned() }
    }
}
