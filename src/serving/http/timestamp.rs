//! Timestamps over HTTP (RFC 3161 §3.4).
//!
//! Two doors to the same units. `/api/v1/timestamp` and `/tsa/{unit}/api/v1/timestamp` are for Sigstore's clients: they keep the
//! body of any 2xx answer as a timestamp, so a refusal has a status of 4xx or 503, and carries the DER rejection. `/tsa` and
//! `/tsa/{unit}` are for RFC 3161 clients: they show a reason only when it comes with 200, so there a refusal is an answer like
//! any other.

mod disclosed;
mod unrecorded;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use privyseal_config::TimestampRecords;
use shared::keys::SignError;
use shared::log::Log;
use shared::random::Random;
use tsa::request::{MAX_REQUEST, json};
use tsa::{ClockLimits, PkiFailureInfo, Rejection, Succession, TimestampRequest, TimestampResponse};

use super::request_id::RequestId;
use crate::instance::trusted_time::TrustedTime;
use unrecorded::Unrecorded;

const QUERY: &str = "application/timestamp-query";
/// Exactly this, without parameters: half of the clients compare the whole header.
const REPLY: HeaderValue = HeaderValue::from_static("application/timestamp-reply");

/// How often the timestamps without a record are counted.
const COUNT_EVERY: Duration = Duration::from_secs(60);

/// What this edge needs. The first unit answers where none is named. Units are swapped whole.
pub(crate) struct TimestampEdge {
    units: ArcSwap<Vec<Succession>>,
    /// Every chain that a unit ever had, PEM, by unit and generation.
    chains: ArcSwap<BTreeMap<(String, u32), String>>,
    time: Arc<TrustedTime>,
    audit: Log,
    random: Arc<dyn Random>,
    /// Present where the operator wants no record of each timestamp.
    unrecorded: Option<Unrecorded>,
}

/// Why the edge cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TimestampEdgeError {
    /// No unit, so nobody would answer.
    #[error("there is no timestamp unit")]
    NoUnit,
}

impl TimestampEdge {
    /// Units that sign the time that `time` trusts.
    pub(crate) fn new(
        units: Vec<Succession>,
        time: Arc<TrustedTime>,
        audit: Log,
        random: Arc<dyn Random>,
    ) -> Result<Self, TimestampEdgeError> {
        if units.is_empty() {
            return Err(TimestampEdgeError::NoUnit);
        }
        Ok(Self {
            units: ArcSwap::from_pointee(units),
            chains: ArcSwap::default(),
            time,
            audit,
            random,
            unrecorded: None,
        })
    }

    /// Keeps of timestamps what the operator wants; without this, a record of each.
    pub(crate) fn with_records(self, records: TimestampRecords) -> Self {
        let unrecorded = match records {
            TimestampRecords::Durable => None,
            TimestampRecords::Off => Some(Unrecorded::start()),
        };
        Self { unrecorded, ..self }
    }

    /// Records how many timestamps have left without a record of their own, if any have.
    pub(crate) fn record_count(&self) {
        let record = self.unrecorded.as_ref().and_then(Unrecorded::count);
        if let Some(record) = record {
            // The leaf is in the log's queue, which is committed also when the log is closed; nothing waits for this one.
            drop(self.audit.append(record.to_leaf()));
        }
    }

    /// Records that count every minute.
    pub(crate) async fn keep_counting(self: Arc<Self>) {
        loop {
            tokio::time::sleep(COUNT_EVERY).await;
            self.record_count();
        }
    }

    /// The clock guard.
    pub(crate) fn time(&self) -> &TrustedTime {
        &self.time
    }

    /// The chains that are served from now on, those of keys that sign no more among them: what they signed must verify for years.
    pub(crate) fn serve_chains(&self, chains: BTreeMap<(String, u32), String>) {
        self.chains.store(Arc::new(chains));
    }

    /// The units that answer from now on, the default one first. One without generations to come stays as it was.
    pub(crate) fn serve(&self, units: Vec<Succession>) {
        self.units.store(Arc::new(units));
    }

    /// What is wrong with the units' keys and certificates now, for readiness. Each key signs a probe.
    pub(crate) fn units_in_trouble(&self, probe: &[u8]) -> Vec<String> {
        let now = self.time.wall();
        let trouble = |unit: &Succession| {
            let unit = unit.at(now);
            let validity = unit.trouble_at(now).map(|trouble| trouble.to_string());
            let wrong = validity.or_else(|| unit.key().sign(probe).err().map(|error| error.to_string()))?;
            Some(format!("timestamp unit {}: {wrong}", unit.name()))
        };
        self.units.load().iter().filter_map(trouble).collect()
    }

    fn unit(&self, name: Option<&str>) -> Result<Succession, Rejection> {
        find(&self.units.load(), name).cloned()
    }

    /// The whole way of a timestamp. The record is durable before the key is used.
    async fn timestamp(&self, unit: Option<&str>, query: Query) -> Result<TimestampResponse, Rejection> {
        let decided = {
            let units = self.units.load();
            let unit = find(&units, unit)?;
            let der = query.into_der()?;
            let request = TimestampRequest::parse(&der)?;
            let now = self.time.permit()?;
            unit.at(now.time()).decide(&request, now, &*self.random)?
        };
        if let Some(unrecorded) = &self.unrecorded {
            unrecorded.count_one(decided.at());
            let word = unrecorded.word();
            if decided.is_slow() {
                let signed = tokio::task::spawn_blocking(move || decided.sign_without_record(word)).await;
                return signed.unwrap_or(Err(Rejection::Sign(SignError)));
            }
            return decided.sign_without_record(word);
        }
        let prepared = decided.record();
        let receipt = self.audit.append_leaf(prepared.leaf()).await?;
        if prepared.is_slow() {
            let signed = tokio::task::spawn_blocking(move || prepared.sign(&receipt)).await;
            return signed.unwrap_or(Err(Rejection::Sign(SignError)));
        }
        prepared.sign(&receipt)
    }
}

/// The unit called so, or the default one.
fn find<'a>(units: &'a [Succession], name: Option<&str>) -> Result<&'a Succession, Rejection> {
    let found = match name {
        None => units.first(),
        Some(name) => units.iter().find(|unit| unit.name() == name),
    };
    let no_such = || name.unwrap_or_default().chars().filter(|c| !c.is_control()).take(64).collect();
    found.ok_or_else(|| Rejection::NoSuchUnit(no_such()))
}

/// `limits`, with the bounds of all units together: each checks its own besides.
pub(crate) fn clock_limits(limits: ClockLimits, units: &[Succession]) -> ClockLimits {
    let widest = |one: ClockLimits, other: ClockLimits| ClockLimits {
        floor: one.floor.min(other.floor),
        ceiling: one.ceiling.max(other.ceiling),
        ..one
    };
    let bounds = units.iter().flat_map(Succession::generations).map(|unit| unit.clock_limits()).reduce(widest);
    bounds.map_or(limits, |bounds| limits.between(bounds.floor, bounds.ceiling))
}

/// The routes of this edge.
pub(crate) fn routes(edge: Arc<TimestampEdge>) -> Router {
    Router::new()
        .route("/api/v1/timestamp", post(sigstore))
        .route("/api/v1/timestamp/certchain", get(chain))
        .route("/tsa", post(rfc3161))
        .route("/tsa/{unit}", post(rfc3161_unit))
        .route("/tsa/{unit}/api/v1/timestamp", post(sigstore_unit))
        .route("/tsa/{unit}/certchain", get(unit_chain))
        .route("/tsa/{unit}/certchain/{generation}", get(earlier_chain))
        .with_state(edge)
}

/// A body by its media type.
enum Query {
    Der(Bytes),
    Json(Bytes),
}

impl Query {
    fn into_der(self) -> Result<Cow<'static, [u8]>, Rejection> {
        match self {
            Self::Der(body) => Ok(Cow::Owned(body.into())),
            Self::Json(body) => json::to_der(&body).map(Cow::Owned),
        }
    }
}

#[derive(Clone, Copy)]
enum Door {
    Rfc3161,
    Sigstore,
}

async fn sigstore(State(edge): State<Arc<TimestampEdge>>, request: Request) -> Response {
    answer(&edge, Door::Sigstore, None, request).await
}

async fn sigstore_unit(State(edge): State<Arc<TimestampEdge>>, Path(unit): Path<String>, request: Request) -> Response {
    answer(&edge, Door::Sigstore, Some(unit), request).await
}

async fn rfc3161(State(edge): State<Arc<TimestampEdge>>, request: Request) -> Response {
    answer(&edge, Door::Rfc3161, None, request).await
}

async fn rfc3161_unit(State(edge): State<Arc<TimestampEdge>>, Path(unit): Path<String>, request: Request) -> Response {
    answer(&edge, Door::Rfc3161, Some(unit), request).await
}

async fn answer(edge: &TimestampEdge, door: Door, unit: Option<String>, request: Request) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let make_query = match (media_type(request.headers()).as_str(), door) {
        (QUERY, _) => Query::Der,
        ("application/json", Door::Sigstore) => Query::Json,
        _ => return unsupported_media_type(door),
    };
    let result = match read_body(request).await {
        Ok(body) => edge.timestamp(unit.as_deref(), make_query(body)).await,
        Err(BodyError::TooLong) => Err(Rejection::TooLong { limit: MAX_REQUEST }),
        Err(BodyError::Broken) => return text(StatusCode::BAD_REQUEST, "the request body did not arrive whole\n"),
    };
    match result {
        Ok(granted) => reply(StatusCode::OK, granted.into_der()),
        Err(rejection) => refuse(door, &rejection, id.as_ref().map_or("", RequestId::as_str)),
    }
}

fn refuse(door: Door, rejection: &Rejection, request_id: &str) -> Response {
    if rejection.is_ours() {
        tracing::error!(request = request_id, %rejection, "no timestamp");
    } else {
        tracing::debug!(request = request_id, %rejection, "no timestamp");
    }
    let status = match door {
        Door::Rfc3161 => StatusCode::OK,
        Door::Sigstore => sigstore_status(rejection),
    };
    let mut response = reply(status, rejection.to_response(request_id));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

fn sigstore_status(rejection: &Rejection) -> StatusCode {
    match (rejection, rejection.failure_info()) {
        (Rejection::TooLong { .. }, _) => StatusCode::PAYLOAD_TOO_LARGE,
        (
            _,
            PkiFailureInfo::AddInfoNotAvailable
            | PkiFailureInfo::BadAlg
            | PkiFailureInfo::BadDataFormat
            | PkiFailureInfo::BadRequest
            | PkiFailureInfo::UnacceptedExtension
            | PkiFailureInfo::UnacceptedPolicy,
        ) => StatusCode::BAD_REQUEST,
        (_, PkiFailureInfo::SystemFailure | PkiFailureInfo::TimeNotAvailable) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn reply(status: StatusCode, der: Vec<u8>) -> Response {
    let headers = [(header::CONTENT_TYPE, REPLY), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, headers, Body::from(der)).into_response()
}

fn unsupported_media_type(door: Door) -> Response {
    let (accepted, message) = match door {
        Door::Rfc3161 => (QUERY, "send a DER TimeStampReq as application/timestamp-query (RFC 3161)\n"),
        Door::Sigstore => (
            "application/timestamp-query, application/json",
            "send a DER TimeStampReq as application/timestamp-query (RFC 3161), or application/json\n",
        ),
    };
    let mut response = text(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    response.headers_mut().insert(HeaderName::from_static("accept-post"), HeaderValue::from_static(accepted));
    response
}

fn text(status: StatusCode, message: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], message).into_response()
}

/// The media type in lower case, without parameters.
fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split_once(';').map_or(value, |(essence, _)| essence).trim().to_ascii_lowercase()
}

enum BodyError {
    Broken,
    TooLong,
}

/// The body, never more of it than the longest request that is read; a declared length is believed before a byte is taken.
async fn read_body(request: Request) -> Result<Bytes, BodyError> {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| length > MAX_REQUEST as u64) {
        return Err(BodyError::TooLong);
    }
    match Limited::new(request.into_body(), MAX_REQUEST).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLong),
        Err(_) => Err(BodyError::Broken),
    }
}

/// The default unit's chain.
async fn chain(State(edge): State<Arc<TimestampEdge>>) -> Response {
    answer_chain(&edge, None)
}

async fn unit_chain(State(edge): State<Arc<TimestampEdge>>, Path(unit): Path<String>) -> Response {
    answer_chain(&edge, Some(&unit))
}

/// The chain of one of the unit's keys, by its number. It never changes.
async fn earlier_chain(State(edge): State<Arc<TimestampEdge>>, Path(which): Path<(String, u32)>) -> Response {
    match edge.chains.load().get(&which) {
        Some(pem) => ([(header::CONTENT_TYPE, "application/pem-certificate-chain")], pem.clone()).into_response(),
        None => text(StatusCode::NOT_FOUND, "the timestamp unit has no such key\n"),
    }
}

/// The chain of the generation that signs now, leaf first. It may be cached only after asking: it changes one day.
fn answer_chain(edge: &TimestampEdge, name: Option<&str>) -> Response {
    let Ok(unit) = edge.unit(name) else {
        return text(StatusCode::NOT_FOUND, "there is no such timestamp unit\n");
    };
    let headers = [(header::CONTENT_TYPE, "application/pem-certificate-chain"), (header::CACHE_CONTROL, "no-cache")];
    (headers, unit.at(edge.time.wall()).chain().to_pem()).into_response()
}

#[cfg(test)]
mod tests;
