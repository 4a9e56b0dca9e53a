//! Grants: the names that an issuer, trust domain or connector may assert.

use serde::{Deserialize, Serialize};

/// One grant: exactly one of `email`, `address`, `uri`, `spiffe`, `usernames` and `service_account` is set.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct GrantSection {
    /// Every e-mail address of this domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// This one e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Every URI at or below this one, by whole path segments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Every SPIFFE ID of this trust domain (`spiffe://example.org`), or at or below this path of it, by whole path
    /// segments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spiffe: Option<String>,
    /// Every user name of this domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usernames: Option<String>,
    /// With the profile `kubernetes`: this service account of its cluster, `<namespace>/<account>`, or all of a
    /// namespace: `<namespace>/*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// With `email`: the domains below it too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub subdomains: bool,
    /// Another record may hold the same name. Both must say so; otherwise the overlap is an error.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
}
