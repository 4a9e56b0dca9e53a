//! A Workload API on a Unix socket, with scripted answers.

use std::convert::Infallible;
use std::path::PathBuf;
use std::pin::Pin;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{Stream, stream};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls_pki_types::CertificateDer;
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::outbound::workload_api::client::calls::{
    BundlesRequest, FETCH_JWT_BUNDLES, FETCH_X509_BUNDLES, JwtBundlesResponse, Told, X509BundlesResponse,
};

/// `X509SVIDResponse`, as far as it is used.
#[derive(Clone, PartialEq, prost::Message)]
struct X509SvidResponse {
    #[prost(message, repeated, tag = "1")]
    svids: Vec<X509SvidMessage>,
}

/// `X509SVID`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct X509SvidMessage {
    #[prost(string, tag = "1")]
    pub(super) spiffe_id: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) chain: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) bundle: Vec<u8>,
}

/// An authority of a trust domain.
pub(super) struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pub(super) der: CertificateDer<'static>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key");
        let der = params.self_signed(&key).expect("a certificate").der().clone();
        Self { params, key, der }
    }

    /// An X.509-SVID that counts until the end of 2026-11-21.
    pub(super) fn svid(&self, id: &str) -> X509SvidMessage {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(id.try_into().expect("ASCII"))];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.not_after = rcgen::date_time_ymd(2026, 11, 22);
        let key = KeyPair::generate().expect("a key");
        let leaf = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).expect("a certificate");
        X509SvidMessage {
            spiffe_id: id.to_owned(),
            chain: leaf.der().to_vec(),
            key: key.serialize_der(),
            bundle: self.der.to_vec(),
        }
    }

    /// A JWK Set with its key, as an agent writes it: without `use`.
    pub(super) fn jwks(&self) -> Vec<u8> {
        let point = self.key.public_key_raw();
        let [x, y] = [&point[1..33], &point[33..]].map(|half| URL_SAFE_NO_PAD.encode(half));
        format!(r#"{{"keys":[{{"kty":"EC","kid":"one","crv":"P-256","x":"{x}","y":"{y}"}}]}}"#).into_bytes()
    }
}

/// What is said in the next moment, on every stream.
#[derive(Clone, Default)]
pub(super) struct Says {
    pub(super) svids: Vec<X509SvidMessage>,
    pub(super) x509: Told,
    pub(super) jwt: Told,
    /// With this every call ends.
    pub(super) refusal: Option<Code>,
    /// Calls are taken and not answered.
    pub(super) hangs: bool,
}

impl Says {
    /// The bundle of one more trust domain.
    pub(super) fn with(mut self, trust_domain: &str, x509: &[&Authority], jwt: &[u8]) -> Self {
        let id = format!("spiffe://{trust_domain}");
        self.x509.insert(id.clone(), x509.iter().flat_map(|one| one.der.to_vec()).collect());
        self.jwt.insert(id, jwt.to_vec());
        self
    }
}

/// It serves until it is dropped, and then takes its connections with it.
pub(super) struct Agent {
    says: watch::Sender<Says>,
    serving: JoinHandle<()>,
}

impl Agent {
    pub(super) fn serve(path: PathBuf, says: Says) -> Self {
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(path).expect("a socket");
        let (says, said) = watch::channel(says);
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.expect("a connection");
                let said = said.clone();
                let service = hyper::service::service_fn(move |request| answer(request, said.clone()));
                let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                connections.spawn(async move { http.serve_connection(TokioIo::new(socket), service).await });
            }
        });
        Self { says, serving }
    }

    pub(super) fn say(&self, says: Says) {
        self.says.send_replace(says);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    said: watch::Receiver<Says>,
) -> Result<hyper::Response<tonic::body::Body>, Infallible> {
    let path = request.uri().path().to_owned();
    Ok(match &path[..] {
        "/SpiffeWorkloadAPI/FetchX509SVID" => {
            stream_of(request, said, |says| X509SvidResponse { svids: says.svids.clone() }).await
        }
        FETCH_X509_BUNDLES => stream_of(request, said, |says| X509BundlesResponse { bundles: says.x509.clone() }).await,
        FETCH_JWT_BUNDLES => stream_of(request, said, |says| JwtBundlesResponse { bundles: says.jwt.clone() }).await,
        _ => Status::unimplemented(path).into_http(),
    })
}

async fn stream_of<M: prost::Message + Default + 'static>(
    request: hyper::Request<Incoming>,
    mut said: watch::Receiver<Says>,
    message: fn(&Says) -> M,
) -> hyper::Response<tonic::body::Body> {
    let is_meant = request.headers().get("workload.spiffe.io").is_some_and(|value| value == "true");
    said.mark_changed();
    let call = tower::service_fn(move |_: Request<BundlesRequest>| {
        let said = said.clone();
        async move {
            if !is_meant {
                return Err(Status::invalid_argument("without the header"));
            }
            let messages = stream::unfold(said, move |mut said| async move {
                said.changed().await.ok()?;
                let says = said.borrow_and_update().clone();
                if says.hangs {
                    std::future::pending::<()>().await;
                }
                let next = says.refusal.map_or_else(|| Ok(message(&says)), |code| Err(Status::new(code, "as ordered")));
                Some((next, said))
            });
            let messages: Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>> = Box::pin(messages);
            Ok(Response::new(messages))
        }
    });
    tonic::server::Grpc::new(ProstCodec::<M, BundlesRequest>::default()).server_streaming(call, request).await
}
