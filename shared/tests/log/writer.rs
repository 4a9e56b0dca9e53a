//! The process that is killed: it appends as fast as it can and prints what is acknowledged as durable.
//!
//! It is this test binary, run again with a directory in its environment; without one, its "test" does nothing.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use shared::keys::{PublicKey, Signer, SigningKey};
use shared::log::{
    Hash, LeafHash, Log, LogOpenError, LogOpenReport, Origin, SignedCheckpoint, TilePath, tile, verify_offline,
};
use zeroize::Zeroizing;

const DIR: &str = "PRIVYSEAL_TEST_LOG_DIR";
const LIFE: &str = "PRIVYSEAL_TEST_LOG_LIFE";
const THREADS: u64 = 4;
/// How many leaves a thread has on their way at once.
const IN_FLIGHT: u64 = 8;

/// The log that is written to, and all that was ever acknowledged of it.
pub(crate) struct Site {
    key: PathBuf,
    /// Index and leaf hash.
    acknowledged: Vec<(u64, Hash)>,
    /// The leaves seen so far, in order.
    leaves: Vec<Hash>,
    /// The last checkpoint seen.
    checkpoint: Option<SignedCheckpoint>,
}

impl Site {
    /// Makes a key; the log itself is made by its first writer.
    pub(crate) fn new(key: PathBuf) -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).expect("a key");
        std::fs::write(&key, pkcs8.as_ref()).expect("writes");
        Self { key, acknowledged: Vec::new(), leaves: Vec::new(), checkpoint: None }
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    fn public_key(&self) -> PublicKey {
        open_key(&self.key).public_key().clone()
    }

    pub(crate) fn start(&self, dir: &Path, life: u64) -> Writer {
        Writer::start(dir, &self.key, life)
    }

    /// Takes note of what a writer acknowledged.
    pub(crate) fn take(&mut self, acknowledged: Vec<(u64, Hash)>) {
        self.acknowledged.extend(acknowledged);
    }

    /// Opens the log and looks for every leaf that was ever acknowledged, at its very index.
    pub(crate) fn check(&mut self, dir: &Path, life: u64) -> LogOpenReport {
        let (log, report) = open(dir, &self.key).unwrap_or_else(|error| panic!("life {life}: {error}"));
        let size = log.size();
        assert!(size >= self.leaves.len() as u64, "life {life}: the log has shrunk");
        let first_bundle = self.leaves.len() as u64 / tile::WIDTH;
        self.leaves.truncate((first_bundle * tile::WIDTH) as usize);
        for index in first_bundle..size.div_ceil(tile::WIDTH) {
            let width = u8::try_from(tile::width_in(tile::TileKind::Entries, index, size)).ok();
            let path = TilePath { kind: tile::TileKind::Entries, index, width };
            let bundle = log.tile(path).expect("reads").expect("the tree has it");
            self.leaves.extend(shared::log::Entries(&bundle).map(|leaf| LeafHash::of(leaf.expect("whole")).0));
        }
        assert_eq!(self.leaves.len() as u64, size, "life {life}");
        for (index, leaf) in &self.acknowledged {
            assert_eq!(self.leaves.get(*index as usize), Some(leaf), "life {life}, leaf {index}");
        }
        log.close();
        let checkpoint = SignedCheckpoint::parse(&log.checkpoint()).expect("parses");
        self.checkpoint = Some(checkpoint);
        report
    }

    /// Checks the files alone, down to every signature; the log must have gone through the tree last seen.
    pub(crate) fn audit(&self, dir: &Path) {
        let audit = verify_offline(dir, &self.public_key(), self.checkpoint.as_ref()).expect("passes");
        assert_eq!(audit.findings, []);
        assert_eq!(audit.size, self.leaves.len() as u64);
        let mut sorted = self.leaves.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), self.leaves.len(), "a leaf is there twice");
    }
}

fn open_key(path: &Path) -> SigningKey {
    SigningKey::from_pkcs8(Zeroizing::new(std::fs::read(path).expect("reads"))).expect("a key")
}

fn open(dir: &Path, key: &Path) -> Result<(Log, LogOpenReport), LogOpenError> {
    Log::open(dir, Origin::parse("log.example").expect("a name"), Arc::new(open_key(key)))
}

/// One life of the writer.
pub(crate) struct Writer {
    child: Child,
    lines: Receiver<String>,
}

impl Writer {
    fn start(dir: &Path, key: &Path, life: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--exact", "writer::child", "--nocapture", "--test-threads=1"])
            .env(DIR, dir)
            .env(LIFE, format!("{life}:{}", key.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // Should it give up, it says why.
            .stderr(Stdio::inherit())
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
        Self { child, lines }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself, which it never should.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_some()
    }

    /// SIGKILL, and all that it had acknowledged.
    pub(crate) fn kill(mut self) -> Vec<(u64, Hash)> {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("its end");
        self.lines.iter().filter_map(|line| acknowledgement(&line)).collect()
    }
}

/// The test harness writes lines of its own, and the last line may be cut.
fn acknowledgement(line: &str) -> Option<(u64, Hash)> {
    let (index, hash) = line.strip_prefix("ack ")?.strip_suffix('.')?.split_once(' ')?;
    Some((index.parse().ok()?, hex::decode(hash).ok()?.try_into().ok()?))
}

#[test]
fn child() {
    let (Some(dir), Ok(life)) = (std::env::var_os(DIR), std::env::var(LIFE)) else { return };
    let (life, key) = life.split_once(':').expect("a life and a key");
    let log = open_when_free(Path::new(&dir), Path::new(key));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let log = log.clone();
            scope.spawn(move || append_for_ever(&log, life, thread));
        }
    });
}

/// The lock of the log goes with a file that the process before had open, and a program which another test starts just
/// then holds that file too, between its fork and its exec.
fn open_when_free(dir: &Path, key: &Path) -> Log {
    for _ in 0..200 {
        match open(dir, key) {
            Err(LogOpenError::Disk(error)) if error.kind() == ErrorKind::ResourceBusy => {
                std::thread::sleep(Duration::from_millis(5));
            }
            opened => return opened.expect("opens").0,
        }
    }
    panic!("the log stays locked");
}

fn append_for_ever(log: &Log, life: &str, thread: u64) {
    let mut last = None;
    for round in 0.. {
        let pending: Vec<_> = (0..IN_FLIGHT)
            .map(|n| {
                let n = round * IN_FLIGHT + n;
                let length = (n * 2_654_435_761 % 6_007) as usize;
                log.append_proved(format!("{life} {thread} {n} {}", "x".repeat(length)))
            })
            .collect();
        for pending in pending {
            let proved = pending.wait().expect("durable");
            proved.verify().expect("proves itself");
            assert!(last < Some(proved.receipt.index()), "leaves of one thread stay in order");
            last = Some(proved.receipt.index());
            let LeafHash(hash) = proved.receipt.leaf_hash();
            let line = format!("ack {} {}.\n", proved.receipt.index(), hex::encode(hash));
            std::io::stdout().write_all(line.as_bytes()).expect("somebody listens");
        }
    }
}
