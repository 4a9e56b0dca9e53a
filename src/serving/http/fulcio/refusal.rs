//! Refusals as Fulcio's clients read them: `{"code","message","details"}`, the JSON of `google.rpc.Status`.
//!
//! The message begins with the sentence that clients know and goes on with what is really wrong; `details` names the
//! rule and the request for programs. Our own faults say the request and nothing else; the log says the rest.

use axum::extract::rejection::BytesRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use broker::signing::{OurFault, SigningError, UpstreamFault};
use serde_json::json;
use shared::log::AppendError;
use shared::strict_json::JsonError;

use crate::instance::certificate_authority::IssueError;
use crate::serving::http::request_id::RequestId;

/// The largest request read. A token has at most 16 KiB, an RSA-4096 request 2 KiB; base64 and JSON around them.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// Why there is no certificate, as far as this edge can tell.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The core's word.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The body is too large.
    #[error("the request body is larger than {limit} bytes", limit = MAX_BODY)]
    TooLarge,
    /// The body did not arrive whole.
    #[error("the request body did not arrive whole")]
    Cut,
    /// The body is not the JSON that is expected here.
    #[error(transparent)]
    Json(JsonError),
    /// A log did not take an entry.
    #[error(transparent)]
    Log(AppendError),
    /// The use of an SVID could not be counted.
    #[error("{0}")]
    Uncounted(String),
}

impl From<IssueError> for Refusal {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Signing(error) => Self::Signing(error),
            IssueError::Log(error) => Self::Log(error),
            IssueError::Uncounted(error) => Self::Uncounted(error),
        }
    }
}

/// gRPC's status codes, as far as this edge uses them, and grpc-gateway's HTTP statuses for them.
#[derive(Clone, Copy)]
enum Code {
    InvalidArgument = 3,
    Internal = 13,
    Unavailable = 14,
}

impl Refusal {
    pub(super) fn body(rejection: BytesRejection) -> Self {
        match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            _ => Self::Cut,
        }
    }

    pub(super) fn json(error: JsonError) -> Self {
        Self::Json(error)
    }

    /// The answer.
    pub(super) fn answer(&self, id: &RequestId) -> Response {
        match self {
            Self::Signing(SigningError::Caller(fault)) => {
                let rule = fault.rule();
                let message = format!("{}: {fault} (rule {rule})", fault.client_message());
                tracing::info!(request = id.as_str(), rule, %fault, "certificate refused");
                answer(StatusCode::BAD_REQUEST, Code::InvalidArgument, &message, rule, id)
            }
            Self::TooLarge => {
                answer(StatusCode::PAYLOAD_TOO_LARGE, Code::InvalidArgument, &self.to_string(), "BODY_SIZE", id)
            }
            Self::Cut => answer(StatusCode::BAD_REQUEST, Code::InvalidArgument, &self.to_string(), "BODY", id),
            Self::Json(_) => answer(StatusCode::BAD_REQUEST, Code::InvalidArgument, &self.to_string(), "JSON", id),
            Self::Signing(SigningError::Upstream(fault)) => {
                tracing::warn!(request = id.as_str(), %fault, "certificate not issued");
                let reason = match fault {
                    UpstreamFault::Bundle(..) => "TRUST_BUNDLE",
                    UpstreamFault::Keys(_) => "ISSUER_KEYS",
                };
                answer(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, &fault.to_string(), reason, id)
            }
            Self::Signing(SigningError::Ours(fault)) => {
                tracing::error!(request = id.as_str(), %fault, "certificate not issued");
                let (known, reason) = match fault {
                    OurFault::Template(_) | OurFault::Lint(_) | OurFault::Issue(_) => {
                        ("error communicating with CA backend", "CA")
                    }
                    OurFault::Receipt(_) => ("Error entering certificate in CTL", "LOG"),
                };
                answer(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, &ours(known, id), reason, id)
            }
            Self::Uncounted(error) => {
                tracing::error!(request = id.as_str(), error, "certificate not issued");
                answer(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, &ours("not counted", id), "STORE", id)
            }
            Self::Log(error) => {
                tracing::error!(request = id.as_str(), %error, "certificate not issued");
                let message = ours("Error entering certificate in CTL", id);
                answer(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, &message, "LOG", id)
            }
        }
    }
}

fn ours(known: &str, id: &RequestId) -> String {
    format!("{known} (request {id})")
}

fn answer(status: StatusCode, code: Code, message: &str, reason: &str, id: &RequestId) -> Response {
    let body = json!({
        "code": code as u8,
        "message": message,
        "details": [{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "privyseal",
            "metadata": { "request": id.as_str() },
        }],
    });
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
