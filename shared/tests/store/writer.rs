//! The process that is killed: it writes as fast as it can and prints what is acknowledged as durable.
//!
//! It is this test binary, run again with a directory in its environment; without one, its "test" does nothing.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use shared::store::{MAX_VALUE, SledStore, Store, StoreBatch, Table};
use shared::time::UnixTime;

pub(crate) const NOW: UnixTime = UnixTime::from_seconds(1_795_258_320);
const THREADS: u64 = 4;
const DIR: &str = "PRIVYSEAL_TEST_WRITER_DIR";
const HOW: &str = "PRIVYSEAL_TEST_WRITER_HOW";

/// How the child uses sled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum How {
    /// As the store does.
    Hardened,
    /// As its documentation suggests: `insert`, `flush`, done.
    AsShipped,
}

/// One life of the writer. Its records are its own: every life has a number.
pub(crate) struct Writer {
    child: Child,
    lines: Receiver<String>,
    life: u64,
}

impl Writer {
    pub(crate) fn start(dir: &Path, how: How, life: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--exact", "writer::child", "--nocapture", "--test-threads=1"])
            .env(DIR, dir)
            .env(HOW, format!("{how:?}/{life}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the writer starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, lines) = channel();
        // Ends with the child, whose end of the pipe closes.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines, life }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself, which it never should.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_some()
    }

    /// SIGKILL, and all that it had acknowledged.
    pub(crate) fn kill(mut self) -> Acknowledged {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("its end");
        let mut acknowledged = Acknowledged { life: self.life, last: BTreeMap::new(), count: 0 };
        for line in self.lines.iter() {
            // The test harness writes lines of its own.
            let Some((thread, n)) = line.strip_prefix("ack ").and_then(|rest| rest.split_once(' ')) else { continue };
            let Some(n) = n.strip_suffix('.') else { continue };
            acknowledged.last.insert(thread.parse().expect("a thread"), n.parse().expect("a step"));
            acknowledged.count += 1;
        }
        acknowledged
    }
}

/// What one life acknowledged. Each thread writes its steps in order, so the last step stands for all before it.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    life: u64,
    last: BTreeMap<u64, u64>,
    pub(crate) count: usize,
}

impl Acknowledged {
    /// What is wrong with the store in the light of this.
    pub(crate) fn check(&self, store: &dyn Store) -> Vec<String> {
        let mut wrong = Vec::new();
        let get = |table, key: &[u8]| store.get(table, key, NOW).expect("a store that reads");
        for thread in 0..THREADS {
            let last = self.last.get(&thread).copied();
            let acknowledged = last.map_or(0, |last| last + 1);
            for n in 0..acknowledged {
                let key = key(self.life, thread, n);
                // Every step takes what the step ten before it has put.
                let is_taken = n + TAKEN_AFTER < acknowledged;
                let expected = (!is_taken).then(|| value(&key));
                // Whether the very next, unacknowledged, step came through is open.
                if n + TAKEN_AFTER != acknowledged && get(Table::Codes, &key) != expected {
                    wrong.push(format!("thread {thread}: code {n} of {acknowledged}, taken: {is_taken}"));
                }
                if get(Table::Sessions, &key) != Some(value(&key)) {
                    wrong.push(format!("thread {thread}: session {n} of {acknowledged}"));
                }
            }
            // The unacknowledged step is there whole or not at all.
            let next = key(self.life, thread, acknowledged);
            if get(Table::Sessions, &next).is_some() != get(Table::Codes, &next).is_some() {
                wrong.push(format!("thread {thread}: half of step {acknowledged}"));
            }
            let counter = get(Table::Users, &counter(self.life, thread)).map(number);
            if counter != last && counter != Some(acknowledged) {
                wrong.push(format!("thread {thread}: counter {counter:?} after {last:?}"));
            }
        }
        wrong
    }

    /// The same for a database written as shipped, whose records are the sessions only.
    pub(crate) fn check_as_shipped(&self, dir: &Path) -> Vec<String> {
        let Ok(db) = sled::Config::new().path(dir).flush_every_ms(None).open() else {
            return vec!["does not open".into()];
        };
        let mut wrong = Vec::new();
        for (thread, last) in &self.last {
            for n in 0..=*last {
                let key = key(self.life, *thread, n);
                if db.get(&key).ok().flatten().is_none_or(|found| found != value(&key)) {
                    wrong.push(format!("thread {thread}: session {n} of {last}"));
                }
            }
        }
        wrong
    }
}

const TAKEN_AFTER: u64 = 10;

fn key(life: u64, thread: u64, n: u64) -> Vec<u8> {
    [life.to_be_bytes(), thread.to_be_bytes(), n.to_be_bytes()].concat()
}

fn counter(life: u64, thread: u64) -> Vec<u8> {
    [life.to_be_bytes(), thread.to_be_bytes()].concat()
}

/// Follows from the key, with lengths from a few bytes to the largest.
fn value(key: &[u8]) -> Vec<u8> {
    let n = number(key[16..].to_vec());
    let length = if n % 64 == 63 { MAX_VALUE } else { 8 + (n as usize * 37) % 400 };
    key.iter().copied().cycle().take(length).collect()
}

fn number(bytes: Vec<u8>) -> u64 {
    u64::from_be_bytes(bytes.try_into().expect("eight bytes"))
}

/// One write a line, at once, so that a line that was read was written whole before the kill.
fn acknowledge(thread: u64, n: u64) {
    std::io::stdout().lock().write_all(format!("ack {thread} {n}.\n").as_bytes()).expect("a reader");
}

#[test]
fn child() {
    let (Some(dir), Some(how)) = (std::env::var_os(DIR), std::env::var_os(HOW)) else { return };
    let (how, life) = how.to_str().and_then(|how| how.split_once('/')).expect("how and which life");
    let (dir, life) = (PathBuf::from(dir), life.parse().expect("a number"));
    // The test harness has begun a line of its own.
    println!();
    if how == "Hardened" { write_hardened(&dir, life) } else { write_as_shipped(&dir, life) }
}

fn write_hardened(dir: &Path, life: u64) {
    let (store, _) = SledStore::open(dir, NOW, |_| Ok(())).expect("a store");
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = &store;
            scope.spawn(move || {
                for n in 0_u64.. {
                    let (key, counter) = (key(life, thread, n), counter(life, thread));
                    let batch = match n.checked_sub(1) {
                        None => StoreBatch::new().expect_absent(Table::Users, counter.clone()),
                        Some(last) => StoreBatch::new().expect_value(Table::Users, counter.clone(), last.to_be_bytes()),
                    };
                    let batch = batch.put(Table::Users, counter, n.to_be_bytes(), None);
                    let batch = batch.put(Table::Codes, key.clone(), value(&key), None);
                    store.commit(batch.put(Table::Sessions, key.clone(), value(&key), None), NOW).expect("a commit");
                    if let Some(old) = n.checked_sub(TAKEN_AFTER) {
                        let taken = store.take(Table::Codes, &self::key(life, thread, old), NOW).expect("a take");
                        assert!(taken.is_some(), "nobody else takes it");
                    }
                    acknowledge(thread, n);
                }
            });
        }
    });
}

fn write_as_shipped(dir: &Path, life: u64) {
    let db = sled::Config::new().path(dir).flush_every_ms(None).open().expect("a database");
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let db = &db;
            scope.spawn(move || {
                for n in 0_u64.. {
                    let key = key(life, thread, n);
                    db.insert(&key, value(&key)).expect("an insert");
                    db.flush().expect("a flush");
                    acknowledge(thread, n);
                }
            });
        }
    });
}
