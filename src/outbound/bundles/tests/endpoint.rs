//! A bundle endpoint on this machine, and the authorities of its trust domain.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::serving::listen::connections::Connections;

/// An authority of a trust domain.
pub(super) struct TrustDomainAuthority {
    params: CertificateParams,
    key: KeyPair,
    der: CertificateDer<'static>,
}

/// A certificate and its key, as a server presents them.
pub(super) struct ServerIdentity(Arc<CertifiedKey>, CertificateDer<'static>);

impl TrustDomainAuthority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let der = params.self_signed(&key).expect("a certificate").der().clone();
        Self { params, key, der }
    }

    /// An X.509-SVID for a server.
    pub(super) fn svid(&self, id: &str) -> ServerIdentity {
        self.certify(SanType::URI(id.try_into().expect("ASCII")))
    }

    fn certify(&self, name: SanType) -> ServerIdentity {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![name];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        let issuer = Issuer::from_params(&self.params, &self.key);
        let leaf = params.signed_by(&key, &issuer).expect("a certificate").der().clone();
        let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let pair = CertifiedKey::from_der(vec![leaf], private, &provider).expect("a pair");
        ServerIdentity(Arc::new(pair), self.der.clone())
    }

    /// SHA-256 of its SubjectPublicKeyInfo.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        shared::x509::Certificate::from_der(&self.der).expect("a certificate").public_key().spki_sha256()
    }
}

/// A bundle of these authorities.
pub(super) fn bundle(sequence: u64, authorities: &[&TrustDomainAuthority]) -> String {
    let entries: Vec<String> = authorities
        .iter()
        .map(|one| format!(r#"{{"kty":"EC","use":"x509-svid","x5c":["{}"]}}"#, STANDARD.encode(&one.der)))
        .collect();
    format!(r#"{{"keys":[{}],"spiffe_sequence":{sequence},"spiffe_refresh_hint":60}}"#, entries.join(","))
}

/// The certificate that is presented and the document that is published, changed while it serves.
#[derive(Debug)]
struct Presented {
    identity: ArcSwap<CertifiedKey>,
    document: ArcSwap<String>,
}

impl ResolvesServerCert for Presented {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.identity.load_full())
    }
}

/// It serves until it is dropped.
pub(super) struct Endpoint {
    presented: Arc<Presented>,
    web_ca: CertificateDer<'static>,
    port: u16,
    serving: tokio::task::JoinHandle<()>,
}

impl Endpoint {
    pub(super) async fn serve(identity: &ServerIdentity, document: &str) -> Self {
        let presented = Arc::new(Presented {
            identity: ArcSwap::new(identity.0.clone()),
            document: ArcSwap::from_pointee(document.to_owned()),
        });
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_cert_resolver(presented.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let document = |State(presented): State<Arc<Presented>>| async move { presented.document.load().to_string() };
        let routes = Router::new().route("/", get(document)).with_state(presented.clone());
        let tls = Some(TlsAcceptor::from(Arc::new(config)));
        let connections = Connections { tls, max: 16, drain: Duration::ZERO };
        let serving = tokio::spawn(async move {
            connections.serve(listener, routes, std::future::pending()).await;
        });
        Self { presented, web_ca: identity.1.clone(), port, serving }
    }

    /// The certificate of a web server on this machine.
    pub(super) fn web() -> ServerIdentity {
        TrustDomainAuthority::new("web").certify(SanType::IpAddress("127.0.0.1".parse().expect("an address")))
    }

    pub(super) fn web_ca_pem(&self) -> String {
        shared::x509::certificate::to_pem(&self.web_ca)
    }

    pub(super) fn url(&self) -> String {
        format!("https://127.0.0.1:{}/", self.port)
    }

    pub(super) fn show(&self, identity: &ServerIdentity) {
        self.presented.identity.store(identity.0.clone());
    }

    pub(super) fn publish(&self, document: &str) {
        self.presented.document.store(Arc::new(document.to_owned()));
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
