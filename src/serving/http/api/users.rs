//! `/users`: the people who log in with a password of this instance.

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
use super::{ApiState, Asked, Kind, Problem};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUser {
    address: String,
    password: String,
}

/// For administrators: adds a user, whose address no grant may give to somebody else (rule X1).
pub(super) async fn add(State(state): State<Arc<ApiState>>, asked: Asked, body: Body) -> Result<Json<Value>, Problem> {
    asked.caller.require_admin()?;
    let NewUser { address, password } = body::parse(body)?;
    let password = Secret::new(password);
    let address = EmailAddress::parse(&address)
        .map_err(|error| Problem::new(Kind::Unprocessable, error.rule().id(), error.to_string()))?;
    if let Some(owner) = asked.snapshot.issuers.rules().owner_of(&address) {
        let detail = format!("{address} belongs to {owner}; a local user of that address could never sign");
        return Err(Problem::new(Kind::Conflict, "X1", detail));
    }
    let now = state.clock.now();
    let record = AuditRecord::UserAdded {
        at_ms: now.millis(),
        address: address.to_string(),
        by: asked.caller.address().to_string(),
    };
    let (users, added) = (state.local_users.clone(), address.clone());
    let outcome = tokio::task::spawn_blocking(move || users.add(added.as_str(), &password, now, &SystemRandom)).await;
    match outcome.map_err(|error| Problem::internal(&error))? {
        Ok(()) => {}
        Err(error @ UserError::Exists(_)) => return Err(Problem::new(Kind::Conflict, "USER", error.to_string())),
        Err(error @ (UserError::Email(_) | UserError::Password(_))) => {
            return Err(Problem::new(Kind::Unprocessable, "USER", error.to_string()));
        }
        Err(error @ (UserError::Record(_) | UserError::Store(_) | UserError::Unknown(_))) => {
            return Err(Problem::internal(&error));
        }
    }
    state.audit.append(record.to_leaf()).await.map_err(|error| Problem::internal(&error))?;
    Ok(Json(json!({ "address": address.as_str() })))
}
