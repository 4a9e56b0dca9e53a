//! Opening a log: the segments say what it is, and everything else is brought to agree with them.
//!
//! A crash explains one thing only: bytes behind the last whole batch of the last segment that are not a whole batch,
//! since their append was never acknowledged. They are dropped. Anything else is refused.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::checkpoint::{Checkpoint, CheckpointError, Origin, SignedCheckpoint};
use super::committer::{self, LogCommitter, MAX_QUEUED_BYTES, Shared};
use super::edge::{Completed, RightEdge};
use super::frame::{self, Frame};
use super::growth::{Frontier, Growth};
use super::merkle::{self, Hash};
use super::segment::{self, SegmentError, SegmentHead};
use super::storage::Storage;
use super::tile::{self, TilePath};
use crate::keys::{PublicKey, SignError, Signer};

/// Why a log does not open.
#[derive(Debug, thiserror::Error)]
pub enum LogOpenError {
    /// The disk failed, or another process holds the log.
    #[error("the log's files cannot be read or written: {0}")]
    Disk(#[from] io::Error),
    /// A key that checkpoints are not signed with.
    #[error("the log's key must be an ECDSA key")]
    Key,
    /// The key did not sign the first checkpoint.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A segment's head is not valid.
    #[error("segment {segment}: {error}")]
    Segment {
        /// The segment, by the size that it begins with.
        segment: u64,
        /// What is wrong.
        error: SegmentError,
    },
    /// A segment's batches contradict themselves, or are damaged where a crash cannot have damaged them.
    #[error("segment {segment}, byte {offset}: {fault}")]
    Damaged {
        /// The segment, by the size that it begins with.
        segment: u64,
        /// The byte where the fault is.
        offset: usize,
        /// What is wrong.
        fault: SegmentFault,
    },
    /// The last checkpoint is not signed by this log's key.
    #[error("the last checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint was published that the segments do not lead to.
    #[error(
        "a checkpoint of size {published} was published, but the segments hold another tree, of {size} leaves; restore the segments"
    )]
    Published {
        /// The size of its tree.
        published: u64,
        /// The size of the tree in the segments.
        size: u64,
    },
}

/// What is wrong with a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SegmentFault {
    /// The first segment does not begin with the empty tree.
    #[error("the segments before this one are missing")]
    Begin,
    /// Whole, but behind another tree than the one before it.
    #[error("a batch does not follow from the one before")]
    Chain,
    /// Its checkpoint names another tree than its trailer.
    #[error("a batch carries a checkpoint of another tree")]
    Checkpoint,
    /// Committed batches stand behind damage, so that the damage is not a write that was cut short.
    #[error("committed batches follow a damaged one")]
    Middle,
    /// More than one batch can leave behind.
    #[error("what follows the last batch is more than a write that was cut short")]
    Tail,
    /// The next segment begins with another tree than this one ends with.
    #[error("the next segment begins with another tree")]
    Next,
}

/// What opening a log found and did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogOpenReport {
    /// The number of leaves in the log.
    pub size: u64,
    /// How many segments were read.
    pub segments_read: usize,
    /// Bytes of a batch that was never acknowledged and is now gone.
    pub dropped: u64,
    /// Tiles that were missing or damaged, made again.
    pub rebuilt_tiles: usize,
}

impl fmt::Display for LogOpenReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, segments_read, dropped, rebuilt_tiles } = self;
        write!(f, "{size} leaves, {segments_read} segments read, ")?;
        write!(f, "{dropped} bytes of an unacknowledged batch dropped, {rebuilt_tiles} tiles made again")
    }
}

/// The tree that a segment leads to.
pub(super) struct SegmentReplay {
    pub(super) edge: RightEdge,
    pub(super) frontier: Frontier,
    pub(super) root: Hash,
    pub(super) checkpoint: String,
    /// Where the last batch stands, if there is one.
    pub(super) last: Option<std::ops::Range<usize>>,
    /// Where the next batch goes.
    pub(super) end: usize,
}

/// One batch, as it is replayed.
pub(super) struct ReplayedBatch<'a> {
    pub(super) frame: &'a Frame<'a>,
    pub(super) completed: Vec<Completed>,
}

/// Follows a segment's batches as far as they are whole, by the code that made them.
pub(super) fn replay<E: From<(usize, SegmentFault)>>(
    bytes: &[u8],
    head: SegmentHead,
    mut visit: impl FnMut(ReplayedBatch<'_>) -> Result<(), E>,
) -> Result<SegmentReplay, E> {
    let frontier = head.edge.frontier();
    let root = frontier.root();
    let mut tree =
        SegmentReplay { edge: head.edge, frontier, root, checkpoint: head.checkpoint, last: None, end: head.length };
    while let Some(frame) = bytes.get(tree.end..).and_then(Frame::parse) {
        if (frame.size_before, frame.root_before) != (tree.frontier.size(), tree.root) {
            return Err((tree.end, SegmentFault::Chain).into());
        }
        // The trailer may have reached the disk before all of the payload.
        let Some(hashes) = frame.leaf_hashes() else { break };
        let growth = Growth::new(&tree.frontier, hashes);
        if growth.root() != frame.root_after {
            break;
        }
        if !speaks_of(frame.checkpoint, frame.size_after, &frame.root_after) {
            return Err((tree.end, SegmentFault::Checkpoint).into());
        }
        let completed = tree.edge.grow(&growth, frame.payload);
        tree.frontier = growth.frontier();
        tree.root = frame.root_after;
        tree.checkpoint.clear();
        tree.checkpoint.push_str(frame.checkpoint);
        tree.last = Some(tree.end..tree.end + frame.length);
        tree.end += frame.length;
        visit(ReplayedBatch { frame: &frame, completed })?;
    }
    Ok(tree)
}

fn speaks_of(checkpoint: &str, size: u64, root: &Hash) -> bool {
    SignedCheckpoint::parse(checkpoint).is_ok_and(|signed| signed.claims(size, root))
}

/// Whether what follows the last whole batch can be a write that was cut short.
pub(super) fn check_tail(bytes: &[u8], tree: &SegmentReplay, key: &PublicKey) -> Result<u64, (usize, SegmentFault)> {
    let tail = bytes.get(tree.end..).unwrap_or_default();
    let Some(last) = tail.iter().rposition(|byte| *byte != 0) else { return Ok(0) };
    if last >= MAX_QUEUED_BYTES + frame::OVERHEAD {
        return Err((tree.end, SegmentFault::Tail));
    }
    for at in (8..=last).step_by(8).filter(|at| Frame::begins(&tail[*at..])) {
        // Leaves may hold anything, even an old batch of ours; but there is no checkpoint of ours for a larger tree.
        let is_committed = Frame::parse(&tail[at..]).is_some_and(|frame| {
            frame.size_after > tree.frontier.size()
                && speaks_of(frame.checkpoint, frame.size_after, &frame.root_after)
                && SignedCheckpoint::parse(frame.checkpoint).is_ok_and(|signed| signed.verify(key).is_ok())
        });
        if is_committed {
            return Err((tree.end, SegmentFault::Middle));
        }
    }
    Ok(last as u64 + 1)
}

/// Opens the log in `storage`, or begins one, and readies its committer.
pub(super) fn open(
    storage: Arc<dyn Storage>,
    origin: Origin,
    signer: Arc<dyn Signer>,
) -> Result<(LogCommitter, LogOpenReport), LogOpenError> {
    super::note::key_id(signer.public_key()).map_err(|_| LogOpenError::Key)?;
    if storage.segments()?.is_empty() {
        begin(&*storage, &origin, &*signer)?;
    }
    let mut opening = Opening::new(&*storage, &origin, signer.public_key())?;
    let segments = unsettled(&*storage)?;
    let mut before = None;
    for (number, segment) in segments.iter().enumerate() {
        let is_last = number + 1 == segments.len();
        before = Some(opening.segment(*segment, is_last, before.as_ref())?);
    }
    let Some(Read { segment, tree, completed, bytes, torn }) = before else {
        return Err(io::Error::from(io::ErrorKind::NotFound).into());
    };
    opening.check_published(tree.frontier.size())?;
    // Only now is anything written: a log that is refused is left as it was found.
    make_firm(&*storage, segment, &bytes, &tree, torn)?;
    opening.mend(completed)?;
    let size = tree.frontier.size();
    let published = opening.published.as_ref().map(|checkpoint| checkpoint.size);
    let is_published = published == Some(size) && partials_are_whole(&*storage, &tree.edge)?;
    let report = LogOpenReport { size, segments_read: segments.len(), dropped: torn, rebuilt_tiles: opening.rebuilt };
    if published.is_some_and(|old| old != size) {
        retract_partials(&*storage, published.unwrap_or(0), size)?;
    }
    let unsettled = opening.tiles;
    let shared = Shared::new(Arc::clone(&storage), tree.edge, tree.root, &tree.checkpoint);
    let committer = LogCommitter {
        shared: Arc::new(shared),
        signer,
        origin,
        frontier: tree.frontier,
        root: tree.root,
        segment,
        offset: tree.end as u64,
        segment_length: committer::SEGMENT_LENGTH,
        published: is_published.then_some(size),
        unsettled,
        settler: None,
        batch_size: 0,
    };
    Ok((committer, report))
}

/// The first segment of a new log: the empty tree, signed.
fn begin(storage: &dyn Storage, origin: &Origin, signer: &dyn Signer) -> Result<(), LogOpenError> {
    if storage.published("checkpoint")?.is_some() {
        // The segments were lost or moved. A new tree under the old name would contradict what was published.
        return Err(LogOpenError::Published { published: 0, size: 0 });
    }
    let checkpoint = Checkpoint { origin: origin.clone(), size: 0, root: merkle::empty_root() }.sign(signer)?;
    Ok(storage.create_segment(0, &segment::encode(origin, &RightEdge::empty(), &checkpoint))?)
}

/// The segments to read: the last, and all since the first whose tiles are not known to be durable.
fn unsettled(storage: &dyn Storage) -> io::Result<Vec<u64>> {
    let mut segments = storage.segments()?;
    let last = segments.len() - 1;
    let mut first = last;
    for (number, segment) in segments.iter().enumerate().take(last) {
        if storage.published(&committer::settled_name(*segment))?.is_none() {
            first = number;
            break;
        }
    }
    Ok(segments.split_off(first))
}

/// What is gathered while segments are read.
struct Opening<'a> {
    storage: &'a dyn Storage,
    origin: &'a Origin,
    key: &'a PublicKey,
    /// The checkpoint last published as a file, if it is ours: it was written after its batch was durable.
    published: Option<Checkpoint>,
    is_published_found: bool,
    first_size: Option<u64>,
    rebuilt: usize,
    tiles: Vec<TilePath>,
}

impl<'a> Opening<'a> {
    fn new(storage: &'a dyn Storage, origin: &'a Origin, key: &'a PublicKey) -> io::Result<Self> {
        // A file that was cut by a power cut says nothing, and is written again.
        let published = storage
            .published("checkpoint")?
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| SignedCheckpoint::parse(&text).ok()?.verify(key).ok())
            .filter(|checkpoint| checkpoint.origin == *origin);
        Ok(Self {
            storage,
            origin,
            key,
            published,
            is_published_found: false,
            first_size: None,
            rebuilt: 0,
            tiles: Vec::new(),
        })
    }

    fn segment(&mut self, segment: u64, is_last: bool, before: Option<&Read>) -> Result<Read, LogOpenError> {
        let bytes = self.storage.read_segment(segment)?;
        let head = segment::open(&bytes, segment, self.origin, self.key)
            .map_err(|error| LogOpenError::Segment { segment, error })?;
        let root = head.edge.frontier().root();
        if let Some(Read { segment: before, tree, .. }) = before {
            if (tree.frontier.size(), tree.root) != (segment, root) {
                return Err(LogOpenError::Damaged { segment: *before, offset: tree.end, fault: SegmentFault::Next });
            }
            // Its tiles have just been looked after.
            committer::settle_tiles(self.storage, *before, &std::mem::take(&mut self.tiles))?;
        }
        self.first_size.get_or_insert(segment);
        self.compare_published(segment, &root);
        let mut completed = Vec::new();
        let damaged = |(offset, fault)| LogOpenError::Damaged { segment, offset, fault };
        let tree = replay(&bytes, head, |step| {
            self.compare_published(step.frame.size_after, &step.frame.root_after);
            completed.extend(step.completed);
            Ok::<_, (usize, SegmentFault)>(())
        })
        .map_err(damaged)?;
        let torn = check_tail(&bytes, &tree, self.key).map_err(damaged)?;
        if torn > 0 && !is_last {
            return Err(damaged((tree.end, SegmentFault::Middle)));
        }
        // Batches hang together by their roots, so the last one's signature is for all of them.
        let signed = SignedCheckpoint::parse(&tree.checkpoint)?.verify(self.key)?;
        if signed != (Checkpoint { origin: self.origin.clone(), size: tree.frontier.size(), root: tree.root }) {
            return Err(damaged((tree.end, SegmentFault::Checkpoint)));
        }
        if !is_last {
            self.mend(std::mem::take(&mut completed))?;
        }
        Ok(Read { segment, tree, completed, bytes, torn })
    }

    fn compare_published(&mut self, size: u64, root: &Hash) {
        self.is_published_found |=
            self.published.as_ref().is_some_and(|found| (found.size, &found.root) == (size, root));
    }

    /// What was published must be one of the trees that the log went through, as far back as was read.
    fn check_published(&self, size: u64) -> Result<(), LogOpenError> {
        match (&self.published, self.first_size) {
            (Some(found), Some(first)) if !self.is_published_found && found.size >= first => {
                Err(LogOpenError::Published { published: found.size, size })
            }
            _ => Ok(()),
        }
    }

    fn mend(&mut self, completed: Vec<Completed>) -> io::Result<()> {
        for (path, bytes) in completed {
            let name = path.to_string();
            if self.storage.published(&name)?.is_none_or(|found| found != bytes) {
                self.storage.publish(&name, &bytes)?;
                self.rebuilt += 1;
            }
            self.tiles.push(path);
        }
        Ok(())
    }
}

/// A segment that was read and passed.
struct Read {
    segment: u64,
    tree: SegmentReplay,
    /// The tiles that it filled, not yet compared with the files.
    completed: Vec<Completed>,
    bytes: Vec<u8>,
    /// Bytes behind its last batch.
    torn: u64,
}

/// Before anything is built on the last batch it is written and synced again: a process that stopped on a failed sync
/// may have left it in the page cache only, from where it reads as well as from the disk.
fn make_firm(storage: &dyn Storage, segment: u64, bytes: &[u8], tree: &SegmentReplay, torn: u64) -> io::Result<()> {
    if let Some(last) = &tree.last {
        storage.write(segment, last.start as u64, &bytes[last.clone()])?;
    }
    if torn > 0 {
        storage.write(segment, tree.end as u64, &vec![0; torn as usize])?;
    }
    storage.sync(segment)
}

fn partials_are_whole(storage: &dyn Storage, edge: &RightEdge) -> io::Result<bool> {
    for path in tile::partials(edge.size()) {
        if storage.published(&path.to_string())? != edge.partial(path) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Partial tiles of an older checkpoint go.
fn retract_partials(storage: &dyn Storage, old: u64, size: u64) -> io::Result<()> {
    let current = tile::partials(size);
    let mut stale = tile::partials(old).into_iter().filter(|path| !current.contains(path));
    stale.try_for_each(|path| storage.retract(&path.to_string()))
}
