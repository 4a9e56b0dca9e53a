//! Authorization codes: a minute, one use, and a memory of what they made.
//!
//! A code is stored under its SHA-256 only. Used, its record stays as long as what it made could live: a second use
//! finds it, and from then on `userinfo` refuses the access token (RFC 6749 §4.1.2, RFC 9700 §4.2.4).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use shared::digest::sha256;
use shared::random::Random;
use shared::store::{Expect, Store, StoreBatch, StoreChange, StoreError, Table};
use shared::time::UnixTime;

use super::fault::ProviderFault;
use super::lifetimes::CODE_LIFETIME;
use super::pkce::Challenge;
use super::scopes::Scopes;
use crate::connector::ConnectorIdentity;

/// The authorization that a code represents.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct CodeGrant {
    pub(super) client: String,
    pub(super) redirect_uri: String,
    pub(super) challenge: Option<Challenge>,
    pub(super) nonce: Option<String>,
    pub(super) scopes: Scopes,
    pub(super) identity: ConnectorIdentity,
    pub(super) auth_time: u64,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
enum CodeRecord {
    Fresh(CodeGrant),
    Spent { client: String, subject: String },
    Replayed { client: String, subject: String },
}

/// Names a grant without giving its code away: SHA-256 of the code. It is the `jti` of what the code made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GrantId([u8; 32]);

impl GrantId {
    fn of_code(code: &str) -> Self {
        Self(sha256(code.as_bytes()))
    }

    /// Reads a `jti` that we made.
    pub(super) fn parse(jti: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(jti).ok()?.try_into().ok().map(Self)
    }
}

impl std::fmt::Display for GrantId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// A second use of a code: the code has leaked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Replay {
    /// The grant whose tokens are revoked now.
    pub grant: String,
    /// The client that redeemed the code.
    pub client: String,
    /// The `sub` of the person who logged in.
    pub subject: String,
    /// Whether this is the first replay of it.
    pub is_first: bool,
}

/// The result of redeeming a code.
pub(super) enum Spending {
    /// It was good, and is used up now.
    Granted(GrantId, Box<CodeGrant>),
    /// It belongs to another client and remains valid.
    OfAnother,
    /// It was used before.
    Replayed(Replay),
    /// There is no such code.
    Unknown,
}

pub(super) fn issue(
    store: &dyn Store,
    grant: CodeGrant,
    now: UnixTime,
    random: &dyn Random,
) -> Result<String, ProviderFault> {
    // 256 bits (RFC 6749 §10.10 asks for 128), 43 characters.
    let code = URL_SAFE_NO_PAD.encode(random.bytes::<32>());
    let put = StoreChange::Put { value: encode(&CodeRecord::Fresh(grant)), expires: Some(now.plus(CODE_LIFETIME)) };
    let key = GrantId::of_code(&code).0.to_vec();
    let expects = vec![(Table::Codes, key.clone(), Expect::Absent)];
    store.commit(StoreBatch { expects, changes: vec![(Table::Codes, key, put)] }, now)?;
    Ok(code)
}

/// Uses a code up: of any number of callers exactly one is granted it, every later one is a replay. The record is kept
/// until `remember_until`.
pub(super) fn spend(
    store: &dyn Store,
    code: &str,
    client: &str,
    now: UnixTime,
    remember_until: UnixTime,
) -> Result<Spending, ProviderFault> {
    let grant_id = GrantId::of_code(code);
    // Two attempts: one that may lose against another caller, one that then finds what the winner left.
    for _ in 0..2 {
        let Some(raw) = store.get(Table::Codes, &grant_id.0, now)? else { return Ok(Spending::Unknown) };
        let (next, outcome) = match decode(&raw)? {
            CodeRecord::Fresh(grant) if grant.client != client => return Ok(Spending::OfAnother),
            CodeRecord::Fresh(grant) => {
                let spent = CodeRecord::Spent { client: grant.client.clone(), subject: grant.identity.subject() };
                (spent, Spending::Granted(grant_id, Box::new(grant)))
            }
            CodeRecord::Spent { client, subject } => {
                let replayed = CodeRecord::Replayed { client: client.clone(), subject: subject.clone() };
                let grant = grant_id.to_string();
                (replayed, Spending::Replayed(Replay { grant, client, subject, is_first: true }))
            }
            CodeRecord::Replayed { client, subject } => {
                let grant = grant_id.to_string();
                return Ok(Spending::Replayed(Replay { grant, client, subject, is_first: false }));
            }
        };
        let key = grant_id.0.to_vec();
        let put = StoreChange::Put { value: encode(&next), expires: Some(remember_until) };
        let expects = vec![(Table::Codes, key.clone(), Expect::Value(raw))];
        match store.commit(StoreBatch { expects, changes: vec![(Table::Codes, key, put)] }, now) {
            Ok(()) => return Ok(outcome),
            Err(StoreError::Conflict) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

/// Whether the tokens of the grant are still valid.
pub(super) fn stands(store: &dyn Store, grant: GrantId, now: UnixTime) -> Result<bool, ProviderFault> {
    match store.get(Table::Codes, &grant.0, now)? {
        Some(raw) => Ok(matches!(decode(&raw)?, CodeRecord::Spent { .. })),
        None => Ok(false),
    }
}

fn encode(record: &CodeRecord) -> Vec<u8> {
    serde_json::to_vec(record).expect("strings and numbers always encode")
}

fn decode(raw: &[u8]) -> Result<CodeRecord, ProviderFault> {
    serde_json::from_slice(raw).map_err(|_| ProviderFault::Record("code"))
}
