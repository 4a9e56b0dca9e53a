//! One suite for all engines: each test runs against each of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use shared::store::{
    MAX_BATCH, MAX_KEY, MAX_VALUE, MemoryStore, RecordPart, SledStore, Store, StoreBatch, StoreError, Table,
};
use shared::time::UnixTime;
use tempfile::TempDir;

const NOW: UnixTime = UnixTime::from_seconds(1_795_258_320);
const TABLES: [Table; 5] = [Table::Codes, Table::Registrations, Table::Sessions, Table::UsedSvids, Table::Users];

/// An engine under test, with what must stay alive beside it.
struct Engine {
    name: &'static str,
    store: Arc<dyn Store>,
    _dir: Option<TempDir>,
}

fn engines() -> [Engine; 2] {
    let dir = TempDir::new().expect("a directory");
    let (sled, _) = SledStore::open(&dir.path().join("store"), NOW, |_| Ok(())).expect("a new store");
    [
        Engine { name: "memory", store: Arc::new(MemoryStore::new()), _dir: None },
        Engine { name: "sled", store: Arc::new(sled), _dir: Some(dir) },
    ]
}

fn later(millis: u64) -> UnixTime {
    NOW.plus(Duration::from_millis(millis))
}

#[test]
fn a_record_is_found_under_its_table_and_key_only() {
    for Engine { name, store, .. } in engines() {
        store
            .commit(StoreBatch::new().put(Table::Codes, "a", "1", None).put(Table::Users, "a", "2", None), NOW)
            .unwrap();
        assert_eq!(store.get(Table::Codes, b"a", NOW).unwrap().as_deref(), Some(&b"1"[..]), "{name}");
        assert_eq!(store.get(Table::Users, b"a", NOW).unwrap().as_deref(), Some(&b"2"[..]), "{name}");
        assert_eq!(store.get(Table::Sessions, b"a", NOW), Ok(None), "{name}");
        assert_eq!(store.get(Table::Codes, b"a\0", NOW), Ok(None), "{name}");
        store.commit(StoreBatch::new().put(Table::Codes, "a", "3", None).delete(Table::Users, "a"), NOW).unwrap();
        assert_eq!(store.get(Table::Codes, b"a", NOW).unwrap().as_deref(), Some(&b"3"[..]), "{name}");
        assert_eq!(store.get(Table::Users, b"a", NOW), Ok(None), "{name}");
        store.commit(StoreBatch::new().delete(Table::Users, "a").delete(Table::Users, "never there"), NOW).unwrap();
    }
}

#[test]
fn the_changes_of_a_batch_happen_in_order() {
    for Engine { name, store, .. } in engines() {
        let batch = StoreBatch::new().put(Table::Codes, "a", "1", None).delete(Table::Codes, "a");
        store.commit(batch.put(Table::Codes, "b", "1", None).put(Table::Codes, "b", "2", None), NOW).unwrap();
        assert_eq!(store.get(Table::Codes, b"a", NOW), Ok(None), "{name}");
        assert_eq!(store.get(Table::Codes, b"b", NOW).unwrap().as_deref(), Some(&b"2"[..]), "{name}");
    }
}

#[test]
fn a_batch_whose_expectation_fails_changes_nothing() {
    for Engine { name, store, .. } in engines() {
        store.commit(StoreBatch::new().put(Table::Users, "a", "1", None), NOW).unwrap();
        let refused = [
            StoreBatch::new().expect_absent(Table::Users, "a"),
            StoreBatch::new().expect_value(Table::Users, "a", "2"),
            StoreBatch::new().expect_value(Table::Users, "a", ""),
            StoreBatch::new().expect_value(Table::Users, "b", "1"),
            StoreBatch::new().expect_value(Table::Users, "a", "1").expect_absent(Table::Users, "a"),
        ];
        for batch in refused {
            let batch = batch.put(Table::Codes, "x", "1", None).delete(Table::Users, "a");
            assert_eq!(store.commit(batch.clone(), NOW), Err(StoreError::Conflict), "{name}: {batch:?}");
            assert_eq!(store.get(Table::Codes, b"x", NOW), Ok(None), "{name}: {batch:?}");
            assert_eq!(store.get(Table::Users, b"a", NOW).unwrap().as_deref(), Some(&b"1"[..]), "{name}: {batch:?}");
        }
        let allowed = StoreBatch::new().expect_value(Table::Users, "a", "1").expect_absent(Table::Users, "b");
        store.commit(allowed.put(Table::Users, "a", "2", None), NOW).unwrap();
        assert_eq!(store.get(Table::Users, b"a", NOW).unwrap().as_deref(), Some(&b"2"[..]), "{name}");
    }
}

#[test]
fn compare_and_swap_under_contention_loses_no_step() {
    const THREADS: usize = 8;
    const STEPS: usize = 25;
    for Engine { name, store, .. } in engines() {
        store.commit(StoreBatch::new().put(Table::Users, "counter", 0_u64.to_be_bytes(), None), NOW).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| (0..STEPS).for_each(|_| increment(&*store)));
            }
        });
        let end = store.get(Table::Users, b"counter", NOW).unwrap().unwrap();
        assert_eq!(end, ((THREADS * STEPS) as u64).to_be_bytes(), "{name}");
    }
}

fn increment(store: &dyn Store) {
    loop {
        let old = store.get(Table::Users, b"counter", NOW).unwrap().unwrap();
        let new = u64::from_be_bytes(old.clone().try_into().unwrap()) + 1;
        let step = StoreBatch::new().expect_value(Table::Users, "counter", old);
        match store.commit(step.put(Table::Users, "counter", new.to_be_bytes(), None), NOW) {
            Ok(()) => return,
            Err(error) => assert_eq!(error, StoreError::Conflict),
        }
    }
}

#[test]
fn of_many_takers_exactly_one_gets_the_record() {
    const THREADS: usize = 16;
    const RECORDS: usize = 40;
    for Engine { name, store, .. } in engines() {
        for n in 0..RECORDS {
            store.commit(StoreBatch::new().put(Table::Codes, n.to_be_bytes(), "once", Some(later(1))), NOW).unwrap();
        }
        let won: Vec<AtomicUsize> = (0..RECORDS).map(|_| AtomicUsize::new(0)).collect();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for (n, won) in won.iter().enumerate() {
                        if let Some(value) = store.take(Table::Codes, &n.to_be_bytes(), NOW).unwrap() {
                            assert_eq!(value, b"once");
                            won.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        assert!(won.iter().all(|won| won.load(Ordering::SeqCst) == 1), "{name}: {won:?}");
        assert_eq!(store.range(Table::Codes, b"", 10, NOW), Ok(vec![]), "{name}");
    }
}

#[test]
fn of_many_creators_exactly_one_makes_the_record() {
    for Engine { name, store, .. } in engines() {
        let won = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for n in 0..16_u8 {
                let (store, won) = (&store, &won);
                scope.spawn(move || {
                    let batch =
                        StoreBatch::new().expect_absent(Table::Users, "alice").put(Table::Users, "alice", [n], None);
                    match store.commit(batch, NOW) {
                        Ok(()) => won.fetch_add(1, Ordering::SeqCst),
                        Err(error) => {
                            assert_eq!(error, StoreError::Conflict);
                            0
                        }
                    }
                });
            }
        });
        assert_eq!(won.into_inner(), 1, "{name}");
    }
}

#[test]
fn a_record_is_absent_from_the_moment_it_expires() {
    for Engine { name, store, .. } in engines() {
        let fill =
            |key: &str| store.commit(StoreBatch::new().put(Table::Codes, key, "v", Some(later(1_000))), NOW).unwrap();
        fill("a");
        for (at, lives) in [(later(0), true), (later(999), true), (later(1_000), false), (later(1_001), false)] {
            assert_eq!(store.get(Table::Codes, b"a", at).unwrap().is_some(), lives, "{name} {at:?}");
            assert_eq!(store.range(Table::Codes, b"", 9, at).unwrap().len(), usize::from(lives), "{name} {at:?}");
            let by_value = StoreBatch::new().expect_value(Table::Codes, "a", "v");
            assert_eq!(store.commit(by_value, at).is_ok(), lives, "{name} {at:?}");
            let by_absence = StoreBatch::new().expect_absent(Table::Codes, "a");
            assert_eq!(store.commit(by_absence, at).is_ok(), !lives, "{name} {at:?}");
            fill("b");
            assert_eq!(store.take(Table::Codes, b"b", at).unwrap().is_some(), lives, "{name} {at:?}");
            store.commit(StoreBatch::new().delete(Table::Codes, "b"), at).unwrap();
        }
        store.commit(StoreBatch::new().put(Table::Codes, "a", "w", None), later(2_000)).unwrap();
        assert!(store.get(Table::Codes, b"a", UnixTime::from_millis(u64::MAX)).unwrap().is_some(), "{name}: no end");
    }
}

#[test]
fn sweep_removes_what_has_expired_and_nothing_else() {
    for Engine { name, store, .. } in engines() {
        for n in 0..300_u16 {
            let expires = match n % 3 {
                0 => None,
                1 => Some(later(1_000)),
                _ => Some(later(2_000)),
            };
            store
                .commit(StoreBatch::new().put(TABLES[usize::from(n) % 2], n.to_be_bytes(), "v", expires), NOW)
                .unwrap();
        }
        assert_eq!(store.sweep(NOW, 1_000), Ok(0), "{name}");
        assert_eq!(store.sweep(later(999), 1_000), Ok(0), "{name}");
        assert_eq!(store.sweep(later(1_000), 0), Ok(0), "{name}");
        assert_eq!(store.sweep(later(1_000), 7), Ok(7), "{name}");
        assert_eq!(store.sweep(later(1_000), 1_000), Ok(93), "{name}");
        assert_eq!(store.sweep(later(1_000), 1_000), Ok(0), "{name}");
        // As seen at a moment before any of them expired, what is left are the other two thirds.
        let left: usize = TABLES.map(|table| store.range(table, b"", 1_000, NOW).unwrap().len()).iter().sum();
        assert_eq!(left, 200, "{name}");
    }
}

#[test]
fn range_walks_one_table_in_byte_order() {
    let keys: [&[u8]; 7] = [b"\x00", b"a", b"a\x00", b"a\xff", b"b", b"\xff", b"\xff\xff"];
    for Engine { name, store, .. } in engines() {
        for (n, key) in keys.iter().enumerate().rev() {
            store.commit(StoreBatch::new().put(Table::Sessions, *key, [n as u8], None), NOW).unwrap();
            store.commit(StoreBatch::new().put(Table::Codes, *key, "other", None), NOW).unwrap();
            store.commit(StoreBatch::new().put(Table::Users, *key, "other", None), NOW).unwrap();
        }
        let walk = |after: &[u8], limit| {
            let page = store.range(Table::Sessions, after, limit, NOW).unwrap();
            page.into_iter()
                .map(|(key, value)| {
                    assert_eq!(keys[usize::from(value[0])], key, "{name}");
                    value[0]
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(walk(b"", 100), [0, 1, 2, 3, 4, 5, 6], "{name}");
        assert_eq!(walk(b"", 3), [0, 1, 2], "{name}");
        assert_eq!(walk(b"a\x00", 2), [3, 4], "{name}");
        assert_eq!(walk(b"a\x01", 100), [3, 4, 5, 6], "{name}");
        assert_eq!(walk(b"\xff\xff", 100), [0; 0], "{name}");
        assert_eq!(walk(b"", 0), [0; 0], "{name}");
    }
}

#[test]
fn what_is_over_a_cap_is_refused_whole() {
    for Engine { name, store, .. } in engines() {
        let key = |length| vec![b'k'; length];
        let value = |length| vec![b'v'; length];
        let put = |k, v| StoreBatch::new().put(Table::Codes, "x", "1", None).put(Table::Codes, key(k), value(v), None);
        let too_large = |what, length, cap| StoreError::TooLarge { what, length, cap };
        let over_key = too_large(RecordPart::Key, MAX_KEY + 1, MAX_KEY);
        for (batch, error) in [
            (put(1, MAX_VALUE + 1), too_large(RecordPart::Value, MAX_VALUE + 1, MAX_VALUE)),
            (put(MAX_KEY + 1, 1), over_key.clone()),
            (put(0, 1), StoreError::EmptyKey),
            (put(1, 1).delete(Table::Codes, key(MAX_KEY + 1)), over_key.clone()),
            (put(1, 1).expect_absent(Table::Codes, key(MAX_KEY + 1)), over_key.clone()),
            (put(1, 1).expect_value(Table::Codes, key(0), ""), StoreError::EmptyKey),
            (
                (0..MAX_BATCH - 1).fold(put(1, 1), |batch, _| batch.expect_absent(Table::Users, "y")),
                StoreError::TooMany { count: MAX_BATCH + 1, cap: MAX_BATCH },
            ),
        ] {
            assert_eq!(store.commit(batch, NOW), Err(error), "{name}");
            assert_eq!(store.get(Table::Codes, b"x", NOW), Ok(None), "{name}");
        }
        assert_eq!(store.get(Table::Codes, &key(MAX_KEY + 1), NOW), Err(over_key.clone()), "{name}");
        assert_eq!(store.take(Table::Codes, &key(MAX_KEY + 1), NOW), Err(over_key), "{name}");
        assert_eq!(store.take(Table::Codes, b"", NOW), Err(StoreError::EmptyKey), "{name}");

        store.commit(put(MAX_KEY, MAX_VALUE), NOW).unwrap();
        assert_eq!(store.get(Table::Codes, &key(MAX_KEY), NOW), Ok(Some(value(MAX_VALUE))), "{name}");
        store.commit(StoreBatch::new().put(Table::Codes, "empty", "", None), NOW).unwrap();
        assert_eq!(store.get(Table::Codes, b"empty", NOW), Ok(Some(vec![])), "{name}");
    }
}

#[test]
fn a_reader_never_sees_half_a_batch_once_it_has_returned() {
    for Engine { name, store, .. } in engines() {
        std::thread::scope(|scope| {
            for writer in 0..4_u8 {
                let store = &store;
                scope.spawn(move || {
                    for n in 0..50_u8 {
                        let batch = StoreBatch::new().put(Table::Codes, [writer, n], [n], None);
                        store.commit(batch.put(Table::Users, [writer, n], [n], None), NOW).unwrap();
                        assert_eq!(store.get(Table::Codes, &[writer, n], NOW), Ok(Some(vec![n])), "{name}");
                        assert_eq!(store.get(Table::Users, &[writer, n], NOW), Ok(Some(vec![n])), "{name}");
                    }
                });
            }
        });
        let keys = |table| -> BTreeSet<_> { store.range(table, b"", 1_000, NOW).unwrap().into_iter().collect() };
        assert_eq!(keys(Table::Codes).len(), 200, "{name}");
        assert_eq!(keys(Table::Codes), keys(Table::Users), "{name}");
    }
}

#[test]
fn leaves_full_of_the_largest_records_stay_out_of_blob_files() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("store");
    let (store, _) = SledStore::open(&path, NOW, |_| Ok(())).unwrap();
    let key = |n: u16| [&n.to_be_bytes()[..], &[b'k'; MAX_KEY - 2]].concat();
    for step in [1_u16, 3, 2] {
        // Ascending, then with gaps filled and merged again: splits and merges of full leaves.
        for n in (0..400).step_by(usize::from(step)) {
            store.commit(StoreBatch::new().put(Table::Users, key(n), vec![step as u8; MAX_VALUE], None), NOW).unwrap();
        }
        for n in (0..400).filter(|n| n % 7 != 0) {
            store.commit(StoreBatch::new().delete(Table::Users, key(n)), NOW).unwrap();
        }
    }
    assert_eq!(std::fs::read_dir(path.join("blobs")).unwrap().count(), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Commit(StoreBatch),
    Get(Table, Vec<u8>),
    Pass(u64),
    Range(Table, Vec<u8>, usize),
    Reopen,
    Sweep(usize),
    Take(Table, Vec<u8>),
}

fn table() -> impl Strategy<Value = Table> {
    prop::sample::select(TABLES.to_vec())
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0_u8, b'a', b'b', 0xff]), 0..3)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => prop::collection::vec(0..2_u8, 0..2), 1 => Just(vec![7; MAX_VALUE]), 1 => Just(vec![7; MAX_VALUE + 1])]
}

fn batch() -> impl Strategy<Value = StoreBatch> {
    let expect = (table(), key(), prop::option::of(value()));
    let change = (table(), key(), prop::option::of((value(), prop::option::of(0..50_u64))));
    (prop::collection::vec(expect, 0..2), prop::collection::vec(change, 0..4)).prop_map(|(expects, changes)| {
        let batch = expects.into_iter().fold(StoreBatch::new(), |batch, (table, key, value)| match value {
            Some(value) => batch.expect_value(table, key, value),
            None => batch.expect_absent(table, key),
        });
        changes.into_iter().fold(batch, |batch, (table, key, put)| match put {
            Some((value, expires)) => batch.put(table, key, value, expires.map(later)),
            None => batch.delete(table, key),
        })
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => batch().prop_map(Step::Commit),
        3 => (table(), key()).prop_map(|(table, key)| Step::Get(table, key)),
        3 => (table(), key()).prop_map(|(table, key)| Step::Take(table, key)),
        2 => (table(), key(), 0..5_usize).prop_map(|(table, after, limit)| Step::Range(table, after, limit)),
        1 => (0..20_u64).prop_map(Step::Pass),
        1 => Just(Step::Reopen),
        1 => (0..4_usize).prop_map(Step::Sweep),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any sequence of calls has the same outcome in memory and on disk, reopened at any point.
    #[test]
    fn the_engines_agree(steps in prop::collection::vec(step(), 1..60)) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("store");
        let open = || SledStore::open(&path, NOW, |_| Ok(())).unwrap().0;
        let memory = MemoryStore::new();
        let mut sled = open();
        let mut now = NOW;
        for step in steps {
            match step {
                Step::Commit(batch) => prop_assert_eq!(memory.commit(batch.clone(), now), sled.commit(batch, now)),
                Step::Get(table, key) => prop_assert_eq!(memory.get(table, &key, now), sled.get(table, &key, now)),
                Step::Pass(millis) => now = now.plus(Duration::from_millis(millis)),
                Step::Range(table, after, limit) =>
                    prop_assert_eq!(memory.range(table, &after, limit, now), sled.range(table, &after, limit, now)),
                Step::Reopen => {
                    drop(sled);
                    sled = open();
                }
                Step::Sweep(limit) => prop_assert_eq!(memory.sweep(now, limit), sled.sweep(now, limit)),
                Step::Take(table, key) => prop_assert_eq!(memory.take(table, &key, now), sled.take(table, &key, now)),
            }
        }
        for table in TABLES {
            prop_assert_eq!(memory.range(table, b"", 1_000, now), sled.range(table, b"", 1_000, now));
        }
    }
}
