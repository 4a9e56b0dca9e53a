//! The data directory: all files of the instance. Only one process at a time holds it.
//!
//! ```text
//! instance.toml        name and age of the instance; written last, so its presence says that the directory is whole
//! key-file          the secret that opens the private keys, mode 0600
//! keys/*.pem        private keys, encrypted PKCS#8
//! certificates/*.pem
//! revocations.toml  the certificates that the root revoked, and the last list that it signed
//! crl/root-ca.crl   the last revocation list
//! units.toml        the timestamp units, with every key and certificate that each of them had
//! log/{certificates,signatures,audit}/
//! store/            the provider's users, sessions and codes, and registrations
//! bundles/*.json    the last good bundle of each trust domain that has an endpoint
//! spiffe-bundle.toml the keys in the bundle of our own trust domain, and how often they changed
//! tuf/              the TUF repository as published
//! high-water-mark   the latest time that a timestamp was made for
//! lock              held while a process works here
//! ```

pub(crate) mod instance_file;
pub(crate) mod lock;

use std::path::{Path, PathBuf};

use shared::keys::{KeyError, KeyFile, KeyFileError, SignatureAlgorithm, SigningKey};
use shared::random::Random;

pub(crate) use instance_file::{Curve, InstanceFile, InstanceFileError};
use lock::{Lock, LockError};

use crate::file::{self, FileError};

/// Largest file that is read from the directory.
const MAX_FILE: u64 = 1 << 20;

/// The private keys of the instance, by what they sign.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeyName {
    RootCa,
    IssuingCa,
    Tsa,
    CertificatesLog,
    SignaturesLog,
    AuditLog,
    Token,
    TufRoot,
    TufTargets,
    TufSnapshot,
    TufTimestamp,
}

impl KeyName {
    /// All keys of an instance.
    pub(crate) const ALL: [Self; 11] = [
        Self::RootCa,
        Self::IssuingCa,
        Self::Tsa,
        Self::CertificatesLog,
        Self::SignaturesLog,
        Self::AuditLog,
        Self::Token,
        Self::TufRoot,
        Self::TufTargets,
        Self::TufSnapshot,
        Self::TufTimestamp,
    ];

    fn file_stem(self) -> &'static str {
        match self {
            Self::RootCa => "root-ca",
            Self::IssuingCa => "issuing-ca",
            Self::Tsa => "tsa",
            Self::CertificatesLog => "certificates-log",
            Self::SignaturesLog => "signatures-log",
            Self::AuditLog => "audit-log",
            Self::Token => "token",
            Self::TufRoot => "tuf-root",
            Self::TufTargets => "tuf-targets",
            Self::TufSnapshot => "tuf-snapshot",
            Self::TufTimestamp => "tuf-timestamp",
        }
    }

    /// What kind of key each purpose has: authorities on the instance's curve, logs and TUF on P-256 (every client
    /// verifies that), tokens RS256 (cosign takes an inline token only then).
    pub(crate) fn algorithm(self, curve: Curve) -> SignatureAlgorithm {
        match self {
            Self::RootCa => SignatureAlgorithm::EcdsaP384Sha384,
            Self::IssuingCa | Self::Tsa => match curve {
                Curve::P256 => SignatureAlgorithm::EcdsaP256Sha256,
                Curve::P384 => SignatureAlgorithm::EcdsaP384Sha384,
            },
            Self::Token => SignatureAlgorithm::RsaPkcs1Sha256,
            _ => SignatureAlgorithm::EcdsaP256Sha256,
        }
    }
}

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(
        "{0} holds no instance; set one up with `privyseal init --data {0}`, or name another directory with --data"
    )]
    Empty(PathBuf),
    #[error(
        "{0} already holds an instance, so nothing was changed; start it with `privyseal up --data {0}`, or choose an \
         empty directory with --data"
    )]
    Occupied(PathBuf),
    #[error(
        "{0} is not empty and holds no instance (instance.toml is missing); restore that file from a backup, or \
         choose an empty directory with --data"
    )]
    Foreign(PathBuf),
    #[error(
        "{path} and {old} disagree about which instance this is, so it is not opened; remove the wrong one, or restore \
         the directory from a backup"
    )]
    TwoInstanceFiles { path: PathBuf, old: PathBuf },
    #[error("{path}: {error}")]
    InstanceFile { path: PathBuf, error: instance_file::InstanceFileError },
    #[error("{path}: {error}")]
    KeyFile { path: PathBuf, error: KeyFileError },
    #[error("{path} can be read by other users, and it opens every private key; run `chmod 600 {path}`")]
    KeyFileMode { path: PathBuf },
    #[error("{path}: {error}")]
    Key { path: PathBuf, error: KeyError },
}

/// A data directory that this process has locked.
pub(crate) struct DataDir {
    root: PathBuf,
    _lock: Lock,
}

impl DataDir {
    /// Locks the directory `root`, which is created if it is missing. Fails when another process holds it.
    pub(crate) fn hold(root: &Path) -> Result<Self, DataDirError> {
        file::create_dir(root)?;
        let lock = Lock::take(root)?;
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    /// The path of the directory.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the directory holds a complete instance. One with other content is refused, except for what an
    /// interrupted `init` leaves.
    pub(crate) fn has_instance(&self) -> Result<bool, DataDirError> {
        if self.instance_path().exists() || self.old_instance_path().exists() {
            return Ok(true);
        }
        let foreign = file::names(&self.root)?.into_iter().any(|name| !OURS.contains(&name.as_str()));
        // A log without an instance file means that the instance file was lost, not that the instance is new: never
        // start afresh then.
        if foreign || self.root.join("log").exists() {
            return Err(DataDirError::Foreign(self.root.clone()));
        }
        Ok(false)
    }

    /// The instance file, under its name of 0.1 where it still has that one.
    pub(crate) fn instance_file(&self) -> Result<InstanceFile, DataDirError> {
        let (path, old) = (self.instance_path(), self.old_instance_path());
        match (path.exists(), old.exists()) {
            (false, false) => Err(DataDirError::Empty(self.root.clone())),
            (true, false) => read_instance_file(path),
            (false, true) => {
                tracing::warn!(
                    "{} has its name of 0.1, which the next release does not read: stop the server and rename it to \
                     instance.toml",
                    old.display()
                );
                read_instance_file(old)
            }
            (true, true) => {
                let (instance, before) = (read_instance_file(path.clone())?, read_instance_file(old.clone())?);
                if instance == before { Ok(instance) } else { Err(DataDirError::TwoInstanceFiles { path, old }) }
            }
        }
    }

    /// Writes the instance file, after which the directory is complete.
    pub(crate) fn seal_with(&self, instance: &InstanceFile) -> Result<(), DataDirError> {
        Ok(file::write_durably(&self.instance_path(), instance.to_text().as_bytes(), file::Mode::Public)?)
    }

    /// Makes the key file.
    pub(crate) fn create_key_file(&self, random: &dyn Random) -> Result<KeyFile, DataDirError> {
        let key_file = KeyFile::generate(random);
        file::write_durably(&self.key_file_path(), key_file.to_text().as_bytes(), file::Mode::Private)?;
        Ok(key_file)
    }

    /// Reads the key file. It is refused when other users can read it.
    pub(crate) fn key_file(&self) -> Result<KeyFile, DataDirError> {
        let path = self.key_file_path();
        if file::others_may_read(&path)? {
            return Err(DataDirError::KeyFileMode { path });
        }
        let text = zeroize::Zeroizing::new(file::read(&path, MAX_FILE)?);
        KeyFile::parse(&text).map_err(|error| DataDirError::KeyFile { path, error })
    }

    /// Makes and keeps the key `name`.
    pub(crate) fn create_key(
        &self,
        name: KeyName,
        curve: Curve,
        key_file: &KeyFile,
        random: &dyn Random,
    ) -> Result<SigningKey, DataDirError> {
        let path = self.key_path(name);
        let at = |error| DataDirError::Key { path: path.clone(), error };
        let key = SigningKey::generate(name.algorithm(curve)).map_err(at)?;
        let pem = key.to_encrypted_pem(key_file, random).map_err(at)?;
        file::create_dir(&self.root.join("keys"))?;
        file::write_durably(&path, pem.as_bytes(), file::Mode::Private)?;
        Ok(key)
    }

    /// Reads the key `name`.
    pub(crate) fn key(&self, name: KeyName, key_file: &KeyFile) -> Result<SigningKey, DataDirError> {
        let path = self.key_path(name);
        let pem = file::read(&path, MAX_FILE)?;
        SigningKey::from_encrypted_pem(&pem, key_file).map_err(|error| DataDirError::Key { path, error })
    }

    /// Keeps the PEM certificates `name`.
    pub(crate) fn write_certificates(&self, name: &str, pem: &str) -> Result<(), DataDirError> {
        file::create_dir(&self.root.join("certificates"))?;
        Ok(file::write_durably(&self.certificates_path(name), pem.as_bytes(), file::Mode::Public)?)
    }

    /// Reads the PEM certificates `name`.
    pub(crate) fn certificates(&self, name: &str) -> Result<String, DataDirError> {
        Ok(file::read(&self.certificates_path(name), MAX_FILE)?)
    }

    /// A folder of the directory, made if it is missing.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, DataDirError> {
        let path = self.root.join(name);
        file::create_dir(&path)?;
        Ok(path)
    }

    /// Removes a folder and what is in it, if it is there.
    pub(crate) fn remove_folder(&self, name: &str) -> Result<(), DataDirError> {
        let path = self.root.join(name);
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FileError { path, error }.into()),
            _ => Ok(()),
        }
    }

    /// Where the certificates `name` are kept.
    pub(crate) fn certificates_path(&self, name: &str) -> PathBuf {
        self.root.join("certificates").join(format!("{name}.pem"))
    }

    /// The file with the latest time that was signed.
    pub(crate) fn high_water_mark_path(&self) -> PathBuf {
        self.root.join("high-water-mark")
    }

    /// The file with the keys that the bundle of our own trust domain last held.
    pub(crate) fn spiffe_bundle_path(&self) -> PathBuf {
        self.root.join("spiffe-bundle.toml")
    }

    fn key_path(&self, name: KeyName) -> PathBuf {
        self.root.join("keys").join(format!("{}.pem", name.file_stem()))
    }

    fn instance_path(&self) -> PathBuf {
        self.root.join("instance.toml")
    }

    fn old_instance_path(&self) -> PathBuf {
        self.root.join("house.toml")
    }

    fn key_file_path(&self) -> PathBuf {
        self.root.join("key-file")
    }
}

fn read_instance_file(path: PathBuf) -> Result<InstanceFile, DataDirError> {
    InstanceFile::parse(&file::read(&path, MAX_FILE)?).map_err(|error| DataDirError::InstanceFile { path, error })
}

/// What an interrupted `init` may leave. The next `init` writes it again.
const OURS: [&str; 7] = ["certificates", "key-file", "keys", "lock", "store", "tuf", "units.toml"];
