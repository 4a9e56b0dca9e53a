//! Refusals as Fulcio's clients read them: `{"code","message","details"}`, the JSON of `google.rpc.Status`.
//!
//! The message begins with the sentence that clients know, followed by the actual reason; `details` has the rule and
//! the request id for programs. For our own faults it has only the request id, and the log has the rest.

use axum::extract::rejection::BytesRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use broker::signing::{OurFault, SigningError, UpstreamFault};
use serde_json::json;
use shared::log::AppendError;
use shared::strict_json::JsonError;

use crate::instance::certificate_authority::IssueError;
use crate::serving::http::request_id::RequestId;

/// Longest request body, in bytes. A token has at most 16 KiB, an RSA-4096 request 2 KiB, plus base64 and JSON.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// Why no certificate is issued.
#[derive(Debug, thiserror::Error)]
pub(super) enum CertificateRefusal {
    /// The broker refused or failed.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The body is too large.
    #[error("the request body is larger than {limit} bytes", limit = MAX_BODY)]
    TooLarge,
    /// The body is incomplete.
    #[error("the request body is incomplete")]
    Cut,
    /// The body is not the expected JSON.
    #[error(transparent)]
    Json(JsonError),
    /// A log did not accept an entry.
    #[error(transparent)]
    Log(AppendError),
    /// The use of an SVID could not be counted.
    #[error("{0}")]
    Uncounted(String),
}

impl From<IssueError> for CertificateRefusal {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Signing(error) => Self::Signing(error),
            IssueError::Log(error) => Self::Log(error),
            IssueError::Uncounted(error) => Self::Uncounted(error),
        }
    }
}

/// gRPC's status codes, as far as this module uses them.
#[derive(Clone, Copy)]
enum GrpcCode {
    InvalidArgument = 3,
    Internal = 13,
    Unavailable = 14,
}

impl CertificateRefusal {
    pub(super) fn body(rejection: BytesRejection) -> Self {
        match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            _ => Self::Cut,
        }
    }

    pub(super) fn json(error: JsonError) -> Self {
        Self::Json(error)
    }

    /// The refusal as a response; logs it.
    pub(super) fn answer(&self, id: &RequestId) -> Response {
        match self {
            Self::Signing(SigningError::Caller(fault)) => {
                let rule = fault.rule();
                let message = format!("{}: {fault} (rule {rule})", fault.client_message());
                tracing::info!(request = id.as_str(), rule, %fault, "a certificate request is refused");
                answer(StatusCode::BAD_REQUEST, GrpcCode::InvalidArgument, &message, rule, id)
            }
            Self::TooLarge => {
                answer(StatusCode::PAYLOAD_TOO_LARGE, GrpcCode::InvalidArgument, &self.to_string(), "BODY_SIZE", id)
            }
            Self::Cut => answer(StatusCode::BAD_REQUEST, GrpcCode::InvalidArgument, &self.to_string(), "BODY", id),
            Self::Json(_) => answer(StatusCode::BAD_REQUEST, GrpcCode::InvalidArgument, &self.to_string(), "JSON", id),
            Self::Signing(SigningError::Upstream(fault)) => {
                tracing::warn!(request = id.as_str(), %fault, "a certificate could not be issued");
                let reason = match fault {
                    UpstreamFault::Bundle(..) => "TRUST_BUNDLE",
                    UpstreamFault::Keys(_) => "ISSUER_KEYS",
                };
                answer(StatusCode::SERVICE_UNAVAILABLE, GrpcCode::Unavailable, &fault.to_string(), reason, id)
            }
            Self::Signing(SigningError::Ours(fault)) => {
                tracing::error!(request = id.as_str(), %fault, "a certificate could not be issued");
                let (known, reason) = match fault {
                    OurFault::Template(_) | OurFault::Lint(_) | OurFault::Issue(_) => {
                        ("error communicating with CA backend", "CA")
                    }
                    OurFault::Receipt(_) => ("Error entering certificate in CTL", "LOG"),
                };
                answer(StatusCode::INTERNAL_SERVER_ERROR, GrpcCode::Internal, &ours(known, id), reason, id)
            }
            Self::Uncounted(error) => {
                tracing::error!(request = id.as_str(), error, "a certificate could not be issued");
                answer(StatusCode::SERVICE_UNAVAILABLE, GrpcCode::Unavailable, &ours("not counted", id), "STORE", id)
            }
            Self::Log(error) => {
                tracing::error!(request = id.as_str(), %error, "a certificate could not be issued");
                let message = ours("Error entering certificate in CTL", id);
                answer(StatusCode::SERVICE_UNAVAILABLE, GrpcCode::Unavailable, &message, "LOG", id)
            }
        }
    }
}

fn ours(known: &str, id: &RequestId) -> String {
    format!("{known} (request {id})")
}

fn answer(status: StatusCode, code: GrpcCode, message: &str, reason: &str, id: &RequestId) -> Response {
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
