//! `/oidc/callback/{connector}`: the redirect back from an upstream provider.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use broker::connector::ConnectorId;
use broker::provider::{FlowError, OpenFlow, Parameters, UpstreamState, flow_of_state};
use shared::time::UnixTime;

use super::super::pages;
use super::super::request_id::RequestId;
use super::answers::answer;
use super::blocking::blocking;
use super::cookies::Cookies;
use super::{input, login, upstream};
use crate::instance::openid_provider::OpenIdProvider;
use crate::outbound::upstream::{UpstreamConnector, UpstreamError};

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
    let id = ConnectorId::parse(&connector).ok();
    let Some(upstream) = id.and_then(|id| login::find_upstream(&op, &id)) else {
        return pages::problem(StatusCode::NOT_FOUND, "Unknown connector", "There is no connector of this name.", None);
    };
    let now = op.clock.now();
    let (flow, sent) = match own_flow(&op, upstream, &headers, &parameters, now) {
        Ok(own) => own,
        Err(error) => return pages::problem(StatusCode::BAD_REQUEST, "Start again", &error.to_string(), None),
    };
    let mut response = match upstream.finish(&parameters, &sent, flow.request().max_age(), now).await {
        Ok(found) => {
            let previous = Cookies::of(&op).session(&headers);
            let (worker, opened) = (op.clone(), flow.clone());
            let ended = blocking(move || {
                let auth_time = found.auth_time.unwrap_or(now);
                login::permitted_login(&worker, &opened, &found.identity, auth_time, previous.as_ref(), now)
            });
            match ended.await {
                None => pages::our_fault(&request),
                Some(Ok(logged_in)) => return login::finish(&op, &flow, &logged_in),
                Some(Err(error)) => return login::end(&op, &flow, &error, &request),
            }
        }
        Err(UpstreamError::Refused) => answer(&op.provider.refused_upstream(&flow)),
        Err(error) => upstream::refuse(&error, upstream.id(), &request),
    };
    // An upstream's response is accepted once: its state is deleted with the cookie.
    Cookies::of(&op).clear_flow(&mut response, flow.id());
    response
}

/// The flow in this browser that the upstream's response belongs to.
fn own_flow(
    op: &OpenIdProvider,
    upstream: &UpstreamConnector,
    headers: &HeaderMap,
    parameters: &Parameters,
    now: UnixTime,
) -> Result<(OpenFlow, UpstreamState), FlowError> {
    let state = parameters.value("state").ok_or(FlowError::State)?;
    let id = flow_of_state(state).ok_or(FlowError::State)?;
    let cookie = Cookies::of(op).flow(headers, id);
    let flow = op.provider.open_flow(id, cookie.as_deref(), now)?;
    let sent = flow.check_callback(upstream.id(), state)?.clone();
    Ok((flow, sent))
}
