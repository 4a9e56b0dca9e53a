//! What an instance opens first: its keys, its logs, its store.

use std::sync::Arc;

use shared::audit::AuditRecord;
use shared::keys::{KeyFile, Signer};
use shared::log::Log;
use shared::random::{Random, SystemRandom};
use shared::store::Store;
use shared::store::sled::{SetAside, SledStore};
use shared::time::Clock;

use super::error::InstanceError;
use crate::clock::SystemClock;
use crate::instance::assemble::{Origin, Settings};
use crate::instance::data_dir::{DataDir, InstanceFile, KeyName};
use crate::instance::logs::{self, LogName};
use crate::instance::signature_log::first_entry;
use crate::instance::snapshots::Cause;

/// The keys, logs and store of an instance, open.
pub(super) struct Opened {
    pub(super) key_file: Arc<KeyFile>,
    pub(super) certificates: Log,
    pub(super) signatures: Log,
    pub(super) audit: Log,
    pub(super) store: Arc<dyn Store>,
    set_aside: Option<SetAside>,
    pub(super) issuing_key: Arc<dyn Signer>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
}

impl Opened {
    pub(super) fn new(data: &DataDir, file: &InstanceFile, settings: &Settings) -> Result<Self, InstanceError> {
        let key_file = Arc::new(data.key_file()?);
        let log = |name: LogName| -> Result<Log, InstanceError> {
            Ok(logs::open(data, name, &file.name, data.key(name.key(), &key_file)?)?)
        };
        let issuing_key: Arc<dyn Signer> = match &settings.issuing_key {
            Some(key) => key.clone(),
            None => Arc::new(data.key(KeyName::IssuingCa, &key_file)?),
        };
        let (store, report) = SledStore::open(&data.folder("store")?, SystemClock.now(), |_| Ok(()))?;
        if report.set_aside.is_some() {
            tracing::error!(%report, "the store was damaged and has been set aside");
        }
        Ok(Self {
            certificates: log(LogName::Certificates)?,
            signatures: log(LogName::Signatures)?,
            audit: log(LogName::Audit)?,
            store: Arc::new(store),
            set_aside: report.set_aside,
            issuing_key,
            key_file,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        })
    }

    pub(super) fn logs(&self) -> Vec<Log> {
        vec![self.certificates.clone(), self.signatures.clone(), self.audit.clone()]
    }

    /// Records in the audit log what this start begins with, before anything is signed.
    pub(super) async fn record_start(&self, settings: &Settings, origin: &Origin) -> Result<(), InstanceError> {
        let configuration = AuditRecord::ConfigurationLoaded {
            at_ms: SystemClock.now().millis(),
            sha256: settings.sha256.clone(),
            origin: origin.to_string(),
            cause: Cause::Start.to_string(),
        };
        self.audit.append(configuration.to_leaf()).await?;
        if let Some(lost) = &self.set_aside {
            let store = AuditRecord::StoreSetAside {
                at_ms: SystemClock.now().millis(),
                path: lost.path.display().to_string(),
                reason: lost.reason.clone(),
            };
            self.audit.append(store.to_leaf()).await?;
        }
        Ok(first_entry::make(&self.signatures).await?)
    }
}
