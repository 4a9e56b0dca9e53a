//! Mutual TLS for workloads: a client may present an X.509-SVID.
//!
//! TLS proves only that the peer has the key of its certificate. Each request verifies the certificate with the trust
//! domain's bundle that is in force at that time. So a withdrawn authority takes effect on open connections too, and a
//! refusal is a response that names its rule, instead of a TLS alert. Requests get an [`UnverifiedX509Svid`], which is
//! useless until it is verified.

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

/// The certificate that the peer of a connection presented, parsed once. It is not verified, except that the peer has
/// its key.
#[derive(Clone, Debug)]
pub(crate) struct PeerSvid(Arc<Result<UnverifiedX509Svid, X509SvidError>>);

impl PeerSvid {
    pub(crate) fn of(chain: &[CertificateDer<'_>]) -> Self {
        Self(Arc::new(UnverifiedX509Svid::parse(chain, Purpose::ClientAuthentication)))
    }

    /// The SVID, or why the certificate is not one.
    pub(crate) fn read(&self) -> Result<UnverifiedX509Svid, X509SvidError> {
        (*self.0).clone()
    }
}

/// The certificate that the peer presented, if any, as an argument of a handler.
pub(crate) struct Peer(pub(crate) Option<PeerSvid>);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<PeerSvid>().cloned()))
    }
}

/// A server configuration with an optional client certificate. Sessions are never resumed, because a resumed session
/// would carry a certificate that was presented long ago.
pub(crate) fn server_config(identity: Arc<dyn ResolvesServerCert>) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Arc::new(KeyPossessionVerifier { provider: provider.clone() });
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

/// Requests a client certificate and verifies only that the peer has its key.
#[derive(Debug)]
struct KeyPossessionVerifier {
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for KeyPossessionVerifier {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None: the list would reveal our trust domains, and could make every handshake a thousand names longer.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    /// Limits on number and size only; each request verifies the certificate.
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
