//! Refusals of the API: problem documents (RFC 9457).

use axum::Extension;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::serving::http::request_id::RequestId;

/// What kind of thing is wrong. `type` and `title` follow from it alone, as RFC 9457 §3.1 wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// It does not go with the state that things are in.
    Conflict,
    /// Somebody we know, who may not do this.
    Forbidden,
    /// Our own fault; only the request is told.
    Internal,
    /// The request does not read.
    Malformed,
    /// There is no such thing.
    NotFound,
    /// The request is larger than we read.
    TooLarge,
    /// No token, or not one that opens this API.
    Unauthenticated,
    /// It reads, and what it says cannot be.
    Unprocessable,
}

impl Kind {
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
            Self::Conflict => ("conflict", "This does not go with the present state"),
            Self::Forbidden => ("forbidden", "You may not do this"),
            Self::Internal => ("internal", "The instance failed"),
            Self::Malformed => ("malformed", "The request does not read"),
            Self::NotFound => ("not-found", "There is no such thing"),
            Self::TooLarge => ("too-large", "The request is too large"),
            Self::Unauthenticated => ("unauthenticated", "A valid token of this instance is needed"),
            Self::Unprocessable => ("unprocessable", "The request cannot be granted"),
        }
    }
}

/// A refusal. As a response it is unfinished: [`answer`] writes it with the name of the request.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    kind: Kind,
    rule: &'static str,
    detail: String,
    problems: Vec<Value>,
}

impl Problem {
    /// A refusal by `rule`: an identifier of the rule set where one of its rules refused, otherwise a word in capitals.
    pub(crate) fn new(kind: Kind, rule: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, rule, detail: detail.into(), problems: Vec::new() }
    }

    /// Our own fault: `error` is for our log, and the caller learns the request.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "the API failed");
        Self::new(
            Kind::Internal,
            "INTERNAL",
            "the instance's own log says more; name this request to those who look after it",
        )
    }

    /// The same with everything that is wrong, each with its place.
    pub(crate) fn with_problems(mut self, problems: &crate::instance::assemble::Problems) -> Self {
        let one = |problem: &crate::instance::assemble::Problem| json!({ "place": problem.place, "message": problem.message });
        self.problems = problems.iter().map(one).collect();
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

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Finishes what handlers refused, and keeps every answer out of caches.
pub(super) async fn answer(Extension(id): Extension<RequestId>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let Problem { kind, rule, detail, .. } = &problem;
        tracing::info!(request = id.as_str(), ?kind, rule, detail, "API request refused");
        let headers = [(header::CONTENT_TYPE, "application/problem+json")];
        response = (problem.kind.status(), headers, problem.document(&id).to_string()).into_response();
        if problem.kind == Kind::Unauthenticated {
            // RFC 6750 §3.1: no error code for a request that holds no token.
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
