//! The power going, as far as one machine can play it: the log lies on a file system of its own in an image; the writer
//! is stopped, and it goes on with what the image holds at that moment, everything that the kernel still kept in memory
//! gone. It is kind in one way: what has reached the image counts as on the disk, as if the disk had no volatile cache.
//!
//! It must be allowed to mount, and says so plainly where it is not.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use shared::keys::{SignatureAlgorithm, SigningKey};
use shared::log::{AppendError, Log, Origin};
use shared::random::{Random, SystemRandom};
use tempfile::TempDir;

use crate::writer::Site;

const ROUNDS: u64 = 12;

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

fn cut_power(rounds: u64) -> Result<(usize, u64, usize), String> {
    let scratch = scratch();
    let (image, copy) = (scratch.path().join("image"), scratch.path().join("copy"));
    make_image(&image, 640)?;
    let random: &dyn Random = &SystemRandom;
    let mut site = Site::new(scratch.path().join("key"));
    let (mut torn, mut rebuilt) = (0, 0);
    for life in 0..rounds {
        let mounted = Mounted::new(&image, &scratch.path().join("disk"))?;
        let mut writer = site.start(&mounted.at.join("log"), life);
        let [wait] = random.bytes::<1>();
        std::thread::sleep(Duration::from_millis(100 + u64::from(wait)));
        assert!(!writer.has_ended(), "round {life}: the writer has given up");
        stop(writer.pid());
        std::fs::copy(&image, &copy).map_err(|error| error.to_string())?;
        site.take(writer.kill());
        drop(mounted);
        std::fs::rename(&copy, &image).map_err(|error| error.to_string())?;
        let after = Mounted::new(&image, &scratch.path().join("disk"))?;
        let report = site.check(&after.at.join("log"), life);
        torn += u64::from(report.dropped > 0);
        rebuilt += report.rebuilt_tiles;
    }
    let mounted = Mounted::new(&image, &scratch.path().join("disk"))?;
    site.audit(&mounted.at.join("log"));
    Ok((site.acknowledged(), torn, rebuilt))
}

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    match cut_power(ROUNDS) {
        Err(reason) => crate::say(&format!("log: simulated power cut not run: {reason}")),
        Ok((total, torn, rebuilt)) => {
            assert!(total > 100, "only {total} leaves were acknowledged: this proves nothing");
            crate::say(&format!(
                "log: {ROUNDS} power cuts, {total} acknowledged leaves, none lost; {torn} torn writes dropped, \
                 {rebuilt} tiles made again"
            ));
        }
    }
}

#[test]
fn a_full_disk_stops_the_log_and_loses_nothing() {
    let scratch = scratch();
    let image = scratch.path().join("image");
    let mounted = match make_image(&image, 16).and_then(|()| Mounted::new(&image, &scratch.path().join("disk"))) {
        Err(reason) => return crate::say(&format!("log: full disk not run: {reason}")),
        Ok(mounted) => mounted,
    };
    let (filler, dir) = (mounted.at.join("filler"), mounted.at.join("log"));
    std::fs::write(&filler, vec![0; 6 << 20]).expect("there is room");
    let key = Arc::new(SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("a key"));
    let open = || Log::open(&dir, Origin::parse("log.example").expect("a name"), key.clone());
    let (log, _) = open().expect("opens");
    let mut taken = Vec::new();
    let failure = loop {
        let leaf = format!("{} {}", taken.len(), "x".repeat(30_000));
        match log.append(&leaf).wait() {
            Ok(receipt) => {
                assert_eq!(receipt.index(), taken.len() as u64);
                taken.push(leaf);
            }
            Err(failure) => break failure,
        }
    };
    assert!(matches!(failure, AppendError::Stopped(_)), "{failure}");
    std::fs::remove_file(&filler).expect("removes");
    let more = log.append("there is room again, but nobody knows what is on the disk").wait();
    assert_eq!(more.expect_err("stopped"), failure);
    drop(log);
    let (log, _) = open().expect("opens");
    for (index, leaf) in (0..).zip(&taken) {
        assert_eq!(log.leaf(index).expect("reads").as_deref(), Some(leaf.as_bytes()), "{index} of {}", taken.len());
    }
    log.append("again").wait().expect("durable");
}
