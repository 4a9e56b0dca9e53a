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

/// How long it may take to connect.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How long a whole call may take, connecting and the answer included.
const DEADLINE: Duration = Duration::from_secs(10);
/// Longest body that is read, in bytes.
pub(super) const MAX_BODY: usize = 1 << 20;

/// An HTTP client that connects only to addresses which its record allows.
#[derive(Clone)]
pub(crate) struct Outbound {
    client: reqwest::Client,
    reach: Reach,
}

/// Why a call has no usable answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum OutboundError {
    /// The record's file of certificate authorities is not usable, or the system has none.
    #[error("the TLS client cannot be set up: {0}")]
    Client(String),
    /// The URL is not `https`, nor `http` to this machine where the record allows it.
    #[error("{url} is not an https URL")]
    NotHttps {
        /// The URL that was called.
        url: String,
    },
    /// The host has an address that the record does not allow.
    #[error("{host} has the address {address}, to which this record does not allow connections")]
    Address {
        /// The host in the URL.
        host: String,
        /// The first of its addresses that is not allowed.
        address: IpAddr,
    },
    /// The connection, the TLS handshake or the answer failed, or took too long.
    #[error("no answer from {url}: {cause}")]
    Transport {
        /// The URL that was called.
        url: String,
        /// The error with its causes, the outermost first.
        cause: String,
    },
    /// The status is not 200. Redirects are not followed.
    #[error("{url} answered with HTTP status {status} instead of 200")]
    Status {
        /// The URL that was called.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The body is too long.
    #[error("the answer of {url} is longer than {MAX_BODY} bytes")]
    TooLong {
        /// The URL that was called.
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
                    return Err(OutboundError::Client("ca_file holds no PEM certificate".to_owned()));
                }
                versions.with_root_certificates(roots).with_no_client_auth()
            }
        };
        // The server must show its certificate each time: a resumed session is not asked for it. Calls are minutes
        // apart anyway.
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

    /// Fetches `url` and returns the body of a 200.
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

    /// Sends one request and returns the answer, whatever its status.
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

    /// A host that is already an address does not go through the resolver, so it is checked here.
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

/// The settings that all clients share.
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

/// Resolves, then hands out only what may be connected to: the connection goes to the addresses that were checked, so a
/// second answer of the name server has no effect.
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
