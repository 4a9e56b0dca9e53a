//! Walking a repository as a client does (TUF §5): from a root that is trusted already to the targets, each step
//! checked. The caller fetches; each step says what to fetch next and takes only what the step before has named.

use super::metadata::{
    MAX_BYTES, Root, SignedFile, Snapshot, Targets, Timestamp, TufError, check_fresh, open, open_root,
};
use super::repository::hashed_path;
use crate::digest::sha256_hex;
use crate::time::UnixTime;

/// A trusted root.
#[derive(Clone, Debug)]
pub struct TrustedKeys(Root);

impl TrustedKeys {
    /// Starts from a root that came over a path which the caller trusts.
    pub fn pin(root: &[u8]) -> Result<Self, TufError> {
        Ok(Self(open_root(root, None)?.signed))
    }

    /// The file that may hold a newer root; that it does not exist is the normal case.
    pub fn next_root_name(&self) -> String {
        format!("{}.root.json", self.0.header.version + 1)
    }

    /// Moves on to the newer root, which the old one's keys and its own must have signed.
    pub fn follow(self, root: &[u8]) -> Result<Self, TufError> {
        let next = open_root(root, Some(&self.0))?.signed;
        let (role, expected, found) = (super::metadata::Role::Root, self.0.header.version + 1, next.header.version);
        if found != expected {
            return Err(TufError::Version { role, found, expected });
        }
        Ok(Self(next))
    }

    /// Takes `timestamp.json`. The snapshot and the targets that it names are fetched next.
    pub fn timestamp(self, bytes: &[u8], now: UnixTime) -> Result<CurrentTimestamp, TufError> {
        let root = SignedFile { signed: self.0, bytes: Vec::new() };
        check_fresh(&root, now)?;
        let timestamp = open::<Timestamp>(bytes, Some(&root.signed))?;
        check_fresh(&timestamp, now)?;
        Ok(CurrentTimestamp { root: root.signed, timestamp: timestamp.signed })
    }
}

/// A timestamp that counts.
#[derive(Clone, Debug)]
pub struct CurrentTimestamp {
    root: Root,
    timestamp: Timestamp,
}

impl CurrentTimestamp {
    fn version(&self) -> u64 {
        self.timestamp.meta.get("snapshot.json").map_or(0, |meta| meta.version)
    }

    /// The snapshot to fetch.
    pub fn snapshot_name(&self) -> String {
        format!("{}.snapshot.json", self.version())
    }

    /// Takes it.
    pub fn snapshot(self, bytes: &[u8], now: UnixTime) -> Result<CurrentSnapshot, TufError> {
        let snapshot = open::<Snapshot>(bytes, Some(&self.root))?;
        let (role, found, expected) = (super::metadata::Role::Snapshot, snapshot.signed.header.version, self.version());
        if found != expected {
            return Err(TufError::Version { role, found, expected });
        }
        check_fresh(&snapshot, now)?;
        Ok(CurrentSnapshot { root: self.root, snapshot: snapshot.signed })
    }
}

/// A snapshot that counts.
#[derive(Clone, Debug)]
pub struct CurrentSnapshot {
    root: Root,
    snapshot: Snapshot,
}

impl CurrentSnapshot {
    fn version(&self) -> u64 {
        self.snapshot.meta.get("targets.json").map_or(0, |meta| meta.version)
    }

    /// The targets metadata to fetch.
    pub fn targets_name(&self) -> String {
        format!("{}.targets.json", self.version())
    }

    /// Takes it.
    pub fn targets(self, bytes: &[u8], now: UnixTime) -> Result<CurrentTargets, TufError> {
        let targets = open::<Targets>(bytes, Some(&self.root))?;
        let (role, found, expected) = (super::metadata::Role::Targets, targets.signed.header.version, self.version());
        if found != expected {
            return Err(TufError::Version { role, found, expected });
        }
        check_fresh(&targets, now)?;
        Ok(CurrentTargets(targets.signed))
    }
}

/// Targets that count.
#[derive(Clone, Debug)]
pub struct CurrentTargets(Targets);

impl CurrentTargets {
    /// The file to fetch for `name`.
    pub fn path(&self, name: &str) -> Option<String> {
        self.0.targets.get(name).map(|target| hashed_path(name, &target.hashes.sha256))
    }

    /// Takes its bytes if they are the right ones.
    pub fn check<'b>(&self, name: &str, bytes: &'b [u8]) -> Result<&'b [u8], TufError> {
        let target = self.0.targets.get(name).ok_or_else(|| TufError::Missing(name.to_owned()))?;
        if bytes.len() > MAX_BYTES {
            return Err(TufError::Size { name: name.to_owned(), length: bytes.len() });
        }
        let matches = bytes.len() as u64 == target.length && sha256_hex(bytes) == target.hashes.sha256;
        if matches { Ok(bytes) } else { Err(TufError::Hash(name.to_owned())) }
    }
}
