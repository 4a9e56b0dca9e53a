//! Every operation fails once, in every way, before every kind of restart; nothing that was acknowledged may be
//! missing.

use std::collections::BTreeMap;

use super::disk::{Disk, Failure, Restart};
use super::*;

/// Small, so that segments change often.
const SEGMENT: u64 = 4096;

struct Rig {
    disk: Disk,
    key: Arc<SigningKey>,
    /// What was acknowledged: index and leaf.
    acknowledged: BTreeMap<u64, Vec<u8>>,
    sent: u64,
}

impl Rig {
    fn new(key: &Arc<SigningKey>) -> Self {
        Self { disk: Disk::default(), key: key.clone(), acknowledged: BTreeMap::new(), sent: 0 }
    }

    fn open(&self) -> Result<(Log, LogOpenReport), LogOpenError> {
        Log::open_with(Arc::new(self.disk.clone()), origin(), self.key.clone(), SEGMENT)
    }

    /// Opens and appends until `leaves` were acknowledged or something failed.
    fn work(&mut self, leaves: usize) -> Result<(), LogOpenError> {
        let (log, _) = self.open()?;
        for _ in 0..leaves {
            let leaf = format!("leaf {} {}", self.sent, "x".repeat(self.sent as usize * 37 % 300)).into_bytes();
            self.sent += 1;
            match log.append(&leaf).wait() {
                Ok(receipt) => assert!(self.acknowledged.insert(receipt.index(), leaf).is_none()),
                Err(error) => {
                    assert!(matches!(error, AppendError::Stopped(_)), "{error}");
                    assert!(matches!(log.append("more").wait(), Err(AppendError::Stopped(_))), "stopped for good");
                    assert!(log.stopped().is_some());
                    break;
                }
            }
        }
        Ok(())
    }

    fn check(&self, what: &str) {
        let (log, report) = self.open().unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(report.size >= self.acknowledged.len() as u64, "{what}");
        for (index, leaf) in &self.acknowledged {
            assert_eq!(log.leaf(*index).expect("reads").as_ref(), Some(leaf), "{what}");
        }
        drop(log);
        let audit = verify_storage(&self.disk, self.key.public_key(), None).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!((audit.size, audit.findings, audit.uncommitted), (report.size, Vec::new(), 0), "{what}");
    }
}

#[test]
fn nothing_acknowledged_is_lost_whatever_fails() {
    let key = key();
    let mut torn = 0;
    for failure in [Failure::Failed, Failure::FailedButPersisted] {
        for after in 0.. {
            let mut rig = Rig::new(&key);
            rig.disk.fail(after, failure);
            let _ = rig.work(14);
            if !rig.disk.has_failed() {
                assert!(after > 30, "{after}");
                break;
            }
            for restart in
                [Restart::Process, Restart::PowerCut, Restart::Torn(after as u64), Restart::Torn(!after as u64)]
            {
                let what = format!("{failure:?} after {after}, {restart:?}");
                let mut next = Rig {
                    disk: rig.disk.restart(restart),
                    key: key.clone(),
                    acknowledged: rig.acknowledged.clone(),
                    sent: rig.sent,
                };
                let (log, report) = next.open().unwrap_or_else(|error| panic!("{what}: {error}"));
                torn += u64::from(report.dropped > 0);
                drop(log);
                next.check(&what);
                next.work(5).expect("opens");
                // The first restart may have built on what only the page cache held: nothing of that may appear now.
                next.disk = next.disk.restart(Restart::PowerCut);
                next.check(&what);
            }
        }
    }
    assert!(torn > 10, "only {torn} torn writes were seen");
}

#[test]
fn the_first_failure_while_opening_is_not_the_last_word() {
    let key = key();
    let mut rig = Rig::new(&key);
    rig.work(20).expect("opens");
    for failure in [Failure::Failed, Failure::FailedButPersisted] {
        for after in 0..12 {
            for restart in [Restart::Process, Restart::PowerCut] {
                let mut next = Rig {
                    disk: rig.disk.restart(restart),
                    key: key.clone(),
                    acknowledged: rig.acknowledged.clone(),
                    sent: 99,
                };
                next.disk.fail(after, failure);
                let _ = next.open().map(|(log, _)| log.close());
                next.disk = next.disk.restart(Restart::PowerCut);
                next.check(&format!("{failure:?} after {after}, {restart:?}"));
            }
        }
    }
}

#[test]
fn damage_that_no_crash_explains_is_refused() {
    let key = key();
    let mut rig = Rig::new(&key);
    rig.work(30).expect("opens");
    let segments = rig.disk.segments().expect("memory");
    assert!(segments.len() > 2);
    let last = *segments.last().expect("some");
    let bytes = rig.disk.read_segment(last).expect("memory");
    // The published checkpoint is of the whole log, so even its last batch cannot pass for a write that was cut short.
    let mut refused = 0;
    for at in (0..bytes.len()).step_by(3) {
        rig.disk.flip(last, at);
        match rig.open() {
            Err(_) => refused += 1,
            Ok((log, report)) => {
                drop(log);
                // Padding, which says nothing.
                assert_eq!((report.size, bytes[at]), (30, 0), "byte {at}");
            }
        }
        let audit = verify_storage(&rig.disk, rig.key.public_key(), None);
        assert!(audit.is_err() || bytes[at] == 0, "byte {at}");
        rig.disk.flip(last, at);
    }
    assert!(refused > bytes.len() / 4, "{refused} of {}", bytes.len());
    // A segment in the middle is not read when the log is opened, but it is when it is audited.
    for at in (0..1000).step_by(29) {
        rig.disk.flip(segments[1], at);
        let audit = verify_storage(&rig.disk, rig.key.public_key(), None);
        assert!(audit.is_err(), "byte {at}");
        rig.disk.flip(segments[1], at);
    }
    rig.check("undamaged");
}

#[test]
fn a_log_that_was_cut_or_removed_is_refused() {
    let key = key();
    let mut rig = Rig::new(&key);
    rig.work(10).expect("opens");
    let early = rig.disk.restart(Restart::Process);
    let (log, _) = rig.open().expect("opens");
    let checkpoint = SignedCheckpoint::parse(&log.checkpoint()).expect("parses");
    drop(log);
    rig.work(20).expect("opens");
    let public = rig.key.public_key().clone();
    assert!(verify_storage(&rig.disk, &public, Some(&checkpoint)).is_ok());
    let late = SignedCheckpoint::parse(
        std::str::from_utf8(&rig.disk.published("checkpoint").expect("memory").expect("is there")).expect("text"),
    );
    let late = late.expect("parses");
    assert!(matches!(verify_storage(&early, &public, Some(&late)), Err(AuditError::Forked { size: 30 })));
    // A fork: the same log went on differently.
    let mut fork = Rig { disk: early, key: key.clone(), acknowledged: BTreeMap::new(), sent: 1000 };
    fork.work(20).expect("opens");
    assert!(matches!(verify_storage(&fork.disk, &public, Some(&late)), Err(AuditError::Forked { size: 30 })));
    // The last segment, or all of them, gone: what was published convicts.
    let segments = rig.disk.segments().expect("memory");
    let cut = rig.disk.restart(Restart::Process);
    cut.forget_segment(*segments.last().expect("some"));
    let cut = Rig { disk: cut, key: key.clone(), acknowledged: BTreeMap::new(), sent: 0 };
    assert!(matches!(cut.open(), Err(LogOpenError::Published { published: 30, .. })));
    segments.iter().for_each(|segment| cut.disk.forget_segment(*segment));
    assert!(matches!(cut.open(), Err(LogOpenError::Published { .. })));
    assert!(matches!(verify_storage(&cut.disk, &public, None), Err(AuditError::Absent)));
}

#[test]
fn everything_published_is_made_again_from_the_segments() {
    let key = key();
    let disk = Disk::default();
    let open = || Log::open_with(Arc::new(disk.clone()), origin(), key.clone(), 1 << 20).expect("opens");
    let (log, _) = open();
    let pending: Vec<_> = (0..1000).map(|n| log.append(format!("leaf {n}"))).collect();
    for pending in pending {
        pending.wait().expect("durable");
    }
    log.close();
    let names = disk.names();
    let expected = [
        "checkpoint",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002",
        "tile/0/003.p/232",
        "tile/1/000.p/3",
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002",
        "tile/entries/003.p/232",
    ];
    assert_eq!(names, expected);
    disk.forget_published();
    let (log, report) = open();
    assert_eq!(report.rebuilt_tiles, 6);
    log.close();
    assert_eq!(disk.names(), expected);
    // While it runs, a tile that goes missing is made again for the reader that asks for it.
    let (log, report) = open();
    assert_eq!(report.rebuilt_tiles, 0);
    disk.forget_published();
    assert_eq!(log.leaf(300).expect("reads").as_deref(), Some(&b"leaf 300"[..]));
    assert!(log.tile(TilePath::parse("tile/0/002").expect("a name")).expect("reads").is_some());
    let (size, root) = log.tree();
    let path = log.consistency_proof(400, size).expect("reads").expect("in order");
    let old_root = merkle::root(&reader::TileNodes(&log.0.shared), 400).expect("reads");
    assert_eq!(merkle::verify_consistency(400, &old_root, size, &root, &path), Ok(()));
}
