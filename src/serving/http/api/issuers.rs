//! `/issuers`: owners bring their own issuers.
//!
//! Who owns a domain by `[api]`, and administrators, may ask, prove and freeze; administrators approve and release;
//! auditors read.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use broker::names::Rule;
use broker::registration::{
    LifeError, ProofFinding, ProofMethod, Registration, RegistrationRequestError, RosterError, txt_record, well_known,
};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::time::UnixTime;

use super::body::{self, Body};
use super::{ApiState, Asked, Kind, Problem, ROOT};
use crate::instance::registration::{Refusal, Registrar};
use crate::instance::snapshots::ChangeError;

/// A request, signed by the registrant's key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    request: String,
}

/// Why somebody freezes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Freeze {
    reason: String,
}

/// How far an administrator releases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Release {
    /// The new holder may use the same issuer: it is the same owner with another key.
    #[serde(default)]
    keep_issuer: bool,
}

/// What registrants must name: the instance, and where records go.
pub(super) async fn about(State(state): State<Arc<ApiState>>, _asked: Asked) -> Json<Value> {
    let settings = state.registrar.settings();
    Json(json!({
        "instance": state.registrar.instance().as_str(),
        "needsApproval": settings.needs_approval,
        "anybodyMayAsk": settings.anybody_may_ask,
    }))
}

/// Those that the caller may see.
pub(super) async fn list(State(state): State<Arc<ApiState>>, asked: Asked) -> Json<Value> {
    let roster = state.registrar.roster();
    let seen: Vec<Value> = roster
        .iter()
        .filter(|registration| may_see(&asked, registration))
        .map(|registration| document(&state.registrar, registration))
        .collect();
    Json(json!({ "issuers": seen }))
}

pub(super) async fn show(
    State(state): State<Arc<ApiState>>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let registration = find(&state, &asked, &id)?;
    Ok(Json(document(&state.registrar, &registration)))
}

pub(super) async fn request(State(state): State<Arc<ApiState>>, asked: Asked, body: Body) -> Result<Response, Problem> {
    let Ask { request } = body::parse(body)?;
    let request = state.registrar.read(request.as_bytes())?;
    if !state.registrar.settings().anybody_may_ask {
        asked.caller.require_owner(&request.claim().domain)?;
    }
    let by = asked.caller.address().to_string();
    let registrar = state.registrar.clone();
    let registration = whole(async move { registrar.request(&request, &by).await }).await?;
    let location = format!("{ROOT}/issuers/{}", registration.id());
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(document(&state.registrar, &registration))).into_response())
}

/// Asks the domain now, and says what it found.
pub(super) async fn prove(
    State(state): State<Arc<ApiState>>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let registration = find(&state, &asked, &id)?;
    require_holder(&asked, &registration)?;
    let (registrar, by) = (state.registrar.clone(), asked.caller.address().to_string());
    let (registration, finding) = whole(async move { registrar.check(&id, &by).await }).await?;
    let mut answer = document(&state.registrar, &registration);
    answer["proved"] = matches!(finding, ProofFinding::Proved(_)).into();
    Ok(Json(answer))
}

pub(super) async fn approve(
    State(state): State<Arc<ApiState>>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    asked.caller.require_admin()?;
    let (registrar, by) = (state.registrar.clone(), asked.caller.address().to_string());
    let timing = registrar.settings().timing;
    let decided = whole(async move {
        registrar.change(&id, &by, |registration, now| registration.approve(&by, &timing, now)).await
    });
    Ok(Json(document(&state.registrar, &decided.await?)))
}

pub(super) async fn freeze(
    State(state): State<Arc<ApiState>>,
    asked: Asked,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let registration = find(&state, &asked, &id)?;
    require_holder(&asked, &registration)?;
    let Freeze { reason } = body::parse(body)?;
    let is_admin = asked.caller.require_admin().is_ok();
    let (registrar, by) = (state.registrar.clone(), asked.caller.address().to_string());
    let decided = whole(async move {
        registrar.change(&id, &by, |registration, now| registration.freeze(&by, is_admin, &reason, now)).await
    });
    Ok(Json(document(&state.registrar, &decided.await?)))
}

pub(super) async fn release(
    State(state): State<Arc<ApiState>>,
    asked: Asked,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    asked.caller.require_admin()?;
    let Release { keep_issuer } = body::parse(body)?;
    let (registrar, by) = (state.registrar.clone(), asked.caller.address().to_string());
    let decided = whole(async move {
        registrar.change(&id, &by, |registration, now| registration.release(&by, keep_issuer, now)).await
    });
    Ok(Json(document(&state.registrar, &decided.await?)))
}

/// A client that goes away must not leave a change half done.
async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Problem> {
    Ok(tokio::spawn(work).await.map_err(|error| Problem::internal(&error))??)
}

/// One that the caller may see. To others it is as if it were not there.
fn find(state: &ApiState, asked: &Asked, id: &str) -> Result<Registration, Problem> {
    let unknown = || Refusal::Unknown(id.chars().take(64).collect());
    let registration = state.registrar.find(id)?;
    if may_see(asked, &registration) { Ok(registration) } else { Err(unknown().into()) }
}

fn may_see(asked: &Asked, registration: &Registration) -> bool {
    asked.caller.require_auditor().is_ok() || require_holder(asked, registration).is_ok()
}

/// Who asked for it, who looks after the domain, and administrators.
fn require_holder(asked: &Asked, registration: &Registration) -> Result<(), Problem> {
    if registration.requested_by() == asked.caller.address().as_str() {
        return Ok(());
    }
    asked.caller.require_owner(&registration.claim().domain)
}

/// A registration as the API shows it.
fn document(registrar: &Registrar, registration: &Registration) -> Value {
    let (claim, timing) = (registration.claim(), registrar.settings().timing);
    let proof = registration.proof().map(|(proof, seen)| {
        json!({
            "seenAt": moment(*seen),
            "subdomains": proof.subdomains,
            "signed": proof.is_signed,
            "alias": proof.alias,
            "until": proof.until.map(moment),
        })
    });
    let last_check = registration.last_check().map(|(found, at)| json!({ "at": moment(at), "found": found }));
    let release = registration.release_given();
    let release = release.map(|release| json!({ "by": release.by, "keepsIssuer": release.keeps_issuer }));
    json!({
        "id": registration.id().as_str(),
        "domain": claim.domain.as_str(),
        "domainInUnicode": claim.domain.to_unicode(),
        "issuer": claim.iss.as_str(),
        "kind": claim.kind.name(),
        "subdomains": claim.subdomains,
        "method": claim.method.name(),
        "account": claim.account.as_str(),
        "state": registration.state().name(),
        "since": moment(registration.since()),
        "reason": registration.reason(),
        "requestedBy": registration.requested_by(),
        "awaitsApproval": registration.awaits_approval(),
        "approvedBy": registration.approved_by(),
        "inForce": registration.state().may_assert() && !registrar.is_left_out(registration),
        "proof": proof,
        "lastCheck": last_check,
        "nextCheck": registration.next_check(&timing).map(moment),
        "released": release,
        "publish": publish(registrar, registration),
    })
}

/// What the domain publishes, and where.
fn publish(registrar: &Registrar, registration: &Registration) -> Value {
    let (claim, instance) = (registration.claim(), registrar.instance());
    match claim.method {
        ProofMethod::Dns => {
            let value = txt_record::write(claim, instance, None);
            json!({ "type": "TXT", "name": claim.record_name(), "value": value })
        }
        ProofMethod::WellKnown => {
            json!({ "type": "document", "name": claim.document_url(), "value": well_known::write(claim, instance) })
        }
    }
}

fn moment(at: UnixTime) -> String {
    at.rfc3339().unwrap_or_default()
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        let (kind, rule) = match &refusal {
            Refusal::Request(error) => (Kind::Unprocessable, request_rule(error)),
            Refusal::Roster(RosterError::HeldByAnother { .. } | RosterError::IssuerOfFormerHolder { .. }) => {
                (Kind::Conflict, "O2")
            }
            Refusal::Roster(RosterError::OtherKind { .. }) | Refusal::Configured(_) => (Kind::Conflict, Rule::I2.id()),
            Refusal::Roster(RosterError::Exists { .. }) => (Kind::Conflict, "REGISTERED"),
            Refusal::Roster(RosterError::TooManyPending | RosterError::Full) => (Kind::Conflict, "LIMIT"),
            Refusal::Life(error) => (Kind::Conflict, life_rule(*error)),
            Refusal::Unknown(_) => (Kind::NotFound, "NOT_FOUND"),
            Refusal::Change(ChangeError::Problems(problems)) => {
                let detail = "the registration does not go with what else may speak here";
                return Self::new(Kind::Conflict, Rule::X1.id(), detail).with_problems(problems);
            }
            Refusal::Change(ChangeError::Audit(_)) | Refusal::Audit(_) => return Self::internal(&refusal),
        };
        Self::new(kind, rule, detail)
    }
}

fn request_rule(error: &RegistrationRequestError) -> &'static str {
    match error {
        RegistrationRequestError::Issuer(error) => error.rule().id(),
        RegistrationRequestError::Claim(error) => error.rule(),
        RegistrationRequestError::PublicSuffix(_) => Rule::D1.id(),
        RegistrationRequestError::TooLong { .. }
        | RegistrationRequestError::Jws(_)
        | RegistrationRequestError::Json(_)
        | RegistrationRequestError::Type(_)
        | RegistrationRequestError::Critical
        | RegistrationRequestError::Key(_)
        | RegistrationRequestError::Algorithm(_)
        | RegistrationRequestError::Signature
        | RegistrationRequestError::Member(_)
        | RegistrationRequestError::OtherInstance(_)
        | RegistrationRequestError::Stale { .. } => "REQUEST",
    }
}

fn life_rule(error: LifeError) -> &'static str {
    match error {
        LifeError::Tombstoned => "TOMBSTONED",
        LifeError::ProofTooOld => "PROOF",
        LifeError::Approved => "APPROVED",
        LifeError::NeverActive => "PENDING",
        LifeError::Frozen => "FROZEN",
        LifeError::StillAsserts => "ACTIVE",
    }
}
