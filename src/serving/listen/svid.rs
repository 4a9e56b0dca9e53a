//! Mutual TLS for workloads: whoever connects may show an X.509-SVID.
//!
//! TLS proves that the peer has the key of the certificate that it shows, and nothing more. Whether a trust domain vouches for that
//! certificate is asked at every request, with the bundle in force then: so a withdrawn authority ends open connections too, and a
//! refusal is an answer that names its rule instead of an alert. What a request gets to see is an [`UnverifiedX509Svid`]; nothing
//! can be made of it without the check.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use broker::svid::{Purpose, UnverifiedX509Svid, X509SvidError};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

/// The certificate that the peer of a connection showed, read once. Nothing in it is known to be true but that the peer has its
/// key.
#[derive(Clone, Debug)]
pub(crate) struct PeerSvid(Arc<Result<UnverifiedX509Svid, X509SvidError>>);

impl PeerSvid {
    pub(crate) fn of(chain: &[CertificateDer<'_>]) -> Self {
        Self(Arc::new(UnverifiedX509Svid::parse(chain, Purpose::ClientAuthentication)))
    }

    /// The SVID, or why it is none.
    pub(crate) fn read(&self) -> Result<UnverifiedX509Svid, X509SvidError> {
        (*self.0).clone()
    }
}

/// What the peer showed, if it showed anything: as an argument of a handler.
pub(crate) struct Peer(pub(crate) Option<PeerSvid>);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<PeerSvid>().cloned()))
    }
}

/// A server configuration that asks for a certificate, which may be absent. No session is resumed: a resumed one would speak for a
/// certificate that was shown long ago.
pub(crate) fn server_config(identity: Arc<dyn ResolvesServerCert>) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Arc::new(Asking { provider: provider.clone() });
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has TLS 1.2 and 1.3")
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(identity);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Arc::new(config)
}

/// Asks for a certificate and checks that the peer has its key.
#[derive(Debug)]
struct Asking {
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Asking {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None: which trust domains we know is nobody's business, and a list of a thousand authorities would be in every handshake.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    /// Only what must not be carried any further: the rest is asked at each request, in words.
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let size = end_entity.len() + intermediates.iter().map(|certificate| certificate.len()).sum::<usize>();
        if intermediates.len() >= UnverifiedX509Svid::MAX_CERTIFICATES || size > UnverifiedX509Svid::MAX_BYTES {
            return Err(Error::InvalidCertificate(CertificateError::BadEncoding));
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
