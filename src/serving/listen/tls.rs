//! TLS: the server's certificate, reloaded when its files change, without dropping connections.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::instance::assemble::{TlsError, TlsFiles};

/// How often the files are checked for changes.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The certificate and key files, and the pair that was last read from them.
#[derive(Debug)]
pub(crate) struct ServerIdentity {
    files: TlsFiles,
    current: ArcSwap<CertifiedKey>,
}

impl ServerIdentity {
    /// Reads both files; they must belong together.
    pub(crate) fn load(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let pair = files.read()?;
        Ok(Arc::new(Self { files, current: ArcSwap::from_pointee(pair) }))
    }

    /// A server configuration that always serves the pair last read: HTTP/2 and HTTP/1.1 by ALPN, TLS 1.2 and 1.3.
    pub(crate) fn server_config(self: &Arc<Self>) -> Arc<ServerConfig> {
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(Arc::clone(self) as _);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Signing clients connect once; a ticket would cost every handshake and help none.
        config.send_tls13_tickets = 0;
        Arc::new(config)
    }

    /// Reloads the files whenever they change. A pair that does not match (half a change) is logged and tried again at
    /// the next check; until then the old pair is served.
    pub(crate) async fn follow_files(self: Arc<Self>) {
        let mut seen = self.files.modified();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.files.modified();
            if now == seen {
                continue;
            }
            match self.files.read() {
                Ok(pair) => {
                    self.current.store(Arc::new(pair));
                    seen = now;
                    tracing::info!(certificate = %self.files.certificate.display(), "the TLS certificate is reloaded");
                }
                Err(error) => {
                    tracing::warn!(%error, "the TLS certificate changed but cannot be used; the old one stays in use")
                }
            }
        }
    }
}

impl ResolvesServerCert for ServerIdentity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}
