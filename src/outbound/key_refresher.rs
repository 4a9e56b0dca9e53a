//! Keeps the keys of registered issuers fresh.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker::issuer::{Issuer, KeySource};
use broker::jose::{JwksError, KeySet};
use broker::names::{HttpsUrl, NameError};
use broker::registry::Issuers;
use shared::strict_json::{self, Json, JsonError};
use shared::time::{Clock, UnixTime};
use tokio::task::JoinSet;

use super::client::{MAX_BODY, OutboundError};
use super::clients::Clients;
use crate::current::Current;

/// Keys are fetched again after this long, whether or not anybody asks. A key that is gone then is trusted no longer.
const REFRESH_AFTER: Duration = Duration::from_secs(10 * 60);
/// Tokens with unknown keys move us to fetch no more often than this.
const PAUSE: Duration = Duration::from_secs(10);
/// After a failure it is tried again sooner: until then nobody of this issuer may get a certificate.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(3);
/// Keys that could not be fetched again for so long are trusted no longer.
const TRUSTED_FOR: Duration = Duration::from_secs(24 * 3600);
/// How often the background looks round.
const ROUND: Duration = Duration::from_secs(30);
/// How many issuers are asked at once.
const AT_ONCE: usize = 8;

/// The only writer of issuers' keys.
pub(crate) struct KeyRefresher {
    clock: Arc<dyn Clock>,
    /// One per issuer: its lock is held while fetching, so that a crowd of requests makes one call.
    attempts: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Attempt>>>>>,
    clients: Clients,
}

struct Attempt {
    at: UnixTime,
    outcome: Result<(), KeyRefreshError>,
}

impl Attempt {
    /// A success answers for a record that it brought keys to; one that a reload made since begins anew.
    fn still_answers(&self, issuer: &Issuer, now: UnixTime) -> bool {
        let age = now.since(self.at);
        match self.outcome {
            Ok(()) => age < PAUSE && issuer.keys().fetched_at().is_some_and(|at| at >= self.at),
            Err(_) => age < PAUSE_AFTER_FAILURE,
        }
    }
}

/// Why an issuer's keys could not be fetched.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the keys of {issuer} could not be fetched: {cause}")]
pub(crate) struct KeyRefreshError {
    /// The record.
    pub(crate) issuer: String,
    /// Why.
    pub(crate) cause: KeyRefreshCause,
}

/// The causes.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum KeyRefreshCause {
    /// The metadata is not acceptable JSON.
    #[error("the metadata is not acceptable: {0}")]
    Metadata(#[from] JsonError),
    /// The metadata is another issuer's (OpenID Connect Discovery 1.0 §4.3).
    #[error("the metadata says that its issuer is {0:?}")]
    OtherIssuer(String),
    /// The metadata has no usable `jwks_uri`.
    #[error("the metadata has no jwks_uri")]
    NoJwksUri,
    /// `jwks_uri` is not a URL that we call.
    #[error("jwks_uri: {0}")]
    JwksUri(#[from] NameError),
    /// `jwks_uri` leads to a host that the record does not name.
    #[error("jwks_uri is on {0:?}, another host than the issuer; the record must name it")]
    OtherHost(String),
    /// The key set is refused.
    #[error(transparent)]
    Jwks(#[from] JwksError),
    /// The call failed.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
}

impl KeyRefresher {
    /// A keeper that has fetched nothing yet.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, attempts: Mutex::default(), clients: Clients::default() }
    }

    /// Fetches the issuer's keys, unless somebody just did; then the outcome of that is the answer. Does nothing for
    /// keys that are pinned. Ask once, verify again: a key that is still unknown is the token's fault.
    pub(crate) async fn refresh(&self, issuer: &Issuer) -> Result<(), KeyRefreshError> {
        if let KeySource::Pinned(_) = issuer.key_source() {
            return Ok(());
        }
        let attempt = self.attempt_of(issuer);
        let mut attempt = attempt.lock().await;
        let now = self.clock.now();
        if let Some(last) = &*attempt
            && last.still_answers(issuer, now)
        {
            return last.outcome.clone();
        }
        let outcome = self
            .fetch_keys(issuer)
            .await
            .map_err(|cause| KeyRefreshError { issuer: issuer.id().to_owned(), cause })
            .map(|keys| put_in_force(issuer, keys.fetched(now, TRUSTED_FOR)));
        *attempt = Some(Attempt { at: now, outcome: outcome.clone() });
        outcome
    }

    /// Fetches for ever what is due in the snapshot in force. Dropping the future ends it.
    pub(crate) async fn keep_fresh(self: Arc<Self>, issuers: Current<Issuers>) {
        loop {
            let now = self.clock.now();
            let mut running = JoinSet::new();
            for issuer in issuers.load().iter().filter(|issuer| is_due(issuer, now)) {
                if running.len() >= AT_ONCE {
                    running.join_next().await;
                }
                let (keeper, issuer) = (Arc::clone(&self), Arc::clone(issuer));
                running.spawn(async move {
                    if let Err(error) = keeper.refresh(&issuer).await {
                        tracing::warn!(%error, "issuer keys");
                    }
                });
            }
            while running.join_next().await.is_some() {}
            tokio::time::sleep(ROUND).await;
        }
    }

    fn attempt_of(&self, issuer: &Issuer) -> Arc<tokio::sync::Mutex<Option<Attempt>>> {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(attempts.entry(issuer.iss().to_string()).or_default())
    }

    async fn fetch_keys(&self, issuer: &Issuer) -> Result<KeySet, KeyRefreshCause> {
        let client = self.clients.of(issuer.reach())?;
        let jwks_uri = match issuer.key_source() {
            KeySource::JwksUri(address) => address.clone(),
            KeySource::Discovery | KeySource::Pinned(_) => {
                let metadata = client.fetch(&issuer.iss().discovery_url()).await?;
                jwks_uri(issuer, &metadata)?
            }
        };
        Ok(KeySet::from_jwks(&client.fetch(jwks_uri.as_str()).await?)?)
    }
}

fn is_due(issuer: &Issuer, now: UnixTime) -> bool {
    match issuer.key_source() {
        KeySource::Discovery | KeySource::JwksUri(_) => {
            issuer.keys().fetched_at().is_none_or(|at| now.since(at) >= REFRESH_AFTER)
        }
        KeySource::Pinned(_) => false,
    }
}

fn put_in_force(issuer: &Issuer, keys: KeySet) {
    for skipped in keys.skipped() {
        tracing::debug!(issuer = issuer.id(), kid = skipped.kid.as_deref(), reason = ?skipped.reason, "key left out");
    }
    if keys.is_empty() {
        tracing::warn!(issuer = issuer.id(), "the issuer publishes no key that can verify tokens; none is trusted now");
    }
    issuer.replace_keys(Arc::new(keys));
}

/// The metadata must say the issuer's own name, byte for byte, and keep its keys at home.
fn jwks_uri(issuer: &Issuer, metadata: &[u8]) -> Result<HttpsUrl, KeyRefreshCause> {
    let members = strict_json::parse_object(metadata, MAX_BODY)?;
    let said = members.get("issuer").and_then(Json::as_str).unwrap_or_default();
    if said != issuer.iss().as_str() {
        return Err(KeyRefreshCause::OtherIssuer(said.chars().take(120).collect()));
    }
    let uri = members.get("jwks_uri").and_then(Json::as_str).ok_or(KeyRefreshCause::NoJwksUri)?;
    let uri =
        if issuer.reach().danger_loopback_http { HttpsUrl::parse_or_loopback(uri)? } else { HttpsUrl::parse(uri)? };
    if uri.host() != issuer.iss().url().host() {
        return Err(KeyRefreshCause::OtherHost(uri.host().to_owned()));
    }
    Ok(uri)
}
