//! The frame around every request: request id, deadline, log line; and the responses for unknown paths and methods.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::request_id::{self, RequestId, RequestIds};
use crate::clock::Stopwatch;

/// Longest time for a request, its body included, so that slow clients cannot hold resources.
const DEADLINE: Duration = Duration::from_secs(60);

/// Puts the frame around the edges' routes.
pub(crate) fn frame(routes: Router, ids: Arc<RequestIds>) -> Router {
    routes
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::middleware::from_fn(move |request: Request, next: Next| around(ids.clone(), request, next)))
}

async fn around(ids: Arc<RequestIds>, mut request: Request, next: Next) -> Response {
    let id = ids.next();
    let stopwatch = Stopwatch::start();
    let method = request.method().clone();
    // The query stays out of the log: it can hold a code or a state.
    let path = request.uri().path().to_owned();
    request.extensions_mut().insert(id.clone());
    let mut response = match tokio::time::timeout(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => refusal(&path, StatusCode::REQUEST_TIMEOUT, "the request took longer than 60 seconds"),
    };
    response.headers_mut().insert(request_id::HEADER, id.header_value());
    log(&id, &method, &path, response.status(), stopwatch.elapsed());
    response
}

fn log(id: &RequestId, method: &Method, path: &str, status: StatusCode, took: Duration) {
    let micros = took.as_micros() as u64;
    if status.is_server_error() {
        tracing::error!(request = id.as_str(), %method, path, status = status.as_u16(), micros, "a request failed");
    } else {
        tracing::debug!(request = id.as_str(), %method, path, status = status.as_u16(), micros, "a request is answered");
    }
}

async fn unknown_path(uri: Uri) -> Response {
    refusal(uri.path(), StatusCode::NOT_FOUND, "nothing is served at this path")
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    refusal(uri.path(), StatusCode::METHOD_NOT_ALLOWED, &format!("{method} is not a method of this path"))
}

/// Clients of `/api`, except for this instance's own API, are Sigstore's and read `{code,message,details}`,
/// grpc-gateway's form of google.rpc.Status. All others get a problem document (RFC 9457).
fn refusal(path: &str, status: StatusCode, message: &str) -> Response {
    if path.starts_with("/api/") && !path.starts_with(super::api::ROOT) {
        let code = match status {
            StatusCode::NOT_FOUND => 5,
            StatusCode::METHOD_NOT_ALLOWED => 12,
            _ => 4,
        };
        let body = serde_json::json!({ "code": code, "message": message, "details": [] });
        return (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response();
    }
    let title = status.canonical_reason().unwrap_or_default();
    let body =
        serde_json::json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": message });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
