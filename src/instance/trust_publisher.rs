//! Keeps the TUF repository signed, on disk and published.
//!
//! Opening it and every `refresh` do the same: see what is due, write it to the audit log, sign, make the files durable
//! (`timestamp.json` last), publish. Nothing is published that is not on disk, so versions never go back after a crash.

mod folder;
mod published;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shared::audit::AuditRecord;
use shared::digest::sha256_hex;
use shared::keys::Signer;
use shared::log::{AppendError, LeafHash, Log};
use shared::time::{Clock, UnixTime};
use shared::trust_root::tuf::{Lifetimes, Repository, RoleSigners, TargetFile, TufError, prepare, target_files};
use shared::trust_root::{TrustDocuments, TrustError, TrustMaterial};

use self::folder::Folder;
pub(crate) use self::published::{PublishedFiles, PublishedTrust};
use crate::file::FileError;

/// How often to look whether something is due. A timestamp is signed anew when it has less than 6 of its 7 days.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);

/// The keys of the repository's roles.
#[derive(Clone)]
pub(crate) struct TufKeys {
    /// `tuf-root`.
    pub(crate) root: Arc<dyn Signer>,
    /// `tuf-targets`.
    pub(crate) targets: Arc<dyn Signer>,
    /// `tuf-snapshot`.
    pub(crate) snapshot: Arc<dyn Signer>,
    /// `tuf-timestamp`.
    pub(crate) timestamp: Arc<dyn Signer>,
}

impl TufKeys {
    fn signers(&self) -> RoleSigners<'_> {
        RoleSigners {
            root: &*self.root,
            targets: &*self.targets,
            snapshot: &*self.snapshot,
            timestamp: &*self.timestamp,
        }
    }
}

/// The publisher. It alone writes the folder.
pub(crate) struct TrustPublisher {
    folder: Folder,
    keys: TufKeys,
    audit: Log,
    current: tokio::sync::Mutex<SignedTrust>,
    published: Arc<PublishedTrust>,
}

/// The signed repository, and the documents that it covers.
struct SignedTrust {
    repository: Option<Repository>,
    documents: TrustDocuments,
    files: BTreeMap<String, TargetFile>,
}

/// Why nothing new could be published. What was published before still is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    /// The documents cannot be made.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The repository cannot be read or signed.
    #[error(transparent)]
    Tuf(#[from] TufError),
    /// The folder cannot be read or written.
    #[error(transparent)]
    Folder(#[from] FileError),
    /// The audit log did not take the record, so no key was used.
    #[error(transparent)]
    Audit(#[from] AppendError),
    /// The log answered for another leaf.
    #[error("the audit log acknowledged another record, so nothing was signed")]
    OtherLeaf,
}

impl TrustPublisher {
    /// Reads the repository in `folder`, signs what is due at `now`, and has everything ready to be served.
    pub(crate) async fn open(
        folder: PathBuf,
        keys: TufKeys,
        material: &TrustMaterial,
        audit: Log,
        now: UnixTime,
    ) -> Result<Self, PublishError> {
        let folder = Folder::new(folder);
        let documents = material.documents()?;
        let current = Repository::load(|name| folder.read(name).map_err(PublishError::from))?;
        let publisher = Self {
            published: Arc::new(PublishedTrust::new(
                current.as_ref().map(|it| files_of(it, &documents)).unwrap_or_default(),
            )),
            current: tokio::sync::Mutex::new(SignedTrust {
                repository: current,
                files: target_files(&documents),
                documents,
            }),
            folder,
            keys,
            audit,
        };
        publisher.refresh(now).await?;
        Ok(publisher)
    }

    /// Signs and publishes what is due at `now`; says whether anything was.
    pub(crate) async fn refresh(&self, now: UnixTime) -> Result<bool, PublishError> {
        self.sign_due(&mut *self.current.lock().await, now).await
    }

    /// Publishes what `material` says from now on, if that is something else than before; says whether anything was
    /// signed.
    pub(crate) async fn publish(&self, material: &TrustMaterial, now: UnixTime) -> Result<bool, PublishError> {
        let documents = material.documents()?;
        let mut current = self.current.lock().await;
        current.files = target_files(&documents);
        current.documents = documents;
        self.sign_due(&mut current, now).await
    }

    async fn sign_due(&self, current: &mut SignedTrust, now: UnixTime) -> Result<bool, PublishError> {
        let signers = self.keys.signers();
        let before = current.repository.as_ref();
        let Some(draft) = prepare(before, &current.files, &signers, &Lifetimes::default(), now)? else {
            return Ok(false);
        };
        let metadata =
            draft.to_be_signed()?.into_iter().map(|(role, version, hash)| (role.to_string(), version, hash)).collect();
        let leaf = AuditRecord::TrustSigned { at_ms: now.millis(), metadata }.to_leaf();
        let leaf_hash = LeafHash::of(&leaf);
        if self.audit.append(leaf).await?.leaf_hash() != leaf_hash {
            return Err(PublishError::OtherLeaf);
        }
        let next = draft.sign(&self.keys.signers())?;
        self.folder.write(&next, before)?;
        let mut files = files_of(&next, &current.documents);
        if before.is_some() {
            files.keep_from(&self.published.files());
        }
        self.published.publish(files);
        current.repository = Some(next);
        Ok(true)
    }

    /// What is published, kept up to date.
    pub(crate) fn published(&self) -> Arc<PublishedTrust> {
        self.published.clone()
    }

    /// SHA-256 of `/trust/root.json` in hex, for `cosign initialize --root-checksum`.
    pub(crate) async fn root_sha256(&self) -> Option<String> {
        self.current.lock().await.repository.as_ref().map(|repository| sha256_hex(&repository.root().bytes))
    }

    /// Signs and publishes what is due, every hour; never returns. A failure is logged and tried again.
    pub(crate) async fn keep_fresh(&self, clock: &dyn Clock) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.refresh(clock.now()).await {
                Ok(false) => {}
                Ok(true) => tracing::info!("the trust metadata was signed and published"),
                Err(error) => {
                    tracing::error!(%error, "the trust metadata could not be signed; this is tried again in an hour")
                }
            }
        }
    }
}

fn files_of(repository: &Repository, documents: &TrustDocuments) -> PublishedFiles {
    let mut files = PublishedFiles::default();
    for (name, bytes) in repository.files() {
        files.insert(format!("tuf/{name}"), bytes);
    }
    for (name, bytes) in [
        ("root.json", &repository.root().bytes),
        ("trusted_root.json", &documents.trusted_root),
        ("signing_config.v0.2.json", &documents.signing_config),
        ("client_trust_config.json", &documents.client_trust_config),
    ] {
        files.insert(format!("trust/{name}"), bytes);
    }
    files
}

#[cfg(test)]
mod tests;
