//! One process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::DataDirError;

/// The lock of a data directory; the system lets go of it when the process ends, however it ends.
pub(crate) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

impl Lock {
    pub(crate) fn take(root: &Path) -> Result<Self, DataDirError> {
        let path = root.join("lock");
        let at = |error| DataDirError::File { path: path.clone(), error };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(at)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(root.to_owned())),
            Err(TryLockError::Error(error)) => Err(at(error)),
        }
    }
}
