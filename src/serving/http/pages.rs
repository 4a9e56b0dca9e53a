//! The pages that people see while they log in: plain forms, no script, stable ids.
//!
//! Every page forbids everything that it does not need: no script, no frame, no image, styles from our own path only.

use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use broker::connector::ConnectorId;
use broker::provider::ReturnTo;

use super::request_id::RequestId;

/// The style sheet, the only thing that a page loads.
pub(crate) const STYLE: &str = include_str!("../../../templates/style.css");

/// Somebody logs in with a password.
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

/// Somebody chooses where to log in.
#[derive(Template)]
#[template(path = "choose.html")]
pub(crate) struct ChoosePage<'a> {
    pub(crate) client: &'a str,
    pub(crate) flow: &'a str,
    pub(crate) choices: Vec<Choice<'a>>,
}

/// A place to log in.
pub(crate) struct Choice<'a> {
    pub(crate) id: &'a ConnectorId,
    pub(crate) name: &'a str,
}

/// Somebody who is logged in confirms that a program may know it.
#[derive(Template)]
#[template(path = "confirm.html")]
pub(crate) struct ConfirmPage<'a> {
    pub(crate) client: &'a str,
    pub(crate) person: &'a str,
    pub(crate) destination: &'a str,
    pub(crate) flow: &'a str,
    pub(crate) csrf: &'a str,
}

/// Somebody carries a code to a program that has no address.
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

/// Something is wrong, with the caller's side of it.
pub(crate) fn problem(status: StatusCode, title: &str, problem: &str, code: Option<&str>) -> Response {
    render(status, &ProblemPage { title, problem, code, request: None }, None)
}

/// Something is wrong with us.
pub(crate) fn our_fault(request: &RequestId) -> Response {
    let problem = "Something went wrong on our side. Tell your administrator the request below.";
    let page = ProblemPage { title: "Something went wrong", problem, code: None, request: Some(request.as_str()) };
    render(StatusCode::INTERNAL_SERVER_ERROR, &page, None)
}

/// The page as an answer. `return_to` is where the browser is sent after the page's form: Chrome applies `form-action` to that
/// redirect too.
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

/// The headers that every answer to a browser carries.
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
