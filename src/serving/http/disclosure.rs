//! `/tsa/disclosure`: the TSA disclosure statement, as a page and as JSON.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use privyseal_config::DisclosureSection;

use super::pages;
use crate::instance::assemble::Origin;
use crate::instance::disclosure::{Disclosure, DisclosureFacts};
use crate::instance::timestamp_authority::TimestampAuthority;

/// What the statement is made from.
pub(crate) struct DisclosureEdge {
    pub(crate) timestamps: Arc<TimestampAuthority>,
    pub(crate) origin: Origin,
    pub(crate) section: DisclosureSection,
}

impl DisclosureEdge {
    /// The current statement.
    fn statement(&self) -> Disclosure {
        let origin = self.origin.to_string();
        Disclosure::of(DisclosureFacts {
            section: &self.section,
            records: self.timestamps.records(),
            clock: self.timestamps.disclosed_clock(),
            units: self.timestamps.disclosed_units(&origin),
            origin: &origin,
        })
    }
}

#[derive(Template)]
#[template(path = "disclosure.html")]
struct DisclosurePage {
    statement: Disclosure,
}

/// The routes.
pub(crate) fn routes(edge: Arc<DisclosureEdge>) -> Router {
    Router::new().route("/tsa/disclosure", get(page)).route("/tsa/disclosure.json", get(json)).with_state(edge)
}

async fn page(State(edge): State<Arc<DisclosureEdge>>) -> Response {
    pages::render(StatusCode::OK, &DisclosurePage { statement: edge.statement() }, None)
}

async fn json(State(edge): State<Arc<DisclosureEdge>>) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(edge.statement())).into_response()
}
