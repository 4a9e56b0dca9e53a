//! `/oidc/token`: the token endpoint, for codes and for token exchange with an SVID.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use broker::provider::{CodeRequest, ErrorCode, PreparedToken, Replay, TokenError, TokenRequest, TokenResponse};
use shared::audit::AuditRecord;

use super::super::request_id::RequestId;
use super::blocking::blocking;
use super::input;
use super::metadata::with_cors;
use crate::instance::openid_provider::{ExchangeError, OpenIdProvider};
use crate::serving::listen::svid::{Peer, PeerSvid};

pub(super) async fn post(
    State(op): State<Arc<OpenIdProvider>>,
    Extension(request): Extension<RequestId>,
    Peer(peer): Peer,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let response = match answer(op, &request, peer, &headers, body).await {
        Ok(tokens) => (StatusCode::OK, axum::Json(tokens)).into_response(),
        Err(refusal) => refusal,
    };
    unstored(with_cors(response))
}

/// RFC 6749 §5.1.
fn unstored(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

async fn answer(
    op: Arc<OpenIdProvider>,
    request: &RequestId,
    peer: Option<PeerSvid>,
    headers: &HeaderMap,
    body: Body,
) -> Result<TokenResponse, Response> {
    let form = input::form(headers, body)
        .await
        .map_err(|error| refusal(error.status(), ErrorCode::InvalidRequest, &error.to_string()))?;
    let authorization = input::authorization(headers).map_err(|()| refuse(&TokenError::ClientAmbiguous, request))?;
    let channel = peer.map(|peer| peer.read());
    let token_request = TokenRequest::parse(authorization, &form, channel).map_err(|error| refuse(&error, request))?;
    let prepared = match token_request {
        TokenRequest::Code(code) => redeem(&op, code, request).await?,
        TokenRequest::Exchange(exchange) => op.exchange(*exchange, request.as_str()).await.map_err(|error| match error {
            ExchangeError::Token(error) => refuse(&error, request),
            ExchangeError::Uncounted(error) => {
                tracing::error!(request = request.as_str(), %error, "the use of an SVID could not be counted, so no token is issued");
                our_fault(request)
            }
        })?,
    };
    let receipt = op.audit.append(prepared.leaf()).await.map_err(|error| {
        tracing::error!(request = request.as_str(), %error, "the audit record could not be written, so no token is issued");
        our_fault(request)
    })?;
    op.provider.sign(prepared, &receipt).map_err(|error| {
        tracing::error!(request = request.as_str(), %error, "a token could not be signed");
        our_fault(request)
    })
}

async fn redeem(op: &Arc<OpenIdProvider>, code: CodeRequest, request: &RequestId) -> Result<PreparedToken, Response> {
    let (worker, now) = (op.clone(), op.clock.now());
    let redeemed = blocking(move || worker.provider.redeem(&code, now, &*worker.random)).await;
    match redeemed.ok_or_else(|| our_fault(request))? {
        Ok(prepared) => Ok(prepared),
        Err(error) => {
            if let TokenError::CodeReplayed(replay) = &error {
                record_replay(op, replay, request).await;
            }
            Err(refuse(&error, request))
        }
    }
}

/// Writes the first replay of a code to the audit log, because the code may have been stolen. Later replays change
/// nothing.
async fn record_replay(op: &OpenIdProvider, replay: &Replay, request: &RequestId) {
    let Replay { grant, client, subject, is_first } = replay;
    tracing::warn!(
        request = request.as_str(),
        grant,
        client,
        subject,
        is_first,
        "an authorization code was used twice"
    );
    if !*is_first {
        return;
    }
    let record = AuditRecord::CodeReplayed {
        at_ms: op.clock.now().millis(),
        client: client.clone(),
        subject: subject.clone(),
        token: grant.clone(),
    };
    if let Err(error) = op.audit.append(record.to_leaf()).await {
        tracing::error!(request = request.as_str(), %error, "the replay of a code could not be written to the audit log");
    }
}

fn refuse(error: &TokenError, request: &RequestId) -> Response {
    let Some(code) = error.code() else {
        tracing::error!(request = request.as_str(), %error, "the OpenID provider failed");
        return our_fault(request);
    };
    tracing::info!(request = request.as_str(), %error, "a token request is refused");
    // RFC 6749 §5.2: 401 for a failed client authentication, 400 for the rest of what a caller can do wrong.
    let status = match code {
        ErrorCode::InvalidClient => StatusCode::UNAUTHORIZED,
        ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::AccessDenied
        | ErrorCode::InteractionRequired
        | ErrorCode::InvalidGrant
        | ErrorCode::InvalidRequest
        | ErrorCode::InvalidScope
        | ErrorCode::InvalidTarget
        | ErrorCode::LoginRequired
        | ErrorCode::RegistrationNotSupported
        | ErrorCode::RequestNotSupported
        | ErrorCode::RequestUriNotSupported
        | ErrorCode::UnsupportedGrantType
        | ErrorCode::UnsupportedResponseType => StatusCode::BAD_REQUEST,
    };
    refusal(status, code, &error.description())
}

fn refusal(status: StatusCode, code: ErrorCode, description: &str) -> Response {
    let body = serde_json::json!({ "error": code.as_str(), "error_description": description });
    let mut response = (status, axum::Json(body)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"privyseal\", charset=\"UTF-8\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

fn our_fault(request: &RequestId) -> Response {
    let body = serde_json::json!({ "error": "server_error", "error_description": format!("request {request}") });
    (StatusCode::INTERNAL_SERVER_ERROR, axum::Json(body)).into_response()
}
