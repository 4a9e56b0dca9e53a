use std::collections::BTreeMap;
use std::time::Duration;

use super::metadata::{Role, TufError};
use super::reader::{CurrentTargets, TrustedKeys};
use super::{Lifetimes, Repository, RoleSigners, TargetFile, prepare};
use crate::keys::{SignatureAlgorithm, SigningKey};
use crate::time::UnixTime;

const DAY: u64 = 86_400;
const START: UnixTime = UnixTime::from_seconds(1_795_258_320);

struct Keys([SigningKey; 4]);

impl Keys {
    fn generate() -> Self {
        Self(std::array::from_fn(|_| SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("a key")))
    }

    fn signers(&self) -> RoleSigners<'_> {
        let [root, targets, snapshot, timestamp] = &self.0;
        RoleSigners { root, targets, snapshot, timestamp }
    }
}

fn documents(text: &str) -> BTreeMap<String, TargetFile> {
    let file = |bytes: &str| TargetFile { bytes: bytes.as_bytes().to_vec(), custom: None };
    BTreeMap::from([("trusted_root.json".to_owned(), file(text)), ("folder/other.json".to_owned(), file("{}"))])
}

fn after(days: u64) -> UnixTime {
    START.plus(Duration::from_secs(days * DAY))
}

fn refresh(current: Option<&Repository>, text: &str, keys: &Keys, now: UnixTime) -> Option<Repository> {
    let draft = prepare(current, &documents(text), &keys.signers(), &Lifetimes::default(), now).expect("prepares")?;
    Some(draft.sign(&keys.signers()).expect("signs"))
}

fn disk(repository: &Repository) -> BTreeMap<String, Vec<u8>> {
    repository.files().map(|(name, bytes)| (name, bytes.to_vec())).collect()
}

/// As a client does, from `pin` on.
fn walk(files: &BTreeMap<String, Vec<u8>>, pin: &[u8], now: UnixTime) -> Result<CurrentTargets, TufError> {
    let fetch = |name: String| files.get(&name).cloned().ok_or(TufError::Missing(name));
    let mut keys = TrustedKeys::pin(pin)?;
    while let Ok(next) = fetch(keys.next_root_name()) {
        keys = keys.follow(&next)?;
    }
    let timestamp = keys.timestamp(&fetch("timestamp.json".to_owned())?, now)?;
    let name = timestamp.snapshot_name();
    let snapshot = timestamp.snapshot(&fetch(name)?, now)?;
    let name = snapshot.targets_name();
    snapshot.targets(&fetch(name)?, now)
}

fn versions(repository: &Repository) -> [u64; 4] {
    [
        repository.root().signed.header.version,
        repository.targets.signed.header.version,
        repository.snapshot.signed.header.version,
        repository.timestamp.signed.header.version,
    ]
}

#[test]
fn a_client_reaches_the_documents_from_the_first_root() {
    let keys = Keys::generate();
    let repository = refresh(None, "one", &keys, START).expect("is due");
    let files = disk(&repository);
    let targets = walk(&files, &files["1.root.json"], START).expect("walks");
    for name in ["trusted_root.json", "folder/other.json"] {
        let path = targets.path(name).expect("is named");
        assert_eq!(targets.check(name, &files[&path]).ok(), repository.target(name));
        assert_eq!(targets.check(name, b"other"), Err(TufError::Hash(name.to_owned())));
    }
}

#[test]
fn only_what_is_due_gets_a_new_version() {
    let keys = Keys::generate();
    let mut repository = refresh(None, "one", &keys, START).expect("is due");
    // Days after the last step, the document, and the versions of root, targets, snapshot and timestamp after it.
    let table = [
        (0, "one", None),
        (0, "two", Some([1, 2, 2, 2])),
        (0, "two", None),
        (1, "two", Some([1, 2, 2, 3])),
        (45, "two", Some([1, 2, 3, 4])),
        (140, "two", Some([1, 3, 4, 5])),
        (180, "two", Some([2, 3, 5, 6])),
        (1_000, "two", Some([3, 4, 6, 7])),
    ];
    let mut day = 0;
    for (days, text, expected) in table {
        day += days;
        let next = refresh(Some(&repository), text, &keys, after(day));
        assert_eq!(next.as_ref().map(versions), expected, "day {day}");
        repository = next.unwrap_or(repository);
        let files = disk(&repository);
        walk(&files, &files["1.root.json"], after(day)).expect("a client follows");
        let again = Repository::load(|name| Ok::<_, TufError>(files.get(name).cloned())).expect("loads");
        assert_eq!(again.as_ref(), Some(&repository));
        // A clock that falls back must not lead to lower versions, nor to anything at all.
        assert!(refresh(Some(&repository), text, &keys, START).is_none());
    }
}

#[test]
fn new_keys_make_a_new_root_that_the_old_one_signed() {
    let mut keys = Keys::generate();
    let first = refresh(None, "one", &keys, START).expect("is due");
    // Each from the first repository on, with one key more replaced: that role signs again, and what names its version.
    for (role, expected) in [(3, [2, 1, 1, 2]), (2, [2, 1, 2, 2]), (1, [2, 2, 2, 2])] {
        keys.0[role] = SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("a key");
        let next = refresh(Some(&first), "one", &keys, START).expect("is due");
        assert_eq!(versions(&next), expected);
        walk(&disk(&next), &first.root().bytes, START).expect("a client follows");
    }
    keys.0[0] = SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("a key");
    let refused = prepare(Some(&first), &documents("one"), &keys.signers(), &Lifetimes::default(), START);
    assert_eq!(refused.err(), Some(TufError::RootKey));
}

#[test]
fn a_crash_between_any_two_files_leaves_the_old_state_or_the_new_one() {
    let mut keys = Keys::generate();
    let first = refresh(None, "one", &keys, START).expect("is due");
    keys.0[2] = SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("a key");
    let second = refresh(Some(&first), "two", &keys, START).expect("is due");
    let new: Vec<_> = second.files().map(|(name, bytes)| (name, bytes.to_vec())).collect();
    for written in 0..=new.len() {
        let mut files = disk(&first);
        files.extend(new[..written].iter().cloned());
        let loaded =
            Repository::load(|name| Ok::<_, TufError>(files.get(name).cloned())).expect("loads").expect("is there");
        let next = refresh(Some(&loaded), "two", &keys, START).unwrap_or(loaded);
        files.extend(disk(&next));
        let targets = walk(&files, &first.root().bytes, START).expect("a client follows");
        let path = targets.path("trusted_root.json").expect("is named");
        assert_eq!(files[&path], b"two", "{written} files written");
    }
}

#[test]
fn a_client_refuses_what_is_not_right() {
    let keys = Keys::generate();
    let other = Keys::generate();
    let repository = refresh(None, "one", &keys, START).expect("is due");
    let files = disk(&repository);
    let foreign = disk(&refresh(None, "one", &other, START).expect("is due"));
    for (name, role) in [
        ("timestamp.json", Role::Timestamp),
        ("1.snapshot.json", Role::Snapshot),
        ("1.targets.json", Role::Targets),
        ("1.root.json", Role::Timestamp),
    ] {
        let mut mixed = files.clone();
        mixed.insert(name.to_owned(), foreign[name].clone());
        let refused = walk(&mixed, &mixed["1.root.json"], START).err();
        assert_eq!(refused, Some(TufError::Unsigned(role)), "{name} signed by others");
        let mut changed = files.clone();
        let text = String::from_utf8(files[name].clone()).expect("text").replace("\"version\":1", "\"version\":7");
        changed.insert(name.to_owned(), text.into_bytes());
        let refused = walk(&changed, &changed["1.root.json"], START).err();
        assert!(matches!(refused, Some(TufError::Unsigned(_))), "{name} changed: {refused:?}");
    }
    assert_eq!(walk(&files, &files["1.root.json"], after(7)).err(), Some(TufError::Expired { role: Role::Timestamp }));
    assert!(TrustedKeys::pin(&files["1.root.json"]).expect("pins").follow(&files["1.root.json"]).is_err());
}
