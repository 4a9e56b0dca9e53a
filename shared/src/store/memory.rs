//! The fake for unit tests: it keeps every promise of a store, but does not outlive the process.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::batch::{StoreBatch, StoreChange, check_key};
use super::engine::{Page, Store, is_live};
use super::error::StoreError;
use super::table::Table;
use crate::time::UnixTime;

/// Records in memory, under one lock.
#[derive(Debug, Default)]
pub struct MemoryStore {
    records: Mutex<MemoryRecords>,
}

type MemoryRecords = BTreeMap<(Table, Vec<u8>), MemoryRecord>;

#[derive(Debug)]
struct MemoryRecord {
    value: Vec<u8>,
    expires: Option<UnixTime>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    // No method below leaves the map half changed, so the panic of another test thread does not spoil it.
    fn records(&self) -> MutexGuard<'_, MemoryRecords> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryRecord {
    fn live(&self, now: UnixTime) -> Option<&[u8]> {
        is_live(self.expires, now).then_some(&self.value)
    }
}

impl Store for MemoryStore {
    fn get(&self, table: Table, key: &[u8], now: UnixTime) -> Result<Option<Vec<u8>>, StoreError> {
        check_key(key)?;
        let records = self.records();
        Ok(records.get(&(table, key.to_vec())).and_then(|record| record.live(now)).map(<[u8]>::to_vec))
    }

    fn range(&self, table: Table, after: &[u8], limit: usize, now: UnixTime) -> Result<Page, StoreError> {
        let records = self.records();
        let from = Bound::Excluded((table, after.to_vec()));
        Ok(records
            .range((from, Bound::Unbounded))
            .take_while(|((of, _), _)| *of == table)
            .filter_map(|((_, key), record)| Some((key.clone(), record.live(now)?.to_vec())))
            .take(limit)
            .collect())
    }

    fn commit(&self, batch: StoreBatch, now: UnixTime) -> Result<(), StoreError> {
        batch.check()?;
        let mut records = self.records();
        for (table, key, expect) in batch.expects {
            let live = records.get(&(table, key)).and_then(|record| record.live(now));
            if !expect.holds(live) {
                return Err(StoreError::Conflict);
            }
        }
        for (table, key, change) in batch.changes {
            match change {
                StoreChange::Put { value, expires } => records.insert((table, key), MemoryRecord { value, expires }),
                StoreChange::Delete => records.remove(&(table, key)),
            };
        }
        Ok(())
    }

    fn take(&self, table: Table, key: &[u8], now: UnixTime) -> Result<Option<Vec<u8>>, StoreError> {
        check_key(key)?;
        let mut records = self.records();
        let place = (table, key.to_vec());
        // An expired record is left to `sweep`, as every engine does: only what is handed out is removed.
        match records.get(&place) {
            Some(record) if is_live(record.expires, now) => Ok(records.remove(&place).map(|record| record.value)),
            _ => Ok(None),
        }
    }

    fn sweep(&self, now: UnixTime, limit: usize) -> Result<usize, StoreError> {
        let mut records = self.records();
        let expired: Vec<_> = records
            .iter()
            .filter(|(_, record)| !is_live(record.expires, now))
            .take(limit)
            .map(|(key, _)| key.clone())
            .collect();
        expired.iter().for_each(|key| {
            records.remove(key);
        });
        Ok(expired.len())
    }
}
