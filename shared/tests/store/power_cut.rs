//! A power cut, as far as one machine can play it: the store lies on a file system of its own in an image; the writer
//! is stopped, and what the image holds at that moment, with everything that the kernel still kept in memory gone, is
//! mounted as if after a restart. It is kind in one way: what has reached the image counts as on the disk, as if the
//! disk had no volatile cache.
//!
//! It must be allowed to mount, and says so plainly where it is not.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use shared::random::{Random, SystemRandom};
use shared::store::{SledStore, Store, StoreBatch, StoreError, Table};
use tempfile::TempDir;

use crate::writer::{How, NOW, Writer};

const ROUNDS: u64 = 6;
/// More rounds of the same, for a longer look.
const ROUNDS_VARIABLE: &str = "PRIVYSEAL_TEST_POWER_CUTS";

fn rounds() -> u64 {
    std::env::var_os(ROUNDS_VARIABLE).and_then(|rounds| rounds.to_str()?.parse().ok()).unwrap_or(ROUNDS)
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

/// A directory in memory, if there is one: the disk's speed is no part of this.
fn scratch() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a directory")
}

fn make_image(image: &Path, mebibytes: u64) -> Result<(), String> {
    let file = std::fs::File::create_new(image).map_err(|error| error.to_string())?;
    file.set_len(mebibytes << 20).map_err(|error| error.to_string())?;
    run("mkfs.ext4", &["-q", "-F", text(image)])
}

/// An image in use; unmounted when dropped.
struct Mounted {
    at: PathBuf,
}

impl Mounted {
    fn new(image: &Path, at: &Path) -> Result<Self, String> {
        std::fs::create_dir_all(at).map_err(|error| error.to_string())?;
        // The journal is not to be written of its own accord: what was not synced is lost.
        run("mount", &["-o", "loop,commit=300", text(image), text(at)])?;
        Ok(Self { at: at.into() })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if run("umount", &[text(&self.at)]).is_err() {
            let _ = run("umount", &["-l", text(&self.at)]);
        }
    }
}

/// SIGSTOP, and the end of every thread's last system call.
fn stop(pid: u32) {
    run("kill", &["-STOP", &pid.to_string()]).expect("SIGSTOP");
    for _ in 0..500 {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("its threads");
        let all_stopped = tasks.flatten().all(|task| {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
        });
        if all_stopped {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the writer does not stop");
}

#[derive(Debug, Default)]
struct Tally {
    acknowledged: usize,
    lost_rounds: u64,
    losses: Vec<String>,
}

fn cut_power(how: How, rounds: u64) -> Result<Tally, String> {
    let scratch = scratch();
    let (image, copy) = (scratch.path().join("image"), scratch.path().join("copy"));
    make_image(&image, 256)?;
    let random: &dyn Random = &SystemRandom;
    let mut tally = Tally::default();
    for life in 0..rounds {
        let mounted = Mounted::new(&image, &scratch.path().join("disk"))?;
        let mut writer = Writer::start(&mounted.at.join("store"), how, life);
        let [wait] = random.bytes::<1>();
        std::thread::sleep(Duration::from_millis(150 + 3 * u64::from(wait)));
        assert!(!writer.has_ended(), "{how:?}, round {life}: the writer has given up");
        stop(writer.pid());
        std::fs::copy(&image, &copy).map_err(|error| error.to_string())?;
        let acknowledged = writer.kill();
        drop(mounted); // Written out whole: the next round starts with a store that has some age.

        let after = Mounted::new(&copy, &scratch.path().join("after"))?;
        let store = after.at.join("store");
        let wrong = match how {
            How::AsShipped => std::panic::catch_unwind(|| acknowledged.check_as_shipped(&store))
                .unwrap_or_else(|_| vec!["panics when opened".into()]),
            How::Hardened => match SledStore::open(&store, NOW, |_| Ok(())) {
                Ok((_, report)) if report.set_aside.is_some() => vec![report.to_string()],
                Ok((store, _)) => acknowledged.check(&store),
                Err(error) => vec![error.to_string()],
            },
        };
        tally.acknowledged += acknowledged.count;
        tally.lost_rounds += u64::from(!wrong.is_empty());
        tally.losses.extend(wrong.into_iter().take(3).map(|loss| format!("round {life}: {loss}")));
        drop(after);
        std::fs::remove_file(&copy).map_err(|error| error.to_string())?;
    }
    Ok(tally)
}

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let rounds = rounds();
    match cut_power(How::Hardened, rounds) {
        Err(reason) => crate::say(&format!("store: simulated power cut not run: {reason}")),
        Ok(tally) => {
            assert_eq!(tally.lost_rounds, 0, "{tally:#?}");
            assert!(
                tally.acknowledged > 20,
                "only {} steps were acknowledged: this proves nothing",
                tally.acknowledged
            );
            crate::say(&format!("store: {rounds} power cuts, {} acknowledged steps, none lost", tally.acknowledged));
        }
    }
}

/// The test above can fail: the same cut through sled used as its documentation suggests.
#[test]
fn the_same_power_cut_loses_data_of_sled_as_shipped() {
    match cut_power(How::AsShipped, ROUNDS) {
        Err(reason) => crate::say(&format!("store: simulated power cut not run: {reason}")),
        Ok(tally) => {
            assert!(tally.lost_rounds > 0, "sled as shipped has lost nothing: {tally:#?}");
            crate::say(&format!("store: sled as shipped lost data in {} of {ROUNDS} power cuts", tally.lost_rounds));
        }
    }
}

#[test]
fn a_full_disk_closes_the_store_and_loses_nothing() {
    let scratch = scratch();
    let image = scratch.path().join("image");
    let mounted = match make_image(&image, 16).and_then(|()| Mounted::new(&image, &scratch.path().join("disk"))) {
        Err(reason) => return crate::say(&format!("store: full disk not run: {reason}")),
        Ok(mounted) => mounted,
    };
    let (filler, dir) = (mounted.at.join("filler"), mounted.at.join("store"));
    std::fs::write(&filler, vec![0; 6 << 20]).unwrap();
    let (store, _) = SledStore::open(&dir, NOW, |_| Ok(())).unwrap();
    let put =
        |n: u32| store.commit(StoreBatch::new().put(Table::Users, n.to_be_bytes(), vec![n as u8; 4000], None), NOW);
    let mut count = 0;
    let failure = loop {
        match put(count) {
            Ok(()) => count += 1,
            Err(failure) => break failure,
        }
    };
    assert!(matches!(failure, StoreError::Engine(_)), "{failure}");
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(put(count), Err(failure.clone()), "there is room again, but nobody knows what is on the disk");
    assert_eq!(store.get(Table::Users, &[0], NOW), Err(failure.clone()));
    assert_eq!(store.take(Table::Users, &[0], NOW), Err(failure.clone()));
    assert_eq!(store.sweep(NOW, 1), Err(failure));
    drop(store);

    let (store, report) = SledStore::open(&dir, NOW, |_| Ok(())).unwrap();
    assert_eq!(report.set_aside, None);
    for n in 0..count {
        assert_eq!(store.get(Table::Users, &n.to_be_bytes(), NOW), Ok(Some(vec![n as u8; 4000])), "{n} of {count}");
    }
    store.commit(StoreBatch::new().put(Table::Users, "again", "well", None), NOW).unwrap();
}
