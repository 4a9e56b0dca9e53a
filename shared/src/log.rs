//! The append-only Merkle log, used three times: certificates, signatures, audit.
//!
//! A log is a tree by RFC 6962 §2.1 with a name and a key, published as tiles and signed checkpoints
//! (c2sp.org/tlog-tiles, c2sp.org/tlog-checkpoint). Leaves are opaque, of up to 65,535 bytes.
//!
//! The segments hold the log, files that only grow: batches of leaves, each with the signed checkpoint of the tree that
//! it leads to. One thread takes whatever has queued, stages it with its checkpoint, commits both with one write and
//! one sync, and only then publishes: receipts to the callers that wait, the checkpoint and tiles to readers. Tiles and
//! the checkpoint file can be made again from the segments, so they are never synced while a caller waits. Opening a
//! log runs the same code over the same batches.
//!
//! A log that cannot write, or that fails its own check, stops. It does not know what its leaves mean, and it does not
//! decide who may append.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::keys::{SignatureAlgorithm, Signer, SigningKey};

mod append_error;
pub mod checkpoint;
mod committer;
mod edge;
mod frame;
mod growth;
mod leaf;
pub mod merkle;
pub mod note;
mod offline;
mod pending;
mod reader;
mod recovery;
mod segment;
pub mod storage;
mod store_fs;
mod store_memory;
pub mod tile;

pub use append_error::AppendError;
pub use checkpoint::{Checkpoint, CheckpointError, Origin, OriginError, SignedCheckpoint};
pub use committer::{MAX_QUEUED_BYTES, MAX_QUEUED_LEAVES};
pub use edge::Entries;
pub use frame::MAX_LEAF;
pub use leaf::{Leaf, LeafHash};
pub use merkle::Hash;
pub use offline::{AuditError, AuditReport, Finding, verify_offline, verify_storage};
pub use pending::{Pending, Proved, Receipt};
pub use reader::ReadError;
pub use recovery::{LogOpenError, LogOpenReport, SegmentFault};
pub use segment::SegmentError;
pub use storage::Storage;
pub use tile::TilePath;

use committer::Shared;
use store_fs::FileStorage;
use store_memory::MemoryStorage;

/// One log. Clones share it; when the last is dropped, what has queued is committed and the log is closed.
#[derive(Clone)]
pub struct Log(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    origin: Origin,
    signer: Arc<dyn Signer>,
    committer: Mutex<Option<JoinHandle<()>>>,
}

impl Log {
    /// Opens the log in `dir`, or creates it. `origin` and the key must be those that it was created with.
    pub fn open(dir: &Path, origin: Origin, signer: Arc<dyn Signer>) -> Result<(Self, LogOpenReport), LogOpenError> {
        Self::open_in(Arc::new(FileStorage::open(dir)?), origin, signer)
    }

    /// Opens the log in `storage`, or creates it.
    pub fn open_in(
        storage: Arc<dyn Storage>,
        origin: Origin,
        signer: Arc<dyn Signer>,
    ) -> Result<(Self, LogOpenReport), LogOpenError> {
        Self::open_with(storage, origin, signer, committer::SEGMENT_LENGTH)
    }

    fn open_with(
        storage: Arc<dyn Storage>,
        origin: Origin,
        signer: Arc<dyn Signer>,
        segment_length: u64,
    ) -> Result<(Self, LogOpenReport), LogOpenError> {
        let (mut committer, report) = recovery::open(storage, origin.clone(), Arc::clone(&signer))?;
        committer.segment_length = segment_length;
        committer.publish_edge();
        let shared = Arc::clone(&committer.shared);
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || committer.run())?;
        Ok((Self(Arc::new(Handle { shared, origin, signer, committer: Mutex::new(Some(thread)) })), report))
    }

    /// A log in memory with a fresh key, for unit tests.
    pub fn in_memory() -> Self {
        let key = SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("AWS-LC makes a P-256 key");
        Self::in_memory_as(Origin::parse("log.example").expect("a fine name"), Arc::new(key))
    }

    /// A log in memory with this name and key, for tests and trials.
    pub fn in_memory_as(origin: Origin, signer: Arc<dyn Signer>) -> Self {
        let (log, _) = Self::open_in(Arc::new(MemoryStorage::default()), origin, signer).expect("memory does not fail");
        log
    }

    /// Appends `leaf`; the receipt comes when it is durable.
    pub fn append(&self, leaf: impl AsRef<[u8]>) -> Pending<Receipt> {
        let hash = LeafHash::of(leaf.as_ref());
        match self.0.shared.enqueue(leaf.as_ref(), hash) {
            Ok((batch, position)) => Pending::receipt(batch, position, hash),
            Err(error) => Pending::refused(error),
        }
    }

    /// Appends a leaf whose hash is known already.
    pub fn append_leaf(&self, leaf: &Leaf) -> Pending<Receipt> {
        match self.0.shared.enqueue(&leaf.bytes, leaf.hash) {
            Ok((batch, position)) => Pending::receipt(batch, position, leaf.hash),
            Err(error) => Pending::refused(error),
        }
    }

    /// Appends `leaf`; the receipt comes with the audit path and the signed checkpoint of the leaf's own batch.
    pub fn append_proved(&self, leaf: impl AsRef<[u8]>) -> Pending<Proved> {
        let hash = LeafHash::of(leaf.as_ref());
        match self.0.shared.enqueue(leaf.as_ref(), hash) {
            Ok((batch, position)) => Pending::proved(batch, position, hash),
            Err(error) => Pending::refused(error),
        }
    }

    /// The log's name.
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// The log's key.
    pub fn signer(&self) -> &dyn Signer {
        &*self.0.signer
    }

    /// How many leaves are durable.
    pub fn size(&self) -> u64 {
        self.0.shared.view().edge.size()
    }

    /// The last checkpoint, signed.
    pub fn checkpoint(&self) -> Arc<str> {
        Arc::clone(&self.0.shared.view().checkpoint)
    }

    /// The last checkpoint's size and root.
    pub fn tree(&self) -> (u64, Hash) {
        let view = self.0.shared.view();
        (view.edge.size(), view.root)
    }

    /// Why the log accepts no more leaves, if it has stopped.
    pub fn stopped(&self) -> Option<AppendError> {
        self.0.shared.stopped()
    }

    /// A tile's or entry bundle's bytes; `None` when the tree has no such tile. May read files.
    pub fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, ReadError> {
        self.0.shared.tile(path)
    }

    /// The leaf at `index`; `None` when the tree has none there. May read files.
    pub fn leaf(&self, index: u64) -> Result<Option<Vec<u8>>, ReadError> {
        self.0.shared.leaf(index)
    }

    /// The audit path of the leaf `index` in the tree of `size` leaves; `None` when there is no such leaf or tree.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Option<Vec<Hash>>, ReadError> {
        if size > self.size() {
            return Ok(None);
        }
        merkle::inclusion_proof(&reader::TileNodes(&self.0.shared), index, size)
    }

    /// The proof that the tree of `new` leaves extends that of `old`; `None` when there are no such trees.
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<Option<Vec<Hash>>, ReadError> {
        if new > self.size() {
            return Ok(None);
        }
        merkle::consistency_proof(&reader::TileNodes(&self.0.shared), old, new)
    }

    /// Commits what has queued and closes the log, for all who share it.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Handle {
    fn close(&self) {
        self.shared.close();
        let committer = self.committer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(committer) = committer {
            // A committer that panicked has stopped the log already.
            let _ = committer.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests;
