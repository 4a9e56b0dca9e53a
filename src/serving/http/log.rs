//! The logs over HTTP: appending to the signature log as in Rekor v2, and reading all three logs as C2SP tiles.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use privyseal_sigstore::entry::{KIND, VERSION};
use privyseal_sigstore::entry_request::MAX_REQUEST;
use privyseal_sigstore::{Entry, EntryError, EntryRequest, RequestError};
use serde::Serialize;
use shared::log::{AppendError, Log, Proved, TilePath};

use super::request_id::RequestId;
use crate::instance::served_logs::ServedLogs;

/// The routes: `/api/v2/log/entries`, and the read side of each log.
pub(crate) fn routes(logs: Arc<ServedLogs>) -> Router {
    let mut routes = Router::new();
    if logs.signatures.is_some() {
        let log = |logs: &ServedLogs| logs.signatures.as_ref().map(|signatures| signatures.log.clone());
        routes = routes.route("/api/v2/log/entries", post(create)).merge(read_side("/api/v2", &logs, log, &SHARED));
    }
    if logs.certificates.is_some() {
        routes = routes.merge(read_side("/ct", &logs, |logs| logs.certificates.clone(), &SHARED));
    }
    if logs.audit.is_some() {
        routes = routes.merge(read_side("/audit", &logs, |logs| logs.audit.clone(), &CONFIDENTIAL));
    }
    routes.with_state(logs)
}

/// How long caches may keep responses.
struct Caching {
    checkpoint: &'static str,
    tile: &'static str,
}

/// A tile never changes; a checkpoint can change at any time.
static SHARED: Caching = Caching { checkpoint: "no-cache", tile: "max-age=31536000, immutable" };
/// Caches must not keep anything of the audit log.
static CONFIDENTIAL: Caching = Caching { checkpoint: "no-store", tile: "no-store" };

fn read_side(
    prefix: &'static str,
    logs: &ServedLogs,
    log: impl Fn(&ServedLogs) -> Option<Log>,
    caching: &'static Caching,
) -> Router<Arc<ServedLogs>> {
    let Some(log) = log(logs) else { return Router::new() };
    let for_tiles = log.clone();
    Router::new().route(&format!("{prefix}/checkpoint"), get(async move || checkpoint(&log, caching))).route(
        &format!("{prefix}/tile/{{*name}}"),
        get(async move |uri: Uri| tile(for_tiles, prefix, uri, caching).await),
    )
}

fn checkpoint(log: &Log, caching: &Caching) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching.checkpoint)),
    ];
    (headers, log.checkpoint().to_string()).into_response()
}

/// The path is parsed before percent-decoding, because a tile has only one name.
async fn tile(log: Log, prefix: &str, uri: Uri, caching: &Caching) -> Response {
    let name = uri.path().strip_prefix(prefix).and_then(|path| path.strip_prefix('/'));
    let Some(path) = name.and_then(TilePath::parse) else {
        return LogRefusal::NoSuchTile.into_response();
    };
    // An older tile is read from a file.
    match tokio::task::spawn_blocking(move || log.tile(path)).await {
        Ok(Ok(Some(bytes))) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
                (header::CACHE_CONTROL, HeaderValue::from_static(caching.tile)),
            ];
            (headers, bytes).into_response()
        }
        Ok(Ok(None)) => LogRefusal::NoSuchTile.into_response(),
        Ok(Err(error)) => {
            tracing::error!(%error, "a tile could not be read");
            LogRefusal::Ours(String::new()).into_response()
        }
        Err(_) => LogRefusal::Ours(String::new()).into_response(),
    }
}

async fn create(State(logs): State<Arc<ServedLogs>>, request: Request) -> Response {
    let request_id = request.extensions().get::<RequestId>().map(ToString::to_string).unwrap_or_default();
    match record(&logs, request.into_body(), &request_id).await {
        Ok(entry) => (StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], entry).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Parses and verifies the entry, appends it, and returns as soon as the leaf is durable.
async fn record(logs: &ServedLogs, body: Body, request_id: &str) -> Result<String, LogRefusal> {
    let signatures = logs.signatures.as_ref().ok_or(LogRefusal::Ours(request_id.to_owned()))?;
    let body = to_bytes(body, MAX_REQUEST).await.map_err(|_| LogRefusal::TooLong)?;
    let request = EntryRequest::parse(&body)?;
    let entry = Entry::verify(&request, &signatures.writers, &|der| signatures.issued_lately.knows(der))?;
    let proved =
        signatures.log.append_proved(entry.body()).await.map_err(|error| LogRefusal::append(&error, request_id))?;
    Ok(transparency_log_entry(&entry, &proved, &signatures.id))
}

/// Why a request is refused, in the form of Rekor's gateway: google.rpc codes and their HTTP statuses.
enum LogRefusal {
    Entry(EntryError),
    NoSuchTile,
    Ours(String),
    Overloaded(String),
    Request(RequestError),
    TooLong,
}

impl From<RequestError> for LogRefusal {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<EntryError> for LogRefusal {
    fn from(error: EntryError) -> Self {
        Self::Entry(error)
    }
}

impl LogRefusal {
    fn append(error: &AppendError, request_id: &str) -> Self {
        match error {
            AppendError::Overloaded { .. } => Self::Overloaded(error.to_string()),
            AppendError::TooLarge { length } => Self::Entry(EntryError::TooLarge(*length)),
            AppendError::Closed | AppendError::Stopped(_) => {
                tracing::error!(request = request_id, %error, "an entry could not be appended to the signature log");
                Self::Ours(request_id.to_owned())
            }
        }
    }

    fn parts(&self) -> (StatusCode, u8, String) {
        match self {
            Self::Entry(error) if error.is_of_authority() => (StatusCode::FORBIDDEN, 7, error.to_string()),
            Self::Entry(error) => (StatusCode::BAD_REQUEST, 3, error.to_string()),
            Self::NoSuchTile => (StatusCode::NOT_FOUND, 5, "the log has no such tile".to_owned()),
            Self::Ours(id) if id.is_empty() => (StatusCode::INTERNAL_SERVER_ERROR, 13, "internal error".to_owned()),
            Self::Ours(id) => (StatusCode::INTERNAL_SERVER_ERROR, 13, format!("internal error, request {id}")),
            Self::Overloaded(message) => (StatusCode::SERVICE_UNAVAILABLE, 14, message.clone()),
            Self::Request(error) => (StatusCode::BAD_REQUEST, 3, error.to_string()),
            Self::TooLong => (
                StatusCode::PAYLOAD_TOO_LARGE,
                3,
                format!("the body is longer than {MAX_REQUEST} bytes, or incomplete"),
            ),
        }
    }
}

impl IntoResponse for LogRefusal {
    fn into_response(self) -> Response {
        let (status, code, message) = self.parts();
        let body = serde_json::json!({ "code": code, "message": message, "details": [] });
        (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    }
}

/// `dev.sigstore.rekor.v1.TransparencyLogEntry` in protobuf's JSON: 64-bit numbers are strings, bytes are base64.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransparencyLogEntry<'a> {
    log_index: String,
    log_id: LogId<'a>,
    kind_version: KindVersion,
    /// Always 0: Rekor v2 asserts no time, the timestamp does.
    integrated_time: &'static str,
    inclusion_promise: Option<()>,
    inclusion_proof: InclusionProof<'a>,
    canonicalized_body: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogId<'a> {
    key_id: &'a str,
}

#[derive(Serialize)]
struct KindVersion {
    kind: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InclusionProof<'a> {
    log_index: String,
    root_hash: String,
    tree_size: String,
    hashes: Vec<String>,
    checkpoint: Checkpoint<'a>,
}

#[derive(Serialize)]
struct Checkpoint<'a> {
    envelope: &'a str,
}

fn transparency_log_entry(entry: &Entry, proved: &Proved, log_id: &str) -> String {
    let index = proved.receipt.index().to_string();
    let entry = TransparencyLogEntry {
        log_index: index.clone(),
        log_id: LogId { key_id: log_id },
        kind_version: KindVersion { kind: KIND, version: VERSION },
        integrated_time: "0",
        inclusion_promise: None,
        inclusion_proof: InclusionProof {
            log_index: index,
            root_hash: STANDARD.encode(proved.root),
            tree_size: proved.tree_size.to_string(),
            hashes: proved.hashes.iter().map(|hash| STANDARD.encode(hash)).collect(),
            checkpoint: Checkpoint { envelope: &proved.checkpoint },
        },
        canonicalized_body: STANDARD.encode(entry.body()),
    };
    serde_json::to_string(&entry).unwrap_or_default()
}

#[cfg(test)]
mod tests;
