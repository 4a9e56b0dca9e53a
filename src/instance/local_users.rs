//! Local users, as the command line changes them while the instance is stopped.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker::connector::local::{LocalUsers, UserError, generate_password};
use shared::random::{Random, SystemRandom};
use shared::secret::Secret;
use shared::store::Store;
use shared::store::sled::{SledStore, StoreOpenError};
use shared::time::{Clock as _, UnixTime};

use crate::clock::SystemClock;
use crate::file::{self, FileError};
use crate::instance::data_dir::{DataDir, DataDirError};

/// Longest password file, in bytes.
const MAX_PASSWORD_FILE: u64 = 4096;

/// Why the users could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalUserError {
    #[error(transparent)]
    Data(#[from] DataDirError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Store(#[from] StoreOpenError),
    #[error(transparent)]
    User(#[from] UserError),
    #[error("{0} has an empty first line; put the password there")]
    EmptyPasswordFile(PathBuf),
}

/// A user's new password.
pub(crate) struct Password {
    secret: Secret<String>,
    made: bool,
}

impl Password {
    /// The first line of the file at `path`, or a random password without a file.
    pub(crate) fn choose(path: Option<&Path>, random: &dyn Random) -> Result<Self, LocalUserError> {
        let Some(path) = path else {
            return Ok(Self { secret: generate_password(random), made: true });
        };
        let text = zeroize::Zeroizing::new(file::read(path, MAX_PASSWORD_FILE)?);
        match text.lines().next() {
            Some(line) if !line.is_empty() => Ok(Self { secret: Secret::new(line.to_owned()), made: false }),
            _ => Err(LocalUserError::EmptyPasswordFile(path.to_owned())),
        }
    }

    /// The password as text, for a request to a running instance and for the demo.
    pub(crate) fn expose(&self) -> &str {
        self.secret.expose()
    }

    /// The password without the note of where it came from.
    pub(crate) fn into_secret(self) -> Secret<String> {
        self.secret
    }

    /// Prints the user's address and, if it was generated, the password. It is not shown again.
    pub(crate) fn print(&self, email: &str) {
        println!("Local user:  {email}");
        if self.made {
            println!("Password:    {}   (shown only once)", self.secret.expose());
        }
    }
}

/// The local users in the store of a stopped instance.
pub(crate) struct LocalUserStore {
    users: LocalUsers,
}

impl LocalUserStore {
    /// Opens the store in `data`.
    pub(crate) fn open(data: &DataDir) -> Result<Self, LocalUserError> {
        let (store, report) = SledStore::open(&data.folder("store")?, SystemClock.now(), |_| Ok(()))?;
        if report.set_aside.is_some() {
            tracing::error!(%report, "the store was damaged and has been set aside");
        }
        Ok(Self::of(Arc::new(store)))
    }

    /// The users in `store`.
    pub(crate) fn of(store: Arc<dyn Store>) -> Self {
        Self { users: LocalUsers::new(store, &SystemRandom) }
    }

    /// Adds a user.
    pub(crate) fn add(&self, email: &str, password: &Password, now: UnixTime) -> Result<(), LocalUserError> {
        Ok(self.users.add(email, &password.secret, now, &SystemRandom)?)
    }

    /// Sets a user's password.
    pub(crate) fn set_password(&self, email: &str, password: &Password, now: UnixTime) -> Result<(), LocalUserError> {
        Ok(self.users.set_password(email, &password.secret, now, &SystemRandom)?)
    }

    /// Prints all users, one a line.
    pub(crate) fn print(&self, now: UnixTime) -> Result<(), LocalUserError> {
        for user in self.users.list(now)? {
            let day = |at: UnixTime| at.rfc3339().unwrap_or_default();
            println!("{}\tadded {}\tpassword of {}", user.email, day(user.created), day(user.changed));
        }
        Ok(())
    }
}
