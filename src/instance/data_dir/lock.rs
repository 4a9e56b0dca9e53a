//! The lock that keeps a second process out of a data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::file::FileError;

/// Why a data directory cannot be locked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    #[error("{0} is in use by another privyseal process; stop that one first, or choose another directory with --data")]
    InUse(PathBuf),
    #[error(transparent)]
    File(FileError),
}

/// The lock of a data directory. The operating system releases it when the process ends, even after a crash.
pub(crate) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

impl Lock {
    pub(crate) fn take(root: &Path) -> Result<Self, LockError> {
        let path = root.join("lock");
        let at = |error| LockError::File(FileError::at(&path)(error));
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(at)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(LockError::InUse(root.to_owned())),
            Err(TryLockError::Error(error)) => Err(at(error)),
        }
    }
}
