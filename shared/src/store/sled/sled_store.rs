//! The store that reads from the engine, and asks the committer for changes.

use std::ops::Bound;
use std::sync::Arc;

use super::super::batch::{MAX_BATCH, StoreBatch, check_key};
use super::super::engine::{Page, Store};
use super::super::error::StoreError;
use super::super::table::Table;
use super::committer::{Done, Request, StoreCommitter};
use super::engine::Engine;
use super::record;
use crate::time::UnixTime;

/// A store in a directory of its own.
#[derive(Debug)]
pub struct SledStore {
    // The committer's thread ends first, then sled closes.
    pub(super) committer: StoreCommitter,
    pub(super) engine: Arc<Engine>,
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

    fn commit(&self, batch: StoreBatch, now: UnixTime) -> Result<(), StoreError> {
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
        // The walk is done here, beside the committer; it looks again at the few records that it gets.
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
        for keys in keys.chunks(MAX_BATCH) {
            match self.committer.ask(Request::RemoveExpired { keys: keys.to_vec(), now })? {
                Done::Removed(count) => removed += count,
                Done::Committed | Done::Taken(_) => {}
            }
        }
        Ok(removed)
    }
}
