//! The login pages: plain forms, no script, stable ids.
//!
//! The Content-Security-Policy of every page forbids all that it does not need: scripts, frames, images, other styles.

use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use broker::connector::ConnectorId;
use broker::provider::ReturnTo;

use super::request_id::RequestId;

/// The style sheet; a page loads nothing else.
pub(crate) const STYLE: &str = include_str!("../../../templates/style.css");

/// The form to log in with a password.
#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage<'a> {
    pub(crate) client: &'a str,
    pub(crate) flow: &'a str,
    pub(crate) csrf: &'a str,
    pub(crate) login: &'a str,
    pub(crate) problem: Option<String>,
    pub(crate) again: bool,
}

/// The choice of a connector.
#[derive(Template)]
#[template(path = "choose.html")]
pub(crate) struct ChoosePage<'a> {
    pub(crate) client: &'a str,
    pub(crate) flow: &'a str,
    pub(crate) choices: Vec<ConnectorChoice<'a>>,
}

/// A connector to choose.
pub(crate) struct ConnectorChoice<'a> {
    pub(crate) id: &'a ConnectorId,
    pub(crate) name: &'a str,
}

/// A person who is logged in already confirms that a program may learn their identity.
#[derive(Template)]
#[template(path = "confirm.html")]
pub(crate) struct ConfirmPage<'a> {
    pub(crate) client: &'a str,
    pub(crate) person: &'a str,
    pub(crate) destination: &'a str,
    pub(crate) flow: &'a str,
    pub(crate) csrf: &'a str,
}

/// A code to copy into a program that cannot be redirected to.
#[derive(Template)]
#[template(path = "code.html")]
pub(crate) struct CodePage<'a> {
    pub(crate) code: &'a str,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    title: &'a str,
    problem: &'a str,
    code: Option<&'a str>,
    request: Option<&'a str>,
}

/// A page for an error of the caller's or of an upstream's.
pub(crate) fn problem(status: StatusCode, title: &str, problem: &str, code: Option<&str>) -> Response {
    render(status, &ProblemPage { title, problem, code, request: None }, None)
}

/// A page for our own fault, with nothing but the request id.
pub(crate) fn our_fault(request: &RequestId) -> Response {
    let problem = "The server failed. Try again; if it fails again, give the request id below to your administrator.";
    let page = ProblemPage { title: "Something went wrong", problem, code: None, request: Some(request.as_str()) };
    render(StatusCode::INTERNAL_SERVER_ERROR, &page, None)
}

/// The page as a response. `return_to` is where the browser is redirected after the page's form, because Chrome applies
/// `form-action` to that redirect too.
pub(crate) fn render(status: StatusCode, page: &impl Template, return_to: Option<&ReturnTo>) -> Response {
    let Ok(body) = page.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let beyond =
        return_to.and_then(ReturnTo::form_action_source).map(|source| format!(" {source}")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self'{beyond}; frame-ancestors 'none'; base-uri 'none'"
    );
    let mut response = (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response();
    let headers = response.headers_mut();
    // A redirect URI holds only characters that a header may hold; without a policy there is no page.
    let Ok(policy) = HeaderValue::from_str(&policy) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    guard(&mut response);
    response
}

/// Sets the security headers that every response to a browser has.
pub(crate) fn guard(response: &mut Response) {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
}
