//! The key establishment of Network Time Security (RFC 8915 §4): one TLS 1.3 connection that gives keys and cookies.

use std::sync::Arc;
use std::time::Duration;

use privyseal_nts::association::{Association, KEY};
use privyseal_nts::nts_record::{self, AEAD_AES_SIV_CMAC_256, Agreement, MAX_ANSWER, PROTOCOL_NTPV4, RecordError};
use rustls::ClientConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

use super::reach::{ReachError, TimeReach};

/// How long the whole exchange may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// `ntske/1` (RFC 8915 §4).
const ALPN: &[u8] = b"ntske/1";
/// RFC 8915 §5.1.
const EXPORTER: &[u8] = b"EXPORTER-network-time-security";

/// Why the key establishment failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyExchangeError {
    #[error("{0} is not a host name")]
    Name(String),
    #[error(transparent)]
    Reach(#[from] ReachError),
    #[error("the TLS client cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the file holds no PEM certificate")]
    Authorities,
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("the server does not support NTS key establishment (ntske/1); check host and port")]
    Alpn,
    #[error("the answer is not valid: {0}")]
    Record(#[from] RecordError),
    #[error("no keys within {} s", DEADLINE.as_secs())]
    Deadline,
}

/// The TLS configuration for one source; `authorities` is PEM, or the system's authorities are used.
pub(crate) fn client_config(authorities: Option<&str>) -> Result<Arc<ClientConfig>, KeyExchangeError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // RFC 8915 §3: TLS 1.3 or later.
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13])?;
    let mut config = match authorities {
        None => builder.with_platform_verifier()?.with_no_client_auth(),
        Some(pem) => {
            let mut roots = rustls::RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                roots.add(certificate.map_err(|_| KeyExchangeError::Authorities)?)?;
            }
            if roots.is_empty() {
                return Err(KeyExchangeError::Authorities);
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Each time new keys are needed.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

/// Returns keys and cookies, and the server to ask for the time.
pub(crate) async fn establish(
    config: Arc<ClientConfig>,
    reach: &TimeReach,
    host: &str,
    port: u16,
) -> Result<(Association, Agreement), KeyExchangeError> {
    let work = async {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| KeyExchangeError::Name(host.to_owned()))?;
        let address = reach.resolve(host, port).await?;
        let tcp = TcpStream::connect(address).await?;
        let mut tls = TlsConnector::from(config).connect(name, tcp).await?;
        if tls.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Err(KeyExchangeError::Alpn);
        }
        tls.write_all(&nts_record::offer()).await?;
        tls.flush().await?;
        let mut agreement = Agreement::parse(&read_answer(&mut tls).await?)?;
        let cookies = std::mem::take(&mut agreement.cookies);
        let association = Association::new(exported(&tls, 0)?, exported(&tls, 1)?, cookies);
        // Best effort: the server has said all that it had to say.
        let _ = tls.shutdown().await;
        Ok((association, agreement))
    };
    tokio::time::timeout(DEADLINE, work).await.unwrap_or(Err(KeyExchangeError::Deadline))
}

/// Up to and with the end record.
async fn read_answer(tls: &mut TlsStream<TcpStream>) -> Result<Vec<u8>, KeyExchangeError> {
    let mut answer = Vec::new();
    let mut chunk = [0; 1_024];
    while nts_record::end_of(&answer).is_none() {
        let read = tls.read(&mut chunk).await?;
        if read == 0 {
            return Err(RecordError::Short.into());
        }
        answer.extend_from_slice(&chunk[..read]);
        if answer.len() > MAX_ANSWER {
            return Err(RecordError::TooLong.into());
        }
    }
    Ok(answer)
}

/// The key of one direction: 0 for client to server, 1 for server to client.
fn exported(tls: &TlsStream<TcpStream>, direction: u8) -> Result<Zeroizing<[u8; KEY]>, KeyExchangeError> {
    let [protocol, algorithm] = [PROTOCOL_NTPV4.to_be_bytes(), AEAD_AES_SIV_CMAC_256.to_be_bytes()];
    let context = [protocol[0], protocol[1], algorithm[0], algorithm[1], direction];
    let mut key = Zeroizing::new([0; KEY]);
    tls.get_ref().1.export_keying_material(&mut *key, EXPORTER, Some(&context))?;
    Ok(key)
}
