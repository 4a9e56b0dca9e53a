//! A log's bytes in memory, for tests and trials.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::storage::Storage;

/// Keeps everything until it is dropped.
#[derive(Default)]
pub(super) struct MemoryStorage(Mutex<Contents>);

#[derive(Clone, Default)]
struct Contents {
    segments: BTreeMap<u64, Vec<u8>>,
    files: BTreeMap<String, Vec<u8>>,
}

impl MemoryStorage {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for MemoryStorage {
    fn segments(&self) -> io::Result<Vec<u64>> {
        Ok(self.contents().segments.keys().copied().collect())
    }

    fn read_segment(&self, segment: u64) -> io::Result<Vec<u8>> {
        self.contents().segments.get(&segment).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create_segment(&self, segment: u64, head: &[u8]) -> io::Result<()> {
        self.contents().segments.insert(segment, head.to_vec());
        Ok(())
    }

    fn write(&self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut contents = self.contents();
        let segment = contents.segments.get_mut(&segment).ok_or(io::ErrorKind::NotFound)?;
        let end = offset as usize + bytes.len();
        if segment.len() < end {
            segment.resize(end, 0);
        }
        segment[offset as usize..end].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&self, _segment: u64) -> io::Result<()> {
        Ok(())
    }

    fn publish(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.contents().files.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn published(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.contents().files.get(name).cloned())
    }

    fn settle(&self, _names: &[String]) -> io::Result<()> {
        Ok(())
    }

    fn retract(&self, name: &str) -> io::Result<()> {
        self.contents().files.remove(name);
        Ok(())
    }
}
