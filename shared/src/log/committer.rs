//! The committer: one thread per log, which takes what has queued, makes it durable with one sync, and answers.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::append_error::AppendError;
use super::checkpoint::{Checkpoint, Origin};
use super::edge::{Completed, RightEdge};
use super::frame::{FrameBuilder, MAX_LEAF};
use super::growth::{Frontier, Growth};
use super::leaf::LeafHash;
use super::merkle::Hash;
use super::pending::{Committed, PendingBatch};
use super::segment;
use super::storage::Storage;
use super::tile::{self, TileKind, TilePath, WIDTH};
use crate::keys::Signer;

/// Most leaves that wait for the next batch.
pub const MAX_QUEUED_LEAVES: usize = 8192;
/// Most bytes of leaves that wait for the next batch.
pub const MAX_QUEUED_BYTES: usize = 4 * 1024 * 1024;
/// A segment that would outgrow this is followed by a new one; it bounds what has to be read to open a log.
pub(super) const SEGMENT_LENGTH: u64 = 16 * 1024 * 1024;
/// A buffer larger than this is not reused for the next batch.
const MAX_KEPT_BUFFER: usize = 256 * 1024;
/// The longest time that a batch waits to become as large as those before it. A batch costs an fsync and a signature
/// however many leaves it has. A lone leaf does not wait.
const GATHER: Duration = Duration::from_millis(1);
/// How long a log must have nothing to do before it publishes its checkpoint and partial tiles as files.
const REST: Duration = Duration::from_millis(100);
/// A log that never rests publishes them whenever so many entry bundles have filled up.
const BUNDLES_BETWEEN_PUBLICATIONS: u64 = 16;

/// What appenders and the committer share.
pub(super) struct Shared {
    queue: Mutex<Queue>,
    /// Notified when a leaf comes to an idle committer, when the batch is as large as expected, and at the end.
    condvar: Condvar,
    view: Mutex<View>,
    pub(super) storage: Arc<dyn Storage>,
}

/// The batch that takes leaves now.
struct Queue {
    batch: Arc<PendingBatch>,
    frame: FrameBuilder,
    is_committer_idle: bool,
    /// The committer waits for the batch to have this many leaves.
    gathers: Option<usize>,
    end: End,
}

enum End {
    /// Leaves are taken.
    Open,
    /// What has queued is still committed.
    Closing,
    /// Nothing more, and why.
    Stopped(AppendError),
}

/// What readers see: the last durable tree.
pub(super) struct View {
    pub(super) edge: RightEdge,
    pub(super) root: Hash,
    pub(super) checkpoint: Arc<str>,
    /// Full tiles that are not yet files.
    pub(super) unpublished: Vec<Arc<Completed>>,
}

impl Shared {
    pub(super) fn new(storage: Arc<dyn Storage>, edge: RightEdge, root: Hash, checkpoint: &str) -> Self {
        let queue = Queue {
            batch: Arc::default(),
            frame: FrameBuilder::new(Vec::new()),
            is_committer_idle: false,
            gathers: None,
            end: End::Open,
        };
        let view = View { edge, root, checkpoint: checkpoint.into(), unpublished: Vec::new() };
        Self { queue: Mutex::new(queue), condvar: Condvar::new(), view: Mutex::new(view), storage }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a leaf into the next batch and says which that is and the leaf's place in it.
    pub(super) fn enqueue(
        &self,
        leaf: &[u8],
        LeafHash(hash): LeafHash,
    ) -> Result<(Arc<PendingBatch>, usize), AppendError> {
        if leaf.len() > MAX_LEAF {
            return Err(AppendError::TooLarge { length: leaf.len() });
        }
        let mut queue = self.queue();
        match &queue.end {
            End::Open => {}
            End::Closing => return Err(AppendError::Closed),
            End::Stopped(error) => return Err(error.clone()),
        }
        let (leaves, bytes) = (queue.frame.leaves(), queue.frame.payload_length() + 2 + leaf.len());
        if leaves >= MAX_QUEUED_LEAVES || bytes > MAX_QUEUED_BYTES {
            return Err(AppendError::Overloaded { leaves });
        }
        let position = queue.frame.push(leaf, hash);
        let batch = Arc::clone(&queue.batch);
        let is_gathered = queue.gathers == Some(position + 1);
        let must_ring = std::mem::take(&mut queue.is_committer_idle) || is_gathered;
        drop(queue);
        if must_ring {
            self.condvar.notify_one();
        }
        Ok((batch, position))
    }

    /// Takes no more leaves; those that have queued are still committed.
    pub(super) fn close(&self) {
        let mut queue = self.queue();
        if matches!(queue.end, End::Open) {
            queue.end = End::Closing;
        }
        drop(queue);
        self.condvar.notify_one();
    }

    /// Why the log has stopped, if it has.
    pub(super) fn stopped(&self) -> Option<AppendError> {
        match &self.queue().end {
            End::Open => None,
            End::Closing => Some(AppendError::Closed),
            End::Stopped(error) => Some(error.clone()),
        }
    }

    /// Refuses everything from now on: what a failed sync left on the disk is known only after a restart.
    fn stop(&self, error: &AppendError) {
        let mut queue = self.queue();
        queue.end = End::Stopped(error.clone());
        let waiting = std::mem::take(&mut queue.batch);
        drop(queue);
        waiting.complete(Err(error.clone()));
    }
}

/// Why a batch was not committed.
#[derive(Debug, thiserror::Error)]
enum CommitError {
    #[error("the log's key did not sign")]
    Sign,
    #[error("the disk failed: {0}")]
    Disk(#[from] io::Error),
}

/// The state of the thread.
pub(super) struct LogCommitter {
    pub(super) shared: Arc<Shared>,
    pub(super) signer: Arc<dyn Signer>,
    pub(super) origin: Origin,
    pub(super) frontier: Frontier,
    pub(super) root: Hash,
    /// The segment in use, and where its next batch goes.
    pub(super) segment: u64,
    pub(super) offset: u64,
    /// How long segments may become.
    pub(super) segment_length: u64,
    /// The size at which checkpoint and partial tiles were last published as files.
    pub(super) published: Option<u64>,
    /// Tiles published since the segment began, not yet durable.
    pub(super) unsettled: Vec<TilePath>,
    pub(super) settler: Option<JoinHandle<()>>,
    /// How many leaves the last batches had, as far as they are remembered.
    pub(super) batch_size: usize,
}

/// What the committer has to do next.
enum Work {
    Batch(InFlight, FrameBuilder),
    Rest,
    End,
}

/// A batch that has left the queue. Those who wait for it get an answer even if the committer ends.
struct InFlight(Arc<PendingBatch>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.complete(Err(AppendError::Stopped("the committer ended".into())));
    }
}

/// Stops the log if the committer ends in any way but the ordinary one.
struct StopOnPanic<'a>(&'a Shared);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop(&AppendError::Stopped("the committer failed".into()));
        }
    }
}

impl LogCommitter {
    /// Works until the log is closed or a batch fails.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let _guard = StopOnPanic(&shared);
        let mut buffer = Vec::new();
        loop {
            match self.next_work(std::mem::take(&mut buffer)) {
                Work::Batch(batch, frame) => match self.commit(&batch.0, frame) {
                    // What a burst needed is given back: most logs are idle most of the time.
                    Ok(used) => buffer = if used.capacity() > MAX_KEPT_BUFFER { Vec::new() } else { used },
                    Err(error) => {
                        let error = AppendError::Stopped(error.to_string().into());
                        batch.0.complete(Err(error.clone()));
                        return shared.stop(&error);
                    }
                },
                Work::Rest => self.publish_edge(),
                Work::End => break,
            }
        }
        self.publish_edge();
        if let Some(settler) = self.settler.take() {
            let _ = settler.join();
        }
    }

    fn next_work(&mut self, buffer: Vec<u8>) -> Work {
        let shared = Arc::clone(&self.shared);
        let mut queue = shared.queue();
        loop {
            if queue.frame.leaves() > 0 {
                // It is notified when as many are there as lately, and goes on without them otherwise.
                if queue.frame.leaves() < self.batch_size && matches!(queue.end, End::Open) {
                    queue.gathers = Some(self.batch_size);
                    queue = shared.condvar.wait_timeout(queue, GATHER).unwrap_or_else(PoisonError::into_inner).0;
                    queue.gathers = None;
                }
                self.batch_size = queue.frame.leaves().max(self.batch_size / 2);
                let frame = std::mem::replace(&mut queue.frame, FrameBuilder::new(buffer));
                return Work::Batch(InFlight(std::mem::take(&mut queue.batch)), frame);
            }
            if !matches!(queue.end, End::Open) {
                return Work::End;
            }
            queue.is_committer_idle = true;
            if self.published == Some(self.frontier.size()) {
                queue = shared.condvar.wait(queue).unwrap_or_else(PoisonError::into_inner);
            } else {
                let waited = shared.condvar.wait_timeout(queue, REST).unwrap_or_else(PoisonError::into_inner);
                queue = waited.0;
                if waited.1.timed_out() && queue.frame.leaves() == 0 && matches!(queue.end, End::Open) {
                    queue.is_committer_idle = false;
                    return Work::Rest;
                }
            }
            queue.is_committer_idle = false;
        }
    }

    /// Stage, commit, publish: sign the tree with the batch in it, write and sync both at once, and only then publish
    /// it. Returns the buffer for reuse.
    fn commit(&mut self, batch: &PendingBatch, mut frame: FrameBuilder) -> Result<Vec<u8>, CommitError> {
        let growth = Growth::new(&self.frontier, frame.take_hashes());
        let (size, root) = (growth.to(), growth.root());
        let checkpoint = Checkpoint { origin: self.origin.clone(), size, root };
        let checkpoint: Arc<str> = checkpoint.sign(&*self.signer).map_err(|_| CommitError::Sign)?.into();
        let frame = frame.finish((growth.from(), self.root), (size, root), &checkpoint);
        if self.offset + frame.bytes.len() as u64 > self.segment_length {
            self.begin_segment()?;
        }
        let storage = &self.shared.storage;
        storage.write(self.segment, self.offset, &frame.bytes)?;
        storage.sync(self.segment)?;
        self.offset += frame.bytes.len() as u64;
        self.frontier = growth.frontier();
        self.root = root;
        let mut view = self.shared.view();
        let completed: Vec<_> = view.edge.grow(&growth, frame.payload()).into_iter().map(Arc::new).collect();
        view.root = root;
        view.checkpoint = Arc::clone(&checkpoint);
        view.unpublished.extend(completed.iter().cloned());
        drop(view);
        batch.complete(Ok(Committed { growth, root, checkpoint }));
        self.publish_completed(&completed);
        Ok(frame.bytes)
    }

    /// Starts a segment at the present size, whose head holds all that is needed to go on from there.
    fn begin_segment(&mut self) -> io::Result<()> {
        let head = {
            let view = self.shared.view();
            segment::encode(&self.origin, &view.edge, &view.checkpoint)
        };
        let finished = self.segment;
        self.segment = self.frontier.size();
        self.offset = head.len() as u64;
        self.shared.storage.create_segment(self.segment, &head)?;
        self.settle(finished);
        Ok(())
    }

    /// Makes the tiles of a finished segment durable, beside the committer: from then on that segment need not be read
    /// when the log is opened.
    fn settle(&mut self, segment: u64) {
        if let Some(before) = self.settler.take() {
            let _ = before.join();
        }
        let storage = Arc::clone(&self.shared.storage);
        let tiles = std::mem::take(&mut self.unsettled);
        let work = move || {
            // A failure leaves the segment unsettled, and the next start looks after its tiles.
            let _ = settle_tiles(&*storage, segment, &tiles);
        };
        self.settler = std::thread::Builder::new().name("log-settler".to_owned()).spawn(work).ok();
    }

    /// Tiles that cannot be written stay out: they are made again from the segments when a reader asks, or at the next
    /// start.
    fn publish_completed(&mut self, completed: &[Arc<Completed>]) {
        if completed.is_empty() {
            return;
        }
        for tile in completed {
            let (path, bytes) = &**tile;
            let _ = self.shared.storage.publish(&path.to_string(), bytes);
            self.unsettled.push(*path);
        }
        self.shared.view().unpublished.retain(|tile| !completed.iter().any(|done| Arc::ptr_eq(tile, done)));
        let bundles_since = (self.frontier.size() - self.published.unwrap_or(0)) / WIDTH;
        if bundles_since >= BUNDLES_BETWEEN_PUBLICATIONS {
            self.publish_edge();
        }
    }

    /// Publishes the partial tiles and then the checkpoint that needs them, for those who read the directory; the last
    /// ones' partial tiles go. Over HTTP all of this comes from memory and is never behind.
    pub(super) fn publish_edge(&mut self) {
        let size = self.frontier.size();
        if self.published == Some(size) {
            return;
        }
        let (tiles, checkpoint) = {
            let view = self.shared.view();
            let tiles = tile::partials(size).into_iter().filter_map(|path| Some((path, view.edge.partial(path)?)));
            (tiles.collect::<Vec<_>>(), Arc::clone(&view.checkpoint))
        };
        let storage = &self.shared.storage;
        let written = tiles
            .iter()
            .try_for_each(|(path, bytes)| storage.publish(&path.to_string(), bytes))
            .and_then(|()| storage.publish("checkpoint", checkpoint.as_bytes()));
        if written.is_ok() {
            for old in self.published.map(tile::partials).unwrap_or_default() {
                if !tiles.iter().any(|(path, _)| *path == old) {
                    let _ = storage.retract(&old.to_string());
                }
            }
        }
        self.published = Some(size);
    }
}

/// The marker of a segment whose tiles are durable.
pub(super) fn settled_name(segment: u64) -> String {
    format!("settled/{segment:020}")
}

pub(super) fn settle_tiles(storage: &dyn Storage, segment: u64, tiles: &[TilePath]) -> io::Result<()> {
    let names: Vec<String> = tiles.iter().map(TilePath::to_string).collect();
    storage.settle(&names)?;
    storage.publish(&settled_name(segment), b"")
}

/// Whether a tile's bytes have the length that its name asks for. Damage beyond that is for `audit verify`.
pub(super) fn is_whole(path: TilePath, bytes: &[u8]) -> bool {
    let width = path.width.map_or(WIDTH, u64::from);
    match path.kind {
        TileKind::Entries => super::edge::bundle_prefix(bytes, width) == Some(bytes.len()),
        TileKind::Level(_) => bytes.len() as u64 == 32 * width,
    }
}
