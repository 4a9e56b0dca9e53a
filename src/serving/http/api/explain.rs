//! `/explain`: whether a token would be accepted, and by which rule.
//!
//! **Authorization.** The holder of a token may have that token explained: it is sent as the bearer token, with no
//! token in the body, and the response has no more than a request for a certificate would show. Administrators and
//! auditors may have any token explained: they send their own as the bearer token, and the other in the body. They also
//! see the record's grants, the owner of a name, and why keys cannot be fetched. Nothing is issued or recorded either
//! way.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use serde::Deserialize;

use super::body::{self, Body};
use super::caller::{Caller, bearer};
use super::{ApiProblem, ApiState, ProblemKind};
use crate::instance::explain::{Evaluator, ExplanationReport, Reader, Refreshers};
use crate::serving::http::request_id::RequestId;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExplainBody {
    token: Option<String>,
}

pub(super) async fn post(
    State(state): State<Arc<ApiState>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ExplanationReport>, ApiProblem> {
    let question: ExplainBody = match &body {
        Ok(bytes) if bytes.is_empty() => ExplainBody::default(),
        _ => body::parse(body)?,
    };
    let (snapshot, now) = (state.snapshots.current(), state.clock.now());
    let own = bearer(&headers);
    let (token, reader) = match &question.token {
        Some(token) => {
            let caller = Caller::authenticate(&snapshot, own, now)?;
            caller.require_auditor()?;
            tracing::info!(request = id.as_str(), caller = %caller.address(), "an auditor evaluates a token");
            (token.as_bytes(), Reader::Instance)
        }
        None => {
            let missing = || {
                let detail = "send the token as \"Authorization: Bearer\"; auditors can send another token in the body";
                ApiProblem::new(ProblemKind::Unauthenticated, "BEARER", detail)
            };
            (own.ok_or_else(missing)?, Reader::Bearer)
        }
    };
    let profile = snapshot.certificate_authority.issuance.profile;
    let evaluator = Evaluator { issuers: &snapshot.issuers, profile, now, reader };
    let refreshers =
        Refreshers { keys: &snapshot.certificate_authority.keys, bundles: &snapshot.certificate_authority.bundles };
    Ok(Json(evaluator.explain(token.trim_ascii(), refreshers).await))
}
