//! `/tuf/…` and `/trust/…`: the files that clients fetch to trust the instance.
//!
//! All files come from one snapshot in memory, which is replaced as a whole when something is signed again, so that a
//! client never sees half of a change. A file that does not exist is 404: a client that looks for the next root takes
//! any other status for an error, and a page with status 200 for a broken root.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::instance::trust_publisher::PublishedTrust;

/// The routes.
pub(crate) fn routes(published: Arc<PublishedTrust>) -> Router {
    Router::new()
        .route("/tuf/{*file}", get(|published, file, headers| answer("tuf", published, file, headers)))
        .route("/trust/{file}", get(|published, file, headers| answer("trust", published, file, headers)))
        .with_state(published)
}

async fn answer(
    folder: &'static str,
    State(published): State<Arc<PublishedTrust>>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    let (files, path) = (published.files(), format!("{folder}/{file}"));
    let Some((file, etag)) = files.get(&path).and_then(|file| Some((file, HeaderValue::from_str(&file.etag).ok()?)))
    else {
        return (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "no such file\n")
            .into_response();
    };
    let caching = [
        (header::ETAG, etag.clone()),
        // Caches may keep a copy but must revalidate it, so that trust can change at once.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if is_known(&headers, &etag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static(content_type(&path)))];
    (caching, content_type, Body::from(file.bytes.clone())).into_response()
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

    use crate::instance::trust_publisher::PublishedFiles;

    async fn get(edge: &Arc<PublishedTrust>, path: &str, known: Option<&HeaderValue>) -> Response {
        let mut request = Request::get(path);
        if let Some(tag) = known {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        let request = request.body(Body::empty()).expect("a request");
        routes(edge.clone()).oneshot(request).await.expect("answers")
    }

    #[tokio::test]
    async fn files_are_served_and_missing_ones_are_404() {
        let mut published = PublishedFiles::default();
        published.insert("tuf/1.root.json".to_owned(), b"{}");
        published.insert("tuf/targets/00.ctfe.pub".to_owned(), b"key");
        published.insert("trust/root.json".to_owned(), b"{}");
        let edge = Arc::new(PublishedTrust::new(published));
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
