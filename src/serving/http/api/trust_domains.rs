//! `/trust-domains`: how the trust domains of the configuration stand, and looking at one now.
//!
//! Auditors read; administrators have one looked at. Which trust domains there are, the configuration says and nobody
//! else.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use broker::trust_domain::TrustDomainRecord;
use serde_json::{Value, json};

use super::{ApiState, Asked, Kind, Problem};
use crate::outbound::bundles::BundleReport;

pub(super) async fn list(State(state): State<Arc<ApiState>>, asked: Asked) -> Result<Json<Value>, Problem> {
    asked.caller.require_auditor()?;
    let (keeper, now) = (&asked.snapshot.certificate_authority.bundles, state.clock.now());
    let reports = keeper.reports(&asked.snapshot.issuers);
    let documents: Vec<Value> = reports.iter().map(|report| report.document(now)).collect();
    Ok(Json(json!({ "trustDomains": documents })))
}

pub(super) async fn show(
    State(state): State<Arc<ApiState>>,
    asked: Asked,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    asked.caller.require_auditor()?;
    let record = find(&asked, &name)?;
    Ok(Json(asked.snapshot.certificate_authority.bundles.report(&record).document(state.clock.now())))
}

/// Looks at the source now, however short ago somebody did. What was found stands in the answer, or in `trouble` why it
/// was refused; then the bundle before it is still in force.
pub(super) async fn refresh(
    State(state): State<Arc<ApiState>>,
    asked: Asked,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    asked.caller.require_admin()?;
    let record = find(&asked, &name)?;
    let (keeper, issuers) = (asked.snapshot.certificate_authority.bundles.clone(), asked.snapshot.issuers.clone());
    let looked_at = record.clone();
    // A client that goes away must not leave a look half done.
    let looked = tokio::spawn(async move { keeper.look_at_once(&looked_at, &issuers).await }).await;
    let outcome = looked.map_err(|error| Problem::internal(&error))?;
    let by = asked.caller.address();
    match &outcome {
        Ok(()) => tracing::info!(trust_domain = %name, %by, "looked at, as asked"),
        Err(error) => tracing::warn!(%error, %by, "looked at, as asked"),
    }
    let report: BundleReport = asked.snapshot.certificate_authority.bundles.report(&record);
    let mut answer = report.document(state.clock.now());
    answer["refreshed"] = outcome.is_ok().into();
    Ok(Json(answer))
}

fn find(asked: &Asked, name: &str) -> Result<Arc<TrustDomainRecord>, Problem> {
    asked.snapshot.issuers.trust_domains().find(name).cloned().ok_or_else(|| {
        let detail = format!("{name:?} is no trust domain of the configuration in force; its [[trust_domains]] are");
        Problem::new(Kind::NotFound, "NOT_FOUND", detail)
    })
}
