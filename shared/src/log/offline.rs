//! A log's files, checked from the first leaf to the last signature, with the public key and nothing else.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::checkpoint::{Checkpoint, CheckpointError, Origin, SignedCheckpoint};
use super::edge::{Completed, RightEdge};
use super::merkle::Hash;
use super::recovery::{SegmentFault, SegmentReplay, check_tail, replay};
use super::segment::{self, SegmentError};
use super::storage::Storage;
use super::store_fs::FileStorage;
use super::tile;
use crate::keys::PublicKey;

/// The result of a check of the files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditReport {
    /// The log's name, as its first segment has it and every checkpoint confirms.
    pub origin: Origin,
    /// The tree that the segments lead to.
    pub size: u64,
    /// The root of the tree.
    pub root: Hash,
    /// The signed checkpoint of the tree.
    pub checkpoint: String,
    /// How many segments hold it.
    pub segments: usize,
    /// How many batches, each with a checkpoint whose signature was verified.
    pub batches: u64,
    /// Tiles and entry bundles that agree with the leaves.
    pub tiles: u64,
    /// Bytes behind the last batch that a crash left, or that a running log is just writing.
    pub uncommitted: u64,
    /// Published files that are missing or wrong. The segments hold all that is needed to make them again.
    pub findings: Vec<Finding>,
}

/// A published file that does not agree with the segments.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Finding {
    /// A tile of a finished bundle is not there.
    #[error("{0} is missing")]
    Missing(String),
    /// A tile does not agree with the leaves.
    #[error("{0} does not agree with the leaves")]
    Differs(String),
    /// The published checkpoint is not one of this log.
    #[error("the published checkpoint: {0}")]
    Checkpoint(CheckpointError),
}

/// The segments are not a log of this key: do not trust anything that depends on them.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The files cannot be read.
    #[error("the log's files cannot be read: {0}")]
    Disk(#[from] io::Error),
    /// There is no log here.
    #[error("this directory has no segments of a log")]
    Absent,
    /// A segment's head is not valid.
    #[error("segment {segment}: {error}")]
    Segment {
        /// The segment, by the size that it begins with.
        segment: u64,
        /// What is wrong.
        error: SegmentError,
    },
    /// Batches are damaged or contradict each other.
    #[error("segment {segment}, byte {offset}: {fault}")]
    Damaged {
        /// The segment, by the size that it begins with.
        segment: u64,
        /// The byte where the fault is.
        offset: usize,
        /// What is wrong.
        fault: SegmentFault,
    },
    /// The checkpoint of a batch is not signed by this key.
    #[error("the checkpoint of size {size}: {error}")]
    Signature {
        /// The size of its tree.
        size: u64,
        /// What is wrong.
        error: CheckpointError,
    },
    /// The earlier checkpoint is not one of this log.
    #[error("the earlier checkpoint: {0}")]
    Previous(CheckpointError),
    /// The earlier checkpoint is not of a tree that this log ever had: the log was cut, or forked.
    #[error("the log never had the tree of size {size} of the earlier checkpoint: it was cut or forked")]
    Forked {
        /// That checkpoint's size.
        size: u64,
    },
}

/// Reads all files of the log in `dir` and checks every leaf, batch, checkpoint and tile. `previous` is a checkpoint
/// that was stored elsewhere: the log must have had its tree. Works beside a running log, and writes nothing.
pub fn verify_offline(
    dir: &Path,
    key: &PublicKey,
    previous: Option<&SignedCheckpoint>,
) -> Result<AuditReport, AuditError> {
    verify_storage(&FileStorage::read_only(dir), key, previous)
}

/// The same for any storage.
pub fn verify_storage(
    storage: &dyn Storage,
    key: &PublicKey,
    previous: Option<&SignedCheckpoint>,
) -> Result<AuditReport, AuditError> {
    // Read first: a running log only ever goes on from what it has published.
    let published = storage.published("checkpoint")?;
    let segments = storage.segments()?;
    let first = storage.read_segment(*segments.first().ok_or(AuditError::Absent)?)?;
    let origin = segment::claimed_origin(&first)
        .ok_or(AuditError::Segment { segment: segments[0], error: SegmentError::Head })?;
    let mut audit = Audit {
        storage,
        key,
        origin,
        batches: 0,
        tiles: 0,
        findings: Vec::new(),
        roots: BTreeMap::new(),
        published_size: u64::MAX,
    };
    let published = audit.published(published.as_deref());
    let previous = previous.map(|signed| audit.own(signed.clone()).map_err(AuditError::Previous)).transpose()?;
    let mut tree: Option<(u64, SegmentReplay)> = None;
    let mut uncommitted = 0;
    for (number, segment) in segments.iter().enumerate() {
        let (next, torn) = audit.segment(*segment, tree.take())?;
        if torn > 0 && number + 1 < segments.len() {
            return Err(AuditError::Damaged { segment: *segment, offset: next.end, fault: SegmentFault::Middle });
        }
        uncommitted = torn;
        tree = Some((*segment, next));
    }
    let (_, tree) = tree.ok_or(AuditError::Absent)?;
    if let Some(previous) = previous {
        audit.went_through(&previous)?;
    }
    if let Some(published) = published {
        audit.went_through(&published)?;
        audit.partials(&published, &tree.edge)?;
    }
    Ok(AuditReport {
        origin: audit.origin,
        size: tree.frontier.size(),
        root: tree.root,
        checkpoint: tree.checkpoint,
        segments: segments.len(),
        batches: audit.batches,
        tiles: audit.tiles,
        uncommitted,
        findings: audit.findings,
    })
}

struct Audit<'a> {
    storage: &'a dyn Storage,
    key: &'a PublicKey,
    origin: Origin,
    batches: u64,
    tiles: u64,
    findings: Vec<Finding>,
    /// The root of every tree that was signed.
    roots: BTreeMap<u64, Hash>,
    /// Up to here the files must be complete. What was committed later may be about to be published.
    published_size: u64,
}

enum Stop {
    At(usize, SegmentFault),
    Audit(AuditError),
}

impl From<(usize, SegmentFault)> for Stop {
    fn from((offset, fault): (usize, SegmentFault)) -> Self {
        Self::At(offset, fault)
    }
}

impl Audit<'_> {
    /// A checkpoint of this log, by its key and under its name.
    fn own(&self, signed: SignedCheckpoint) -> Result<Checkpoint, CheckpointError> {
        let claimed = signed.claimed_origin().clone();
        if claimed != self.origin {
            return Err(CheckpointError::Foreign { found: claimed, expected: self.origin.clone() });
        }
        signed.verify(self.key)
    }

    fn segment(
        &mut self,
        segment: u64,
        before: Option<(u64, SegmentReplay)>,
    ) -> Result<(SegmentReplay, u64), AuditError> {
        let bytes = self.storage.read_segment(segment)?;
        let damaged = |offset, fault| AuditError::Damaged { segment, offset, fault };
        let head = segment::open(&bytes, segment, &self.origin, self.key)
            .map_err(|error| AuditError::Segment { segment, error })?;
        let frontier = head.edge.frontier();
        match before {
            Some((before, tree)) if (tree.frontier.size(), tree.root) != (segment, frontier.root()) => {
                return Err(AuditError::Damaged { segment: before, offset: tree.end, fault: SegmentFault::Next });
            }
            None if segment != 0 => return Err(damaged(0, SegmentFault::Begin)),
            _ => {}
        }
        self.roots.insert(segment, frontier.root());
        let tree = replay(&bytes, head, |step| {
            self.batches += 1;
            self.roots.insert(step.frame.size_after, step.frame.root_after);
            SignedCheckpoint::parse(step.frame.checkpoint)
                .and_then(|signed| self.own(signed))
                .map_err(|error| Stop::Audit(AuditError::Signature { size: step.frame.size_after, error }))?;
            step.completed.iter().try_for_each(|tile| self.tile(tile)).map_err(|error| Stop::Audit(error.into()))
        })
        .map_err(|stop| match stop {
            Stop::At(offset, fault) => damaged(offset, fault),
            Stop::Audit(error) => error,
        })?;
        let torn = check_tail(&bytes, &tree, self.key).map_err(|(offset, fault)| damaged(offset, fault))?;
        Ok((tree, torn))
    }

    fn tile(&mut self, (path, bytes): &Completed) -> io::Result<()> {
        let name = path.to_string();
        match self.storage.published(&name)? {
            Some(found) if found == *bytes => self.tiles += 1,
            Some(_) => self.findings.push(Finding::Differs(name)),
            None if path.leaves_end() <= self.published_size => self.findings.push(Finding::Missing(name)),
            None => {}
        }
        Ok(())
    }

    fn went_through(&self, checkpoint: &Checkpoint) -> Result<(), AuditError> {
        match self.roots.get(&checkpoint.size) {
            Some(root) if *root == checkpoint.root => Ok(()),
            _ => Err(AuditError::Forked { size: checkpoint.size }),
        }
    }

    /// The checkpoint file.
    fn published(&mut self, bytes: Option<&[u8]>) -> Option<Checkpoint> {
        let Some(bytes) = bytes else {
            self.findings.push(Finding::Missing("checkpoint".to_owned()));
            return None;
        };
        match SignedCheckpoint::parse(&String::from_utf8_lossy(bytes)).and_then(|signed| self.own(signed)) {
            Ok(checkpoint) => {
                self.published_size = checkpoint.size;
                Some(checkpoint)
            }
            Err(error) => {
                self.findings.push(Finding::Checkpoint(error));
                None
            }
        }
    }

    /// The partial tiles that the checkpoint file needs. A log that runs replaces them while we read, so they are
    /// looked at only when it is still of the very last tree.
    fn partials(&mut self, published: &Checkpoint, edge: &RightEdge) -> io::Result<()> {
        if published.size != edge.size() {
            return Ok(());
        }
        let partials = tile::partials(edge.size()).into_iter().filter_map(|path| Some((path, edge.partial(path)?)));
        partials.into_iter().try_for_each(|tile| self.tile(&tile))
    }
}
