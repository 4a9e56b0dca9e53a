//! `/trust-domains`: the state of the configured trust domains, and fetching a bundle now.
//!
//! Auditors read; administrators refresh. Trust domains are added and removed in the configuration only.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use broker::trust_domain::TrustDomainRecord;
use serde_json::{Value, json};

use super::{ApiCall, ApiProblem, ApiState, ProblemKind};
use crate::outbound::bundles::BundleReport;

pub(super) async fn list(State(state): State<Arc<ApiState>>, call: ApiCall) -> Result<Json<Value>, ApiProblem> {
    call.caller.require_auditor()?;
    let (refresher, now) = (&call.snapshot.certificate_authority.bundles, state.clock.now());
    let reports = refresher.reports(&call.snapshot.issuers);
    let documents: Vec<Value> = reports.iter().map(|report| report.document(now)).collect();
    Ok(Json(json!({ "trustDomains": documents })))
}

pub(super) async fn show(
    State(state): State<Arc<ApiState>>,
    call: ApiCall,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiProblem> {
    call.caller.require_auditor()?;
    let record = find(&call, &name)?;
    Ok(Json(call.snapshot.certificate_authority.bundles.report(&record).document(state.clock.now())))
}

/// Fetches the bundle now, however recent the last fetch is. The response has the result, or in `trouble` why the
/// bundle was refused; then the previous bundle stays in force.
pub(super) async fn refresh(
    State(state): State<Arc<ApiState>>,
    call: ApiCall,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiProblem> {
    call.caller.require_admin()?;
    let record = find(&call, &name)?;
    let (refresher, issuers) = (call.snapshot.certificate_authority.bundles.clone(), call.snapshot.issuers.clone());
    let looked_at = record.clone();
    // The task goes on if the client disconnects, so that no fetch is left half done.
    let looked = tokio::spawn(async move { refresher.look_at_once(&looked_at, &issuers).await }).await;
    let outcome = looked.map_err(|error| ApiProblem::internal(&error))?;
    let by = call.caller.address();
    match &outcome {
        Ok(()) => tracing::info!(trust_domain = %name, %by, "an administrator refreshed the bundle"),
        Err(error) => {
            tracing::warn!(trust_domain = %name, %error, %by, "an administrator could not refresh the bundle")
        }
    }
    let report: BundleReport = call.snapshot.certificate_authority.bundles.report(&record);
    let mut answer = report.document(state.clock.now());
    answer["refreshed"] = outcome.is_ok().into();
    Ok(Json(answer))
}

fn find(call: &ApiCall, name: &str) -> Result<Arc<TrustDomainRecord>, ApiProblem> {
    call.snapshot.issuers.trust_domains().find(name).cloned().ok_or_else(|| {
        let detail = format!("the configuration in force has no trust domain {name:?}; add it as [[trust_domains]]");
        ApiProblem::new(ProblemKind::NotFound, "NOT_FOUND", detail)
    })
}
