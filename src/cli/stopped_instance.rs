//! An instance that is not being served, so that this command can change it.

use std::sync::Arc;

use shared::keys::KeyFile;
use shared::log::Log;

use super::data_args::DataArgs;
use super::failure::Failure;
use crate::instance::data_dir::{DataDir, DataDirError, InstanceFile, KeyName};
use crate::instance::logs::{self, LogName};

/// The locked data directory, with what every change to an instance needs.
pub(super) struct StoppedInstance {
    pub(super) data: DataDir,
    pub(super) instance: InstanceFile,
    pub(super) key_file: Arc<KeyFile>,
    pub(super) audit: Log,
}

impl StoppedInstance {
    pub(super) fn open(args: &DataArgs) -> Result<Self, Failure> {
        let data = DataDir::hold(&args.data)?;
        if !data.has_instance()? {
            return Err(DataDirError::Empty(args.data.clone()).into());
        }
        let instance = data.instance_file()?;
        let key_file = Arc::new(data.key_file()?);
        let audit_key = data.key(KeyName::AuditLog, &key_file)?;
        let audit = logs::open(&data, LogName::Audit, &instance.name, audit_key)?;
        Ok(Self { data, instance, key_file, audit })
    }
}
