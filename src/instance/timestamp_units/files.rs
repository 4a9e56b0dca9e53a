//! The files of the units, in the data directory that this process holds.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use shared::keys::{KeyAlgorithm, KeyFile, SignatureAlgorithm, SigningKey};
use shared::random::Random;
use shared::x509::{Chain, ChainError};

use super::key_plan::Root;
use super::register::{UnitRegister, UnitRegisterError};
use crate::file::{self, FileError, Mode};
use crate::instance::data_dir::{DataDir, DataDirError, InstanceFile};

/// Largest file that is read.
const MAX_FILE: u64 = 1 << 20;

/// Where keys, certificates and the register are.
#[derive(Clone)]
pub(crate) struct UnitFiles {
    root: PathBuf,
}

/// Why a file of the units cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnitFileError {
    #[error(transparent)]
    Data(#[from] DataDirError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{path}: {error}")]
    Register { path: PathBuf, error: UnitRegisterError },
    #[error("{path}: {error}")]
    Chain { path: PathBuf, error: ChainError },
}

impl UnitFiles {
    /// The files in `data`, which must stay locked as long as they are used.
    pub(crate) fn of(data: &DataDir) -> Self {
        Self { root: data.root().to_owned() }
    }

    /// The register; that of a new instance when none was ever written.
    pub(crate) fn register(&self, instance: &InstanceFile) -> Result<UnitRegister, UnitFileError> {
        let path = self.register_path();
        if !path.exists() {
            return Ok(UnitRegister::of_new_instance(instance.curve.key_algorithm(), instance.created()));
        }
        let text = file::read(&path, MAX_FILE)?;
        UnitRegister::parse(&text).map_err(|error| UnitFileError::Register { path, error })
    }

    /// Writes the register: durable when this returns.
    pub(crate) fn save(&self, register: &UnitRegister) -> Result<(), UnitFileError> {
        Ok(file::write_durably(&self.register_path(), register.to_text().as_bytes(), Mode::Public)?)
    }

    /// Generates and writes a key of the kind `algorithm`.
    pub(crate) fn create_key(
        &self,
        stem: &str,
        algorithm: KeyAlgorithm,
        key_file: &KeyFile,
        random: &dyn Random,
    ) -> Result<SigningKey, UnitFileError> {
        let path = self.key_path(stem);
        let at = |error| DataDirError::Key { path: path.clone(), error };
        let key = SigningKey::generate_as(algorithm).map_err(at)?;
        let pem = key.to_encrypted_pem(key_file, random).map_err(at)?;
        file::write_durably(&path, pem.as_bytes(), Mode::Private)?;
        Ok(key)
    }

    /// Reads a key, to sign with `algorithm`.
    pub(crate) fn key(
        &self,
        stem: &str,
        algorithm: SignatureAlgorithm,
        key_file: &KeyFile,
    ) -> Result<SigningKey, UnitFileError> {
        let path = self.key_path(stem);
        let pem = file::read(&path, MAX_FILE)?;
        let key = SigningKey::from_encrypted_pem(&pem, key_file).and_then(|key| key.signing_with(algorithm));
        Ok(key.map_err(|error| DataDirError::Key { path, error })?)
    }

    /// Reads a key of unknown kind.
    pub(crate) fn key_of_any_kind(&self, stem: &str, key_file: &KeyFile) -> Result<SigningKey, UnitFileError> {
        let path = self.key_path(stem);
        let pem = file::read(&path, MAX_FILE)?;
        Ok(SigningKey::from_encrypted_pem(&pem, key_file).map_err(|error| DataDirError::Key { path, error })?)
    }

    /// The chain kept as `stem`.
    pub(crate) fn chain(&self, stem: &str) -> Result<Chain, UnitFileError> {
        let path = self.certificates_path(stem);
        let pem = file::read(&path, MAX_FILE)?;
        Chain::from_pem(&pem).map_err(|error| UnitFileError::Chain { path, error })
    }

    /// Keeps a chain.
    pub(crate) fn write_chain(&self, stem: &str, chain: &Chain) -> Result<(), UnitFileError> {
        Ok(file::write_durably(&self.certificates_path(stem), chain.to_pem().as_bytes(), Mode::Public)?)
    }

    /// The stems of key files that begin with `prefix`.
    pub(crate) fn key_stems(&self, prefix: &str) -> Result<Vec<String>, UnitFileError> {
        let names = file::names(&self.root.join("keys"))?;
        let stems = names.iter().filter_map(|name| name.strip_suffix(".pem")).filter(|stem| stem.starts_with(prefix));
        Ok(stems.map(str::to_owned).collect())
    }

    /// Removes what was left of keys whose writing was interrupted: such a file never got its name, so no key of it was
    /// ever used.
    pub(crate) fn remove_half_written(&self, prefix: &str) -> Result<(), UnitFileError> {
        let folder = self.root.join("keys");
        for name in file::names(&folder)?.iter().filter(|name| name.starts_with(prefix) && name.ends_with(".new")) {
            let path = folder.join(name);
            overwrite_and_remove(&path).map_err(|error| FileError { path, error })?;
        }
        Ok(())
    }

    /// The root and its key, which may be kept elsewhere.
    pub(crate) fn root(&self, key: Option<&Path>, key_file: &KeyFile) -> Result<Root, UnitFileError> {
        let path = key.map_or_else(|| self.key_path("root-ca"), Path::to_owned);
        let pem = file::read(&path, MAX_FILE)?;
        let key = SigningKey::from_encrypted_pem(&pem, key_file);
        let key = key.map_err(|error| DataDirError::Key { path, error })?;
        let chain = self.chain("root-ca")?;
        Ok(Root { key, certificate: chain.root().clone() })
    }

    /// Overwrites a key's file, syncs, and removes it. On a file system or a disk that writes elsewhere the old bytes
    /// may stay, but they are a key encrypted under the key file. A file that is gone already is as good.
    pub(crate) fn destroy_key(&self, stem: &str) -> Result<(), UnitFileError> {
        let path = self.key_path(stem);
        overwrite_and_remove(&path).map_err(|error| FileError { path, error })?;
        Ok(())
    }

    fn register_path(&self) -> PathBuf {
        self.root.join("units.toml")
    }

    fn key_path(&self, stem: &str) -> PathBuf {
        self.root.join("keys").join(format!("{stem}.pem"))
    }

    pub(crate) fn certificates_path(&self, stem: &str) -> PathBuf {
        self.root.join("certificates").join(format!("{stem}.pem"))
    }
}

#[expect(clippy::disallowed_methods, reason = "a directory is opened only to sync it")]
fn overwrite_and_remove(path: &Path) -> std::io::Result<()> {
    let mut key = match OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let length = key.metadata()?.len();
    key.write_all(&vec![0; usize::try_from(length).unwrap_or_default()])?;
    key.sync_all()?;
    std::fs::remove_file(path)?;
    std::fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
