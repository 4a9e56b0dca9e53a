//! Who may have signed, as the grants say it.

use broker::grants::{Asserter, Scope};
use broker::names::EmailAddress;
use broker::registry::Issuers;
use serde::Serialize;

use super::identity::SignerIdentity;
use crate::instance::assemble::Origin;

/// What a verifier may accept.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AcceptedSigner {
    /// Who speaks: `issuer:corp`, `connector:local`.
    pub(crate) asserter: String,
    /// The grant, as in the audit log.
    pub(crate) grant: String,
    /// The issuer in the certificate, exactly: the record's `iss`, or its label if it has one.
    pub(crate) issuer: String,
    #[serde(flatten)]
    pub(crate) identity: SignerIdentity,
}

/// The pairs of every asserter, and what cannot be said.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Policy {
    pub(crate) accepted: Vec<AcceptedSigner>,
    /// Grants without a pair, each with the reason.
    pub(crate) left_out: Vec<String>,
}

/// Why an address cannot be named as a local user's.
#[derive(Debug, thiserror::Error)]
#[error("{address} belongs to {owner}, not to the local users (rule X1)")]
pub(crate) struct NotLocal {
    address: String,
    owner: String,
}

impl Policy {
    /// The policy of an instance with these records. Which local users there are is not in the configuration, so they are
    /// named.
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
            let reason = "connector:local local-accounts: name the local users whose signatures count";
            self.left_out.push(reason.to_owned());
        }
        let identity = |user: &EmailAddress| match issuers.rules().owner_of(user) {
            Some(owner) => Err(NotLocal { address: user.to_string(), owner: owner.to_string() }),
            None => Ok(SignerIdentity::Exact(user.to_string())),
        };
        users.iter().map(identity).collect()
    }
}
