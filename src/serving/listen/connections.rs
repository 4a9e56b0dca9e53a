//! The accept loop: each connection served with deadlines, all of them drained at the end.

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
/// Longest wait for a request's header section, idle keep-alive time included.
const HEADERS: Duration = Duration::from_secs(60);
/// Most header fields of a request; beyond it the answer is 431 (RFC 6585 §5).
const MAX_HEADERS: usize = 100;
/// Largest header section, in bytes: a 16 KiB token, and as much again.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// How connections are served.
pub(crate) struct Connections {
    /// Ends TLS, if the listener speaks it.
    pub(crate) tls: Option<TlsAcceptor>,
    /// Most connections at once.
    pub(crate) max: usize,
    /// How long requests under way get after the stop signal.
    pub(crate) drain: Duration,
}

impl Connections {
    /// Serves `routes` on `listener` until `stop` comes, then drains. True when every request was finished in time.
    pub(crate) async fn serve(self, listener: TcpListener, routes: Router, stop: impl Future<Output = ()>) -> bool {
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(self.max));
        let builder = Arc::new(http());
        tokio::pin!(stop);
        loop {
            let place = tokio::select! {
                place = Arc::clone(&places).acquire_owned() => place,
                () = &mut stop => break,
            };
            let stream = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // Out of file descriptors, most likely: wait for some to come free instead of spinning.
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
                let _place = place;
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
        // A client that has closed its own side still gets its answer; to look for that costs a system call for every request that
        // waits for the log.
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
    let Some(tls) = tls else { return speak(stream, builder, routes, watcher).await };
    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => match stream.get_ref().1.peer_certificates().map(PeerSvid::of) {
            None => speak(stream, builder, routes, watcher).await,
            Some(peer) => {
                let routes = routes.map_request(move |mut request: Request<Incoming>| {
                    request.extensions_mut().insert(peer.clone());
                    request
                });
                speak(stream, builder, routes, watcher).await;
            }
        },
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake timed out"),
    }
}

async fn speak<S, R>(stream: S, builder: &Builder<TokioExecutor>, routes: R, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    R: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    R::Future: Send,
{
    let service = TowerToHyperService::new(routes);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended");
    }
}
