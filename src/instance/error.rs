//! Why an instance does not open.

use shared::log::AppendError;
use shared::store::sled::StoreOpenError;
use shared::x509::ChainError;

use crate::file::FileError;
use crate::instance::data_dir::DataDirError;
use crate::instance::logs::LogsError;
use crate::instance::registration::RegistrarError;
use crate::instance::revocation::RevocationError;
use crate::instance::signature_log::first_entry::FirstEntryError;
use crate::instance::snapshots::SnapshotError;
use crate::instance::timestamp_authority::NoUnit;
use crate::instance::timestamp_units::UnitsError;
use crate::instance::trust_publisher::PublishError;
use crate::instance::trusted_time::TrustedTimeError;

/// Why an instance does not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstanceError {
    #[error(transparent)]
    Data(#[from] DataDirError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Logs(#[from] LogsError),
    #[error(transparent)]
    Store(#[from] StoreOpenError),
    #[error("the certificate chain {name} cannot be used: {error}")]
    Chain { name: &'static str, error: ChainError },
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    Units(#[from] UnitsError),
    #[error(transparent)]
    Revocation(#[from] RevocationError),
    #[error("timestamps cannot be signed: {0}")]
    Timestamps(#[from] NoUnit),
    #[error("the clock guard cannot start: {0}")]
    TrustedTime(#[from] TrustedTimeError),
    #[error("the trust root could not be published: {0}")]
    Trust(#[from] PublishError),
    #[error("the first entry of the signature log could not be written: {0}")]
    FirstEntry(#[from] FirstEntryError),
    #[error("the audit log could not record the configuration, so nothing is started: {0}")]
    Audit(#[from] AppendError),
    #[error("the registered issuers could not be loaded: {0}")]
    Registrations(#[from] RegistrarError),
}
