//! Queries and forms, with limits on their length.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use broker::provider::{MAX_FORM, MAX_QUERY, ParameterError, Parameters};

/// Why a request's parameters are refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    /// The form is too long, or the client disconnected.
    #[error("the form is longer than {MAX_FORM} bytes or incomplete")]
    FormTooLong,
    /// The body is not a form.
    #[error("the body must be application/x-www-form-urlencoded")]
    NotForm,
    /// The parameters cannot be parsed.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// The query is too long.
    #[error("the query is longer than {MAX_QUERY} bytes")]
    QueryTooLong,
}

impl InputError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::FormTooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Parameters(_) => StatusCode::BAD_REQUEST,
            Self::QueryTooLong => StatusCode::URI_TOO_LONG,
        }
    }
}

pub(super) fn query(uri: &Uri) -> Result<Parameters, InputError> {
    let query = uri.query().unwrap_or_default();
    if query.len() > MAX_QUERY {
        return Err(InputError::QueryTooLong);
    }
    Ok(Parameters::parse(query.as_bytes())?)
}

pub(super) async fn form(headers: &HeaderMap, body: Body) -> Result<Parameters, InputError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(InputError::NotForm);
    }
    let bytes = axum::body::to_bytes(body, MAX_FORM).await.map_err(|_| InputError::FormTooLong)?;
    Ok(Parameters::parse(&bytes)?)
}

/// The one `Authorization` header; `Err` when there are several or it is not text.
pub(super) fn authorization(headers: &HeaderMap) -> Result<Option<&str>, ()> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let first = values.next().map(|value| value.to_str().map_err(|_| ())).transpose()?;
    if values.next().is_some() { Err(()) } else { Ok(first) }
}
