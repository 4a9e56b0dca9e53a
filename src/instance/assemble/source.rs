//! Where the configuration comes from, so that it can be read again.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use privyseal_config::Config;
use shared::digest::sha256_hex;

use super::{Problems, Settings, understand};
use crate::instance::data_dir::file;

/// A configuration file, and what the command line says over it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    /// The file; none means that everything has its default.
    pub(crate) path: Option<PathBuf>,
    /// Where to listen, instead of what the file says.
    listen: Option<String>,
}

/// The state of a file by which a change is noticed. Two reads of the same text at different times differ too: touching the
/// file has it read again, with the files that it names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fingerprint {
    modified: Option<SystemTime>,
    pub(crate) sha256: String,
}

impl Source {
    pub(crate) fn new(path: Option<&Path>, listen: Option<&str>) -> Self {
        Self { path: path.map(Path::to_owned), listen: listen.map(str::to_owned) }
    }

    /// Reads and understands it. With the problems comes the SHA-256 of what was read, as far as there was anything.
    pub(crate) fn read(&self) -> Result<Settings, (Problems, String)> {
        let listen = self.listen.as_deref();
        let Some(path) = &self.path else {
            return match understand(Config::default(), Path::new("."), listen) {
                Ok(settings) => Ok(Settings { source: self.clone(), ..settings }),
                Err(problems) => Err((problems, String::new())),
            };
        };
        let name = path.display().to_string();
        let text = file::read(path, Config::MAX_BYTES as u64 + 1)
            .map_err(|error| (Problems::one(&name, error.to_string()), String::new()))?;
        let sha256 = sha256_hex(text.as_bytes());
        match self.understand(&text) {
            Ok(settings) => Ok(Settings { sha256, ..settings }),
            Err(problems) => Err((problems, sha256)),
        }
    }

    /// Understands `text` as if the file held it.
    pub(crate) fn understand(&self, text: &str) -> Result<Settings, Problems> {
        let path = self.path.as_deref().unwrap_or(Path::new("."));
        let settings = Config::parse(text)
            .map_err(|error| Problems::one(&path.display().to_string(), error.to_string()))
            .and_then(|config| understand(config, path.parent().unwrap_or(Path::new(".")), self.listen.as_deref()))?;
        Ok(Settings { source: self.clone(), ..settings })
    }

    /// The file's state now; none without a file, or when it cannot be read.
    pub(crate) fn fingerprint(&self) -> Option<Fingerprint> {
        let path = self.path.as_deref()?;
        let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        let text = file::read(path, Config::MAX_BYTES as u64 + 1).ok()?;
        Some(Fingerprint { modified, sha256: sha256_hex(text.as_bytes()) })
    }
}
