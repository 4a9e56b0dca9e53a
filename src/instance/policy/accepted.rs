//! Who may have signed, according to the grants.

use broker::grants::{Asserter, Scope};
use broker::names::EmailAddress;
use broker::registry::Issuers;
use serde::Serialize;

use super::identity::SignerIdentity;
use crate::instance::assemble::Origin;

/// A pair of issuer and name that a verifier may accept.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AcceptedSigner {
    /// The authority that asserts the name: `issuer:corp`, `connector:local`.
    #[serde(rename = "authority")]
    pub(crate) asserter: String,
    /// The grant, as in the audit log.
    pub(crate) grant: String,
    /// The issuer in the certificate, exactly: the record's `iss`, or its label if it has one.
    pub(crate) issuer: String,
    #[serde(flatten)]
    pub(crate) identity: SignerIdentity,
}

/// The pairs of every authority, and the grants that have none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Policy {
    pub(crate) accepted: Vec<AcceptedSigner>,
    /// Grants without a pair, each with the reason.
    pub(crate) left_out: Vec<String>,
}

/// Why an address cannot be used as a local user's.
#[derive(Debug, thiserror::Error)]
#[error("{address} belongs to {owner}, not to the local users (rule X1); leave it out")]
pub(crate) struct NotLocal {
    address: String,
    owner: String,
}

impl Policy {
    /// The policy of an instance with these records. The configuration does not list local users, so the caller does.
    pub(crate) fn of(issuers: &Issuers, origin: &Origin, local_users: &[EmailAddress]) -> Result<Self, NotLocal> {
        let mut policy = Self::default();
        for (asserter, grants) in issuers.rules().asserters() {
            let issuer = match asserter {
                Asserter::Connector(_) => format!("{origin}/oidc"),
                Asserter::Issuer(id) => match issuers.iter().find(|record| record.id() == &**id) {
                    Some(record) => record.label().to_owned(),
                    None => continue,
                },
                Asserter::TrustDomain(name) => match issuers.trust_domains().find(name) {
                    Some(record) => record.label().to_owned(),
                    None => continue,
                },
            };
            for scope in grants.iter().map(|grant| grant.scope()) {
                let identities = match scope {
                    Scope::LocalAccounts => policy.local(issuers, local_users)?,
                    other => vec![SignerIdentity::of(other)],
                };
                policy.accepted.extend(identities.into_iter().map(|identity| AcceptedSigner {
                    asserter: asserter.to_string(),
                    grant: scope.to_string(),
                    issuer: issuer.clone(),
                    identity,
                }));
            }
        }
        Ok(policy)
    }

    fn local(&mut self, issuers: &Issuers, users: &[EmailAddress]) -> Result<Vec<SignerIdentity>, NotLocal> {
        if users.is_empty() {
            let reason = "connector:local local-accounts: name the local users whose signatures are accepted";
            self.left_out.push(reason.to_owned());
        }
        let identity = |user: &EmailAddress| match issuers.rules().owner_of(user) {
            Some(owner) => Err(NotLocal { address: user.to_string(), owner: owner.to_string() }),
            None => Ok(SignerIdentity::Exact(user.to_string())),
        };
        users.iter().map(identity).collect()
    }
}
