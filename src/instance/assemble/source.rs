//! Where the configuration comes from, so that it can be read again.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use privyseal_config::Config;
use shared::digest::sha256_hex;

use super::Problems;
use crate::file;

/// A configuration file, and the settings of the command line that replace its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    /// The file; `None` means that every setting has its default.
    pub(crate) path: Option<PathBuf>,
    /// Where to listen, instead of what the file says.
    listen: Option<String>,
}

/// The state of a file, for noticing changes. Two reads of the same text at different times differ too: touching
/// the file has it read again, with the files that it names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fingerprint {
    modified: Option<SystemTime>,
    pub(crate) sha256: String,
}

impl Source {
    pub(crate) fn new(path: Option<&Path>, listen: Option<&str>) -> Self {
        Self { path: path.map(Path::to_owned), listen: listen.map(str::to_owned) }
    }

    /// Where to listen, instead of what the file says.
    pub(super) fn listen(&self) -> Option<&str> {
        self.listen.as_deref()
    }

    /// What the file holds; none without a file.
    pub(super) fn text(&self) -> Result<Option<String>, Problems> {
        let Some(path) = &self.path else { return Ok(None) };
        let text = file::read(path, Config::MAX_BYTES as u64 + 1);
        text.map(Some).map_err(|error| Problems::one(&path.display().to_string(), error.to_string()))
    }

    /// The file's state now; `None` without a file, or when it cannot be read.
    pub(crate) fn fingerprint(&self) -> Option<Fingerprint> {
        let path = self.path.as_deref()?;
        let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        let text = file::read(path, Config::MAX_BYTES as u64 + 1).ok()?;
        Some(Fingerprint { modified, sha256: sha256_hex(text.as_bytes()) })
    }
}
