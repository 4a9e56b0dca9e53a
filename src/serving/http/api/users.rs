//! `/users`: the local users, who log in with a password.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use broker::connector::local::UserError;
use broker::names::EmailAddress;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::audit::AuditRecord;
use shared::random::SystemRandom;
use shared::secret::Secret;

use super::body::{self, Body};
use super::{ApiCall, ApiProblem, ApiState, ProblemKind};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUser {
    address: String,
    password: String,
}

/// For administrators: adds a user, whose address no grant may give to another issuer (rule X1).
pub(super) async fn add(
    State(state): State<Arc<ApiState>>,
    call: ApiCall,
    body: Body,
) -> Result<Json<Value>, ApiProblem> {
    call.caller.require_admin()?;
    let NewUser { address, password } = body::parse(body)?;
    let password = Secret::new(password);
    let address = EmailAddress::parse(&address)
        .map_err(|error| ApiProblem::new(ProblemKind::Unprocessable, error.rule().id(), error.to_string()))?;
    if let Some(owner) = call.snapshot.issuers.rules().owner_of(&address) {
        let detail = format!("{address} belongs to {owner}, so a local user with that address could not sign");
        return Err(ApiProblem::new(ProblemKind::Conflict, "X1", detail));
    }
    let now = state.clock.now();
    let record = AuditRecord::UserAdded {
        at_ms: now.millis(),
        address: address.to_string(),
        by: call.caller.address().to_string(),
    };
    let (users, added) = (state.local_users.clone(), address.clone());
    let outcome = tokio::task::spawn_blocking(move || users.add(added.as_str(), &password, now, &SystemRandom)).await;
    match outcome.map_err(|error| ApiProblem::internal(&error))? {
        Ok(()) => {}
        Err(error @ UserError::Exists(_)) => {
            return Err(ApiProblem::new(ProblemKind::Conflict, "USER", error.to_string()));
        }
        Err(error @ (UserError::Email(_) | UserError::Password(_))) => {
            return Err(ApiProblem::new(ProblemKind::Unprocessable, "USER", error.to_string()));
        }
        Err(error @ (UserError::Record(_) | UserError::Store(_) | UserError::Unknown(_))) => {
            return Err(ApiProblem::internal(&error));
        }
    }
    state.audit.append(record.to_leaf()).await.map_err(|error| ApiProblem::internal(&error))?;
    Ok(Json(json!({ "address": address.as_str() })))
}
