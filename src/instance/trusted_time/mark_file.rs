//! `high-water-mark`: the latest time that a timestamp was made for, so that a clock that goes back never makes us
//! sign an earlier time.

use std::path::PathBuf;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use shared::time::UnixTime;

use crate::file::{self, FileError};

/// Longest file that is read.
const MAX_FILE: u64 = 4_096;

/// Why the mark cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MarkFileError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(
        "{path} is damaged, so the latest signed time is unknown ({error}); restore it, or remove it if you are sure \
         that the machine's clock is right"
    )]
    Damaged { path: PathBuf, error: toml::de::Error },
}

/// The content of the file.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredMark {
    mark_ms: u64,
    /// Leaves of the audit log that the mark covers.
    audit_size: u64,
}

impl StoredMark {
    pub(crate) fn mark(self) -> UnixTime {
        UnixTime::from_millis(self.mark_ms)
    }

    pub(crate) fn audit_size(self) -> u64 {
        self.audit_size
    }
}

/// The file, and what was last written to it.
pub(crate) struct MarkFile {
    path: PathBuf,
    written: Mutex<u64>,
}

impl MarkFile {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, written: Mutex::new(0) }
    }

    /// `None` when no mark was written yet.
    pub(super) fn read(&self) -> Result<Option<StoredMark>, MarkFileError> {
        if !self.path.exists() {
            return Ok(None);
        }
        let text = file::read(&self.path, MAX_FILE)?;
        let damaged = |error| MarkFileError::Damaged { path: self.path.clone(), error };
        toml::from_str(&text).map(Some).map_err(damaged)
    }

    /// Writes the mark when it is later than the one written before.
    pub(super) fn keep(&self, mark: UnixTime, audit_size: u64) -> Result<(), MarkFileError> {
        let mut written = self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if mark.millis() <= *written {
            return Ok(());
        }
        let kept = StoredMark { mark_ms: mark.millis(), audit_size };
        let body = toml::to_string(&kept).expect("numbers always encode");
        let text =
            format!("# The latest time that a timestamp was made for. Kept by the program; do not edit.\n{body}");
        file::write_durably(&self.path, text.as_bytes(), file::Mode::Public)?;
        *written = mark.millis();
        Ok(())
    }
}
