//! The lower bound of a timestamp's cost on this machine: a signature alone, and an HTTP server that answers every POST
//! with the same 1.5 kB. `tests/load/run --timestamps` measures ours beside it.
//!
//! Prints one line of JSON with the CPU microseconds of a signature for each kind of key, then the origin that it
//! serves until it is stopped.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustix::time::{ClockId, clock_gettime};
use shared::keys::{SignatureAlgorithm, Signer as _, SigningKey};
use tokio::net::TcpListener;

const ROUNDS: usize = 9;
const KINDS: [(&str, SignatureAlgorithm, usize); 2] =
    [("P-256", SignatureAlgorithm::EcdsaP256Sha256, 400), ("P-384", SignatureAlgorithm::EcdsaP384Sha384, 100)];

fn main() -> std::io::Result<()> {
    let signatures: serde_json::Map<String, serde_json::Value> = KINDS
        .into_iter()
        .map(|(name, algorithm, times)| (name.to_owned(), signature(algorithm, times).into()))
        .collect();
    println!("{}", serde_json::Value::Object(signatures));
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve())
}

/// The best of several rounds: what the processor can do undisturbed.
fn signature(algorithm: SignatureAlgorithm, times: usize) -> f64 {
    let key = SigningKey::generate(algorithm).expect("a key");
    let round = || {
        let start = thread_cpu();
        for _ in 0..times {
            std::hint::black_box(key.sign(&[7; 150]).expect("a signature"));
        }
        (thread_cpu() - start).as_secs_f64() * 1e6 / times as f64
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

async fn serve() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let builder = Builder::new(TokioExecutor::new());
            let _ = builder.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    const TYPE: HeaderValue = HeaderValue::from_static("application/timestamp-reply");
    let _ = request.into_body().collect().await;
    let mut response = Response::new(Full::new(Bytes::from_static(&[0x30; 1500])));
    response.headers_mut().insert(CONTENT_TYPE, TYPE);
    Ok(response)
}
