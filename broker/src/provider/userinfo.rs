//! UserInfo: the person whom an access token represents (OpenID Connect Core §5.3).

use serde::Serialize;
use shared::time::UnixTime;

use super::access_token::SealedAccess;
use super::claims::{FederatedClaims, IdTokenClaims, PersonClaims};
use super::code::{self, GrantId};
use super::fault::ProviderFault;
use super::openid_provider::Provider;

/// Longest access token that is read.
const MAX_TOKEN: usize = 16 * 1024;

/// The claims that the UserInfo endpoint answers (OpenID Connect Core §5.3.2).
#[derive(Clone, Debug, Serialize)]
pub struct UserInfo {
    sub: String,
    #[serde(flatten)]
    person: PersonClaims,
    #[serde(skip_serializing_if = "Option::is_none")]
    federated_claims: Option<FederatedClaims>,
}

/// Why there is no answer (RFC 6750 §3.1: `invalid_token`).
#[derive(Debug, thiserror::Error)]
pub enum UserInfoError {
    /// Past its time.
    #[error("the access token has expired")]
    Expired,
    /// Our own trouble.
    #[error(transparent)]
    Fault(#[from] ProviderFault),
    /// Not an access token of ours.
    #[error("this is not an access token of this provider")]
    Invalid,
    /// Its code was used a second time.
    #[error("the access token is revoked: its code was used twice")]
    Revoked,
}

struct OpenedAccessToken {
    grant: String,
    exp: u64,
    answer: UserInfo,
}

impl Provider {
    /// The claims that the bearer may see.
    pub fn user_info(&self, access_token: &str, now: UnixTime) -> Result<UserInfo, UserInfoError> {
        if access_token.len() > MAX_TOKEN {
            return Err(UserInfoError::Invalid);
        }
        let opened = self.open_sealed(access_token).or_else(|| self.open_jwt(access_token));
        let opened = opened.ok_or(UserInfoError::Invalid)?;
        if now.seconds() >= opened.exp {
            return Err(UserInfoError::Expired);
        }
        let grant = GrantId::parse(&opened.grant).ok_or(UserInfoError::Invalid)?;
        if !code::stands(&*self.store, grant, now)? {
            return Err(UserInfoError::Revoked);
        }
        Ok(opened.answer)
    }

    fn open_sealed(&self, token: &str) -> Option<OpenedAccessToken> {
        let access = SealedAccess::open(token, &self.access_key)?;
        let answer = UserInfo { sub: access.subject, person: access.person, federated_claims: None };
        Some(OpenedAccessToken { grant: access.grant, exp: access.exp, answer })
    }

    /// The ID token of a client that uses it as its access token; another client's ID token opens nothing.
    fn open_jwt(&self, token: &str) -> Option<OpenedAccessToken> {
        let claims: IdTokenClaims = serde_json::from_slice(&self.token_key.open(token)?).ok()?;
        let client = self.clients.find(&claims.aud).filter(|client| client.access_token_is_id_token)?;
        (claims.iss == self.issuer && client.id() == claims.aud).then_some(OpenedAccessToken {
            grant: claims.jti,
            exp: claims.exp,
            answer: UserInfo {
                sub: claims.sub,
                person: claims.person,
                federated_claims: Some(claims.federated_claims),
            },
        })
    }
}
