//! `/configuration` and `/reload`: shows the configuration in force, and reloads it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use shared::time::UnixTime;

use super::{ApiCall, ApiProblem, ApiState, ProblemKind};
use crate::instance::reload::{RefusedConfiguration, ReloadError};
use crate::instance::snapshots::{Cause, LoadedConfiguration};

/// For auditors: the configuration in force and since when; and the last file that was refused, unless a later one was
/// accepted.
pub(super) async fn show(State(state): State<Arc<ApiState>>, call: ApiCall) -> Result<Json<Value>, ApiProblem> {
    call.caller.require_auditor()?;
    let mut answer = in_force(&call.snapshot.configuration);
    answer["refused"] = state.reloader.refused().map_or(Value::Null, |refused| refusal(&refused));
    Ok(Json(answer))
}

/// For administrators: reloads the file, as SIGHUP does.
pub(super) async fn reload(State(state): State<Arc<ApiState>>, call: ApiCall) -> Result<Json<Value>, ApiProblem> {
    call.caller.require_admin()?;
    let cause = Cause::Api(call.caller.address().to_string());
    let reloader = state.reloader.clone();
    // The task goes on if the client disconnects, so that no change is left half done.
    let reloaded = tokio::spawn(async move { reloader.reload(cause).await }).await;
    match reloaded.map_err(|error| ApiProblem::internal(&error))? {
        Ok(loaded) => Ok(Json(in_force(&loaded))),
        Err(error @ ReloadError::NoFile) => {
            Err(ApiProblem::new(ProblemKind::Conflict, "CONFIGURATION", error.to_string()))
        }
        Err(ReloadError::Problems(problems)) => {
            let detail = "the file has problems and is refused; correct them and reload again";
            Err(ApiProblem::new(ProblemKind::Unprocessable, "CONFIGURATION", detail).with_problems(&problems))
        }
        Err(ReloadError::Audit(error)) => Err(ApiProblem::internal(&error)),
    }
}

fn in_force(loaded: &LoadedConfiguration) -> Value {
    json!({ "sha256": loaded.sha256, "loadedAt": moment(loaded.at) })
}

fn refusal(refused: &RefusedConfiguration) -> Value {
    let problems: Vec<Value> =
        refused.problems.iter().map(|one| json!({ "place": one.place, "message": one.message })).collect();
    json!({
        "sha256": refused.sha256,
        "at": moment(refused.at),
        "cause": refused.cause.to_string(),
        "problems": problems,
    })
}

fn moment(at: UnixTime) -> String {
    at.rfc3339().unwrap_or_default()
}
