//! The page for a login that failed at an upstream provider.

use axum::http::StatusCode;
use axum::response::Response;
use broker::connector::ConnectorId;

use super::super::pages;
use super::super::request_id::RequestId;
use crate::outbound::upstream::UpstreamError;

/// A page with the reason and the request id; what the upstream sent goes to the log only.
pub(super) fn refuse(error: &UpstreamError, connector: &ConnectorId, request: &RequestId) -> Response {
    let status = match error {
        UpstreamError::Discovery(_)
        | UpstreamError::Error(_)
        | UpstreamError::Exchange(_)
        | UpstreamError::IdTokenMissing
        | UpstreamError::KeyUnknown
        | UpstreamError::Scheme
        | UpstreamError::UserInfo(_) => StatusCode::BAD_GATEWAY,
        UpstreamError::AccessHash
        | UpstreamError::AuthTime
        | UpstreamError::AuthorizedParty
        | UpstreamError::CodeMissing
        | UpstreamError::IdToken(_)
        | UpstreamError::IssMismatch
        | UpstreamError::IssMissing
        | UpstreamError::Parameters(_)
        | UpstreamError::Refused => StatusCode::BAD_REQUEST,
    };
    let detail = error.detail().unwrap_or_default();
    tracing::warn!(request = request.as_str(), %connector, %error, detail, "a login at an upstream provider failed");
    let problem = format!("{error}. Request: {request}");
    pages::problem(status, "The login at the other provider failed", &problem, None)
}
