//! The guard at work on logs and files of a test, with clocks that a test sets.
#![expect(clippy::disallowed_methods, reason = "a test writes the file that it wants read")]

use std::path::Path;

use tsa::ClockReading;

use super::*;

const NOW: u64 = 1_795_258_320_250;

struct SetClock(Mutex<ClockReading>);

impl SetClock {
    fn at(wall: u64, boot: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Self::reading(wall, boot))))
    }

    fn reading(wall: u64, boot: u64) -> ClockReading {
        ClockReading::awake(UnixTime::from_millis(wall), Duration::from_millis(boot))
    }

    fn set(&self, wall: u64, boot: u64) {
        *self.0.lock().unwrap() = Self::reading(wall, boot);
    }
}

impl Clocks for SetClock {
    fn read(&self) -> ClockReading {
        *self.0.lock().unwrap()
    }
}

fn start(clocks: &Arc<SetClock>, audit: &Log, folder: &Path) -> Result<TrustedTime, TrustedTimeError> {
    let mark = MarkFile::at(folder.join("high-water-mark"));
    // The instance was made an hour ago.
    let made = UnixTime::from_millis(NOW - 3_600_000);
    let limits = ClockLimits::LOCAL.between(made, ClockLimits::LOCAL.ceiling);
    TrustedTime::start(limits, TimeSources::none(), clocks.clone(), audit.clone(), Some(mark))
}

fn timestamped(at_ms: u64) -> Vec<u8> {
    let nothing = String::new;
    let record = AuditRecord::Timestamped {
        at_ms,
        unit: nothing(),
        serial: nothing(),
        gen_time: nothing(),
        policy: nothing(),
        tst_info_sha256: nothing(),
        imprint: nothing(),
        clock: "local".to_owned(),
    };
    record.to_leaf()
}

fn mark(time: &TrustedTime) -> Option<u64> {
    time.report()["signed_up_to_ms"].as_u64()
}

#[tokio::test]
async fn the_mark_comes_from_the_file_and_the_records_after_it() {
    let (folder, audit) = (tempfile::tempdir().unwrap(), Log::in_memory());
    let clocks = SetClock::at(NOW, 5_000);
    let time = start(&clocks, &audit, folder.path()).unwrap();
    assert_eq!(mark(&time), Some(0));
    time.permit().expect("a steady clock");
    time.keep_mark_now().expect("kept");
    assert_eq!(mark(&start(&clocks, &audit, folder.path()).unwrap()), Some(NOW), "the file alone");

    audit.append(timestamped(NOW + 3_000)).await.unwrap();
    audit.append(timestamped(NOW + 2_000)).await.unwrap();
    assert_eq!(mark(&start(&clocks, &audit, folder.path()).unwrap()), Some(NOW + 3_000), "records since, in any order");

    std::fs::remove_file(folder.path().join("high-water-mark")).unwrap();
    assert_eq!(mark(&start(&clocks, &audit, folder.path()).unwrap()), Some(NOW + 3_000), "the log alone");
}

#[tokio::test]
async fn a_damaged_mark_stops_the_start() {
    let (folder, audit) = (tempfile::tempdir().unwrap(), Log::in_memory());
    for text in ["", "mark_ms = -1\naudit_size = 0", "mark_ms = 1", "mark_ms = 1\naudit_size = 1\nmore = 1"] {
        std::fs::write(folder.path().join("high-water-mark"), text).unwrap();
        let error = start(&SetClock::at(NOW, 5_000), &audit, folder.path()).err().expect("refused");
        assert!(matches!(error, TrustedTimeError::Mark(MarkFileError::Damaged { .. })), "{text}: {error}");
    }
}

#[tokio::test]
async fn what_a_request_sees_first_is_on_record() {
    let (folder, audit) = (tempfile::tempdir().unwrap(), Log::in_memory());
    let clocks = SetClock::at(NOW, 5_000);
    let time = start(&clocks, &audit, folder.path()).unwrap();
    clocks.set(NOW + 60_000, 6_000);
    assert_eq!(time.permit(), Err(ClockTrouble::Stepped { by_ms: 59_000 }));
    assert_eq!(time.permit(), Err(ClockTrouble::Settling { remaining_ms: 5_000 }));
    clocks.set(NOW + 65_000, 11_000);
    time.permit().expect("five seconds later");
    let _ = time.look();
    audit.append(b"{}").await.unwrap();
    let kinds: Vec<String> = (0..audit.size() - 1)
        .map(|index| serde_json::from_slice(&audit.leaf(index).unwrap().unwrap()).unwrap())
        .map(|record| match record {
            AuditRecord::Clock { mode, event, .. } => format!("{mode} {event:?}"),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(kinds[0].starts_with("local Started"), "{kinds:?}");
    assert!(kinds[1].starts_with("local Stepped { by_ms: 59000 }"), "{kinds:?}");
    assert!(kinds[2].starts_with("local RefusalBegan"), "{kinds:?}");
    assert_eq!(kinds[3], "local RefusalEnded");
}

#[tokio::test]
async fn a_request_is_the_first_to_see_that_the_machine_slept() {
    let (folder, audit) = (tempfile::tempdir().unwrap(), Log::in_memory());
    let clocks = SetClock::at(NOW, 5_000);
    let time = start(&clocks, &audit, folder.path()).unwrap();
    let raw = Duration::from_millis(5_100);
    *clocks.0.lock().unwrap() = ClockReading { raw, ..SetClock::reading(NOW + 60_000, 65_000) };
    assert_eq!(time.permit(), Err(ClockTrouble::Slewed { by_ms: 59_900 }));
    assert_eq!(time.permit(), Err(ClockTrouble::Settling { remaining_ms: 5_000 }));
}
