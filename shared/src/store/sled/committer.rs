//! The one thread that changes the database: it decides the requests that have queued, one after the other, writes
//! their changes as one batch, makes that durable, and then answers all of them. There is no timer: a lone request does
//! not wait, and while one group is on its way to the disk the next one gathers.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::super::batch::{StoreBatch, StoreChange};
use super::super::error::StoreError;
use super::engine::{Engine, EngineFault};
use super::record;
use crate::time::UnixTime;

/// Most requests that one sync answers, and that may wait for their turn before callers block.
const MAX_GROUP: usize = 256;
/// A group takes no further request once its values come to this many bytes.
const MAX_GROUP_BYTES: usize = 1 << 20;

/// A request to the thread. Keys are the tree's keys, except in a batch.
pub(super) enum Request {
    Commit { batch: StoreBatch, now: UnixTime },
    RemoveExpired { keys: Vec<Vec<u8>>, now: UnixTime },
    Take { key: Vec<u8>, now: UnixTime },
}

/// The outcome of a request.
pub(super) enum Done {
    Committed,
    Removed(usize),
    Taken(Option<Vec<u8>>),
}

type JobAnswer = Result<Done, StoreError>;

struct Job {
    request: Request,
    answer: SyncSender<JobAnswer>,
}

/// The thread and its queue.
#[derive(Debug)]
pub(super) struct StoreCommitter {
    // Taken only when the store is dropped: the thread ends when its last sender does.
    jobs: Option<SyncSender<Job>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl StoreCommitter {
    pub(super) fn start(engine: Arc<Engine>) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(MAX_GROUP);
        let thread = std::thread::Builder::new().name("store".into()).spawn(move || run(&engine, &queue))?;
        Ok(Self { jobs: Some(jobs), thread: Mutex::new(Some(thread)) })
    }

    /// Queues a request and waits for its answer.
    pub(super) fn ask(&self, request: Request) -> JobAnswer {
        let stopped = || StoreError::Engine("its committer has stopped".into());
        let (answer, answered) = sync_channel(1);
        self.jobs.as_ref().ok_or_else(stopped)?.send(Job { request, answer }).map_err(|_| stopped())?;
        answered.recv().map_err(|_| stopped())?
    }
}

impl Drop for StoreCommitter {
    fn drop(&mut self) {
        self.jobs = None;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The thread catches its panics; one that got through cannot be reported any more.
        let _ = thread.map(JoinHandle::join);
    }
}

fn run(engine: &Engine, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let group = gather(first, queue);
        let requests: Vec<&Request> = group.iter().map(|job| &job.request).collect();
        let answers = match engine.guard(|db| decide_and_write(engine, db, &requests)) {
            Ok(answers) => answers,
            Err(failure) => group.iter().map(|_| Err(failure.clone())).collect(),
        };
        for (job, answer) in group.iter().zip(answers) {
            // A caller that no longer waits does not change what was done.
            let _ = job.answer.send(answer);
        }
    }
}

fn gather(first: Job, queue: &Receiver<Job>) -> Vec<Job> {
    let mut bytes = first.request.size();
    let mut group = vec![first];
    while group.len() < MAX_GROUP
        && bytes < MAX_GROUP_BYTES
        && let Ok(job) = queue.try_recv()
    {
        bytes += job.request.size();
        group.push(job);
    }
    group
}

impl Request {
    fn size(&self) -> usize {
        match self {
            Self::Commit { batch, .. } => batch.changes.iter().map(|(_, key, change)| key.len() + change.size()).sum(),
            Self::RemoveExpired { keys, .. } => keys.iter().map(Vec::len).sum(),
            Self::Take { key, .. } => key.len(),
        }
    }
}

impl StoreChange {
    fn size(&self) -> usize {
        match self {
            Self::Put { value, .. } => value.len(),
            Self::Delete => 0,
        }
    }
}

/// Decides each request as if those before it had been carried out, then carries out all of them at once. A refusal,
/// too, is answered only afterwards, since it may rest on a change of the same group.
fn decide_and_write(engine: &Engine, db: &::sled::Db, requests: &[&Request]) -> Result<Vec<JobAnswer>, EngineFault> {
    let mut pending = PendingChanges { db, changed: HashMap::new() };
    let answers = requests.iter().map(|request| pending.decide(request)).collect::<Result<_, _>>()?;
    if !pending.changed.is_empty() {
        let mut batch = ::sled::Batch::default();
        for (key, value) in pending.changed {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        db.apply_batch(batch)?;
        db.flush()?; // Written, but not durable: see the top of store/sled.rs.
        engine.file.sync_all().map_err(EngineFault::Sync)?;
    }
    Ok(answers)
}

/// The database as it will be: what the group has changed so far, over what is there.
struct PendingChanges<'a> {
    db: &'a ::sled::Db,
    changed: HashMap<Vec<u8>, Option<Vec<u8>>>,
}

impl PendingChanges<'_> {
    /// `Err` is a fault of the engine; a refusal is an answer.
    fn decide(&mut self, request: &Request) -> Result<JobAnswer, EngineFault> {
        match request {
            Request::Commit { batch, now } => self.commit(batch, *now),
            Request::RemoveExpired { keys, now } => {
                let mut count = 0;
                for key in keys {
                    if self.has(key)? && self.live(key, *now)?.is_none() {
                        self.changed.insert(key.clone(), None);
                        count += 1;
                    }
                }
                Ok(Ok(Done::Removed(count)))
            }
            Request::Take { key, now } => {
                let live = self.live(key, *now)?;
                if live.is_some() {
                    self.changed.insert(key.clone(), None);
                }
                Ok(Ok(Done::Taken(live)))
            }
        }
    }

    fn commit(&mut self, batch: &StoreBatch, now: UnixTime) -> Result<JobAnswer, EngineFault> {
        for (table, key, expect) in &batch.expects {
            if !expect.holds(self.live(&record::key(*table, key), now)?.as_deref()) {
                return Ok(Err(StoreError::Conflict));
            }
        }
        for (table, key, change) in &batch.changes {
            let value = match change {
                StoreChange::Put { value, expires } => Some(record::encode(value, *expires)),
                StoreChange::Delete => None,
            };
            self.changed.insert(record::key(*table, key), value);
        }
        Ok(Ok(Done::Committed))
    }

    fn live(&self, key: &[u8], now: UnixTime) -> Result<Option<Vec<u8>>, EngineFault> {
        let found = match self.changed.get(key) {
            Some(changed) => return Ok(live_of(changed.as_deref(), now)?),
            None => self.db.get(key)?,
        };
        Ok(live_of(found.as_deref(), now)?)
    }

    fn has(&self, key: &[u8]) -> Result<bool, EngineFault> {
        Ok(match self.changed.get(key) {
            Some(changed) => changed.is_some(),
            None => self.db.contains_key(key)?,
        })
    }
}

fn live_of(bytes: Option<&[u8]>, now: UnixTime) -> Result<Option<Vec<u8>>, record::StoredRecordError> {
    bytes.map_or(Ok(None), |bytes| Ok(record::decode(bytes)?.live(now).map(<[u8]>::to_vec)))
}
