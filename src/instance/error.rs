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
    #[error("{name}: {error}")]
    Chain { name: &'static str, error: ChainError },
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    Units(#[from] UnitsError),
    #[error(transparent)]
    Revocation(#[from] RevocationError),
    #[error("timestamps: {0}")]
    Timestamps(#[from] NoUnit),
    #[error("the clock guard: {0}")]
    TrustedTime(#[from] TrustedTimeError),
    #[error("the trust root: {0}")]
    Trust(#[from] PublishError),
    #[error("the signature log's first entry: {0}")]
    FirstEntry(#[from] FirstEntryError),
    #[error("the audit log did not take the configuration's record: {0}")]
    Audit(#[from] AppendError),
    #[error("registered issuers: {0}")]
    Registrations(#[from] RegistrarError),
}
