//! `/configuration` and `/reload`: which configuration is in force, and reading it again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use shared::time::UnixTime;

use super::{ApiState, Asked, Kind, Problem};
use crate::instance::reload::{RefusedConfiguration, ReloadError};
use crate::instance::snapshots::{Cause, LoadedConfiguration};

/// For auditors: what is in force since when, and the last file that was not taken, if none was taken since.
pub(super) async fn show(State(state): State<Arc<ApiState>>, asked: Asked) -> Result<Json<Value>, Problem> {
    asked.caller.require_auditor()?;
    let mut answer = in_force(&asked.snapshot.configuration);
    answer["refused"] = state.reloader.refused().map_or(Value::Null, |refused| refusal(&refused));
    Ok(Json(answer))
}

/// For administrators: reads the file again, as SIGHUP does.
pub(super) async fn reload(State(state): State<Arc<ApiState>>, asked: Asked) -> Result<Json<Value>, Problem> {
    asked.caller.require_admin()?;
    let cause = Cause::Api(asked.caller.address().to_string());
    let reloader = state.reloader.clone();
    // A client that goes away must not leave a change half told.
    let reloaded = tokio::spawn(async move { reloader.reload(cause).await }).await;
    match reloaded.map_err(|error| Problem::internal(&error))? {
        Ok(loaded) => Ok(Json(in_force(&loaded))),
        Err(error @ ReloadError::NoFile) => Err(Problem::new(Kind::Conflict, "CONFIGURATION", error.to_string())),
        Err(ReloadError::Problems(problems)) => {
            let detail = "the configuration is not taken; the one before stays in force";
            Err(Problem::new(Kind::Unprocessable, "CONFIGURATION", detail).with_problems(&problems))
        }
        Err(ReloadError::Audit(error)) => Err(Problem::internal(&error)),
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
