//! `[[connectors]]`

use serde::{Deserialize, Serialize};

use crate::grant::GrantSection;

/// An upstream OpenID provider at which people may log in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectorSection {
    /// Its name in URLs and tokens: lower-case letters, digits and hyphens.
    pub id: String,
    /// What the login page calls it.
    pub name: String,
    /// The upstream issuer, byte for byte as its discovery document says.
    pub iss: String,
    /// Our client identifier there. Register `<origin>/oidc/callback/<id>` as its redirect URI.
    pub client_id: String,
    /// File with our client secret there, in one line; without it we are a public client.
    pub client_secret_file: Option<String>,
    /// PEM file with the authorities that sign its TLS certificate, instead of the system's.
    pub ca_file: Option<String>,
    /// Its host is inside our network: private addresses are allowed for it.
    #[serde(default)]
    pub internal: bool,
    /// Allow plain HTTP on a loopback address. For development only.
    #[serde(default)]
    pub danger_loopback_http: bool,
    /// Take an e-mail address that the upstream does not call verified. Only for an upstream that owns the domain, such
    /// as a company's own directory.
    #[serde(default)]
    pub danger_email_is_verified: bool,
    /// The names that it may assert. None: no one can log in through it.
    #[serde(default)]
    pub grants: Vec<GrantSection>,
}
