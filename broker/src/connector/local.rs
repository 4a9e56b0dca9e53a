//! Local users: people whose password hash this instance keeps.
//!
//! A wrong password and an unknown user get the same answer after the same work. Guessing is slowed down per account
//! and the memory that Argon2 takes is bounded overall, both in memory only: a failed login writes nothing.

mod attempts;
mod password;
mod semaphore;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::excerpt::excerpt;
use shared::random::Random;
use shared::secret::Secret;
use shared::store::{Expect, Store, StoreBatch, StoreChange, StoreError, Table};
use shared::time::UnixTime;

use self::attempts::Attempts;
pub use self::password::{PasswordError, generate_password};
use self::semaphore::PasswordSemaphore;
use super::{ConnectorId, ConnectorIdentity};

/// RFC 5321 §4.5.3.1.3 allows a path of 256 with its angle brackets.
const MAX_EMAIL: usize = 254;
const LIST_PAGE: usize = 128;

/// A user's address as we keep it: ASCII, lower case, so that one mailbox has one account.
#[derive(Clone, Debug, Eq, PartialEq)]
struct UserName(String);

impl UserName {
    fn parse(email: &str) -> Result<Self, UserError> {
        let refused = || UserError::Email(excerpt(email, MAX_EMAIL));
        let (local, domain) = email.split_once('@').ok_or_else(refused)?;
        let atom = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&byte);
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let is_dotted = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
        let local_is_fine = (1..=64).contains(&local.len()) && local.bytes().all(atom) && is_dotted;
        if email.len() > MAX_EMAIL || !local_is_fine || !domain.split('.').all(label) {
            return Err(refused());
        }
        Ok(Self(email.to_ascii_lowercase()))
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct UserRecord {
    id: String,
    hash: String,
    name: Option<String>,
    created_ms: u64,
    changed_ms: u64,
}

/// A user in a listing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LocalUser {
    /// The address that they log in with.
    pub email: String,
    /// Their identifier, which stays when the password changes.
    pub id: String,
    /// When they were added.
    pub created: UnixTime,
    /// When their password was set last.
    pub changed: UnixTime,
}

/// Why a user was not added or changed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// Not an address that we take: ASCII, `local@domain`.
    #[error("'{0}' is not an e-mail address")]
    Email(String),
    /// There is such a user.
    #[error("the user '{0}' already exists; `user passwd` sets a new password")]
    Exists(String),
    /// The password is too short, too long or too easy to guess.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// A stored record cannot be parsed.
    #[error("the stored user '{0}' cannot be read")]
    Record(String),
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such user.
    #[error("there is no user '{0}'")]
    Unknown(String),
}

/// Why a login fails.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// More logins at once than there is memory for.
    #[error("too many people are logging in right now; try again in a moment")]
    Busy,
    /// The password is wrong or there is no such user; the answer does not say which.
    #[error("the e-mail address or the password is wrong")]
    Refused,
    /// Too many wrong passwords for this account.
    #[error("too many failed logins for this account; try again in {seconds} seconds")]
    Locked {
        /// Seconds until the next attempt is accepted.
        seconds: u64,
    },
    /// A stored record cannot be parsed.
    #[error("the stored user cannot be read")]
    Record,
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The local users.
pub struct LocalUsers {
    store: Arc<dyn Store>,
    attempts: Attempts,
    semaphore: PasswordSemaphore,
    /// The hash that is compared when there is no such user.
    decoy: String,
}

impl LocalUsers {
    /// The users in `store`.
    pub fn new(store: Arc<dyn Store>, random: &dyn Random) -> Self {
        let decoy = password::decoy(random);
        Self { store, attempts: Attempts::default(), semaphore: PasswordSemaphore::default(), decoy }
    }

    /// Adds a user.
    pub fn add(
        &self,
        email: &str,
        password: &Secret<String>,
        now: UnixTime,
        random: &dyn Random,
    ) -> Result<(), UserError> {
        let user = UserName::parse(email)?;
        let record = UserRecord {
            id: hex::encode(random.bytes::<16>()),
            hash: password::hash(password, &user.0, random)?,
            name: None,
            created_ms: now.millis(),
            changed_ms: now.millis(),
        };
        self.write(&user, &record, Expect::Absent, now).map_err(|error| match error {
            StoreError::Conflict => UserError::Exists(user.0.clone()),
            other => other.into(),
        })
    }

    /// Sets the password of a user.
    pub fn set_password(
        &self,
        email: &str,
        password: &Secret<String>,
        now: UnixTime,
        random: &dyn Random,
    ) -> Result<(), UserError> {
        let user = UserName::parse(email)?;
        let raw = self.store.get(Table::Users, user.0.as_bytes(), now)?;
        let raw = raw.ok_or_else(|| UserError::Unknown(user.0.clone()))?;
        let mut record: UserRecord = serde_json::from_slice(&raw).map_err(|_| UserError::Record(user.0.clone()))?;
        record.hash = password::hash(password, &user.0, random)?;
        record.changed_ms = now.millis();
        Ok(self.write(&user, &record, Expect::Value(raw), now)?)
    }

    /// All users, by address.
    pub fn list(&self, now: UnixTime) -> Result<Vec<LocalUser>, UserError> {
        let mut users = Vec::new();
        let mut after = Vec::new();
        loop {
            let page = self.store.range(Table::Users, &after, LIST_PAGE, now)?;
            let Some((last, _)) = page.last() else { return Ok(users) };
            after.clone_from(last);
            for (key, raw) in page {
                let email = String::from_utf8_lossy(&key).into_owned();
                let record: UserRecord = serde_json::from_slice(&raw).map_err(|_| UserError::Record(email.clone()))?;
                users.push(LocalUser {
                    email,
                    id: record.id,
                    created: UnixTime::from_millis(record.created_ms),
                    changed: UnixTime::from_millis(record.changed_ms),
                });
            }
        }
    }

    /// Whether `email` is a user.
    pub fn exists(&self, email: &str, now: UnixTime) -> Result<bool, StoreError> {
        match UserName::parse(email) {
            Ok(user) => Ok(self.store.get(Table::Users, user.0.as_bytes(), now)?.is_some()),
            Err(_) => Ok(false),
        }
    }

    /// Who `email` is, if the password is right. Blocks for as long as Argon2 takes, some 20 ms, and while others are
    /// ahead.
    pub fn authenticate(
        &self,
        email: &str,
        password: &Secret<String>,
        now: UnixTime,
    ) -> Result<ConnectorIdentity, LoginError> {
        // An address that cannot exist takes the same way as one that does not.
        let user = UserName::parse(email.trim()).ok();
        let account = user.as_ref().map_or("", |user| user.0.as_str());
        let attempt = self.attempts.begin(account, now).map_err(|seconds| LoginError::Locked { seconds })?;
        let permit = self.semaphore.enter().ok_or(LoginError::Busy)?;
        let raw = match &user {
            Some(user) => self.store.get(Table::Users, user.0.as_bytes(), now)?,
            None => None,
        };
        let record: Option<UserRecord> =
            raw.map(|raw| serde_json::from_slice(&raw).map_err(|_| LoginError::Record)).transpose()?;
        let hash = record.as_ref().map_or(self.decoy.as_str(), |record| record.hash.as_str());
        let is_right = password::verify(password, hash);
        drop(permit);
        match record.filter(|_| is_right) {
            Some(record) => {
                attempt.succeeded();
                Ok(ConnectorIdentity {
                    connector_id: ConnectorId::local(),
                    user_id: record.id,
                    email: Some(account.to_owned()),
                    // The administrator who added the user said so.
                    email_verified: true,
                    name: record.name,
                })
            }
            None => Err(LoginError::Refused),
        }
    }

    fn write(&self, user: &UserName, record: &UserRecord, expect: Expect, now: UnixTime) -> Result<(), StoreError> {
        let value = serde_json::to_vec(record).expect("strings and numbers always encode");
        let key = user.0.clone().into_bytes();
        let batch = StoreBatch {
            expects: vec![(Table::Users, key.clone(), expect)],
            changes: vec![(Table::Users, key, StoreChange::Put { value, expires: None })],
        };
        self.store.commit(batch, now)
    }
}

#[cfg(test)]
mod tests {
    use shared::random::SystemRandom;
    use shared::store::MemoryStore;

    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_795_258_320);

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn addresses() {
        for (email, expected) in [
            ("Alice@Example.com", Some("alice@example.com")),
            ("a.b+c@x-y.example", Some("a.b+c@x-y.example")),
            ("alice", None),
            ("@example.com", None),
            ("alice@", None),
            ("a..b@example.com", None),
            ("alice@example..com", None),
            ("alice@-x.example", None),
            ("a b@example.com", None),
            ("älice@example.com", None),
            ("a@b@example.com", None),
            (&format!("{}@example.com", "a".repeat(65)), None),
        ] {
            assert_eq!(UserName::parse(email).ok().map(|user| user.0).as_deref(), expected, "{email}");
        }
    }

    #[test]
    fn users_are_added_once_changed_listed_and_authenticated() {
        let users = LocalUsers::new(Arc::new(MemoryStore::new()), &SystemRandom);
        users.add("Alice@example.com", &secret("first password"), NOW, &SystemRandom).expect("adds");
        let again = users.add("alice@example.com", &secret("other password"), NOW, &SystemRandom);
        assert!(matches!(again, Err(UserError::Exists(email)) if email == "alice@example.com"));
        let short = users.add("bob@example.com", &secret("short"), NOW, &SystemRandom);
        assert!(matches!(short, Err(UserError::Password(PasswordError::Short { characters: 5 }))));
        let who = users.authenticate(" ALICE@example.com ", &secret("first password"), NOW).expect("right");
        assert_eq!((who.email.as_deref(), who.email_verified), (Some("alice@example.com"), true));
        let later = UnixTime::from_seconds(NOW.seconds() + 60);
        users.set_password("alice@example.com", &secret("second password"), later, &SystemRandom).expect("sets");
        assert!(matches!(
            users.authenticate("alice@example.com", &secret("first password"), later),
            Err(LoginError::Refused)
        ));
        let same = users.authenticate("alice@example.com", &secret("second password"), later).expect("right");
        assert_eq!(same.subject(), who.subject(), "a new password makes no new person");
        let unknown = users.set_password("bob@example.com", &secret("second password"), later, &SystemRandom);
        assert!(matches!(unknown, Err(UserError::Unknown(_))));
        let list = users.list(later).expect("lists");
        assert_eq!(list.len(), 1);
        assert_eq!((list[0].created, list[0].changed), (NOW, later));
        assert!(users.exists("alice@example.com", later).expect("reads"));
    }
}
