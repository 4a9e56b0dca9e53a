//! The three logs of an instance.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use shared::keys::{PublicKey, SigningKey};
use shared::log::{
    AuditError, AuditReport, CheckpointError, Log, LogOpenError, LogOpenReport, Origin, OriginError, SignedCheckpoint,
    verify_offline,
};

use crate::file::{self, FileError};
use crate::instance::data_dir::{DataDir, DataDirError, KeyName};

/// Largest checkpoint or public key that is read.
const MAX_FILE: u64 = 64 * 1024;

/// One of the three logs of an instance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LogName {
    Certificates,
    Signatures,
    Audit,
}

impl LogName {
    pub(crate) const ALL: [Self; 3] = [Self::Certificates, Self::Signatures, Self::Audit];

    /// Its folder, and the first label of its origin.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Certificates => "certificates",
            Self::Signatures => "signatures",
            Self::Audit => "audit",
        }
    }

    /// The key that signs its checkpoints.
    pub(crate) fn key(self) -> KeyName {
        match self {
            Self::Certificates => KeyName::CertificatesLog,
            Self::Signatures => KeyName::SignaturesLog,
            Self::Audit => KeyName::AuditLog,
        }
    }

    fn origin(self, instance: &str) -> Result<Origin, OriginError> {
        Origin::parse(&format!("{}.{instance}", self.label()))
    }
}

impl std::fmt::Display for LogName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.label())
    }
}

/// Why a log cannot be opened. Nothing is signed without all three.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogsError {
    #[error("the {name} log cannot be opened: {error}")]
    Open { name: LogName, error: LogOpenError },
    #[error("the {name} log's origin is not valid: {error}")]
    Origin { name: LogName, error: OriginError },
    #[error("the {name} log failed its check: {error}")]
    Audit { name: LogName, error: AuditError },
    #[error("{path} is not a checkpoint: {error}")]
    Checkpoint { path: PathBuf, error: CheckpointError },
    #[error("{0} holds no public key in PEM")]
    PublicKey(PathBuf),
    #[error(transparent)]
    Data(#[from] DataDirError),
    #[error(transparent)]
    File(#[from] FileError),
}

/// Checks the files of the log `name` in the data directory `root`, which may be in use. `since` is an earlier
/// checkpoint; it is ignored when it belongs to another log.
pub(crate) fn verify(root: &Path, name: LogName, since: Option<&SignedCheckpoint>) -> Result<AuditReport, LogsError> {
    let path = public_key_path(root, name);
    let pem = file::read(&path, MAX_FILE)?;
    let key = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).ok();
    let key = key.and_then(|spki| PublicKey::from_spki(&spki).ok()).ok_or(LogsError::PublicKey(path))?;
    let mine = since.filter(|since| since.claimed_origin().as_str().starts_with(&format!("{name}.")));
    verify_offline(&folder(root, name), &key, mine).map_err(|error| LogsError::Audit { name, error })
}

/// Reads a checkpoint from a file.
pub(crate) fn read_checkpoint(path: &Path) -> Result<SignedCheckpoint, LogsError> {
    let text = file::read(path, MAX_FILE)?;
    SignedCheckpoint::parse(&text).map_err(|error| LogsError::Checkpoint { path: path.to_owned(), error })
}

/// The file with the public half of a log's key, for anyone who checks the log.
pub(crate) fn public_key_path(root: &Path, name: LogName) -> PathBuf {
    root.join("certificates").join(format!("{name}-log.pub.pem"))
}

fn folder(root: &Path, name: LogName) -> PathBuf {
    root.join("log").join(name.label())
}

/// Opens the log `name` of the instance called `instance`.
pub(crate) fn open(data: &DataDir, name: LogName, instance: &str, key: SigningKey) -> Result<Log, LogsError> {
    data.folder("log")?;
    let origin = name.origin(instance).map_err(|error| LogsError::Origin { name, error })?;
    let (log, report) = Log::open(&folder(data.root(), name), origin, Arc::new(key))
        .map_err(|error| LogsError::Open { name, error })?;
    let LogOpenReport { size, segments_read, dropped, rebuilt_tiles } = report;
    tracing::debug!(%name, size, segments_read, dropped, rebuilt_tiles, "the log is open");
    Ok(log)
}
