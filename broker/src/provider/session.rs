//! Browser sessions: a random secret in a cookie, its SHA-256 in the store.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use shared::digest::sha256;
use shared::random::Random;
use shared::secret::Secret;
use shared::store::{Store, StoreBatch, StoreChange, Table};
use shared::time::UnixTime;

use super::fault::ProviderFault;
use crate::connector::ConnectorIdentity;

const SECRET_BYTES: usize = 32;

/// The cookie's value.
#[derive(Clone)]
pub struct SessionSecret(Secret<String>);

impl SessionSecret {
    /// Reads a cookie; `None` when it cannot be one of ours.
    pub fn parse(cookie: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        (bytes.len() == SECRET_BYTES).then(|| Self(Secret::new(cookie.to_owned())))
    }

    fn generate(random: &dyn Random) -> Self {
        Self(Secret::new(URL_SAFE_NO_PAD.encode(random.bytes::<SECRET_BYTES>())))
    }

    /// The value for the cookie.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    fn key(&self) -> Vec<u8> {
        sha256(self.0.expose().as_bytes()).to_vec()
    }
}

/// The person who is logged in with a browser, and since when.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Session {
    pub(super) identity: ConnectorIdentity,
    /// Seconds since the epoch.
    pub(super) auth_time: u64,
}

pub(super) fn find(store: &dyn Store, secret: &SessionSecret, now: UnixTime) -> Result<Option<Session>, ProviderFault> {
    let Some(raw) = store.get(Table::Sessions, &secret.key(), now)? else { return Ok(None) };
    serde_json::from_slice(&raw).map(Some).map_err(|_| ProviderFault::Record("session"))
}

/// A login gets a session of its own, never one that the browser brought (session fixation); an older one ends.
pub(super) fn start(
    store: &dyn Store,
    session: &Session,
    previous: Option<&SessionSecret>,
    expires: UnixTime,
    now: UnixTime,
    random: &dyn Random,
) -> Result<SessionSecret, ProviderFault> {
    let secret = SessionSecret::generate(random);
    let value = serde_json::to_vec(session).expect("strings and numbers always encode");
    let mut changes = vec![(Table::Sessions, secret.key(), StoreChange::Put { value, expires: Some(expires) })];
    changes.extend(previous.map(|old| (Table::Sessions, old.key(), StoreChange::Delete)));
    store.commit(StoreBatch { expects: Vec::new(), changes }, now)?;
    Ok(secret)
}
