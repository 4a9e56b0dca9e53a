//! Who may do what over this instance's API.

use std::collections::{BTreeMap, BTreeSet};

use broker::connector::ConnectorId;
use broker::names::{DomainName, EmailAddress};

/// What a person may do. One person can have several roles.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// Everything.
    Admin,
    /// Reading everything.
    Auditor,
    /// Bringing issuers for these domains and those below them.
    NamespaceOwner(Vec<DomainName>),
}

impl Role {
    /// Its name in answers and logs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Auditor => "auditor",
            Self::NamespaceOwner(_) => "namespace-owner",
        }
    }
}

/// All roles, by the e-mail address that our own provider asserts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roles {
    /// `None` when the configuration does not name any.
    pub(crate) admins: Option<BTreeSet<String>>,
    pub(crate) auditors: BTreeSet<String>,
    pub(crate) namespace_owners: BTreeMap<String, Vec<DomainName>>,
    /// The local user that `init` added.
    pub(crate) first_user: Option<String>,
}

impl Roles {
    /// The same roles, with the local user that `init` added to the instance.
    pub(crate) fn in_instance_of(&self, first_user: Option<&str>) -> Self {
        let first_user = first_user.and_then(|text| EmailAddress::parse(text).ok()).map(|address| address.to_string());
        Self { first_user, ..self.clone() }
    }

    /// The roles of the person with this address, as the connector asserts it.
    pub(crate) fn of(&self, address: &EmailAddress, connector: &str) -> Vec<Role> {
        let address = address.as_str();
        let is_admin = match &self.admins {
            Some(admins) => admins.contains(address),
            // The configuration does not name this address, so it counts only for the local user that `init` added, not
            // for anyone to whom a grant gives the address later.
            None => connector == ConnectorId::local().as_str() && self.first_user.as_deref() == Some(address),
        };
        let mut roles = Vec::new();
        roles.extend(is_admin.then_some(Role::Admin));
        roles.extend(self.auditors.contains(address).then_some(Role::Auditor));
        roles.extend(self.namespace_owners.get(address).cloned().map(Role::NamespaceOwner));
        roles
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).expect("an address")
    }

    #[test]
    fn the_first_user_is_admin_until_the_configuration_names_others() {
        let roles = Roles::default().in_instance_of(Some("admin@Privyseal.Internal"));
        let first = address("admin@privyseal.internal");
        assert_eq!(roles.of(&first, "local"), [Role::Admin]);
        assert_eq!(roles.of(&first, "corp"), [], "another connector's user of that address");
        assert_eq!(roles.of(&address("Admin@privyseal.internal"), "local"), [], "the local part is compared as bytes");
        let named = Roles { admins: Some(BTreeSet::from(["eve@example.com".to_owned()])), ..roles };
        assert_eq!(named.of(&first, "local"), []);
        assert_eq!(named.of(&address("eve@EXAMPLE.com"), "corp"), [Role::Admin]);
    }

    #[test]
    fn one_person_can_have_several_roles_and_most_have_none() {
        let domain = DomainName::parse("eng.example.com").expect("a domain");
        let roles = Roles {
            auditors: BTreeSet::from(["a@example.com".to_owned()]),
            namespace_owners: BTreeMap::from([("a@example.com".to_owned(), vec![domain.clone()])]),
            ..Roles::default()
        };
        assert_eq!(roles.of(&address("a@example.com"), "corp"), [Role::Auditor, Role::NamespaceOwner(vec![domain])]);
        assert_eq!(roles.of(&address("b@example.com"), "local"), []);
    }
}
