//! Serves an instance: bind, open, serve until the stop signal, drain, close the logs.

pub(crate) mod http;
pub(crate) mod listen;
pub(crate) mod routes;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use privyseal_config::ListenerIdentity;
use rustls::ServerConfig;
use rustls::server::ResolvesServerCert;
use shared::random::SystemRandom;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;

use crate::clock::SystemClock;
use crate::instance::assemble::{Origin, Problems, Settings, TlsError};
use crate::instance::data_dir::DataDir;
use crate::instance::{Instance, InstanceError};
use crate::outbound::workload_api::{NoSvid, WorkloadApi};
use crate::serving::listen::connections::Connections;
use crate::serving::listen::tls::ServerIdentity;
use crate::serving::routes::Routes;

/// Why an instance is not served, or did not stop cleanly.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("cannot listen on {address}: {error}; choose another address with --listen")]
    Bind { address: std::net::SocketAddr, error: std::io::Error },
    #[error(transparent)]
    Instance(#[from] InstanceError),
    #[error(transparent)]
    Problems(#[from] Problems),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    NoSvid(#[from] NoSvid),
    #[error(
        "listen.svid has no server certificate: set listen.tls, or identity = \"workload-api\" and spiffe.workload_api"
    )]
    NoIdentity,
    #[error("stopped before the instance was ready to serve")]
    Stopped,
    #[error("some requests did not finish within listen.drain and were cut off")]
    CutOff,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// An opened instance with bound listeners, ready to serve.
pub(crate) struct Serving {
    instance: Instance,
    listener: TcpListener,
    connections: Connections,
    identity: Option<Arc<ServerIdentity>>,
    /// The listener for revocation, in plain HTTP.
    plain: Option<(TcpListener, Connections)>,
    /// The listener for workloads, with mutual TLS.
    svid: Option<(TcpListener, MutualTls)>,
    /// The listener for metrics, in plain HTTP.
    metrics: Option<(TcpListener, Connections)>,
}

impl Serving {
    /// Binds the listeners of `settings`, and opens the instance in `data`. Without a configured origin, it follows
    /// from the bound address.
    pub(crate) async fn prepare(data: &DataDir, settings: Settings) -> Result<Self, ServeError> {
        // The first random byte of a process costs tens of milliseconds (jitter entropy): do it before the first
        // request.
        let _: [u8; 1] = (&SystemRandom as &dyn shared::random::Random).bytes();
        let address = settings.listen.address;
        let listener = TcpListener::bind(address).await.map_err(|error| ServeError::Bind { address, error })?;
        let identity = match &settings.listen.tls {
            None => None,
            Some(files) => Some(ServerIdentity::load(files.clone())?),
        };
        if settings.listen.danger_plain_http {
            tracing::warn!("danger_plain_http is set: this listener receives tokens in plain text");
        }
        let origin = match &settings.origin {
            Some(origin) => origin.clone(),
            None => Origin::of_address(listener.local_addr()?, identity.is_some()),
        };
        let limits = ConnectionLimits { max: settings.listen.max_connections, drain: settings.listen.drain };
        let connections = limits.connections(identity.as_ref().map(|identity| identity.server_config()));
        let plain = bind(settings.revocation.listen).await?.map(|listener| (listener, limits.connections(None)));
        let metrics = bind(settings.listen.metrics).await?.map(|listener| (listener, limits.connections(None)));
        let wants_svid =
            settings.listen.svid.as_ref().is_some_and(|svid| svid.identity == ListenerIdentity::WorkloadApi);
        let workload_api = settings.spiffe.workload_api.as_ref();
        let workload_api = workload_api.map(|at| WorkloadApi::follow(at, wants_svid, Arc::new(SystemClock)));
        let svid = match &settings.listen.svid {
            None => None,
            Some(svid) => {
                let listener = bind(Some(svid.address)).await?;
                let shown = match svid.identity {
                    ListenerIdentity::Files => identity.clone().map(|identity| identity as Arc<dyn ResolvesServerCert>),
                    ListenerIdentity::WorkloadApi => first_svid(workload_api.as_ref()).await?,
                };
                let tls = MutualTls::new(shown.ok_or(ServeError::NoIdentity)?, limits);
                listener.map(|listener| (listener, tls))
            }
        };
        let instance = Instance::open(data, settings, origin, workload_api).await?;
        Ok(Self { instance, listener, connections, identity, plain, svid, metrics })
    }

    /// The opened instance.
    pub(crate) fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Serves until `stop` completes, then finishes the requests under way and closes the logs.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let (mut tasks, routes) = (self.instance.tasks(), Routes::of(&self.instance));
        if let Some(follow) = self.instance.follow_configuration()? {
            tasks.spawn(follow);
        }
        if let Some(identity) = self.identity {
            tasks.spawn(identity.follow_files());
        }
        for (bound, routes) in [(self.plain, routes.plain), (self.metrics, routes.metrics)] {
            if let Some((listener, connections)) = bound {
                tasks.spawn(async move {
                    connections.serve(listener, routes, std::future::pending()).await;
                });
            }
        }
        let (stopping, stopped) = tokio::sync::watch::channel(false);
        let svid = self.svid.map(|(listener, tls)| {
            let mut stopped = stopped.clone();
            let stop = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
            tokio::spawn(tls.connections().serve(listener, routes.svid, stop))
        });
        let stop = async move {
            stop.await;
            let _ = stopping.send(true);
        };
        let mut is_drained = self.connections.serve(self.listener, routes.main, stop).await;
        if let Some(svid) = svid {
            is_drained &= svid.await.unwrap_or(false);
        }
        tasks.shutdown().await;
        self.instance.close();
        if is_drained { Ok(()) } else { Err(ServeError::CutOff) }
    }
}

/// How many connections a listener serves at once, and how long it drains.
#[derive(Clone, Copy)]
struct ConnectionLimits {
    max: usize,
    drain: std::time::Duration,
}

impl ConnectionLimits {
    fn connections(self, tls: Option<Arc<ServerConfig>>) -> Connections {
        Connections { tls: tls.map(TlsAcceptor::from), max: self.max, drain: self.drain }
    }
}

/// The TLS of the listener for workloads. That listener has no form without TLS, by construction.
struct MutualTls {
    config: Arc<ServerConfig>,
    limits: ConnectionLimits,
}

impl MutualTls {
    fn new(identity: Arc<dyn ResolvesServerCert>, limits: ConnectionLimits) -> Self {
        Self { config: crate::serving::listen::svid::server_config(identity), limits }
    }

    fn connections(self) -> Connections {
        self.limits.connections(Some(self.config))
    }
}

/// Waits for the instance's own X.509-SVID, or for a stop signal.
async fn first_svid(workload_api: Option<&WorkloadApi>) -> Result<Option<Arc<dyn ResolvesServerCert>>, ServeError> {
    let Some(workload_api) = workload_api else { return Ok(None) };
    tokio::select! {
        first = workload_api.first_svid() => Ok(first?.map(|svid| svid as Arc<dyn ResolvesServerCert>)),
        () = stop_signal()? => Err(ServeError::Stopped),
    }
}

async fn bind(address: Option<SocketAddr>) -> Result<Option<TcpListener>, ServeError> {
    let Some(address) = address else { return Ok(None) };
    TcpListener::bind(address).await.map(Some).map_err(|error| ServeError::Bind { address, error })
}

/// Completes on SIGTERM or SIGINT.
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()>, std::io::Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
