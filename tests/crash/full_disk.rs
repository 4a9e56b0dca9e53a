//! A disk that fills up under load: every timestamp that left is on record, none leaves after the first that could not
//! be recorded, and the instance goes on after a restart with room again. Once with a limit on the size of files, which
//! needs no privileges, and once with a real file system, where one can be mounted.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use reqwest::{Client, StatusCode};
use shared::random::{Random, SystemRandom};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::evidence::{self, Acknowledged};
use crate::instance::Instance;
use crate::work;

/// Room for some thousand records beside what a start writes.
const ROOM_KIB: u32 = 2048;
/// Far more timestamps than there is room for, by each worker.
const MOST: usize = 20_000;
const WORKERS: usize = 8;
/// `systemFailure` (RFC 3161 §2.4.2), as the last octets of a rejection.
const SYSTEM_FAILURE: [u8; 7] = [0x03, 0x05, 0x06, 0x00, 0x00, 0x00, 0x40];

async fn ask(client: &Client, origin: &str, data: &[u8]) -> (StatusCode, Vec<u8>) {
    let request = client.post(format!("{origin}/api/v1/timestamp"));
    let request = request.header("content-type", "application/timestamp-query").body(work::query(data));
    let answer = request.send().await.expect("an answer, whatever the disk does");
    (answer.status(), answer.bytes().await.expect("a body").to_vec())
}

/// Stamps until it is refused; then nothing may be granted any more.
async fn stamp_until_full(client: Client, origin: String, acknowledged: Arc<Mutex<Vec<Acknowledged>>>) -> bool {
    for _ in 0..MOST {
        let random: &dyn Random = &SystemRandom;
        let data = random.bytes::<32>().to_vec();
        let (status, response) = ask(&client, &origin, &data).await;
        if status == StatusCode::OK {
            acknowledged.lock().unwrap().push(Acknowledged::Timestamp { data, response });
            continue;
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.ends_with(&SYSTEM_FAILURE), "{response:02x?}");
        for _ in 0..20 {
            let (again, _) = ask(&client, &origin, &data).await;
            assert_eq!(again, StatusCode::SERVICE_UNAVAILABLE, "granted after a record was lost");
        }
        return true;
    }
    false
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Asks until nothing can be recorded any more. Answers what was granted before that.
fn stamp_until_all_are_refused(runtime: &Runtime, instance: &Instance) -> Vec<Acknowledged> {
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let ran_full = runtime.block_on(async {
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            workers.spawn(stamp_until_full(instance.client(), instance.origin(), acknowledged.clone()));
        }
        workers.join_all().await
    });
    assert_eq!(ran_full, [true; WORKERS], "the disk never ran full");
    expect_not_ready(runtime, instance);
    let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
    assert!(acknowledged.len() > 100, "{} timestamps before the disk was full", acknowledged.len());
    acknowledged
}

fn expect_not_ready(runtime: &Runtime, instance: &Instance) {
    let ready = runtime.block_on(async { instance.client().get(format!("{}/readyz", instance.origin())).send().await });
    assert_eq!(ready.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
}

/// With room again, after a restart: all that was granted is on record, no serial number is there twice, and there are
/// new timestamps.
fn expect_all_on_record(runtime: &Runtime, instance: &Instance, mut acknowledged: Vec<Acknowledged>) {
    let life = instance.start();
    let data = b"there is room again".to_vec();
    let (status, response) = runtime.block_on(ask(&instance.client(), &instance.origin(), &data));
    assert_eq!(status, StatusCode::OK);
    acknowledged.push(Acknowledged::Timestamp { data, response });
    let summary = runtime.block_on(evidence::check(instance, &acknowledged));
    drop(life);
    instance.verify_offline();
    say(&format!("full disk: acknowledged and found: {summary}"));
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[test]
fn a_full_disk_stops_timestamps_and_loses_none() {
    let runtime = runtime();
    let instance = Instance::init();
    let life = instance.start_with_little_disk(ROOM_KIB);
    let acknowledged = stamp_until_all_are_refused(&runtime, &instance);
    life.kill(0);
    expect_all_on_record(&runtime, &instance, acknowledged);
}

/// A file system in memory with the instance's data alone on it.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Room for an instance, its logs and ten starts.
    const SIZE: &str = "size=64m,mode=0700";

    /// Or why there cannot be one.
    fn mount(at: &Path) -> Result<Self, String> {
        std::fs::create_dir(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", Self::SIZE, "tmpfs"]).arg(at).output();
        let mounted = mounted.map_err(|error| format!("no mount: {error}"))?;
        if mounted.status.success() {
            return Ok(Self(at.to_owned()));
        }
        std::fs::remove_dir(at).unwrap();
        Err(String::from_utf8_lossy(&mounted.stderr).trim().to_owned())
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Fills it up to the last so many KiB.
    fn fill(&self, room: u32) {
        let mut ballast = File::create(self.ballast()).unwrap();
        let mut length = 0;
        while ballast.write_all(&[0; 4096]).is_ok() {
            length += 4096;
        }
        ballast.set_len(length - u64::from(room) * 1024).unwrap();
    }

    fn make_room(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_full_file_system_stops_timestamps_until_there_is_room_and_a_restart() {
    let runtime = runtime();
    let mut disk = Err(String::new());
    let instance = Instance::init_in(|data| disk = SmallDisk::mount(data));
    let disk = match disk {
        Ok(disk) => disk,
        Err(reason) => {
            return say(&format!("full disk: skipped on a real file system, none can be mounted here: {reason}"));
        }
    };
    let life = instance.start();
    disk.fill(ROOM_KIB);
    let mut acknowledged = stamp_until_all_are_refused(&runtime, &instance);
    // Room alone does not help: what the log wrote last is not known to be whole before it has been read again.
    disk.make_room();
    let (status, response) = runtime.block_on(ask(&instance.client(), &instance.origin(), b"room"));
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.ends_with(&SYSTEM_FAILURE), "{response:02x?}");
    expect_not_ready(&runtime, &instance);
    life.kill(0);
    // A start without any room says so, and harms nothing.
    for _ in 0..3 {
        disk.fill(0);
        let output = instance.start_in_vain();
        assert!(output.contains("No space left on device"), "{output}");
        disk.make_room();
    }
    // Full again in another life, which begins where the last one ended.
    let life = instance.start();
    disk.fill(ROOM_KIB);
    acknowledged.extend(stamp_until_all_are_refused(&runtime, &instance));
    life.kill(1);
    disk.make_room();
    expect_all_on_record(&runtime, &instance, acknowledged);
    drop(disk);
}
