//! The API's errors: problem documents (RFC 9457).

use axum::Extension;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::serving::http::request_id::RequestId;

/// The kind of a problem. The members `type` and `title` depend on it alone (RFC 9457 §3.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ProblemKind {
    /// The request conflicts with the current state: 409.
    Conflict,
    /// The caller is known but lacks a role: 403.
    Forbidden,
    /// Our own fault: 500. The document shows nothing but the request id.
    Internal,
    /// The request cannot be parsed: 400.
    Malformed,
    /// It does not exist, or the caller may not see it: 404.
    NotFound,
    /// The body is longer than the limit: 413.
    TooLarge,
    /// No token, or one that this API does not accept: 401.
    Unauthenticated,
    /// The request can be parsed but its contents are not acceptable: 422.
    Unprocessable,
}

impl ProblemKind {
    fn status(self) -> StatusCode {
        match self {
            Self::Conflict => StatusCode::CONFLICT,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// The last part of `type`, and `title`.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Conflict => ("conflict", "The request conflicts with the current state"),
            Self::Forbidden => ("forbidden", "The caller may not do this"),
            Self::Internal => ("internal", "Internal error"),
            Self::Malformed => ("malformed", "The request cannot be parsed"),
            Self::NotFound => ("not-found", "Not found"),
            Self::TooLarge => ("too-large", "The request is too large"),
            Self::Unauthenticated => ("unauthenticated", "A valid token of this instance is required"),
            Self::Unprocessable => ("unprocessable", "The request is not acceptable"),
        }
    }
}

/// A refusal. As a response it is unfinished: [`answer`] writes the document, with the request id.
#[derive(Clone, Debug)]
pub(crate) struct ApiProblem {
    kind: ProblemKind,
    rule: &'static str,
    detail: String,
    problems: Vec<Value>,
}

impl ApiProblem {
    /// A refusal by `rule`: the id of a rule where a rule refused, otherwise a word in capitals.
    pub(crate) fn new(kind: ProblemKind, rule: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, rule, detail: detail.into(), problems: Vec::new() }
    }

    /// Our own fault: `error` goes to the log only, and the caller sees the request id.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "an API request failed");
        Self::new(
            ProblemKind::Internal,
            "INTERNAL",
            "the server's log has the cause; give this request id to an operator",
        )
    }

    /// Adds problems of the configuration, each with its place in the file.
    pub(crate) fn with_problems(mut self, problems: &crate::instance::assemble::Problems) -> Self {
        self.problems = problems.iter().map(|one| json!({ "place": one.place, "message": one.message })).collect();
        self
    }

    fn document(&self, request: &RequestId) -> Value {
        let (word, title) = self.kind.words();
        let mut document = json!({
            "type": format!("urn:privyseal:problem:{word}"),
            "title": title,
            "status": self.kind.status().as_u16(),
            "detail": self.detail,
            "rule": self.rule,
            "request": request.as_str(),
        });
        if !self.problems.is_empty() {
            document["problems"] = self.problems.clone().into();
        }
        document
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the documents of refusals, and keeps every response out of caches.
pub(super) async fn answer(Extension(id): Extension<RequestId>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<ApiProblem>() {
        let ApiProblem { kind, rule, detail, .. } = &problem;
        tracing::info!(request = id.as_str(), kind = kind.words().0, rule, detail, "an API request is refused");
        let headers = [(header::CONTENT_TYPE, "application/problem+json")];
        response = (problem.kind.status(), headers, problem.document(&id).to_string()).into_response();
        if problem.kind == ProblemKind::Unauthenticated {
            // RFC 6750 §3.1: no error code for a request without a token.
            let challenge = match problem.rule {
                "BEARER" => "Bearer realm=\"privyseal\"",
                _ => "Bearer realm=\"privyseal\", error=\"invalid_token\"",
            };
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
