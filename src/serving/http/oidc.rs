//! `/oidc/…`: the OpenID provider over HTTP, in Dex's path layout.
//!
//! `broker::provider` decides what a request means. Here are limits, cookies, pages and statuses, and what waits for
//! what: the store and Argon2 block, so they run on the blocking pool; a token is signed after its audit record is
//! durable.

mod answers;
mod authorize;
mod blocking;
mod callback;
mod cookies;
mod input;
mod login;
mod metadata;
mod token;
mod upstream;
mod userinfo;

use axum::Router;
use axum::routing::{get, post};

use crate::current::Current;
use crate::instance::openid_provider::OpenIdProvider;

/// The routes.
pub(crate) fn routes(provider: Current<OpenIdProvider>) -> Router {
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
        .with_state(provider)
}

/// The token endpoint alone, for the listener for workloads.
pub(crate) fn token_routes(provider: Current<OpenIdProvider>) -> Router {
    Router::new().route("/oidc/token", post(token::post).options(metadata::preflight)).with_state(provider)
}

#[cfg(test)]
mod tests;
