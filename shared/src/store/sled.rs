//! The embedded engine: sled 0.34, used so that what it acknowledges survives a power cut.
//!
//! As shipped it does not: `flush` ends in `sync_file_range`, which writes neither the file's size nor the device's cache,
//! and its files are created without a sync of their directory. So one thread of ours makes every change (`committer`),
//! syncs the file itself after each flush, and answers only then; sled's own background flush is off. Values stay small
//! enough ([`super::MAX_VALUE`]) never to reach sled's blob files, which nothing syncs. What it finds at open that it
//! cannot read is moved aside, loudly, and a new store takes its place ([`SledStore::open`]).
//!
//! It holds nothing that cannot be rebuilt or made again, since sled has no repair tool.

mod committer;
mod open;
mod record;

use std::any::Any;
use std::fs::File;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use self::committer::{Committer, Done, Request};
use super::{Batch, Page, Store, StoreError, Table, check_key};
use crate::time::UnixTime;

pub use self::open::{OpenError, OpenReport, SetAside};

/// A store in a directory of its own.
#[derive(Debug)]
pub struct SledStore {
    // The committer's thread ends first, then sled closes.
    committer: Committer,
    engine: Arc<Engine>,
}

/// What the committer and the readers share.
struct Engine {
    db: ::sled::Db,
    // A handle of our own on sled's data file, because sled hands out no way to sync it.
    file: File,
    // Why the engine failed, once it has. Set once; from then on every call is refused, since nobody knows which of the
    // changes in memory are on the disk.
    failed: OnceLock<String>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("failed", &self.failed).finish_non_exhaustive()
    }
}

impl Engine {
    /// Does `work` with the database; its first failure or panic is the last thing the engine does.
    fn guard<T>(&self, work: impl FnOnce(&::sled::Db) -> Result<T, Fault>) -> Result<T, StoreError> {
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
enum Fault {
    #[error(transparent)]
    Record(#[from] record::RecordError),
    #[error(transparent)]
    Sled(#[from] ::sled::Error),
    #[error("sync of the data file: {0}")]
    Sync(std::io::Error),
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a message"))
}

impl Store for SledStore {
    fn get(&self, table: Table, key: &[u8], now: UnixTime) -> Result<Option<Vec<u8>>, StoreError> {
        check_key(key)?;
        self.engine.guard(|db| match db.get(record::key(table, key))? {
            Some(bytes) => Ok(record::decode(&bytes)?.live(now).map(<[u8]>::to_vec)),
            None => Ok(None),
        })
    }

    fn range(&self, table: Table, after: &[u8], limit: usize, now: UnixTime) -> Result<Page, StoreError> {
        let from = Bound::Excluded(record::key(table, after));
        let to = Bound::Excluded(record::end(table));
        self.engine.guard(|db| {
            let mut page = Page::new();
            let mut records = db.range((from, to));
            while page.len() < limit
                && let Some(entry) = records.next()
            {
                let (key, bytes) = entry?;
                if let Some(value) = record::decode(&bytes)?.live(now) {
                    page.push((record::own_key(&key).to_vec(), value.to_vec()));
                }
            }
            Ok(page)
        })
    }

    fn commit(&self, batch: Batch, now: UnixTime) -> Result<(), StoreError> {
        batch.check()?;
        self.committer.ask(Request::Commit { batch, now }).map(|_| ())
    }

    fn take(&self, table: Table, key: &[u8], now: UnixTime) -> Result<Option<Vec<u8>>, StoreError> {
        check_key(key)?;
        match self.committer.ask(Request::Take { key: record::key(table, key), now })? {
            Done::Taken(value) => Ok(value),
            Done::Committed | Done::Removed(_) => Ok(None),
        }
    }

    fn sweep(&self, now: UnixTime, limit: usize) -> Result<usize, StoreError> {
        // The walk is done here, beside the committer; it looks again at the few it is told of.
        let keys = self.engine.guard(|db| {
            let mut expired = Vec::new();
            let mut records = db.iter();
            while expired.len() < limit
                && let Some(entry) = records.next()
            {
                let (key, bytes) = entry?;
                if record::decode(&bytes)?.live(now).is_none() {
                    expired.push(key.to_vec());
                }
            }
            Ok(expired)
        })?;
        let mut removed = 0;
        for keys in keys.chunks(super::MAX_BATCH) {
            match self.committer.ask(Request::RemoveExpired { keys: keys.to_vec(), now })? {
                Done::Removed(count) => removed += count,
                Done::Committed | Done::Taken(_) => {}
            }
        }
        Ok(removed)
    }
}
