//! The database with its file, which does nothing more after its first failure.

use std::any::Any;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use super::super::error::StoreError;
use super::record::StoredRecordError;

/// What the committer and the readers share.
pub(super) struct Engine {
    pub(super) db: ::sled::Db,
    // A handle of our own on sled's data file, because sled hands out no way to sync it.
    pub(super) file: File,
    // Why the engine failed, once it has. Set once; from then on every call is refused, since it is unknown which of
    // the changes in memory are on the disk.
    pub(super) failed: OnceLock<String>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("failed", &self.failed).finish_non_exhaustive()
    }
}

impl Engine {
    /// Does `work` with the database; its first failure or panic is the last thing the engine does.
    pub(super) fn guard<T>(&self, work: impl FnOnce(&::sled::Db) -> Result<T, EngineFault>) -> Result<T, StoreError> {
        if let Some(reason) = self.failed.get() {
            return Err(StoreError::Engine(reason.clone()));
        }
        let reason = match catch_unwind(AssertUnwindSafe(|| work(&self.db))) {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(fault)) => fault.to_string(),
            Err(panic) => panic_text(&*panic),
        };
        Err(StoreError::Engine(self.failed.get_or_init(|| reason).clone()))
    }
}

/// Why the engine could not do its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum EngineFault {
    #[error(transparent)]
    Record(#[from] StoredRecordError),
    #[error(transparent)]
    Sled(#[from] ::sled::Error),
    #[error("sync of the data file: {0}")]
    Sync(std::io::Error),
}

pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a message"))
}
