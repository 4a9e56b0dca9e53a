//! SIGKILL at random moments: every acknowledged leaf is there, at its acknowledged index.

use std::time::Duration;

use shared::random::{Random, SystemRandom};
use tempfile::TempDir;

use crate::writer::Site;

const LIVES: u64 = 60;

#[test]
fn a_killed_writer_loses_nothing_that_it_was_promised() {
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("log");
    let random: &dyn Random = &SystemRandom;
    let mut site = Site::new(dir.path().join("key"));
    let mut torn = 0;
    for life in 0..LIVES {
        let mut writer = site.start(&path, life);
        // Some fall into the opening, most into the writing.
        let [wait] = random.bytes::<1>();
        std::thread::sleep(Duration::from_millis(20 + 2 * u64::from(wait)));
        assert!(!writer.has_ended(), "life {life}: the writer has given up");
        site.take(writer.kill());
        torn += u64::from(site.check(&path, life).dropped > 0);
    }
    site.audit(&path);
    let total = site.acknowledged();
    assert!(total > 1000, "only {total} leaves were acknowledged: this proves nothing");
    let segments = std::fs::read_dir(path.join("segments")).expect("reads").count();
    crate::say(&format!(
        "log: {LIVES} kills, {total} acknowledged leaves in {segments} segments, none lost; {torn} torn writes dropped"
    ));
}
