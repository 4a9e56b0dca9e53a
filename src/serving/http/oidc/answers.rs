//! Responses to a browser: redirects, pages, and errors on pages.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use broker::provider::{AuthorizeError, PageRefusal, ProviderFault, RedirectAnswer};

use super::super::pages;
use super::super::request_id::RequestId;

/// The response to an authorization request, for the browser.
pub(super) fn answer(answer: &RedirectAnswer) -> Response {
    match answer {
        RedirectAnswer::Redirect(uri) => redirect(uri),
        RedirectAnswer::ShowCode(code) => pages::render(StatusCode::OK, &pages::CodePage { code }, None),
        RedirectAnswer::ShowError { code, description } => {
            pages::problem(StatusCode::BAD_REQUEST, "You are not signed in", description, Some(code.as_str()))
        }
    }
}

/// 303 always leads to a GET, so a form with a password is never sent on (RFC 9700 §4.12).
pub(super) fn redirect(uri: &str) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, uri)]).into_response();
    pages::guard(&mut response);
    response
}

pub(super) fn refuse_authorize(error: &AuthorizeError, request: &RequestId) -> Response {
    match error {
        AuthorizeError::Fault(fault) => our_fault(fault, request),
        AuthorizeError::Page(refusal) => refuse_on_page(refusal),
        AuthorizeError::Returned { refusal, answer: returned } => {
            tracing::info!(request = request.as_str(), %refusal, "an authorization request is refused");
            answer(returned)
        }
    }
}

fn refuse_on_page(refusal: &PageRefusal) -> Response {
    let title = match refusal {
        PageRefusal::RedirectUnregistered { .. } => "Unregistered redirect URI",
        PageRefusal::ClientUnknown(_) => "Unknown client",
        PageRefusal::ClientMissing
        | PageRefusal::Parameters(_)
        | PageRefusal::RedirectMissing
        | PageRefusal::State { .. } => "Bad request",
    };
    pages::problem(StatusCode::BAD_REQUEST, title, &refusal.to_string(), None)
}

pub(super) fn our_fault(fault: &ProviderFault, request: &RequestId) -> Response {
    tracing::error!(request = request.as_str(), error = %fault, "the OpenID provider failed");
    pages::our_fault(request)
}
