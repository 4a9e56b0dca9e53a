//! A house that this command alone works on: nobody serves it meanwhile.

use std::sync::Arc;

use shared::keys::KeyFile;
use shared::log::Log;

use super::data_args::DataArgs;
use super::failure::Failure;
use crate::instance::data_dir::{DataDir, DataDirError, HouseFile, KeyName};
use crate::instance::logs::{self, LogName};

/// The directory, held, and what every change to a house needs of it.
pub(super) struct HeldHouse {
    pub(super) data: DataDir,
    pub(super) house: HouseFile,
    pub(super) key_file: Arc<KeyFile>,
    pub(super) audit: Log,
}

impl HeldHouse {
    pub(super) fn open(args: &DataArgs) -> Result<Self, Failure> {
        let data = DataDir::hold(&args.data)?;
        if !data.has_house()? {
            return Err(DataDirError::Empty(args.data.clone()).into());
        }
        let house = data.house_file()?;
        let key_file = Arc::new(data.key_file()?);
        let audit_key = data.key(KeyName::AuditLog, &key_file)?;
        let audit = logs::open(&data, LogName::Audit, &house.name, audit_key)?;
        Ok(Self { data, house, key_file, audit })
    }
}
