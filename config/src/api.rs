//! `[api]`

use serde::{Deserialize, Serialize};

/// Who may administer the instance over `/api/privyseal/v1`. People are known by the e-mail address in a token of our
/// own provider for the built-in client `privyseal-cli`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiSection {
    /// Who may do everything. Without this key it is the local user that the instance was made with; with an empty
    /// list it is no one.
    pub admins: Option<Vec<String>>,
    /// Who may read everything: the configuration's state, explanations of any token, the issuers.
    pub auditors: Vec<String>,
    /// Who may register issuers for domains of their own.
    pub namespace_owners: Vec<NamespaceOwnerSection>,
}

/// A person who is responsible for domains.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceOwnerSection {
    /// The e-mail address.
    pub address: String,
    /// The domains, each with the domains below it.
    pub domains: Vec<String>,
}
