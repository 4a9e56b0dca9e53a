//! `/oidc/auth/{connector}`: the login form, or the redirect to an upstream provider.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use broker::connector::local::{LocalUsers, LoginError};
use broker::connector::{ConnectorId, ConnectorIdentity};
use broker::provider::{IdentityDenied, LoggedIn, OpenFlow, ProviderFault, SessionSecret, permit};
use shared::secret::Secret;
use shared::time::UnixTime;

use super::super::pages::{self, LoginPage};
use super::super::request_id::RequestId;
use super::answers::{answer, our_fault, redirect};
use super::blocking::blocking;
use super::cookies::Cookies;
use super::{authorize, input, upstream};
use crate::instance::openid_provider::OpenIdProvider;
use crate::outbound::upstream::UpstreamConnector;

pub(super) async fn get(
    State(op): State<Arc<OpenIdProvider>>,
    Path(connector): Path<String>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let parameters = match input::query(&uri) {
        Ok(parameters) => parameters,
        Err(error) => return pages::problem(error.status(), "Bad request", &error.to_string(), None),
    };
    let Some(connector) = known(&op, &connector) else { return unknown() };
    let Some(id) = parameters.value("flow") else {
        // Dex takes a whole authorization request here, with the connector chosen by the path.
        return authorize::authorize(op, &request, &headers, parameters.with("connector_id", connector.as_str())).await;
    };
    let cookie = Cookies::of(&op).flow(&headers, id);
    let flow = match op.provider.open_flow(id, cookie.as_deref(), op.clock.now()) {
        Ok(flow) => flow,
        Err(error) => return pages::problem(StatusCode::BAD_REQUEST, "Start again", &error.to_string(), None),
    };
    match find_upstream(&op, &connector) {
        Some(upstream) => go_upstream(&op, upstream, flow, &request).await,
        None => form(&flow, StatusCode::OK, flow.request().login_hint().unwrap_or_default(), None),
    }
}

/// The upstream connector with this id.
pub(super) fn find_upstream<'a>(op: &'a OpenIdProvider, id: &ConnectorId) -> Option<&'a UpstreamConnector> {
    op.upstreams.iter().map(Arc::as_ref).find(|upstream| upstream.id() == id)
}

fn known(op: &OpenIdProvider, connector: &str) -> Option<ConnectorId> {
    let id = ConnectorId::parse(connector).ok()?;
    let is_local = id == ConnectorId::local() && op.local.is_some();
    (is_local || find_upstream(op, &id).is_some()).then_some(id)
}

fn unknown() -> Response {
    pages::problem(StatusCode::NOT_FOUND, "Unknown connector", "There is no connector of this name.", None)
}

fn form(flow: &OpenFlow, status: StatusCode, login: &str, problem: Option<String>) -> Response {
    let page = LoginPage {
        client: flow.request().client(),
        flow: flow.id(),
        csrf: flow.csrf(),
        login,
        problem,
        again: flow.request().forces_login(),
    };
    pages::render(status, &page, Some(flow.request().return_to()))
}

async fn go_upstream(
    op: &OpenIdProvider,
    upstream: &UpstreamConnector,
    flow: OpenFlow,
    request: &RequestId,
) -> Response {
    let now = op.clock.now();
    let state = op.provider.upstream_state(&flow, &*op.random);
    match upstream.start(flow.request(), state, now, &*op.random).await {
        Ok((uri, sent)) => {
            let sealed = op.provider.flow_to_upstream(flow, sent, &*op.random);
            let mut response = redirect(&uri);
            Cookies::of(op).set_flow(&mut response, &sealed);
            response
        }
        Err(error) => upstream::refuse(&error, upstream.id(), request),
    }
}

/// The submitted login form.
pub(super) async fn post(
    State(op): State<Arc<OpenIdProvider>>,
    Path(connector): Path<String>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let local = match (&op.local, ConnectorId::parse(&connector)) {
        (Some(local), Ok(id)) if id == ConnectorId::local() => local.clone(),
        _ => return unknown(),
    };
    let fields = match input::form(&headers, body).await {
        Ok(fields) => fields,
        Err(error) => return pages::problem(error.status(), "Bad request", &error.to_string(), None),
    };
    let id = fields.value("flow").unwrap_or_default();
    let cookie = Cookies::of(&op).flow(&headers, id);
    let now = op.clock.now();
    let opened = op.provider.open_flow(id, cookie.as_deref(), now);
    let flow = match opened.and_then(|flow| flow.check_form(fields.value("csrf")).map(|()| flow)) {
        Ok(flow) => flow,
        Err(error) => return pages::problem(StatusCode::BAD_REQUEST, "Start again", &error.to_string(), None),
    };
    let login = fields.value("login").unwrap_or_default().to_owned();
    let password = Secret::new(fields.value("password").unwrap_or_default().to_owned());
    let previous = Cookies::of(&op).session(&headers);
    let (worker, opened, name) = (op.clone(), flow.clone(), login.clone());
    let outcome =
        blocking(move || with_password(&worker, &local, &opened, &name, &password, previous.as_ref(), now)).await;
    match outcome {
        None => pages::our_fault(&request),
        Some(Ok(logged_in)) => finish(&op, &flow, &logged_in),
        Some(Err(PasswordLogin::Login(error))) => wrong(&flow, &login, &error, &request),
        Some(Err(PasswordLogin::End(error))) => end(&op, &flow, &error, &request),
    }
}

/// Why a login with a password did not end in a session.
enum PasswordLogin {
    Login(LoginError),
    End(EndError),
}

/// Why an authenticated person is not logged in.
pub(super) enum EndError {
    Denied(IdentityDenied),
    Fault(ProviderFault),
}

fn with_password(
    op: &OpenIdProvider,
    local: &LocalUsers,
    flow: &OpenFlow,
    login: &str,
    password: &Secret<String>,
    previous: Option<&SessionSecret>,
    now: UnixTime,
) -> Result<LoggedIn, PasswordLogin> {
    let identity = local.authenticate(login, password, now).map_err(PasswordLogin::Login)?;
    permitted_login(op, flow, &identity, now, previous, now).map_err(PasswordLogin::End)
}

/// The last step of a login with any connector: applies the rules, then makes session and code. Blocks.
pub(super) fn permitted_login(
    op: &OpenIdProvider,
    flow: &OpenFlow,
    identity: &ConnectorIdentity,
    auth_time: UnixTime,
    previous: Option<&SessionSecret>,
    now: UnixTime,
) -> Result<LoggedIn, EndError> {
    let permitted = permit(op.issuers.rules(), identity).map_err(EndError::Denied)?;
    op.provider.log_in(flow, permitted, auth_time, previous, now, &*op.random).map_err(EndError::Fault)
}

pub(super) fn finish(op: &OpenIdProvider, flow: &OpenFlow, logged_in: &LoggedIn) -> Response {
    let mut response = answer(&logged_in.answer);
    Cookies::of(op).clear_flow(&mut response, flow.id());
    if let Some(session) = &logged_in.session {
        Cookies::of(op).set_session(&mut response, session);
    }
    response
}

pub(super) fn end(op: &OpenIdProvider, flow: &OpenFlow, error: &EndError, request: &RequestId) -> Response {
    let mut response = match error {
        EndError::Denied(denied) => {
            tracing::warn!(request = request.as_str(), %denied, "an authenticated person may not log in");
            answer(&op.provider.denied(flow, denied))
        }
        EndError::Fault(fault) => our_fault(fault, request),
    };
    Cookies::of(op).clear_flow(&mut response, flow.id());
    response
}

fn wrong(flow: &OpenFlow, login: &str, error: &LoginError, request: &RequestId) -> Response {
    let (status, wait) = match error {
        LoginError::Busy => (StatusCode::SERVICE_UNAVAILABLE, Some(1)),
        LoginError::Locked { seconds } => (StatusCode::TOO_MANY_REQUESTS, Some(*seconds)),
        LoginError::Refused => (StatusCode::UNAUTHORIZED, None),
        LoginError::Record | LoginError::Store(_) => {
            tracing::error!(request = request.as_str(), %error, "the user store failed");
            return pages::our_fault(request);
        }
    };
    let mut response = form(flow, status, login, Some(sentence(&error.to_string())));
    if let Some(seconds) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).chain(['.']).collect()).unwrap_or_default()
}
