//! The accept loop: serves each connection with deadlines, and drains all of them at the end.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::{Service, ServiceExt as _};

use super::svid::PeerSvid;

/// Longest wait for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Longest wait for a request's header section, including idle keep-alive time.
const HEADERS: Duration = Duration::from_secs(60);
/// Most header fields of a request; more are answered with 431 (RFC 6585 §5).
const MAX_HEADERS: usize = 100;
/// Largest header section, in bytes: a 16 KiB token, and as much again.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// How connections are served.
pub(crate) struct Connections {
    /// Terminates TLS, if the listener uses it.
    pub(crate) tls: Option<TlsAcceptor>,
    /// Most simultaneous connections.
    pub(crate) max: usize,
    /// How long requests under way may take after the stop signal.
    pub(crate) drain: Duration,
}

impl Connections {
    /// Serves `routes` on `listener` until `stop` completes, then drains. True if every request finished in time.
    pub(crate) async fn serve(self, listener: TcpListener, routes: Router, stop: impl Future<Output = ()>) -> bool {
        let graceful = GracefulShutdown::new();
        let permits = Arc::new(Semaphore::new(self.max));
        let builder = Arc::new(http());
        tokio::pin!(stop);
        loop {
            let permit = tokio::select! {
                permit = Arc::clone(&permits).acquire_owned() => permit,
                () = &mut stop => break,
            };
            let stream = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // Most likely out of file descriptors: wait until some are free instead of spinning.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
                () = &mut stop => break,
            };
            // Answers are small and written whole; waiting to fill a packet only adds latency.
            let _ = stream.set_nodelay(true);
            let (tls, builder, routes, watcher) =
                (self.tls.clone(), Arc::clone(&builder), routes.clone(), graceful.watcher());
            tokio::spawn(async move {
                let _permit = permit;
                connection(tls, stream, &builder, routes, watcher).await;
            });
        }
        drop(listener);
        tokio::time::timeout(self.drain, graceful.shutdown()).await.is_ok()
    }
}

fn http() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        // A client that has closed its sending side still gets a response. Checking for that would cost a system call
        // for every request that waits for the log.
        .half_close(true)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEADER_BYTES as u32)
        .max_concurrent_streams(128)
        .keep_alive_interval(Some(HEADERS));
    builder
}

async fn connection(
    tls: Option<TlsAcceptor>,
    stream: TcpStream,
    builder: &Builder<TokioExecutor>,
    routes: Router,
    watcher: Watcher,
) {
    let Some(tls) = tls else { return serve_http(stream, builder, routes, watcher).await };
    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => match stream.get_ref().1.peer_certificates().map(PeerSvid::of) {
            None => serve_http(stream, builder, routes, watcher).await,
            Some(peer) => {
                let routes = routes.map_request(move |mut request: Request<Incoming>| {
                    request.extensions_mut().insert(peer.clone());
                    request
                });
                serve_http(stream, builder, routes, watcher).await;
            }
        },
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake timed out"),
    }
}

async fn serve_http<S, R>(stream: S, builder: &Builder<TokioExecutor>, routes: R, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    R: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    R::Future: Send,
{
    let service = TowerToHyperService::new(routes);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended with an error");
    }
}
