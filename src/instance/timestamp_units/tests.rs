use std::sync::Arc;
use std::time::Duration;

use shared::keys::{KeyAlgorithm, KeyFile};
use shared::log::Log;
use shared::random::SystemRandom;
use shared::time::{Clock as _, UnixTime};
use tsa::Succession;

use super::*;
use crate::clock::SystemClock;
use crate::file::{self, Mode};
use crate::instance::assemble::{Settings, Source, UnitSettings};
use crate::instance::data_dir::{Curve, DataDir};
use crate::instance::init::{self, Plan};
use crate::instance::local_users::Password;

const DAY: Duration = Duration::from_secs(86_400);

struct Scratch {
    units: TimestampUnits,
    files: UnitFiles,
    key_file: Arc<KeyFile>,
    settings: Arc<UnitSettings>,
    now: UnixTime,
    _data: DataDir,
    folder: tempfile::TempDir,
}

fn scratch() -> Scratch {
    let folder = tempfile::tempdir().expect("a folder");
    let data = DataDir::hold(&folder.path().join("data")).expect("a directory");
    let password = Password::choose(None, &SystemRandom).expect("a password");
    let plan = Plan::new(Curve::P256, "alice@instance.example", &password);
    init::init(&data, plan, SystemClock.now(), &SystemRandom).expect("an instance");
    let settings = Settings::read(&Source::new(None, None)).map_err(|(problems, _)| problems).expect("the defaults");
    let (instance, key_file) =
        (data.instance_file().expect("an instance"), Arc::new(data.key_file().expect("a key file")));
    let units = TimestampUnits::open(&data, &instance, key_file.clone(), Log::in_memory()).expect("opens");
    Scratch {
        units,
        files: UnitFiles::of(&data),
        key_file,
        settings: settings.units.clone(),
        now: instance.created().plus(Duration::from_secs(1)),
        _data: data,
        folder,
    }
}

impl Scratch {
    fn make_due(&mut self, now: UnixTime) -> bool {
        let (files, key_file) = (self.files.clone(), self.key_file.clone());
        self.units.make_due(&self.settings, None, &|| files.root(None, &key_file), now).expect("made")
    }

    fn succession(&self, now: UnixTime) -> Succession {
        self.units.successions(&self.settings, now).expect("units").remove(0)
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = self.files.key_stems("tsa").expect("keys");
        keys.sort();
        keys
    }
}

#[test]
fn a_key_is_followed_in_time_closed_and_destroyed() {
    let mut scratch = scratch();
    let now = scratch.now;
    assert!(scratch.units.note_published(now).expect("noted") && !scratch.make_due(now));
    assert!(!scratch.make_due(now.plus(DAY * 300)));

    let later = now.plus(DAY * 310);
    assert!(scratch.make_due(later) && !scratch.make_due(later));
    let chains = scratch.units.chains().expect("chains");
    let switch = chains[1].validity.start;
    assert!(chains.len() == 2 && switch > later && chains[0].validity.end.is_none());
    assert_eq!(scratch.succession(later).generations().count(), 1, "an unpublished key does not sign");

    assert!(scratch.units.note_published(later).expect("noted"));
    let succession = scratch.succession(later);
    let second = Duration::from_secs(1);
    let serial = |at| succession.at(at).chain().leaf().serial().to_vec();
    assert_ne!(serial(switch.minus(second)), serial(switch));
    assert!(!scratch.units.close_due(switch).expect("too early"));
    assert!(scratch.units.close_due(switch.plus(second)).expect("closed"));
    assert_eq!(scratch.units.chains().expect("chains")[0].validity.end, Some(switch));

    scratch.units.destroy_due(IN_FLIGHT, switch.plus(second * 30)).expect("nothing is due");
    assert_eq!(scratch.keys(), ["tsa", "tsa-unit-1-2"]);
    scratch.units.destroy_due(IN_FLIGHT, switch.plus(second * 61)).expect("destroyed");
    assert_eq!(scratch.keys(), ["tsa-unit-1-2"]);
    assert_eq!(scratch.succession(switch.plus(DAY)).generations().count(), 1);
}

#[test]
fn a_key_that_was_published_late_signs_late() {
    let mut scratch = scratch();
    let now = scratch.now;
    scratch.units.note_published(now).expect("noted");
    assert!(scratch.make_due(now.plus(DAY * 310)));
    let late = now.plus(DAY * 350);
    assert!(!scratch.units.close_due(late).expect("the follower is not published"));
    scratch.units.note_published(late).expect("noted");
    assert!(scratch.units.chains().expect("chains")[1].validity.start > late);
}

#[test]
fn a_key_whose_time_is_over_signs_nothing_and_is_followed_all_the_same() {
    let mut scratch = scratch();
    scratch.units.note_published(scratch.now).expect("noted");
    // Switched off for longer than a key signs.
    let now = scratch.now.plus(DAY * 500);
    let succession = scratch.succession(now);
    assert!(succession.at(now).trouble_at(now).is_some());
    assert!(scratch.make_due(now));
    assert!(scratch.succession(now).at(now).trouble_at(now).is_some(), "an unpublished key does not sign");
    scratch.units.note_published(now).expect("noted");
    let soon = now.plus(Duration::from_secs(600));
    assert_eq!(scratch.succession(soon).at(soon).trouble_at(soon), None);
    assert!(scratch.units.close_due(soon).expect("closed"));
    assert_eq!(scratch.succession(soon).generations().count(), 1);
}

#[test]
fn a_key_that_no_unit_knows_is_destroyed_and_names_and_moments_are_checked() {
    let mut scratch = scratch();
    let now = scratch.now;
    let root = scratch.files.root(None, &scratch.key_file).expect("a root");
    let settings = scratch.settings.clone();
    let plan = UnitKeyPlan { root: &root, settings: &settings, addresses: None, token: None };
    scratch.units.add("rsa", KeyAlgorithm::RSA3072, &plan, now).expect("added");
    scratch.files.create_key("tsa-rsa-2", KeyAlgorithm::P256, &scratch.key_file, &SystemRandom).expect("a key");
    // Killed while a key's file was written beside its place.
    let half = scratch.folder.path().join("data/keys/tsa-rsa-3.new");
    file::write_durably(&half.with_extension("pem"), b"half", Mode::Private).expect("written");
    std::fs::rename(half.with_extension("pem"), &half).expect("renamed");
    scratch.units.discard_unfinished(now).expect("discarded");
    assert_eq!(scratch.keys(), ["tsa", "tsa-rsa-1"]);
    assert!(!half.exists());
    for (name, is_there) in [("rsa", true), ("", false), ("A", false), ("a/b", false), (&"a".repeat(33), false)] {
        let error = scratch.units.add(name, KeyAlgorithm::P256, &plan, now).expect_err("refused");
        assert_eq!(matches!(error, UnitsError::Exists(_)), is_there, "{name}: {error}");
    }
    let next = |units: &mut TimestampUnits, name, from| units.next(name, from, &plan, now);
    assert!(matches!(next(&mut scratch.units, "none", now), Err(UnitsError::NoSuchUnit(_))));
    assert!(matches!(next(&mut scratch.units, "rsa", now.minus(DAY)), Err(UnitsError::Past(_))));
    next(&mut scratch.units, "rsa", now.plus(DAY)).expect("made");
    assert!(matches!(next(&mut scratch.units, "rsa", now.plus(DAY)), Err(UnitsError::NextExists { .. })));
}
