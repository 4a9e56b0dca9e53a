//! What has to be signed now, and signing it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::metadata::{
    Custom, Hashes, Header, Key, MetaFile, Metadata, Role, RoleKeys, Root, SPEC_VERSION, SignedFile, SigstoreUse,
    Snapshot, Target, Targets, Timestamp, TufError, canonical, open, sign,
};
use super::repository::Repository;
use crate::digest::sha256_hex;
use crate::keys::{SignatureAlgorithm, Signer};
use crate::time::UnixTime;
use crate::trust_root::documents::TrustDocuments;
use crate::trust_root::encoding::Moment;
use crate::trust_root::legacy_targets::Usage;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long each kind of metadata counts, and how long before its end it is signed again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lifetimes {
    /// Root: lifetime and margin.
    pub root: (Duration, Duration),
    /// Targets.
    pub targets: (Duration, Duration),
    /// Snapshot.
    pub snapshot: (Duration, Duration),
    /// Timestamp: the longest time that a client can be kept on an old state.
    pub timestamp: (Duration, Duration),
}

impl Default for Lifetimes {
    /// The margins leave an instance that stands still over holidays in order: of a timestamp's 7 days at least 6 are
    /// left at any time while it runs.
    fn default() -> Self {
        Self {
            root: (DAY.saturating_mul(730), DAY.saturating_mul(365)),
            targets: (DAY.saturating_mul(365), DAY.saturating_mul(180)),
            snapshot: (DAY.saturating_mul(90), DAY.saturating_mul(45)),
            timestamp: (DAY.saturating_mul(7), DAY.saturating_mul(6)),
        }
    }
}

impl Lifetimes {
    const fn of(&self, role: Role) -> (Duration, Duration) {
        match role {
            Role::Root => self.root,
            Role::Targets => self.targets,
            Role::Snapshot => self.snapshot,
            Role::Timestamp => self.timestamp,
        }
    }
}

/// The keys of the four roles.
#[derive(Clone, Copy)]
pub struct RoleSigners<'a> {
    /// `tuf-root`.
    pub root: &'a dyn Signer,
    /// `tuf-targets`.
    pub targets: &'a dyn Signer,
    /// `tuf-snapshot`.
    pub snapshot: &'a dyn Signer,
    /// `tuf-timestamp`.
    pub timestamp: &'a dyn Signer,
}

impl<'a> RoleSigners<'a> {
    fn of(&self, role: Role) -> &'a dyn Signer {
        match role {
            Role::Root => self.root,
            Role::Targets => self.targets,
            Role::Snapshot => self.snapshot,
            Role::Timestamp => self.timestamp,
        }
    }
}

/// A file to be published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TargetFile {
    /// The bytes of the file.
    pub bytes: Vec<u8>,
    /// For clients that look files up by use.
    pub custom: Option<Custom>,
}

/// The files for `documents`, by the names under which clients look for them.
pub fn target_files(documents: &TrustDocuments) -> BTreeMap<String, TargetFile> {
    let plain = |bytes: &Vec<u8>| TargetFile { bytes: bytes.clone(), custom: None };
    let mut files = BTreeMap::from([
        ("trusted_root.json".to_owned(), plain(&documents.trusted_root)),
        ("signing_config.v0.2.json".to_owned(), plain(&documents.signing_config)),
    ]);
    for target in &documents.legacy {
        let status = if target.is_active { "Active" } else { "Expired" };
        let sigstore = SigstoreUse { status: status.to_owned(), usage: target.usage.name().to_owned() };
        // cosign 2 glues together all targets whose use is TSA and then takes the first for the leaf; when there are
        // none it falls back to the names, which is right. So these carry no use.
        let custom = (target.usage != Usage::Tsa).then_some(Custom { sigstore });
        files.insert(target.name.clone(), TargetFile { bytes: target.bytes.clone(), custom });
    }
    files
}

/// Metadata that is due, not yet signed.
#[derive(Debug)]
pub struct MetadataDraft {
    roots: Vec<SignedFile<Root>>,
    root: Option<Root>,
    targets: DraftPart<Targets>,
    snapshot: DraftPart<Snapshot>,
    timestamp: Timestamp,
    files: BTreeMap<String, Vec<u8>>,
}

#[derive(Debug)]
enum DraftPart<T> {
    Current(SignedFile<T>),
    New(T),
}

impl<T: Metadata> DraftPart<T> {
    fn version(&self) -> u64 {
        match self {
            Self::Current(file) => file.signed.header().version,
            Self::New(signed) => signed.header().version,
        }
    }

    fn sign(self, signer: &dyn Signer) -> Result<SignedFile<T>, TufError> {
        match self {
            Self::Current(file) => Ok(file),
            Self::New(signed) => sign(signed, signer),
        }
    }

    fn fresh(&self) -> Option<&T> {
        match self {
            Self::Current(_) => None,
            Self::New(signed) => Some(signed),
        }
    }
}

/// What has to be signed at `now` so that the repository publishes `files` under `signers`' keys and nothing is about
/// to expire. `None` when all is well. A version is never lower than one before it, whatever the clock does.
pub fn prepare(
    current: Option<&Repository>,
    files: &BTreeMap<String, TargetFile>,
    signers: &RoleSigners<'_>,
    lifetimes: &Lifetimes,
    now: UnixTime,
) -> Result<Option<MetadataDraft>, TufError> {
    let roots = current.map_or_else(Vec::new, |repository| repository.roots.clone());
    let (keys, roles) = key_tables(signers)?;
    let due = |header: &Header| header.expires.0 <= now.plus(lifetimes.of_name(&header.kind).1);
    let header = |role: Role, before: Option<&Header>| Header {
        kind: role.name().to_owned(),
        spec_version: SPEC_VERSION.to_owned(),
        version: before.map_or(1, |before| before.version + 1),
        expires: Moment(now.plus(lifetimes.of(role).0).floor_to_second()),
    };

    let root = match roots.last().map(|root| &root.signed) {
        Some(last) if last.roles.get("root") != roles.get("root") => return Err(TufError::RootKey),
        Some(last) if last.keys == keys && last.roles == roles && !due(&last.header) => None,
        last => Some(Root {
            header: header(Role::Root, last.map(|root| &root.header)),
            consistent_snapshot: true,
            keys,
            roles,
        }),
    };
    let Some(trusted) = root.as_ref().or(roots.last().map(|root| &root.signed)) else { return Err(TufError::RootKey) };

    let wanted: BTreeMap<String, Target> = files.iter().map(|(name, file)| (name.clone(), target(file))).collect();
    let targets = match current.map(|repository| &repository.targets) {
        Some(last) if last.signed.targets == wanted && !due(&last.signed.header) && is_signed(last, trusted) => {
            DraftPart::Current(last.clone())
        }
        last => DraftPart::New(Targets {
            header: header(Role::Targets, last.map(|file| &file.signed.header)),
            targets: wanted,
        }),
    };
    let snapshot_meta = BTreeMap::from([("targets.json".to_owned(), MetaFile { version: targets.version() })]);
    let snapshot = match current.map(|repository| &repository.snapshot) {
        Some(last) if last.signed.meta == snapshot_meta && !due(&last.signed.header) && is_signed(last, trusted) => {
            DraftPart::Current(last.clone())
        }
        last => DraftPart::New(Snapshot {
            header: header(Role::Snapshot, last.map(|file| &file.signed.header)),
            meta: snapshot_meta,
        }),
    };
    let timestamp_meta = BTreeMap::from([("snapshot.json".to_owned(), MetaFile { version: snapshot.version() })]);
    let last = current.map(|repository| &repository.timestamp);
    if root.is_none()
        && last.is_some_and(|last| {
            last.signed.meta == timestamp_meta && !due(&last.signed.header) && is_signed(last, trusted)
        })
    {
        return Ok(None);
    }
    let timestamp =
        Timestamp { header: header(Role::Timestamp, last.map(|file| &file.signed.header)), meta: timestamp_meta };
    let files = files.iter().map(|(name, file)| (name.clone(), file.bytes.clone())).collect();
    Ok(Some(MetadataDraft { roots, root, targets, snapshot, timestamp, files }))
}

impl Lifetimes {
    fn of_name(&self, name: &str) -> (Duration, Duration) {
        Role::ALL.into_iter().find(|role| role.name() == name).map_or((DAY, DAY), |role| self.of(role))
    }
}

impl MetadataDraft {
    /// Role, version and SHA-256 of the bytes of each signature that `sign` will make, for the audit log.
    pub fn to_be_signed(&self) -> Result<Vec<(Role, u64, String)>, TufError> {
        fn line<T: Metadata>(signed: &T) -> Result<(Role, u64, String), TufError> {
            Ok((T::ROLE, signed.header().version, sha256_hex(&canonical(signed)?)))
        }
        let lines = [
            self.root.as_ref().map(line),
            self.targets.fresh().map(line),
            self.snapshot.fresh().map(line),
            Some(line(&self.timestamp)),
        ];
        lines.into_iter().flatten().collect()
    }

    /// Signs what is new.
    pub fn sign(self, signers: &RoleSigners<'_>) -> Result<Repository, TufError> {
        let mut roots = self.roots;
        if let Some(root) = self.root {
            roots.push(sign(root, signers.root)?);
        }
        Ok(Repository {
            roots,
            targets: self.targets.sign(signers.targets)?,
            snapshot: self.snapshot.sign(signers.snapshot)?,
            timestamp: sign(self.timestamp, signers.timestamp)?,
            files: self.files,
        })
    }
}

fn is_signed<T: Metadata>(file: &SignedFile<T>, root: &Root) -> bool {
    open::<T>(&file.bytes, Some(root)).is_ok()
}

type KeyTables = (BTreeMap<String, Key>, BTreeMap<String, RoleKeys>);

fn key_tables(signers: &RoleSigners<'_>) -> Result<KeyTables, TufError> {
    let mut keys = BTreeMap::new();
    let mut roles = BTreeMap::new();
    for role in Role::ALL {
        let signer = signers.of(role);
        if signer.algorithm() != SignatureAlgorithm::EcdsaP256Sha256 {
            return Err(TufError::Algorithm(role));
        }
        let key = Key::of(signer.public_key());
        let id = key.id()?;
        roles.insert(role.name().to_owned(), RoleKeys { keyids: vec![id.clone()], threshold: 1 });
        keys.insert(id, key);
    }
    Ok((keys, roles))
}

fn target(file: &TargetFile) -> Target {
    Target {
        length: file.bytes.len() as u64,
        hashes: Hashes { sha256: sha256_hex(&file.bytes) },
        custom: file.custom.clone(),
    }
}
