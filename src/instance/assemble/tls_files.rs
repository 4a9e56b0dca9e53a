//! The files of a TLS certificate and its key.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Why a certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("{path}: {error}")]
    Read { path: PathBuf, error: rustls_pki_types::pem::Error },
    #[error("{0} holds no PEM certificate")]
    NoCertificate(PathBuf),
    #[error("{path}: {error}")]
    Pair { path: PathBuf, error: rustls::Error },
}

/// The files of a TLS certificate and its key.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl TlsFiles {
    /// Reads both; they must belong together.
    pub(crate) fn read(&self) -> Result<CertifiedKey, TlsError> {
        let Self { certificate, key } = self;
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| TlsError::Read { path, error }
        };
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(at(certificate))?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate(certificate.to_owned()));
        }
        let private = PrivateKeyDer::from_pem_file(key).map_err(at(key))?;
        CertifiedKey::from_der(chain, private, &rustls::crypto::aws_lc_rs::default_provider())
            .map_err(|error| TlsError::Pair { path: key.to_owned(), error })
    }

    /// When each was changed last, as far as the file system says.
    pub(crate) fn modified(&self) -> [Option<SystemTime>; 2] {
        [&self.certificate, &self.key].map(|path| std::fs::metadata(path).and_then(|m| m.modified()).ok())
    }
}
