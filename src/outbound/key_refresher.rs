//! Fetches the keys of issuers and keeps them up to date.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker::issuer::{Issuer, KeySource};
use broker::jose::{JwksError, KeySet, SkipReason};
use broker::names::{HttpsUrl, NameError};
use broker::registry::Issuers;
use shared::strict_json::{self, Json, JsonError};
use shared::time::{Clock, UnixTime};
use tokio::task::JoinSet;

use super::client::{MAX_BODY, OutboundError};
use super::clients::Clients;
use crate::current::Current;

/// Keys are fetched again after this time, even without requests. A key that is gone then is no longer trusted.
const REFRESH_AFTER: Duration = Duration::from_secs(10 * 60);
/// Tokens with unknown keys make us fetch at most this often.
const PAUSE: Duration = Duration::from_secs(10);
/// After a failure it is tried again sooner: until then no token of this issuer is accepted.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(3);
/// Keys that could not be fetched again for this time are no longer trusted.
const TRUSTED_FOR: Duration = Duration::from_secs(24 * 3600);
/// How often the background task checks which keys are due.
const ROUND: Duration = Duration::from_secs(30);
/// How many issuers are fetched from at once.
const AT_ONCE: usize = 8;

/// The only writer of issuers' keys.
pub(crate) struct KeyRefresher {
    clock: Arc<dyn Clock>,
    /// One per issuer: its lock is held while fetching, so that many requests cause one call.
    attempts: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Attempt>>>>>,
    clients: Clients,
}

struct Attempt {
    at: UnixTime,
    outcome: Result<(), KeyRefreshError>,
}

impl Attempt {
    /// Whether the outcome still counts. A success counts only for a record that got its keys from it: a record that a
    /// reload created since is fetched for again.
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
    /// The id of the issuer's record.
    pub(crate) issuer: String,
    /// Why the fetch failed.
    pub(crate) cause: KeyRefreshCause,
}

/// Why the keys of an issuer could not be fetched.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum KeyRefreshCause {
    /// The metadata is not acceptable JSON.
    #[error("the metadata is not valid JSON: {0}")]
    Metadata(#[from] JsonError),
    /// The metadata is another issuer's (OpenID Connect Discovery 1.0 §4.3).
    #[error("the metadata is of another issuer, {0:?}")]
    OtherIssuer(String),
    /// The metadata has no usable `jwks_uri`.
    #[error("the metadata has no jwks_uri")]
    NoJwksUri,
    /// `jwks_uri` is not an allowed URL.
    #[error("the metadata's jwks_uri is not valid: {0}")]
    JwksUri(#[from] NameError),
    /// `jwks_uri` is on another host than the issuer, and the record does not allow that host.
    #[error(
        "the metadata's jwks_uri is on {0:?}, another host than the issuer; if that is right, set jwks_uri in the \
         record"
    )]
    OtherHost(String),
    /// The key set is refused.
    #[error(transparent)]
    Jwks(#[from] JwksError),
    /// The call failed.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
}

impl KeyRefresher {
    /// A refresher that has fetched nothing yet.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, attempts: Mutex::default(), clients: Clients::default() }
    }

    /// Fetches the issuer's keys, unless that was just done; then that outcome is returned. Does nothing for
    /// keys that are pinned. After a success, verify again: a key that is still unknown is the token's fault.
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

    /// Fetches what is due for the issuers in force, until the future is dropped.
    pub(crate) async fn keep_fresh(self: Arc<Self>, issuers: Current<Issuers>) {
        loop {
            let now = self.clock.now();
            let mut running = JoinSet::new();
            for issuer in issuers.load().iter().filter(|issuer| is_due(issuer, now)) {
                if running.len() >= AT_ONCE {
                    running.join_next().await;
                }
                let (refresher, issuer) = (Arc::clone(&self), Arc::clone(issuer));
                running.spawn(async move {
                    if let Err(error) = refresher.refresh(&issuer).await {
                        tracing::warn!(%error, "the keys of an issuer could not be fetched; this is tried again");
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
        tracing::debug!(
            issuer = issuer.id(),
            kid = skipped.kid.as_deref(),
            reason = skip_reason(skipped.reason),
            "a key of the issuer is left out"
        );
    }
    if keys.is_empty() {
        tracing::warn!(issuer = issuer.id(), "the issuer publishes no usable key, so none of its tokens is accepted");
    }
    issuer.replace_keys(Arc::new(keys));
}

fn skip_reason(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::Kind => "its kind is not supported",
        SkipReason::OtherUse => "it is for another use",
        SkipReason::PrivateKey => "it holds its private half",
        SkipReason::Unfit => "its parameters are missing, malformed or of a length that is not allowed",
    }
}

/// The metadata must have the issuer's own name, byte for byte, and keys on the same host.
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
