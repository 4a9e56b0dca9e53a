//! `/issuers`: domain owners register their own token issuers.
//!
//! The owners of a domain by `[api]`, and administrators, may request, prove and freeze; administrators approve and
//! release; auditors read.

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
use super::{ApiCall, ApiProblem, ApiState, ProblemKind, ROOT};
use crate::instance::registration::{Registrar, RegistrationRefusal};
use crate::instance::snapshots::ChangeError;

/// The body of a request; `request` is a JWS signed with the registrant's key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RegistrationBody {
    request: String,
}

/// The body of `freeze`; the reason goes into the audit log.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FreezeBody {
    reason: String,
}

/// The body of `release`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReleaseBody {
    /// Another key may register the same issuer: for an owner who lost the key.
    #[serde(default)]
    keep_issuer: bool,
}

/// What a registrant must know before a request: the instance's name, and who may request.
pub(super) async fn about(State(state): State<Arc<ApiState>>, _call: ApiCall) -> Json<Value> {
    let settings = state.registrar.settings();
    Json(json!({
        "instance": state.registrar.instance().as_str(),
        "needsApproval": settings.needs_approval,
        "anybodyMayAsk": settings.anybody_may_ask,
    }))
}

/// The registrations that the caller may see.
pub(super) async fn list(State(state): State<Arc<ApiState>>, call: ApiCall) -> Json<Value> {
    let roster = state.registrar.roster();
    let seen: Vec<Value> = roster
        .iter()
        .filter(|registration| may_see(&call, registration))
        .map(|registration| document(&state.registrar, registration))
        .collect();
    Json(json!({ "issuers": seen }))
}

pub(super) async fn show(
    State(state): State<Arc<ApiState>>,
    call: ApiCall,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiProblem> {
    let registration = find(&state, &call, &id)?;
    Ok(Json(document(&state.registrar, &registration)))
}

pub(super) async fn request(
    State(state): State<Arc<ApiState>>,
    call: ApiCall,
    body: Body,
) -> Result<Response, ApiProblem> {
    let RegistrationBody { request } = body::parse(body)?;
    let request = state.registrar.read(request.as_bytes())?;
    if !state.registrar.settings().anybody_may_ask {
        call.caller.require_owner(&request.claim().domain)?;
    }
    let by = call.caller.address().to_string();
    let registrar = state.registrar.clone();
    let registration = whole(async move { registrar.request(&request, &by).await }).await?;
    let location = format!("{ROOT}/issuers/{}", registration.id());
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(document(&state.registrar, &registration))).into_response())
}

/// Checks the domain now, and answers with the result.
pub(super) async fn prove(
    State(state): State<Arc<ApiState>>,
    call: ApiCall,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiProblem> {
    let registration = find(&state, &call, &id)?;
    require_holder(&call, &registration)?;
    let (registrar, by) = (state.registrar.clone(), call.caller.address().to_string());
    let (registration, finding) = whole(async move { registrar.check(&id, &by).await }).await?;
    let mut answer = document(&state.registrar, &registration);
    answer["proved"] = matches!(finding, ProofFinding::Proved(_)).into();
    Ok(Json(answer))
}

pub(super) async fn approve(
    State(state): State<Arc<ApiState>>,
    call: ApiCall,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiProblem> {
    call.caller.require_admin()?;
    let (registrar, by) = (state.registrar.clone(), call.caller.address().to_string());
    let timing = registrar.settings().timing;
    let decided = whole(async move {
        registrar.change(&id, &by, |registration, now| registration.approve(&by, &timing, now)).await
    });
    Ok(Json(document(&state.registrar, &decided.await?)))
}

pub(super) async fn freeze(
    State(state): State<Arc<ApiState>>,
    call: ApiCall,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Value>, ApiProblem> {
    let registration = find(&state, &call, &id)?;
    require_holder(&call, &registration)?;
    let FreezeBody { reason } = body::parse(body)?;
    let is_admin = call.caller.require_admin().is_ok();
    let (registrar, by) = (state.registrar.clone(), call.caller.address().to_string());
    let decided = whole(async move {
        registrar.change(&id, &by, |registration, now| registration.freeze(&by, is_admin, &reason, now)).await
    });
    Ok(Json(document(&state.registrar, &decided.await?)))
}

pub(super) async fn release(
    State(state): State<Arc<ApiState>>,
    call: ApiCall,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Value>, ApiProblem> {
    call.caller.require_admin()?;
    let ReleaseBody { keep_issuer } = body::parse(body)?;
    let (registrar, by) = (state.registrar.clone(), call.caller.address().to_string());
    let decided = whole(async move {
        registrar.change(&id, &by, |registration, now| registration.release(&by, keep_issuer, now)).await
    });
    Ok(Json(document(&state.registrar, &decided.await?)))
}

/// Runs `work` to its end even if the client disconnects, so that no change is left half done.
async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, RegistrationRefusal>> + Send + 'static,
) -> Result<T, ApiProblem> {
    Ok(tokio::spawn(work).await.map_err(|error| ApiProblem::internal(&error))??)
}

/// A registration that the caller may see. For other callers it does not exist.
fn find(state: &ApiState, call: &ApiCall, id: &str) -> Result<Registration, ApiProblem> {
    let unknown = || RegistrationRefusal::Unknown(id.chars().take(64).collect());
    let registration = state.registrar.find(id)?;
    if may_see(call, &registration) { Ok(registration) } else { Err(unknown().into()) }
}

fn may_see(call: &ApiCall, registration: &Registration) -> bool {
    call.caller.require_auditor().is_ok() || require_holder(call, registration).is_ok()
}

/// An error for everyone but its requester, the domain's owners, and administrators.
fn require_holder(call: &ApiCall, registration: &Registration) -> Result<(), ApiProblem> {
    if registration.requested_by() == call.caller.address().as_str() {
        return Ok(());
    }
    call.caller.require_owner(&registration.claim().domain)
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

/// What the domain must publish, and where.
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

impl From<RegistrationRefusal> for ApiProblem {
    fn from(refusal: RegistrationRefusal) -> Self {
        let detail = refusal.to_string();
        let (kind, rule) = match &refusal {
            RegistrationRefusal::Request(error) => (ProblemKind::Unprocessable, request_rule(error)),
            RegistrationRefusal::Roster(
                RosterError::HeldByAnother { .. } | RosterError::IssuerOfFormerHolder { .. },
            ) => (ProblemKind::Conflict, "O2"),
            RegistrationRefusal::Roster(RosterError::OtherKind { .. }) | RegistrationRefusal::Configured(_) => {
                (ProblemKind::Conflict, Rule::I2.id())
            }
            RegistrationRefusal::Roster(RosterError::Exists { .. }) => (ProblemKind::Conflict, "REGISTERED"),
            RegistrationRefusal::Roster(RosterError::TooManyPending | RosterError::Full) => {
                (ProblemKind::Conflict, "LIMIT")
            }
            RegistrationRefusal::Life(error) => (ProblemKind::Conflict, life_rule(*error)),
            RegistrationRefusal::NotBuilt(_) => (ProblemKind::Unprocessable, "NOT_BUILT"),
            RegistrationRefusal::Unknown(_) => (ProblemKind::NotFound, "NOT_FOUND"),
            RegistrationRefusal::Change(ChangeError::Problems(problems)) => {
                let detail = "the registration conflicts with another issuer or trust domain of this instance";
                return Self::new(ProblemKind::Conflict, Rule::X1.id(), detail).with_problems(problems);
            }
            RegistrationRefusal::Change(ChangeError::Audit(_)) | RegistrationRefusal::Audit(_) => {
                return Self::internal(&refusal);
            }
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
