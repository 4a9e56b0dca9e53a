//! `/api/privyseal/v1/…`: this instance's API, for operators, auditors and domain owners.
//!
//! **Authentication.** A bearer token (RFC 6750): an ID token of our own provider for the built-in client
//! `privyseal-cli`, verified in this process by the code that verifies every token, and permitted by the rules that the
//! certificate authority applies. There are no static keys. A token for signing (audience `sigstore`) does not open
//! this API: it passes through build systems and other people's programs, and a stolen one must not be able to give
//! names away. Roles follow from the e-mail address, see `[api]` in the configuration.
//!
//! **Refusals** are problem documents (RFC 9457) with the rule and the request id; see [`ApiProblem`].
//!
//! A handler that takes an [`ApiCall`] runs only for an authenticated caller, and sees one snapshot throughout.

mod body;
mod caller;
mod configuration;
mod explain;
mod issuers;
mod problem;
mod state;
mod trust_domains;
mod users;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use self::body::MAX_BODY;
pub(crate) use caller::ApiCall;
pub(crate) use problem::{ApiProblem, ProblemKind};
pub(crate) use state::{ApiState, ROOT};

/// The routes.
pub(crate) fn routes(state: Arc<ApiState>) -> Router {
    let here = |path: &str| format!("{ROOT}{path}");
    Router::new()
        .route(&here("/configuration"), get(configuration::show))
        .route(&here("/explain"), post(explain::post))
        .route(&here("/issuers"), get(issuers::list).post(issuers::request))
        .route(&here("/issuers/about"), get(issuers::about))
        .route(&here("/issuers/{id}"), get(issuers::show))
        .route(&here("/issuers/{id}/approve"), post(issuers::approve))
        .route(&here("/issuers/{id}/freeze"), post(issuers::freeze))
        .route(&here("/issuers/{id}/prove"), post(issuers::prove))
        .route(&here("/issuers/{id}/release"), post(issuers::release))
        .route(&here("/reload"), post(configuration::reload))
        .route(&here("/trust-domains"), get(trust_domains::list))
        .route(&here("/trust-domains/{name}"), get(trust_domains::show))
        .route(&here("/trust-domains/{name}/refresh"), post(trust_domains::refresh))
        .route(&here("/users"), post(users::add))
        .route(&here("/whoami"), get(whoami))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::from_fn(problem::answer))
        .with_state(state)
}

/// The caller's address, roles and domains. For every authenticated caller, with or without a role.
async fn whoami(call: ApiCall) -> Json<Value> {
    let roles: Vec<&str> = call.caller.roles().iter().map(|role| role.name()).collect();
    let domains: Vec<&str> = call.caller.domains().map(|domain| domain.as_str()).collect();
    Json(json!({ "address": call.caller.address().as_str(), "roles": roles, "domains": domains }))
}

#[cfg(test)]
mod tests;
