//! `/tuf/…` and `/trust/…`: what clients fetch to trust the house.
//!
//! Everything is answered from one snapshot in memory, swapped whole when something was signed anew, so that a client never
//! sees half of a change. A file that does not exist is 404: a client that looks for the next root takes any other answer
//! for an error, and a page with status 200 for a broken root.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use shared::digest::sha256;

/// The state of this edge: what is published now.
pub(crate) struct TrustEdge {
    published: ArcSwap<Published>,
}

/// All files, by the path under the origin without its first slash.
#[derive(Debug, Default)]
pub(crate) struct Published(HashMap<String, File>);

#[derive(Clone, Debug)]
struct File {
    bytes: Bytes,
    etag: HeaderValue,
    content_type: &'static str,
}

impl Published {
    /// Adds a file.
    pub(crate) fn insert(&mut self, path: String, bytes: &[u8]) {
        let etag = HeaderValue::from_str(&format!("\"{}\"", hex::encode(&sha256(bytes)[..16])));
        let file = File {
            bytes: Bytes::copy_from_slice(bytes),
            etag: etag.unwrap_or_else(|_| unreachable!("hex is visible ASCII")),
            content_type: content_type(&path),
        };
        self.0.insert(path, file);
    }

    /// Keeps answering what `before` answered and this does not: a client that is in the middle of an update still finds the
    /// versions that the timestamp which it holds has named.
    pub(crate) fn keep_from(&mut self, before: &Self) {
        for (path, file) in &before.0 {
            self.0.entry(path.clone()).or_insert_with(|| file.clone());
        }
    }
}

fn content_type(path: &str) -> &'static str {
    if path.ends_with(".json") {
        "application/json"
    } else if path.ends_with(".pem") || path.ends_with(".pub") {
        "application/x-pem-file"
    } else {
        "application/octet-stream"
    }
}

impl TrustEdge {
    pub(crate) fn new(published: Published) -> Self {
        Self { published: ArcSwap::from_pointee(published) }
    }

    /// What is published now.
    pub(crate) fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    /// Publishes something else from now on.
    pub(crate) fn publish(&self, published: Published) {
        self.published.store(Arc::new(published));
    }
}

/// The routes of this edge.
pub(crate) fn routes(edge: Arc<TrustEdge>) -> Router {
    Router::new()
        .route("/tuf/{*file}", get(|edge, file, headers| answer("tuf", edge, file, headers)))
        .route("/trust/{file}", get(|edge, file, headers| answer("trust", edge, file, headers)))
        .with_state(edge)
}

async fn answer(
    folder: &'static str,
    State(edge): State<Arc<TrustEdge>>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    let published = edge.published.load();
    let Some(file) = published.0.get(&format!("{folder}/{file}")) else {
        return (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "no such file\n")
            .into_response();
    };
    let caching = [
        (header::ETAG, file.etag.clone()),
        // A client may keep a copy but asks every time: trust must be able to change at once.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if is_known(&headers, &file.etag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type))];
    (caching, content_type, Body::from(file.bytes.clone())).into_response()
}

/// `If-None-Match` (RFC 9110 §13.1.2), compared weakly.
fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let tags = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    tags.flat_map(|value| value.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == etag.as_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use tower::ServiceExt as _;

    async fn get(edge: &Arc<TrustEdge>, path: &str, known: Option<&HeaderValue>) -> Response {
        let mut request = Request::get(path);
        if let Some(tag) = known {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        let request = request.body(Body::empty()).expect("a request");
        routes(edge.clone()).oneshot(request).await.expect("answers")
    }

    #[tokio::test]
    async fn files_are_answered_and_what_is_missing_is_404() {
        let mut published = Published::default();
        published.insert("tuf/1.root.json".to_owned(), b"{}");
        published.insert("tuf/targets/00.ctfe.pub".to_owned(), b"key");
        published.insert("trust/root.json".to_owned(), b"{}");
        let edge = Arc::new(TrustEdge::new(published));
        for (path, status, content_type) in [
            ("/tuf/1.root.json", 200, "application/json"),
            ("/tuf/targets/00.ctfe.pub", 200, "application/x-pem-file"),
            ("/trust/root.json", 200, "application/json"),
            ("/tuf/2.root.json", 404, "text/plain; charset=utf-8"),
            ("/tuf/../trust/root.json", 404, "text/plain; charset=utf-8"),
            ("/tuf/targets/", 404, "text/plain; charset=utf-8"),
            ("/trust/1.root.json", 404, "text/plain; charset=utf-8"),
        ] {
            let response = get(&edge, path, None).await;
            assert_eq!(response.status().as_u16(), status, "{path}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], content_type, "{path}");
        }
        let tag = get(&edge, "/trust/root.json", None).await.headers()[header::ETAG].clone();
        let again = get(&edge, "/trust/root.json", Some(&tag)).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()[header::CACHE_CONTROL], "no-cache");
        assert_eq!(get(&edge, "/trust/root.json", Some(&HeaderValue::from_static("\"x\""))).await.status(), 200);
    }
}
