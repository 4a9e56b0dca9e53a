//! One guarded HTTP client.

use std::error::Error as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use broker::issuer::Reach;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::address::AddressKind;

/// How long a connection may take to stand.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How long a whole exchange may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// The longest answer that is read.
pub(super) const MAX_BODY: usize = 1 << 20;

/// A client that reaches as far as one record allows.
#[derive(Clone)]
pub(crate) struct Outbound {
    client: reqwest::Client,
    reach: Reach,
}

/// Why a call brought nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum OutboundError {
    /// The record's certificate authorities are no certificates, or the system has none.
    #[error("no TLS client can be made: {0}")]
    Client(String),
    /// Not `https`, nor `http` to this machine with leave.
    #[error("{url} is not https")]
    NotHttps {
        /// Where to.
        url: String,
    },
    /// The host is an address that the record does not allow.
    #[error("{host} is at {address}, which this record does not allow to connect to")]
    Address {
        /// The host.
        host: String,
        /// The address.
        address: IpAddr,
    },
    /// No connection, no TLS, no answer in time.
    #[error("{url} did not answer: {cause}")]
    Transport {
        /// Where to.
        url: String,
        /// What went wrong, from the outside in.
        cause: String,
    },
    /// Something else than 200; a redirect is not followed.
    #[error("{url} answered {status} instead of 200")]
    Status {
        /// Where to.
        url: String,
        /// The status.
        status: u16,
    },
    /// The answer is too long.
    #[error("{url} answered more than {MAX_BODY} bytes")]
    TooLong {
        /// Where to.
        url: String,
    },
}

impl Outbound {
    /// A client for one record.
    pub(crate) fn new(reach: &Reach) -> Result<Self, OutboundError> {
        let fault = |error: &dyn std::fmt::Display| OutboundError::Client(error.to_string());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let versions = versions.map_err(|error| fault(&error))?;
        let mut config = match &reach.ca_pem {
            None => versions.with_platform_verifier().map_err(|error| fault(&error))?.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                    let certificate = certificate.map_err(|error| fault(&error))?;
                    roots.add(certificate).map_err(|error| fault(&error))?;
                }
                if roots.is_empty() {
                    return Err(OutboundError::Client("the file with certificate authorities holds none".to_owned()));
                }
                versions.with_root_certificates(roots).with_no_client_auth()
            }
        };
        // Whoever had a certificate once must have one now: a resumed session would not be asked. Calls are minutes apart anyway.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self::with_tls(reach, config)
    }

    /// A client that checks servers in its own way.
    pub(crate) fn with_tls(reach: &Reach, config: ClientConfig) -> Result<Self, OutboundError> {
        let client = builder(reach).tls_backend_preconfigured(config).build();
        let client = client.map_err(|error| OutboundError::Client(chain(&error)))?;
        Ok(Self { client, reach: reach.clone() })
    }

    /// The body of a 200.
    pub(crate) async fn fetch(&self, url: &str) -> Result<Vec<u8>, OutboundError> {
        let request = http::Request::get(url).header(http::header::ACCEPT, "application/json").body(Vec::new());
        let request =
            request.map_err(|error| OutboundError::Transport { url: url.into(), cause: error.to_string() })?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200 => Ok(response.into_body()),
            status => Err(OutboundError::Status { url: url.into(), status }),
        }
    }

    /// One exchange, whatever the status of the answer.
    pub(crate) async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, OutboundError> {
        let url = request.uri().to_string();
        let transport = |error: reqwest::Error| OutboundError::Transport { url: url.clone(), cause: chain(&error) };
        let request = reqwest::Request::try_from(request).map_err(transport)?;
        self.check(request.url())?;
        let mut response = self.client.execute(request).await.map_err(transport)?;
        let mut head = http::Response::builder().status(response.status());
        if let Some(headers) = head.headers_mut() {
            *headers = std::mem::take(response.headers_mut());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(OutboundError::TooLong { url });
            }
            body.extend_from_slice(&chunk);
        }
        head.body(body).map_err(|error| OutboundError::Transport { url: url.clone(), cause: error.to_string() })
    }

    /// The resolver is not asked about a host that is an address already, so those are judged here.
    fn check(&self, url: &reqwest::Url) -> Result<(), OutboundError> {
        let host = url.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        if let Some(address) = literal
            && !AddressKind::of(address).is_allowed(&self.reach)
        {
            return Err(OutboundError::Address { host: host.to_owned(), address });
        }
        let is_this_machine = host == "localhost" || literal.map(AddressKind::of) == Some(AddressKind::Loopback);
        match url.scheme() {
            "https" => Ok(()),
            "http" if self.reach.danger_loopback_http && is_this_machine => Ok(()),
            _ => Err(OutboundError::NotHttps { url: url.to_string() }),
        }
    }
}

/// What all clients are like.
fn builder(reach: &Reach) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("privyseal/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_DEADLINE)
        .timeout(DEADLINE)
        // Calls are minutes apart: nothing is gained by sockets that wait.
        .pool_max_idle_per_host(0)
        .dns_resolver(Arc::new(GuardedResolver { reach: reach.clone() }))
}

/// Resolves, then hands out only what may be connected to: the connection goes to the very addresses that were judged, so a second
/// answer of the name server comes too late.
struct GuardedResolver {
    reach: Reach,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<_> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let allowed: Vec<_> =
                found.iter().copied().filter(|address| AddressKind::of(address.ip()).is_allowed(&reach)).collect();
            match (allowed.is_empty(), found.first()) {
                (true, Some(refused)) => Err(OutboundError::Address { host, address: refused.ip() }.into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

/// What went wrong and why, without the URL, which the caller names.
fn chain(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    if causes.is_empty() { error.to_string() } else { causes.join(": ") }
}
