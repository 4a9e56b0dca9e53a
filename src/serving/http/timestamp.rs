//! Timestamps over HTTP (RFC 3161 §3.4).
//!
//! The same units speak two dialects. `/api/v1/timestamp` and `/tsa/{unit}/api/v1/timestamp` are for Sigstore's
//! clients: they keep the body of any 2xx response as a timestamp, so a rejection has status 4xx or 503, with the DER
//! response. `/tsa` and `/tsa/{unit}` are for RFC 3161 clients: they show a reason only with status 200, so a rejection
//! has it too.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tsa::request::{MAX_REQUEST, json};
use tsa::{PkiFailureInfo, Rejection, TimestampResponse};

use super::request_id::RequestId;
use crate::instance::timestamp_authority::TimestampAuthority;

const QUERY: &str = "application/timestamp-query";
/// Without parameters: half of the clients compare the whole header.
const REPLY: HeaderValue = HeaderValue::from_static("application/timestamp-reply");

/// The routes.
pub(crate) fn routes(authority: Arc<TimestampAuthority>) -> Router {
    Router::new()
        .route("/api/v1/timestamp", post(sigstore))
        .route("/api/v1/timestamp/certchain", get(chain))
        .route("/tsa", post(rfc3161))
        .route("/tsa/{unit}", post(rfc3161_unit))
        .route("/tsa/{unit}/api/v1/timestamp", post(sigstore_unit))
        .route("/tsa/{unit}/certchain", get(unit_chain))
        .route("/tsa/{unit}/certchain/{generation}", get(earlier_chain))
        .with_state(authority)
}

/// A body by its media type.
enum QueryBody {
    Der(Bytes),
    Json(Bytes),
}

impl QueryBody {
    fn into_der(self) -> Result<Cow<'static, [u8]>, Rejection> {
        match self {
            Self::Der(body) => Ok(Cow::Owned(body.into())),
            Self::Json(body) => json::to_der(&body).map(Cow::Owned),
        }
    }
}

#[derive(Clone, Copy)]
enum Dialect {
    Rfc3161,
    Sigstore,
}

async fn sigstore(State(authority): State<Arc<TimestampAuthority>>, request: Request) -> Response {
    answer(&authority, Dialect::Sigstore, None, request).await
}

async fn sigstore_unit(
    State(authority): State<Arc<TimestampAuthority>>,
    Path(unit): Path<String>,
    request: Request,
) -> Response {
    answer(&authority, Dialect::Sigstore, Some(unit), request).await
}

async fn rfc3161(State(authority): State<Arc<TimestampAuthority>>, request: Request) -> Response {
    answer(&authority, Dialect::Rfc3161, None, request).await
}

async fn rfc3161_unit(
    State(authority): State<Arc<TimestampAuthority>>,
    Path(unit): Path<String>,
    request: Request,
) -> Response {
    answer(&authority, Dialect::Rfc3161, Some(unit), request).await
}

async fn answer(authority: &TimestampAuthority, dialect: Dialect, unit: Option<String>, request: Request) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let make_query = match (media_type(request.headers()).as_str(), dialect) {
        (QUERY, _) => QueryBody::Der,
        ("application/json", Dialect::Sigstore) => QueryBody::Json,
        _ => return unsupported_media_type(dialect),
    };
    let result = match read_body(request).await {
        Ok(body) => timestamp(authority, unit.as_deref(), make_query(body)).await,
        Err(BodyError::TooLong) => Err(Rejection::TooLong { limit: MAX_REQUEST }),
        Err(BodyError::Broken) => return text(StatusCode::BAD_REQUEST, "the request body is incomplete\n"),
    };
    match result {
        Ok(granted) => reply(StatusCode::OK, granted.into_der()),
        Err(rejection) => refuse(dialect, &rejection, id.as_ref().map_or("", RequestId::as_str)),
    }
}

/// An unknown unit is reported before a malformed body.
async fn timestamp(
    authority: &TimestampAuthority,
    unit: Option<&str>,
    query: QueryBody,
) -> Result<TimestampResponse, Rejection> {
    let unit = authority.unit(unit)?;
    authority.timestamp(&unit, &query.into_der()?).await
}

fn refuse(dialect: Dialect, rejection: &Rejection, request_id: &str) -> Response {
    if rejection.is_ours() {
        tracing::error!(request = request_id, %rejection, "a timestamp could not be issued");
    } else {
        tracing::debug!(request = request_id, %rejection, "a timestamp request is rejected");
    }
    let status = match dialect {
        Dialect::Rfc3161 => StatusCode::OK,
        Dialect::Sigstore => sigstore_status(rejection),
    };
    let mut response = reply(status, rejection.to_response(request_id));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

fn sigstore_status(rejection: &Rejection) -> StatusCode {
    match (rejection, rejection.failure_info()) {
        (Rejection::TooLong { .. }, _) => StatusCode::PAYLOAD_TOO_LARGE,
        (
            _,
            PkiFailureInfo::AddInfoNotAvailable
            | PkiFailureInfo::BadAlg
            | PkiFailureInfo::BadDataFormat
            | PkiFailureInfo::BadRequest
            | PkiFailureInfo::UnacceptedExtension
            | PkiFailureInfo::UnacceptedPolicy,
        ) => StatusCode::BAD_REQUEST,
        (_, PkiFailureInfo::SystemFailure | PkiFailureInfo::TimeNotAvailable) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn reply(status: StatusCode, der: Vec<u8>) -> Response {
    let headers = [(header::CONTENT_TYPE, REPLY), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, headers, Body::from(der)).into_response()
}

fn unsupported_media_type(dialect: Dialect) -> Response {
    let (accepted, message) = match dialect {
        Dialect::Rfc3161 => (QUERY, "send a DER TimeStampReq as application/timestamp-query (RFC 3161)\n"),
        Dialect::Sigstore => (
            "application/timestamp-query, application/json",
            "send a DER TimeStampReq as application/timestamp-query (RFC 3161), or application/json\n",
        ),
    };
    let mut response = text(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    response.headers_mut().insert(HeaderName::from_static("accept-post"), HeaderValue::from_static(accepted));
    response
}

fn text(status: StatusCode, message: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], message).into_response()
}

/// The media type in lower case, without parameters.
fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split_once(';').map_or(value, |(essence, _)| essence).trim().to_ascii_lowercase()
}

enum BodyError {
    Broken,
    TooLong,
}

/// The body, never more of it than the longest request that is read; a declared length is believed before a byte is
/// taken.
async fn read_body(request: Request) -> Result<Bytes, BodyError> {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| length > MAX_REQUEST as u64) {
        return Err(BodyError::TooLong);
    }
    match Limited::new(request.into_body(), MAX_REQUEST).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLong),
        Err(_) => Err(BodyError::Broken),
    }
}

/// The default unit's chain.
async fn chain(State(authority): State<Arc<TimestampAuthority>>) -> Response {
    answer_chain(&authority, None)
}

async fn unit_chain(State(authority): State<Arc<TimestampAuthority>>, Path(unit): Path<String>) -> Response {
    answer_chain(&authority, Some(&unit))
}

/// The chain of one of the unit's keys, by its number. It never changes.
async fn earlier_chain(State(authority): State<Arc<TimestampAuthority>>, Path(which): Path<(String, u32)>) -> Response {
    match authority.chain_of(&which) {
        Some(pem) => ([(header::CONTENT_TYPE, "application/pem-certificate-chain")], pem).into_response(),
        None => text(StatusCode::NOT_FOUND, "the timestamp unit has no such key\n"),
    }
}

/// The chain of the generation that signs now, leaf first. It may be cached only after asking: it changes one day.
fn answer_chain(authority: &TimestampAuthority, name: Option<&str>) -> Response {
    let Ok(unit) = authority.unit(name) else {
        return text(StatusCode::NOT_FOUND, "there is no such timestamp unit\n");
    };
    let headers = [(header::CONTENT_TYPE, "application/pem-certificate-chain"), (header::CACHE_CONTROL, "no-cache")];
    (headers, authority.chain(&unit)).into_response()
}

#[cfg(test)]
mod tests;
