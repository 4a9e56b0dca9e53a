//! SIGKILL at random moments: what was acknowledged is there, a batch is there whole or not at all.

use std::time::Duration;

use shared::random::{Random, SystemRandom};
use shared::store::SledStore;
use tempfile::TempDir;

use crate::writer::{How, NOW, Writer};

const LIVES: u64 = 32;

#[test]
fn a_killed_writer_loses_nothing_that_it_was_promised() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("store");
    let random: &dyn Random = &SystemRandom;
    let mut lives = Vec::new();
    for life in 0..LIVES {
        let mut writer = Writer::start(&path, How::Hardened, life);
        // Some fall into the opening, most into the writing.
        let [wait] = random.bytes::<1>();
        std::thread::sleep(Duration::from_millis(5 + u64::from(wait)));
        assert!(!writer.has_ended(), "life {life}: the writer has given up");
        lives.push(writer.kill());
        let (store, report) = SledStore::open(&path, NOW, |_| Ok(())).unwrap();
        assert_eq!(report.set_aside, None, "life {life}");
        for acknowledged in &lives {
            let wrong = acknowledged.check(&store);
            assert!(wrong.is_empty(), "life {life}: {wrong:#?} of {acknowledged:?}");
        }
    }
    let total: usize = lives.iter().map(|acknowledged| acknowledged.count).sum();
    assert!(total > 100, "only {total} steps were acknowledged: this proves nothing");
    crate::say(&format!("store: {LIVES} kills, {total} acknowledged steps, none lost"));
}
