//! TLS: the server's certificate, read again when its files change, without a dropped connection.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Why a certificate and key cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("{path}: {error}")]
    Read { path: PathBuf, error: rustls_pki_types::pem::Error },
    #[error("{0}: holds no certificate")]
    NoCertificate(PathBuf),
    #[error("{path}: {error}")]
    Pair { path: PathBuf, error: rustls::Error },
}

/// The two files, and the pair that was last read from them.
#[derive(Debug)]
pub(crate) struct ServerIdentity {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
}

impl ServerIdentity {
    /// Reads both files; they must belong together.
    pub(crate) fn load(certificate: PathBuf, key: PathBuf) -> Result<Arc<Self>, TlsError> {
        let pair = read_pair(&certificate, &key)?;
        Ok(Arc::new(Self { certificate, key, current: ArcSwap::from_pointee(pair) }))
    }

    /// A server configuration that always serves the pair last read: HTTP/2 and HTTP/1.1 by ALPN, TLS 1.2 and 1.3.
    pub(crate) fn server_config(self: &Arc<Self>) -> Arc<ServerConfig> {
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(Arc::clone(self) as _);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Signing clients connect once; a ticket would cost every handshake and help none.
        config.send_tls13_tickets = 0;
        Arc::new(config)
    }

    /// Looks at the files for ever and swaps in what has changed. A pair that does not fit (half a change) is told and
    /// tried again at the next look; the old one is served on.
    pub(crate) async fn follow_files(self: Arc<Self>) {
        let mut seen = self.modified();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.modified();
            if now == seen {
                continue;
            }
            match read_pair(&self.certificate, &self.key) {
                Ok(pair) => {
                    self.current.store(Arc::new(pair));
                    seen = now;
                    tracing::info!(certificate = %self.certificate.display(), "TLS certificate read again");
                }
                Err(error) => tracing::warn!(%error, "TLS certificate changed but cannot be served; the old one stays"),
            }
        }
    }

    fn modified(&self) -> [Option<SystemTime>; 2] {
        [&self.certificate, &self.key].map(|path| std::fs::metadata(path).and_then(|m| m.modified()).ok())
    }
}

impl ResolvesServerCert for ServerIdentity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn read_pair(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
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
