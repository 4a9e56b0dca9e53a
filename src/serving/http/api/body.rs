//! Request bodies: strict JSON of limited length.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::de::DeserializeOwned;

use super::{ApiProblem, ProblemKind};

/// Longest request body, in bytes: room for a token of 16 KiB and the JSON around it.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// A body from axum, or why it is incomplete.
pub(crate) type Body = Result<Bytes, BytesRejection>;

/// Parses a body as JSON; duplicate members are an error.
pub(crate) fn parse<T: DeserializeOwned>(body: Body) -> Result<T, ApiProblem> {
    let body = body.map_err(|rejection| match rejection.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            ApiProblem::new(ProblemKind::TooLarge, "BODY_SIZE", format!("the body is larger than {MAX_BODY} bytes"))
        }
        _ => ApiProblem::new(ProblemKind::Malformed, "BODY", "the body is incomplete"),
    })?;
    shared::strict_json::from_slice(&body, MAX_BODY)
        .map_err(|error| ApiProblem::new(ProblemKind::Malformed, "JSON", error.to_string()))
}
