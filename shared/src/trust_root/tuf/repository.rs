//! A complete repository: all that clients may ask for, each part signed and agreeing with the others.

use std::collections::BTreeMap;

use crate::digest::sha256_hex;

use super::metadata::{Root, SignedFile, Snapshot, Targets, Timestamp, TufError, open, open_root};

/// The files of a repository.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Repository {
    /// Every root since the first: a client walks from the one it knows.
    pub(super) roots: Vec<SignedFile<Root>>,
    pub(super) targets: SignedFile<Targets>,
    pub(super) snapshot: SignedFile<Snapshot>,
    pub(super) timestamp: SignedFile<Timestamp>,
    /// The targets' bytes by path.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// The name of a target's file under consistent snapshots (TUF §7.1: the hash goes before the last path element).
pub fn hashed_path(name: &str, sha256: &str) -> String {
    match name.rsplit_once('/') {
        Some((folder, file)) => format!("targets/{folder}/{sha256}.{file}"),
        None => format!("targets/{sha256}.{name}"),
    }
}

impl Repository {
    /// Reads what was published last. `read` answers a file's bytes, or nothing if there is none. Expiry is not looked
    /// at: an instance that was down for long must be able to sign anew. `None` means that nothing was ever published
    /// in full.
    pub fn load<E: From<TufError>>(
        mut read: impl FnMut(&str) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Option<Self>, E> {
        let Some(timestamp) = read("timestamp.json")? else { return Ok(None) };
        let mut roots: Vec<SignedFile<Root>> = Vec::new();
        while let Some(bytes) = read(&format!("{}.root.json", roots.len() + 1))? {
            roots.push(open_root(&bytes, roots.last().map(|root| &root.signed))?);
        }
        if roots.is_empty() {
            return Err(TufError::Missing("1.root.json".to_owned()).into());
        }
        let mut named =
            |name: String| -> Result<Vec<u8>, E> { read(&name)?.ok_or_else(|| E::from(TufError::Missing(name))) };
        // What is on disk may be signed by keys that the newest root no longer names: a change of keys was cut short
        // between root and timestamp. `prepare` notices and signs again, so only the form counts here.
        let timestamp = open::<Timestamp>(&timestamp, None)?;
        let snapshot = timestamp.signed.meta.get("snapshot.json").map_or(0, |meta| meta.version);
        let snapshot = open::<Snapshot>(&named(format!("{snapshot}.snapshot.json"))?, None)?;
        let targets = snapshot.signed.meta.get("targets.json").map_or(0, |meta| meta.version);
        let targets = open::<Targets>(&named(format!("{targets}.targets.json"))?, None)?;
        let mut files = BTreeMap::new();
        for (name, target) in &targets.signed.targets {
            let bytes = named(hashed_path(name, &target.hashes.sha256))?;
            if sha256_hex(&bytes) != target.hashes.sha256 {
                return Err(TufError::Hash(name.clone()).into());
            }
            files.insert(name.clone(), bytes);
        }
        Ok(Some(Self { roots, targets, snapshot, timestamp, files }))
    }

    /// Every file by its path in the repository, in the order in which they must be made durable: what a file names
    /// comes before it, and `timestamp.json`, which makes the whole visible, is the last.
    pub fn files(&self) -> impl Iterator<Item = (String, &[u8])> {
        let targets = self.targets.signed.targets.iter().filter_map(|(name, target)| {
            Some((hashed_path(name, &target.hashes.sha256), self.files.get(name)?.as_slice()))
        });
        let roots = self.roots.iter().map(|root| (format!("{}.root.json", root.signed.header.version), &*root.bytes));
        targets
            .chain([
                (format!("{}.targets.json", self.targets.signed.header.version), &*self.targets.bytes),
                (format!("{}.snapshot.json", self.snapshot.signed.header.version), &*self.snapshot.bytes),
            ])
            .chain(roots)
            .chain([("timestamp.json".to_owned(), &*self.timestamp.bytes)])
    }

    /// The newest root, which a client must be given over a path that it trusts.
    pub fn root(&self) -> &SignedFile<Root> {
        // `load` and `Draft::sign` never make a repository without a root.
        self.roots.last().unwrap_or_else(|| unreachable!("a repository has a root"))
    }

    /// A target's bytes.
    pub fn target(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }
}
