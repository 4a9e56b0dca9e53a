//! The result of an append: a value that comes when its batch is durable.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use super::append_error::AppendError;
use super::growth::Growth;
use super::leaf::LeafHash;
use super::merkle::{self, Hash};

/// Proof that a leaf is durable. Only a `Log` makes one, so holding it means that the fsync is done.
#[derive(Debug)]
pub struct Receipt {
    leaf_hash: LeafHash,
    index: u64,
}

impl Receipt {
    /// The hash of the leaf.
    pub fn leaf_hash(&self) -> LeafHash {
        self.leaf_hash
    }

    /// The leaf's place in the log, from zero.
    pub fn index(&self) -> u64 {
        self.index
    }
}

/// A receipt and its proof: the audit path to the root of the tree after the leaf's batch, and the
/// checkpoint that was signed over that root.
#[derive(Debug)]
pub struct Proved {
    /// The receipt.
    pub receipt: Receipt,
    /// How many leaves the tree has.
    pub tree_size: u64,
    /// The root of the tree.
    pub root: Hash,
    /// The audit path, from the leaf upwards.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint, a note.
    pub checkpoint: Arc<str>,
}

impl Proved {
    /// Checks the path against the root, as anyone can.
    pub fn verify(&self) -> Result<(), merkle::ProofError> {
        let LeafHash(leaf) = self.receipt.leaf_hash;
        merkle::verify_inclusion(&leaf, self.receipt.index, self.tree_size, &self.hashes, &self.root)
    }
}

/// A batch that is durable.
pub(super) struct Committed {
    pub(super) growth: Growth,
    pub(super) root: Hash,
    pub(super) checkpoint: Arc<str>,
}

/// One batch, shared by the committer and by all who wait for it: its outcome is written once for all of them.
#[derive(Default)]
pub(super) struct PendingBatch {
    outcome: OnceLock<Result<Committed, AppendError>>,
    wakers: Mutex<Vec<Option<Waker>>>,
}

impl PendingBatch {
    /// Settles the batch and wakes those who wait, in one pass.
    pub(super) fn complete(&self, outcome: Result<Committed, AppendError>) {
        let _ = self.outcome.set(outcome);
        // Who registers after this takes the lock after us, and then sees the outcome.
        let wakers = std::mem::take(&mut *self.wakers());
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn wakers(&self) -> MutexGuard<'_, Vec<Option<Waker>>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self, position: usize, waker: &Waker) {
        let mut wakers = self.wakers();
        if self.outcome.get().is_some() {
            drop(wakers);
            return waker.wake_by_ref();
        }
        if wakers.len() <= position {
            wakers.resize(position + 1, None);
        }
        match &mut wakers[position] {
            Some(known) => known.clone_from(waker),
            empty => *empty = Some(waker.clone()),
        }
    }
}

/// An append on its way to the disk: await it on any runtime, or block on it with `wait`. Dropping it does not take the
/// leaf back.
#[must_use = "nothing that depends on the leaf may leave before this is ready"]
pub struct Pending<T>(PendingState<T>);

enum PendingState<T> {
    Queued { batch: Arc<PendingBatch>, position: usize, leaf: LeafHash, answer: fn(&Committed, usize, LeafHash) -> T },
    Refused(AppendError),
}

impl Pending<Receipt> {
    pub(super) fn receipt(batch: Arc<PendingBatch>, position: usize, leaf: LeafHash) -> Self {
        Self(PendingState::Queued { batch, position, leaf, answer: receipt })
    }
}

impl Pending<Proved> {
    pub(super) fn proved(batch: Arc<PendingBatch>, position: usize, leaf: LeafHash) -> Self {
        Self(PendingState::Queued { batch, position, leaf, answer: proved })
    }
}

fn receipt(committed: &Committed, position: usize, leaf_hash: LeafHash) -> Receipt {
    Receipt { leaf_hash, index: committed.growth.from() + position as u64 }
}

fn proved(committed: &Committed, position: usize, leaf: LeafHash) -> Proved {
    let receipt = receipt(committed, position, leaf);
    let hashes = committed.growth.inclusion_proof(receipt.index);
    let checkpoint = Arc::clone(&committed.checkpoint);
    Proved { receipt, tree_size: committed.growth.to(), root: committed.root, hashes, checkpoint }
}

impl<T> Pending<T> {
    pub(super) fn refused(error: AppendError) -> Self {
        Self(PendingState::Refused(error))
    }

    /// Blocks this thread until the leaf is durable. Not for async workers: they await.
    pub fn wait(mut self) -> Result<T, AppendError> {
        if let Some(answer) = self.answer() {
            return answer;
        }
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self).poll(&mut context) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => std::thread::park(),
            }
        }
    }

    fn answer(&self) -> Option<Result<T, AppendError>> {
        match &self.0 {
            PendingState::Refused(error) => Some(Err(error.clone())),
            PendingState::Queued { batch, position, leaf, answer } => {
                let outcome = batch.outcome.get()?;
                Some(outcome.as_ref().map(|committed| answer(committed, *position, *leaf)).map_err(Clone::clone))
            }
        }
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, AppendError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(answer) = self.answer() {
            return Poll::Ready(answer);
        }
        if let PendingState::Queued { batch, position, .. } = &self.0 {
            batch.register(*position, context.waker());
        }
        Poll::Pending
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
