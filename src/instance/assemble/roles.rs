//! `[api]` of the configuration file.

use std::collections::BTreeSet;

use broker::names::{DomainName, EmailAddress};
use privyseal_config::ApiSection;

use super::Problems;
use crate::instance::roles::Roles;

/// All roles; problems go into `problems`.
pub(super) fn understand(section: &ApiSection, problems: &mut Problems) -> Roles {
    let admins = section.admins.as_deref().map(|admins| addresses(admins, "api.admins", problems));
    let auditors = addresses(&section.auditors, "api.auditors", problems);
    let mut roles = Roles { admins, auditors, ..Roles::default() };
    for (at, owner) in section.namespace_owners.iter().enumerate() {
        let place = format!("api.namespace_owners[{at}]");
        let address = problems.keep(&format!("{place}.address"), EmailAddress::parse(&owner.address));
        let mut domains = Vec::with_capacity(owner.domains.len());
        for (at, domain) in owner.domains.iter().enumerate() {
            domains.extend(problems.keep(&format!("{place}.domains[{at}]"), DomainName::parse(domain)));
        }
        if let Some(address) = address {
            roles.namespace_owners.entry(address.to_string()).or_default().extend(domains);
        }
    }
    roles
}

fn addresses(texts: &[String], place: &str, problems: &mut Problems) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, text) in texts.iter().enumerate() {
        let address = problems.keep(&format!("{place}[{at}]"), EmailAddress::parse(text));
        found.extend(address.map(|address| address.to_string()));
    }
    found
}
