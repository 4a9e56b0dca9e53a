//! `/oidc/auth`: the authorization endpoint. `/oidc/approval`: a person who is logged in already confirms.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use broker::connector::ConnectorId;
use broker::provider::{Authorized, ContinueError, Continued, OpenFlow, Parameters, SealedFlow};

use super::super::pages::{self, ChoosePage, ConfirmPage, ConnectorChoice};
use super::super::request_id::RequestId;
use super::answers::{answer, our_fault, redirect, refuse_authorize};
use super::blocking::blocking;
use super::cookies::Cookies;
use super::input;
use crate::instance::openid_provider::OpenIdProvider;

pub(super) async fn get(
    State(op): State<Arc<OpenIdProvider>>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    match input::query(&uri) {
        Ok(parameters) => authorize(op, &request, &headers, parameters).await,
        Err(error) => pages::problem(error.status(), "Bad request", &error.to_string(), None),
    }
}

/// OpenID Connect Core §3.1.2.1 requires both methods.
pub(super) async fn post(
    State(op): State<Arc<OpenIdProvider>>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match input::form(&headers, body).await {
        Ok(parameters) => authorize(op, &request, &headers, parameters).await,
        Err(error) => pages::problem(error.status(), "Bad request", &error.to_string(), None),
    }
}

pub(super) async fn authorize(
    op: Arc<OpenIdProvider>,
    request: &RequestId,
    headers: &HeaderMap,
    parameters: Parameters,
) -> Response {
    let session = Cookies::of(&op).session(headers);
    let client = parameters.value("client_id").unwrap_or_default().to_owned();
    let worker = op.clone();
    let authorized = blocking(move || {
        let (now, random) = (worker.clock.now(), &*worker.random);
        worker.provider.authorize(&parameters, session.as_ref(), worker.issuers.rules(), now, random)
    })
    .await;
    let mut response = match &authorized {
        None => return pages::our_fault(request),
        Some(Err(error)) => return refuse_authorize(error, request),
        Some(Ok(Authorized::Answer(redirect))) => return answer(redirect),
        Some(Ok(Authorized::Confirm(confirmation))) => {
            let page = ConfirmPage {
                client: &confirmation.client,
                person: &confirmation.person,
                destination: confirmation.return_to.redirect_uri(),
                flow: &confirmation.flow.id,
                csrf: &confirmation.csrf,
            };
            let mut response = pages::render(StatusCode::OK, &page, Some(&confirmation.return_to));
            Cookies::of(&op).set_flow(&mut response, &confirmation.flow);
            response
        }
        Some(Ok(Authorized::LogIn { flow, connector })) => {
            let mut response = match connector {
                Some(connector) => redirect(&login_path(connector, flow)),
                None => choose(&op, &client, &flow.id),
            };
            Cookies::of(&op).set_flow(&mut response, flow);
            response
        }
    };
    Cookies::of(&op).clear_old_flows(&mut response, headers);
    response
}

fn login_path(connector: &ConnectorId, flow: &SealedFlow) -> String {
    format!("/oidc/auth/{connector}?flow={}", flow.id)
}

fn choose(op: &OpenIdProvider, client: &str, flow: &str) -> Response {
    let local_id = ConnectorId::local();
    let local = op.local.as_ref().map(|_| ConnectorChoice { id: &local_id, name: "E-mail address and password" });
    let upstreams = op.upstreams.iter().map(|u| ConnectorChoice { id: u.id(), name: u.name() });
    let choices: Vec<ConnectorChoice<'_>> = local.into_iter().chain(upstreams).collect();
    pages::render(StatusCode::OK, &ChoosePage { client, flow, choices }, None)
}

/// The form on the confirmation page: continue with the current session, or log in as someone else.
pub(super) async fn approval(
    State(op): State<Arc<OpenIdProvider>>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let form = match input::form(&headers, body).await {
        Ok(form) => form,
        Err(error) => return pages::problem(error.status(), "Bad request", &error.to_string(), None),
    };
    let id = form.value("flow").unwrap_or_default().to_owned();
    let cookie = Cookies::of(&op).flow(&headers, &id);
    let flow = match op.provider.open_flow(&id, cookie.as_deref(), op.clock.now()) {
        Ok(flow) => flow,
        Err(error) => return pages::problem(StatusCode::BAD_REQUEST, "Start again", &error.to_string(), None),
    };
    if form.value("answer") != Some("continue") {
        return log_in(&op, &flow);
    }
    let session = Cookies::of(&op).session(&headers);
    let csrf = form.value("csrf").map(str::to_owned);
    let (worker, opened) = (op.clone(), flow.clone());
    let continued = blocking(move || {
        let (now, random) = (worker.clock.now(), &*worker.random);
        worker.provider.confirm(&opened, csrf.as_deref(), session.as_ref(), worker.issuers.rules(), now, random)
    })
    .await;
    match continued {
        None => pages::our_fault(&request),
        Some(Err(ContinueError::Fault(fault))) => our_fault(&fault, &request),
        Some(Err(ContinueError::Flow(error))) => {
            pages::problem(StatusCode::BAD_REQUEST, "Start again", &error.to_string(), None)
        }
        Some(Ok(Continued::LogIn)) => log_in(&op, &flow),
        Some(Ok(Continued::Answer(redirect))) => {
            let mut response = answer(&redirect);
            Cookies::of(&op).clear_flow(&mut response, flow.id());
            response
        }
    }
}

/// Continues a flow with a new login, whatever the current session.
fn log_in(op: &OpenIdProvider, flow: &OpenFlow) -> Response {
    match flow.request().connector().or_else(|| op.provider.only_connector()) {
        Some(connector) => redirect(&format!("/oidc/auth/{connector}?flow={}", flow.id())),
        None => choose(op, flow.request().client(), flow.id()),
    }
}
