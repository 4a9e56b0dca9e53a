//! Bundle endpoints (SPIFFE Federation §5), authenticated with the profile that the record names.

use std::sync::Arc;

use broker::issuer::Reach;
use broker::names::{HttpsUrl, SpiffeId};
use broker::svid::{Purpose, UnverifiedX509Svid};
use broker::trust_domain::Bundle;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime as HandshakeTime};
use shared::time::UnixTime;

use crate::outbound::{Outbound, OutboundError};

/// Why an endpoint gave no bundle.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum EndpointError {
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error(
        "the endpoint's X.509-SVID is of the trust domain {0}, whose bundle is not at hand; register that trust \
         domain, or set bootstrap_file"
    )]
    NoBundle(String),
    #[error("the TLS client cannot be set up: {0}")]
    Tls(String),
}

/// Fetches from an `https_spiffe` endpoint, which must present exactly `endpoint_id`, verified with `bundle`.
pub(super) async fn fetch_by_svid(
    url: &HttpsUrl,
    endpoint_id: &SpiffeId,
    bundle: Arc<Bundle>,
    reach: &Reach,
) -> Result<Vec<u8>, EndpointError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = EndpointVerifier { endpoint_id: endpoint_id.clone(), bundle, provider: provider.clone() };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| EndpointError::Tls(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // A resumed session would not be verified again, and each fetch is a connection of its own.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Outbound::with_tls(reach, config)?.fetch(url.as_str()).await?)
}

/// Accepts only the X.509-SVID that the record names (§5.2.2). The host's name is not checked.
#[derive(Debug)]
struct EndpointVerifier {
    endpoint_id: SpiffeId,
    bundle: Arc<Bundle>,
    provider: Arc<CryptoProvider>,
}

/// Why the endpoint is not the one that the record names.
#[derive(Debug, thiserror::Error)]
enum NotTheEndpoint {
    #[error("the endpoint's SPIFFE ID is {found} instead of {expected}")]
    OtherId { found: String, expected: String },
    #[error(transparent)]
    Svid(#[from] broker::svid::X509SvidError),
    #[error("the endpoint's X.509-SVID does not verify with the bundle of its trust domain: {0}")]
    Path(webpki::Error),
}

impl EndpointVerifier {
    fn check(&self, chain: &[CertificateDer<'_>], now: HandshakeTime) -> Result<(), NotTheEndpoint> {
        let svid = UnverifiedX509Svid::parse(chain, Purpose::ServerAuthentication)?;
        if svid.id() != &self.endpoint_id {
            let (found, expected) = (svid.id().to_string(), self.endpoint_id.to_string());
            return Err(NotTheEndpoint::OtherId { found, expected });
        }
        let now = UnixTime::from_seconds(now.as_secs());
        svid.check_path(&self.bundle, Purpose::ServerAuthentication, now).map_err(NotTheEndpoint::Path)
    }
}

impl ServerCertVerifier for EndpointVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: HandshakeTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<_> = std::iter::once(end_entity).chain(intermediates).cloned().collect();
        self.check(&chain, now)
            .map(|()| ServerCertVerified::assertion())
            // As text: an error of another type would be printed in Debug form.
            .map_err(|error| Error::General(error.to_string()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
