//! Bodies of requests: strict JSON, capped.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::de::DeserializeOwned;

use super::{Kind, Problem};

/// The largest request read: a token of 16 KiB and JSON around it, with room.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// What axum hands over: the body, or why it did not come whole.
pub(crate) type Body = Result<Bytes, BytesRejection>;

/// Reads a body as JSON without duplicate members.
pub(crate) fn parse<T: DeserializeOwned>(body: Body) -> Result<T, Problem> {
    let body = body.map_err(|rejection| match rejection.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(Kind::TooLarge, "BODY_SIZE", format!("the body is larger than {MAX_BODY} bytes"))
        }
        _ => Problem::new(Kind::Malformed, "BODY", "the body did not arrive whole"),
    })?;
    shared::strict_json::from_slice(&body, MAX_BODY)
        .map_err(|error| Problem::new(Kind::Malformed, "JSON", error.to_string()))
}
