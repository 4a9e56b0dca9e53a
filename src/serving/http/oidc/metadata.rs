//! What clients fetch without authentication: discovery, keys, style sheet, and CORS preflights.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::super::pages::STYLE;
use crate::instance::openid_provider::OpenIdProvider;

/// For discovery and keys. Both change only with the token key, and a new key is published before it signs.
const FRESH: &str = "public, max-age=600, must-revalidate";

pub(super) async fn discovery(State(op): State<Arc<OpenIdProvider>>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, FRESH)];
    with_cors((headers, op.discovery.clone()).into_response())
}

pub(super) async fn keys(State(op): State<Arc<OpenIdProvider>>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, FRESH)];
    with_cors((headers, op.jwks.clone()).into_response())
}

pub(super) async fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, STYLE).into_response()
}

pub(super) async fn preflight() -> Response {
    with_cors(StatusCode::NO_CONTENT.into_response())
}

/// Allows any origin. No cookie is used at these paths, so a web page learns nothing that its author could not fetch
/// directly.
pub(super) fn with_cors(mut response: Response) -> Response {
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "www-authenticate, x-request-id"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
