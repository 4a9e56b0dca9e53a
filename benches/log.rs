//! What an append costs: wall clock by criterion, and the CPU time of the whole process, wake-ups and the committer
//! included.
//!
//! `cargo bench -p privyseal-benches --bench log`
#![expect(clippy::disallowed_methods, reason = "a benchmark measures")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use shared::keys::{SignatureAlgorithm, SigningKey};
use shared::log::{Hash, Log, Origin, Pending, merkle};
use tempfile::TempDir;

/// About what an audit record takes.
const LEAF: usize = 400;

fn key() -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("a key"))
}

fn open(dir: &TempDir, key: &Arc<SigningKey>) -> Log {
    Log::open(dir.path(), Origin::parse("log.example").expect("a name"), key.clone()).expect("opens").0
}

/// User and system time of this process so far, from `/proc/self/stat` in ticks of 10 ms; zero where there is none.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit_once(") ").map_or(Vec::new(), |(_, rest)| rest.split(' ').collect());
    let ticks = |field: usize| fields.get(field).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

/// Keeps `in_flight` appends on their way from one thread, as one async worker does for its connections, for `span`.
fn drive<T>(in_flight: usize, span: Duration, append: impl Fn(&[u8]) -> Pending<T>) -> u64 {
    let mut leaf = vec![7; LEAF];
    let mut ring: std::collections::VecDeque<Pending<T>> = std::collections::VecDeque::new();
    let begin = Instant::now();
    let mut done = 0u64;
    while !done.is_multiple_of(64) || begin.elapsed() < span {
        while ring.len() < in_flight {
            leaf[..8].copy_from_slice(&(done + ring.len() as u64).to_be_bytes());
            ring.push_back(append(&leaf));
        }
        if let Some(oldest) = ring.pop_front() {
            black_box(oldest.wait().expect("durable"));
            done += 1;
        }
    }
    for pending in ring {
        black_box(pending.wait().expect("durable"));
        done += 1;
    }
    done
}

fn report<T>(what: &str, log: &Log, append: impl Fn(&[u8]) -> Pending<T>) {
    for in_flight in [1, 64] {
        drive(in_flight, Duration::from_millis(200), &append);
        let (cpu_before, begin, size) = (cpu(), Instant::now(), log.size());
        let done = drive(in_flight, Duration::from_secs(2), &append);
        let (cpu, wall) = (cpu() - cpu_before, begin.elapsed());
        println!(
            "{what:<24} {in_flight:>3} in flight  {:>8.0} records/s  {:>6.1} us CPU per record  ({} records)",
            done as f64 / wall.as_secs_f64(),
            cpu.as_secs_f64() * 1e6 / done as f64,
            log.size() - size,
        );
    }
}

fn benches(criterion: &mut Criterion) {
    let dir = TempDir::new().expect("a directory");
    let key = key();
    let log = open(&dir, &key);
    report("append, durable", &log, |leaf| log.append(leaf));
    report("append_proved, durable", &log, |leaf| log.append_proved(leaf));
    let memory = Log::in_memory();
    report("append, memory", &memory, |leaf| memory.append(leaf));
    let size = log.size();
    drop(log);
    let begin = Instant::now();
    let log = open(&dir, &key);
    println!("opening a log of {} leaves: {:.1} ms", log.size(), begin.elapsed().as_secs_f64() * 1e3);
    assert_eq!(log.size(), size);

    let leaves: Vec<Hash> = (0..4096u64).map(|n| merkle::leaf_hash(&n.to_be_bytes())).collect();
    let root = merkle::root(&leaves[..], 4096).expect("memory");
    let path = merkle::inclusion_proof(&leaves[..], 1234, 4096).expect("memory").expect("in the tree");
    criterion.bench_function("leaf hash, 400 bytes", |b| b.iter(|| merkle::leaf_hash(black_box(&[7; LEAF]))));
    criterion.bench_function("node hash", |b| b.iter(|| merkle::node_hash(black_box(&root), black_box(&root))));
    criterion.bench_function("inclusion proof verified, 4096 leaves", |b| {
        b.iter(|| merkle::verify_inclusion(&leaves[1234], 1234, 4096, black_box(&path), &root))
    });
}

criterion_group!(log, benches);
criterion_main!(log);
