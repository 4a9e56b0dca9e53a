//! A disk in memory that knows the difference between written and durable, and that fails on demand.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::log::Storage;

/// How an operation fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Failure {
    /// It did nothing. A failed sync leaves what was written readable, but lost at the next power cut.
    Failed,
    /// It did everything, and said that it failed.
    FailedButPersisted,
}

/// What comes after a failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Restart {
    /// A new process on the same kernel: it reads what was written.
    Process,
    /// A power cut: what was not synced is gone.
    PowerCut,
    /// A power cut in the middle of writing: of what was not synced, some sectors are there.
    Torn(u64),
}

#[derive(Clone, Default)]
struct File {
    written: Vec<u8>,
    durable: Vec<u8>,
    /// Ranges that the next sync makes durable.
    dirty: Vec<std::ops::Range<usize>>,
    /// Ranges that a failed sync gave up on, whole or in part.
    given_up: Vec<std::ops::Range<usize>>,
}

#[derive(Clone, Default)]
struct DiskState {
    segments: BTreeMap<u64, File>,
    /// Published files, and whether they are durable.
    files: BTreeMap<String, (Vec<u8>, bool)>,
    operations: usize,
    failure: Option<(usize, Failure)>,
}

#[derive(Clone, Default)]
pub(super) struct Disk(Arc<Mutex<DiskState>>);

impl Disk {
    fn state(&self) -> MutexGuard<'_, DiskState> {
        self.0.lock().expect("no holder panics")
    }

    /// Fails the operation that comes after `after` others.
    pub(super) fn fail(&self, after: usize, failure: Failure) {
        let mut state = self.state();
        state.failure = Some((state.operations + after, failure));
    }

    pub(super) fn has_failed(&self) -> bool {
        let state = self.state();
        state.failure.is_some_and(|(at, _)| state.operations > at)
    }

    /// The disk as the next process finds it.
    pub(super) fn restart(&self, restart: Restart) -> Self {
        let mut state = self.state().clone();
        state.failure = None;
        for file in state.segments.values_mut() {
            match restart {
                Restart::Process => continue,
                Restart::PowerCut => {}
                Restart::Torn(seed) => {
                    let unsure = [&file.dirty[..], &file.given_up[..]].concat();
                    unsure.into_iter().for_each(|range| tear(file, range, seed));
                }
            }
            file.written.clone_from(&file.durable);
            file.dirty.clear();
            file.given_up.clear();
        }
        if restart != Restart::Process {
            state.files.retain(|_, (_, is_durable)| *is_durable);
        }
        Self(Arc::new(Mutex::new(state)))
    }

    /// Changes a byte of a segment without the log's knowledge.
    pub(super) fn flip(&self, segment: u64, at: usize) {
        let mut state = self.state();
        let file = state.segments.get_mut(&segment).expect("is there");
        file.written[at] ^= 0x20;
        file.durable[at] ^= 0x20;
    }

    pub(super) fn forget_published(&self) {
        self.state().files.clear();
    }

    pub(super) fn forget_segment(&self, segment: u64) {
        self.state().segments.remove(&segment);
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.state().files.keys().cloned().collect()
    }

    /// Runs an operation, or fails it.
    fn act<T>(
        &self,
        fail_first: impl FnOnce(&mut DiskState),
        act: impl FnOnce(&mut DiskState) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state();
        let number = state.operations;
        state.operations += 1;
        match state.failure {
            Some((at, Failure::Failed)) if at == number => {
                fail_first(&mut state);
                Err(io::Error::other("injected"))
            }
            Some((at, Failure::FailedButPersisted)) if at == number => {
                act(&mut state)?;
                for file in state.segments.values_mut() {
                    file.sync();
                }
                Err(io::Error::other("injected"))
            }
            _ => act(&mut state),
        }
    }
}

impl File {
    fn sync(&mut self) {
        for range in std::mem::take(&mut self.dirty) {
            if self.durable.len() < range.end {
                self.durable.resize(range.end, 0);
            }
            self.durable[range.clone()].copy_from_slice(&self.written[range]);
        }
    }
}

/// Some sectors of a write reach the disk, in no order.
fn tear(file: &mut File, range: std::ops::Range<usize>, seed: u64) {
    const SECTOR: usize = 64;
    let mut random = seed;
    let mut at = range.start;
    while at < range.end {
        let end = (at / SECTOR * SECTOR + SECTOR).min(range.end);
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if random >> 63 == 0 {
            if file.durable.len() < end {
                file.durable.resize(end, 0);
            }
            file.durable[at..end].copy_from_slice(&file.written[at..end]);
        }
        at = end;
    }
}

impl Storage for Disk {
    fn segments(&self) -> io::Result<Vec<u64>> {
        Ok(self.state().segments.keys().copied().collect())
    }

    fn read_segment(&self, segment: u64) -> io::Result<Vec<u8>> {
        self.state()
            .segments
            .get(&segment)
            .map(|file| file.written.clone())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create_segment(&self, segment: u64, head: &[u8]) -> io::Result<()> {
        self.act(
            |_| {},
            |state| {
                let file = File { written: head.to_vec(), durable: head.to_vec(), ..File::default() };
                state.segments.insert(segment, file);
                Ok(())
            },
        )
    }

    fn write(&self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.act(
            |_| {},
            |state| {
                let file = state.segments.get_mut(&segment).ok_or(io::ErrorKind::NotFound)?;
                let range = offset as usize..offset as usize + bytes.len();
                if file.written.len() < range.end {
                    file.written.resize(range.end, 0);
                }
                file.written[range.clone()].copy_from_slice(bytes);
                file.dirty.push(range);
                Ok(())
            },
        )
    }

    fn sync(&self, segment: u64) -> io::Result<()> {
        self.act(
            // The kernel takes the pages for clean after a failure, and will not write them again.
            |state| {
                for file in state.segments.values_mut() {
                    file.given_up = std::mem::take(&mut file.dirty);
                }
            },
            |state| {
                state.segments.get_mut(&segment).ok_or(io::ErrorKind::NotFound)?.sync();
                Ok(())
            },
        )
    }

    fn publish(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.act(
            |_| {},
            |state| {
                state.files.insert(name.to_owned(), (bytes.to_vec(), false));
                Ok(())
            },
        )
    }

    fn published(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.state().files.get(name).map(|(bytes, _)| bytes.clone()))
    }

    fn settle(&self, names: &[String]) -> io::Result<()> {
        self.act(
            |_| {},
            |state| {
                for name in names {
                    state.files.get_mut(name).ok_or(io::ErrorKind::NotFound)?.1 = true;
                }
                Ok(())
            },
        )
    }

    fn retract(&self, name: &str) -> io::Result<()> {
        self.act(
            |_| {},
            |state| {
                state.files.remove(name);
                Ok(())
            },
        )
    }
}
