//! From an upstream's tokens to an identity.

use std::time::Duration;

use broker::connector::upstream::{UpstreamPerson, display_name};
use broker::provider::UpstreamState;
use chrono::{DateTime, Utc};
use openidconnect::core::{CoreGenderClaim, CoreIdTokenClaims, CoreJwsSigningAlgorithm};
use openidconnect::{
    AccessTokenHash, AsyncHttpClient, ClaimsVerificationError, EmptyAdditionalClaims, EndUserName, LocalizedClaim,
    Nonce, OAuth2TokenResponse as _, SignatureVerificationError, TokenResponse as _, UserInfoClaims,
};
use shared::time::UnixTime;

use super::relying_party::{OidcConnector, RelyingParty, Upstream, UpstreamTokens, chain};
use crate::outbound::upstream::error::UpstreamError;
use crate::outbound::upstream::login::UpstreamLogin;

/// Clocks may differ by this much.
const SKEW: Duration = Duration::from_secs(60);
/// An ID token is fetched within seconds of being made; an older one may be stolen.
const OLDEST: Duration = Duration::from_secs(600);
/// Never `none`, never a shared secret: those are decided by us, whatever discovery offers (RFC 8725 §3.1).
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
];

impl OidcConnector {
    /// Verifies the tokens (OpenID Connect Core §3.1.3.7) and says who logged in. `userinfo` is asked only where the ID
    /// token names no address, and must then be about the same `sub`.
    pub(super) async fn verify<C>(
        &self,
        upstream: &Upstream,
        tokens: &UpstreamTokens,
        sent: &UpstreamState,
        max_age: Option<u64>,
        now: UnixTime,
        http: &C,
    ) -> Result<UpstreamLogin, UpstreamError>
    where
        for<'c> C: AsyncHttpClient<'c>,
    {
        let party = self.relying_party(upstream);
        let claims = self.verify_id_token(upstream, &party, tokens, sent, now)?;
        let auth_time = claims.auth_time().and_then(unix_time);
        check_age(auth_time, max_age, now)?;
        let (mut email, mut verified) = (claims.email().cloned(), claims.email_verified());
        let mut name = claims.name().and_then(plain_name);
        if email.is_none()
            && let Ok(request) = party.user_info(tokens.0.access_token().clone(), Some(claims.subject().clone()))
        {
            let userinfo: UserInfoClaims<EmptyAdditionalClaims, CoreGenderClaim> =
                request.request_async(http).await.map_err(|error| UpstreamError::UserInfo(chain(&error)))?;
            // Both from one document: an address of the one is not verified by the other.
            (email, verified) = (userinfo.email().cloned(), userinfo.email_verified());
            name = name.or_else(|| userinfo.name().and_then(plain_name));
        }
        let email = email.as_ref().map(|email| email.as_str());
        let person = UpstreamPerson { subject: claims.subject(), email, email_verified: verified, name };
        Ok(UpstreamLogin { identity: person.identity(&self.id, self.trusts_unverified_email), auth_time })
    }

    fn verify_id_token<'t>(
        &self,
        upstream: &Upstream,
        party: &RelyingParty,
        tokens: &'t UpstreamTokens,
        sent: &UpstreamState,
        now: UnixTime,
    ) -> Result<&'t CoreIdTokenClaims, UpstreamError> {
        let offered = upstream.0.id_token_signing_alg_values_supported();
        let allowed = ALGORITHMS.into_iter().filter(|algorithm| offered.contains(algorithm));
        let present = date(now)?;
        let verifier = party
            .id_token_verifier()
            .set_allowed_algs(allowed)
            .set_time_fn(move || present)
            .set_issue_time_verifier_fn(move |issued| check_issued(issued, now));
        let id_token = tokens.0.id_token().ok_or(UpstreamError::IdTokenMissing)?;
        let claims = id_token.claims(&verifier, &Nonce::new(sent.nonce.clone())).map_err(|error| match error {
            ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
                UpstreamError::KeyUnknown
            }
            other => UpstreamError::IdToken(chain(&other)),
        })?;
        // The crate refuses audiences beside us, and leaves `azp` to its user.
        if claims.authorized_party().is_some_and(|party| **party != *self.client_id) {
            return Err(UpstreamError::AuthorizedParty);
        }
        if let Some(expected) = claims.access_token_hash() {
            let key = id_token.signing_key(&verifier).map_err(|error| UpstreamError::IdToken(chain(&error)))?;
            let algorithm = id_token.signing_alg().map_err(|error| UpstreamError::IdToken(chain(&error)))?;
            let computed = AccessTokenHash::from_token(tokens.0.access_token(), algorithm, key)
                .map_err(|error| UpstreamError::IdToken(chain(&error)))?;
            if computed != *expected {
                return Err(UpstreamError::AccessHash);
            }
        }
        Ok(claims)
    }
}

fn plain_name(name: &LocalizedClaim<EndUserName>) -> Option<String> {
    display_name(name.get(None)?.as_str())
}

fn date(now: UnixTime) -> Result<DateTime<Utc>, UpstreamError> {
    let millis = i64::try_from(now.millis()).ok().and_then(DateTime::from_timestamp_millis);
    millis.ok_or_else(|| UpstreamError::IdToken("the present moment is no date".to_owned()))
}

fn unix_time(date: DateTime<Utc>) -> Option<UnixTime> {
    u64::try_from(date.timestamp()).ok().map(UnixTime::from_seconds)
}

fn check_issued(issued: DateTime<Utc>, now: UnixTime) -> Result<(), String> {
    let issued = unix_time(issued).ok_or("iat is before 1970")?;
    if issued > now.plus(SKEW) {
        return Err("iat is in the future".to_owned());
    }
    if now.since(issued) > OLDEST + SKEW {
        return Err(format!("iat is more than {} seconds ago", OLDEST.as_secs()));
    }
    Ok(())
}

fn check_age(auth_time: Option<UnixTime>, max_age: Option<u64>, now: UnixTime) -> Result<(), UpstreamError> {
    let Some(seconds) = max_age else { return Ok(()) };
    let oldest = Duration::from_secs(seconds).saturating_add(SKEW);
    match auth_time {
        Some(time) if now.since(time) <= oldest => Ok(()),
        Some(_) | None => Err(UpstreamError::AuthTime),
    }
}
