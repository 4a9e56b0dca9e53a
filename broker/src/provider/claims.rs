//! The claims of our tokens.

use serde::{Deserialize, Serialize};
use shared::time::UnixTime;

use super::client::Client;
use super::code::{CodeGrant, GrantId};
use super::lifetimes::Lifetimes;

/// Who knows the person, and as whom: Fulcio and sigstore-python read the connector from here, and the authority copies
/// it into the certificate. Always there, regardless of the scope, because Sigstore's clients ask for `openid email`
/// only.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FederatedClaims {
    /// The connector; `spiffe://` and the trust domain for a workload.
    pub connector_id: String,
    /// Its name for the person; the SPIFFE ID for a workload.
    pub user_id: String,
}

/// The claims of an ID token (OpenID Connect Core §2), in the order in which they are written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct IdTokenClaims {
    pub(super) iss: String,
    pub(super) sub: String,
    pub(super) aud: String,
    pub(super) exp: u64,
    pub(super) iat: u64,
    pub(super) auth_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nonce: Option<String>,
    /// Half of the access token's SHA-256. Absent when the access token is this very token, which cannot hold its own
    /// hash; OpenID Connect Core §3.1.3.6 makes it optional in the code flow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at_hash: Option<String>,
    pub(super) jti: String,
    #[serde(flatten)]
    pub(super) person: PersonClaims,
    pub(super) federated_claims: FederatedClaims,
}

/// The claims of a workload's ID token: no one has logged in, so there is no `auth_time`, and no address. `userinfo`
/// does not take such a token, since there is nothing more to tell.
#[derive(Clone, Debug, Serialize)]
pub(super) struct WorkloadClaims {
    pub(super) iss: String,
    /// The SPIFFE ID.
    pub(super) sub: String,
    pub(super) aud: String,
    pub(super) exp: u64,
    pub(super) iat: u64,
    pub(super) jti: String,
    pub(super) federated_claims: FederatedClaims,
}

/// The claims that scopes ask for.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct PersonClaims {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
}

impl PersonClaims {
    pub(super) fn of(grant: &CodeGrant) -> Self {
        let email = grant.identity.email.clone().filter(|_| grant.scopes.email);
        Self {
            // An unverified address never gets this far: `permit` refuses it.
            email_verified: email.as_ref().map(|_| grant.identity.email_verified),
            email,
            name: grant.identity.name.clone().filter(|_| grant.scopes.profile),
        }
    }
}

impl IdTokenClaims {
    pub(super) fn new(
        issuer: &str,
        client: &Client,
        id: GrantId,
        grant: &CodeGrant,
        life: Lifetimes,
        now: UnixTime,
    ) -> Self {
        let person = if client.claims_in_id_token { PersonClaims::of(grant) } else { PersonClaims::default() };
        Self {
            iss: issuer.to_owned(),
            sub: grant.identity.subject(),
            aud: grant.client.clone(),
            exp: now.plus(life.token).seconds(),
            iat: now.seconds(),
            auth_time: grant.auth_time,
            nonce: grant.nonce.clone(),
            at_hash: None,
            jti: id.to_string(),
            person,
            federated_claims: FederatedClaims {
                connector_id: grant.identity.connector_id.to_string(),
                user_id: grant.identity.user_id.clone(),
            },
        }
    }
}
