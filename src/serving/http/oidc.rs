//! `/oidc/…`: the OpenID provider's edge, in Dex's path layout.
//!
//! What a request means is decided in `broker::provider`; here are caps, cookies, pages, statuses and the order of waiting:
//! the store and Argon2 block, so they run on the blocking pool; a token is signed when the audit log has its leaf.

mod authorize;
mod callback;
mod cookies;
mod exchange;
mod input;
mod login;
mod metadata;
mod token;
mod upstream;
mod userinfo;

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use broker::connector::ConnectorId;
use broker::connector::local::LocalUsers;
use broker::provider::{Answer, AuthorizeError, PageRefusal, Provider, ProviderFault, WorkloadMethods};
use broker::registry::Issuers;
use bytes::Bytes;
use shared::log::Log;
use shared::random::Random;
use shared::time::Clock;

use self::cookies::Cookies;
pub(crate) use self::upstream::{FetchError, Fetcher, UpstreamConnector};
use super::pages;
use super::request_id::RequestId;
use crate::instance::snapshots::Current;
use crate::instance::svid_uses::SvidUses;
use crate::outbound::bundles::BundleKeeper;

/// What the provider's edge needs; one for each snapshot.
pub(crate) struct OidcEdge {
    provider: Arc<Provider>,
    /// Absent when nobody may log in with a password.
    local: Option<Arc<LocalUsers>>,
    upstreams: Vec<Arc<UpstreamConnector>>,
    /// The records, whose rules say who may log in as whom.
    issuers: Arc<Issuers>,
    /// Fetches trust domains' bundles.
    bundles: Arc<BundleKeeper>,
    /// Counts the uses of SVIDs.
    svid_uses: Arc<SvidUses>,
    audit: Log,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    cookies: Cookies,
    discovery: Bytes,
    jwks: Bytes,
}

/// What an `OidcEdge` is made of.
pub(crate) struct OidcParts {
    pub(crate) provider: Arc<Provider>,
    pub(crate) local: Option<Arc<LocalUsers>>,
    pub(crate) upstreams: Vec<Arc<UpstreamConnector>>,
    pub(crate) issuers: Arc<Issuers>,
    pub(crate) bundles: Arc<BundleKeeper>,
    pub(crate) svid_uses: Arc<SvidUses>,
    /// Whether there is a listener for workloads, without which nobody can show an X.509-SVID.
    pub(crate) has_svid_listener: bool,
    pub(crate) audit: Log,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

impl OidcEdge {
    pub(crate) fn new(parts: OidcParts) -> Self {
        let workloads = workload_methods(&parts.issuers, parts.has_svid_listener);
        Self {
            cookies: Cookies::new(parts.provider.issuer().starts_with("https://")),
            discovery: parts.provider.discovery(workloads).into(),
            jwks: parts.provider.token_key().jwks().into(),
            provider: parts.provider,
            local: parts.local,
            upstreams: parts.upstreams,
            issuers: parts.issuers,
            bundles: parts.bundles,
            svid_uses: parts.svid_uses,
            audit: parts.audit,
            clock: parts.clock,
            random: parts.random,
        }
    }

    fn upstream(&self, id: &ConnectorId) -> Option<&UpstreamConnector> {
        self.upstreams.iter().map(Arc::as_ref).find(|upstream| upstream.connector().id() == id)
    }
}

fn workload_methods(issuers: &Issuers, has_svid_listener: bool) -> WorkloadMethods {
    let accepted = || issuers.trust_domains().iter().map(|record| record.accepts());
    WorkloadMethods {
        jwt: accepted().any(|accepts| accepts.jwt),
        x509: has_svid_listener && accepted().any(|accepts| accepts.x509),
    }
}

/// The routes.
pub(crate) fn routes(edge: Current<OidcEdge>) -> Router {
    Router::new()
        .route("/oidc/.well-known/openid-configuration", get(metadata::discovery).options(metadata::preflight))
        .route("/oidc/keys", get(metadata::keys).options(metadata::preflight))
        .route("/oidc/style.css", get(metadata::style))
        .route("/oidc/auth", get(authorize::get).post(authorize::post))
        .route("/oidc/auth/{connector}", get(login::get).post(login::post))
        .route("/oidc/approval", post(authorize::approval))
        .route("/oidc/callback/{connector}", get(callback::get))
        .route("/oidc/token", post(token::post).options(metadata::preflight))
        .route("/oidc/userinfo", get(userinfo::get).post(userinfo::post).options(metadata::preflight))
        .with_state(edge)
}

/// The token endpoint alone.
pub(crate) fn token_routes(edge: Current<OidcEdge>) -> Router {
    Router::new().route("/oidc/token", post(token::post).options(metadata::preflight)).with_state(edge)
}

/// The answer to an authorization request, for the browser.
fn answer(answer: &Answer) -> Response {
    match answer {
        Answer::Redirect(uri) => redirect(uri),
        Answer::ShowCode(code) => pages::render(StatusCode::OK, &pages::CodePage { code }, None),
        Answer::ShowError { code, description } => {
            pages::problem(StatusCode::BAD_REQUEST, "You are not signed in", description, Some(code.as_str()))
        }
    }
}

/// 303 makes a GET of whatever came before, so a form with a password is never sent on (RFC 9700 §4.12).
fn redirect(uri: &str) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, uri)]).into_response();
    pages::guard(&mut response);
    response
}

fn refuse_authorize(error: &AuthorizeError, request: &RequestId) -> Response {
    match error {
        AuthorizeError::Fault(fault) => our_fault(fault, request),
        AuthorizeError::Page(refusal) => refuse_on_page(refusal),
        AuthorizeError::Returned { refusal, answer: told } => {
            tracing::info!(request = request.as_str(), %refusal, "authorization request refused");
            answer(told)
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

fn our_fault(fault: &ProviderFault, request: &RequestId) -> Response {
    tracing::error!(request = request.as_str(), error = %fault, "the provider failed");
    pages::our_fault(request)
}

/// Runs what blocks where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

#[cfg(test)]
mod tests;
