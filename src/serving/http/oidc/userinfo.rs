//! `/oidc/userinfo`: the claims of an access token's holder (OpenID Connect Core §5.3, RFC 6750).

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use broker::provider::UserInfoError;

use super::super::request_id::RequestId;
use super::blocking::blocking;
use super::input;
use super::metadata::with_cors;
use crate::instance::openid_provider::OpenIdProvider;

pub(super) async fn get(
    State(op): State<Arc<OpenIdProvider>>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
) -> Response {
    let response = match bearer(&headers) {
        Ok(Some(token)) => answer(op, &request, token).await,
        Ok(None) => unauthenticated(),
        Err(()) => refusal(StatusCode::BAD_REQUEST, "invalid_request", "the Authorization header is not Bearer"),
    };
    unstored(with_cors(response))
}

/// The token may also be a field of a form (RFC 6750 §2.2), but not in both places.
pub(super) async fn post(
    State(op): State<Arc<OpenIdProvider>>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let field = if headers.contains_key(header::CONTENT_TYPE) {
        match input::form(&headers, body).await {
            Ok(form) => match form.check_unique() {
                Ok(()) => form.value("access_token").map(str::to_owned),
                Err(error) => return refused_input(StatusCode::BAD_REQUEST, &error.to_string()),
            },
            Err(error) => return refused_input(error.status(), &error.to_string()),
        }
    } else {
        None
    };
    let response = match (bearer(&headers), field) {
        (Ok(Some(_)), Some(_)) => refusal(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "the token is in both header and form, send it once (RFC 6750 2)",
        ),
        (Ok(Some(token)), None) | (Ok(None), Some(token)) => answer(op, &request, token).await,
        (Ok(None), None) => unauthenticated(),
        (Err(()), _) => refusal(StatusCode::BAD_REQUEST, "invalid_request", "the Authorization header is not Bearer"),
    };
    unstored(with_cors(response))
}

fn refused_input(status: StatusCode, problem: &str) -> Response {
    unstored(with_cors(refusal(status, "invalid_request", &problem.replace(['"', '\\'], "'"))))
}

fn bearer(headers: &HeaderMap) -> Result<Option<String>, ()> {
    let Some(value) = input::authorization(headers)? else { return Ok(None) };
    let (scheme, token) = value.split_once(' ').ok_or(())?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token.trim().to_owned())) } else { Err(()) }
}

async fn answer(op: Arc<OpenIdProvider>, request: &RequestId, token: String) -> Response {
    let worker = op.clone();
    match blocking(move || worker.provider.user_info(&token, worker.clock.now())).await {
        Some(Ok(info)) => axum::Json(info).into_response(),
        Some(Err(error @ (UserInfoError::Expired | UserInfoError::Invalid | UserInfoError::Revoked))) => {
            refusal(StatusCode::UNAUTHORIZED, "invalid_token", &error.to_string())
        }
        Some(Err(UserInfoError::Fault(error))) => {
            tracing::error!(request = request.as_str(), %error, "the OpenID provider failed");
            our_fault(request)
        }
        None => our_fault(request),
    }
}

/// No token at all: no error code (RFC 6750 §3.1).
fn unauthenticated() -> Response {
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer realm=\"privyseal\"")]).into_response()
}

/// The error in the header as RFC 6750 §3 requires, and in the body for people.
fn refusal(status: StatusCode, code: &str, description: &str) -> Response {
    let body = serde_json::json!({ "error": code, "error_description": description });
    let mut response = (status, axum::Json(body)).into_response();
    let challenge = format!("Bearer realm=\"privyseal\", error=\"{code}\", error_description=\"{description}\"");
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

fn our_fault(request: &RequestId) -> Response {
    let body = serde_json::json!({ "error": "server_error", "error_description": format!("request {request}") });
    (StatusCode::INTERNAL_SERVER_ERROR, axum::Json(body)).into_response()
}

fn unstored(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
