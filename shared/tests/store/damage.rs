//! Opening what is not well: locked, half made, damaged.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use shared::store::sled::{StoreOpenError, StoreOpenReport};
use shared::store::{SledStore, Store, StoreBatch, StoreError, Table};
use shared::time::UnixTime;
use tempfile::TempDir;

const NOW: UnixTime = UnixTime::from_seconds(1_795_258_320);
const RECORDS: u16 = 500;

fn open(path: &Path) -> Result<(SledStore, StoreOpenReport), StoreOpenError> {
    SledStore::open(path, NOW, |_| Ok(()))
}

/// A closed store with some records.
fn filled() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("store");
    let (store, report) = open(&path).unwrap();
    assert_eq!(report, StoreOpenReport { is_new: true, records: 0, set_aside: None });
    for n in 0..RECORDS {
        store.commit(StoreBatch::new().put(Table::Users, n.to_be_bytes(), vec![n as u8; 300], None), NOW).unwrap();
    }
    drop(store);
    // Opened once more, so that there is a snapshot which speaks of the records.
    open(&path).unwrap();
    (dir, path)
}

fn siblings(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_closed_store_opens_with_everything_in_it() {
    let (_dir, path) = filled();
    let (store, report) = open(&path).unwrap();
    assert_eq!(report, StoreOpenReport { is_new: false, records: usize::from(RECORDS), set_aside: None });
    assert_eq!(store.range(Table::Users, b"", usize::MAX, NOW).unwrap().len(), usize::from(RECORDS));
    assert_eq!(siblings(&path), ["store"]);
}

#[test]
fn a_second_opener_is_refused_and_disturbs_nothing() {
    let (_dir, path) = filled();
    let (first, _) = open(&path).unwrap();
    assert!(matches!(open(&path), Err(StoreOpenError::Locked { .. })));
    first.commit(StoreBatch::new().put(Table::Users, "still", "mine", None), NOW).unwrap();
    assert_eq!(siblings(&path), ["store"]);
}

#[test]
fn the_lock_of_a_process_that_is_about_to_go_is_waited_for() {
    let (_dir, path) = filled();
    let (first, _) = open(&path).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(300));
            drop(first);
        });
        open(&path).expect("the lock within a second");
    });
}

#[test]
fn damage_is_set_aside_and_the_store_refilled() {
    type Damage = fn(&Path);
    let cases: [(&str, Damage); 6] = [
        ("everything lost but the directory", |path| {
            std::fs::remove_file(snapshot(path)).unwrap();
            overwrite(&path.join("db"), 0, &[], Some(0));
        }),
        ("a snapshot with a flipped bit", |path| {
            let snapshot = snapshot(path);
            let mut bytes = std::fs::read(&snapshot).unwrap();
            bytes[20] ^= 1;
            std::fs::write(&snapshot, bytes).unwrap();
        }),
        ("a snapshot of no bytes", |path| overwrite(&snapshot(path), 0, &[], Some(0))),
        ("data lost behind the snapshot", |path| overwrite(&path.join("db"), 0, &[], Some(0))),
        ("data cut in half", |path| overwrite(&path.join("db"), 0, &[], Some(100_000))),
        ("zeroes over a page", |path| overwrite(&path.join("db"), 40_000, &[0; 60_000], None)),
    ];
    for (name, damage) in cases {
        let (_dir, path) = filled();
        damage(&path);
        let refill =
            |store: &dyn Store| store.commit(StoreBatch::new().put(Table::Users, "from", "the log", None), NOW);
        let (store, report) = SledStore::open(&path, NOW, refill).unwrap_or_else(|error| panic!("{name}: {error}"));
        let aside = report.set_aside.as_ref().unwrap_or_else(|| panic!("{name}: opened as if it were well"));
        assert_eq!(aside.path, path.with_file_name("store.corrupt-20261121T105200Z"), "{name}");
        assert!(aside.path.join("conf").exists() && !aside.reason.is_empty(), "{name}");
        assert!(report.to_string().contains("could not be read"), "{name}: {report}");
        assert!(report.is_new && report.records == 1, "{name}: {report:?}");
        assert_eq!(store.get(Table::Users, b"from", NOW).unwrap().as_deref(), Some(&b"the log"[..]), "{name}");
        drop(store);
        let (_, report) = open(&path).unwrap();
        assert_eq!(report, StoreOpenReport { is_new: false, records: 1, set_aside: None }, "{name}");
    }
}

fn snapshot(path: &Path) -> PathBuf {
    let mut files = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    files.find(|file| file.file_name().unwrap().to_str().unwrap().starts_with("snap.")).expect("a snapshot")
}

fn overwrite(file: &Path, at: u64, bytes: &[u8], length: Option<u64>) {
    let mut file = OpenOptions::new().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
    if let Some(length) = length {
        file.set_len(length).unwrap();
    }
}

#[test]
fn what_was_set_aside_before_is_kept_too() {
    let (_dir, path) = filled();
    for suffix in ["", "-2", "-3"] {
        overwrite(&path.join("db"), 0, &[], Some(0));
        let (_, report) = open(&path).unwrap();
        let expected = path.with_file_name(format!("store.corrupt-20261121T105200Z{suffix}"));
        assert_eq!(report.set_aside.expect("damage").path, expected);
    }
    assert_eq!(siblings(&path).len(), 4);
}

#[test]
fn a_configuration_of_no_bytes_is_written_again() {
    // sled leaves one behind when the power goes right after it was made; it holds nothing but sled's defaults.
    let (_dir, path) = filled();
    overwrite(&path.join("conf"), 0, &[], Some(0));
    let (_, report) = open(&path).unwrap();
    assert_eq!(report, StoreOpenReport { is_new: false, records: usize::from(RECORDS), set_aside: None });
}

#[test]
fn a_snapshot_whose_writing_was_interrupted_is_no_damage() {
    // By a kill or a full disk while sled opens; it sorts behind the one that counts.
    for length in [0, 7, 300] {
        let (_dir, path) = filled();
        let mut torn = snapshot(&path).into_os_string();
        torn.push(".generating");
        std::fs::write(&torn, &[7; 300][..length]).unwrap();
        let (_, report) = open(&path).unwrap();
        assert_eq!(
            report,
            StoreOpenReport { is_new: false, records: usize::from(RECORDS), set_aside: None },
            "{length}"
        );
        assert!(!Path::new(&torn).exists());
    }
}

#[test]
fn a_store_that_was_not_finished_is_made_again() {
    let (_dir, path) = filled();
    std::fs::write(path.with_file_name("store.unfinished"), "").unwrap();
    let (_, report) = open(&path).unwrap();
    assert_eq!(report, StoreOpenReport { is_new: true, records: 0, set_aside: None });
    assert_eq!(siblings(&path), ["store"]);
}

#[test]
fn when_the_refill_fails_the_damaged_store_stays_where_it_was() {
    let (_dir, path) = filled();
    overwrite(&path.join("db"), 0, &[], Some(0));
    let outcome = SledStore::open(&path, NOW, |_| Err(StoreError::Engine("the log is away".into())));
    assert!(matches!(outcome, Err(StoreOpenError::Rebuild { .. })));
    assert_eq!(siblings(&path), ["store"]);
    assert!(open(&path).unwrap().1.set_aside.is_some());
}

#[test]
fn a_place_that_cannot_be_written_is_an_error_and_no_damage() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a file").join("store");
    std::fs::write(dir.path().join("a file"), "").unwrap();
    assert!(matches!(open(&path), Err(StoreOpenError::Io { .. })));
}
