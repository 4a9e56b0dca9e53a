//! `/healthz` and `/readyz`: whether the process runs, and whether it can sign.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use broker::registry::Issuers;
use serde_json::{Value, json};
use shared::keys::Signer;
use shared::log::Log;

use crate::clock::Stopwatch;
use crate::current::Current;
use crate::instance::timestamp_authority::TimestampAuthority;
use crate::outbound::bundles::{BundleRefresher, BundleState};
use crate::outbound::workload_api::OwnSvid;

/// How long the result of a signing probe is used, so that frequent readiness checks do not make keys sign each time.
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// What readiness depends on.
pub(crate) struct HealthEdge {
    logs: Vec<Log>,
    signers: Vec<Arc<dyn Signer>>,
    timestamps: Arc<TimestampAuthority>,
    bundles: Arc<BundleRefresher>,
    issuers: Current<Issuers>,
    probed: Mutex<Option<(Stopwatch, Vec<String>)>>,
    own_svid: Option<Arc<OwnSvid>>,
}

impl HealthEdge {
    pub(crate) fn new(
        logs: Vec<Log>,
        signers: Vec<Arc<dyn Signer>>,
        timestamps: Arc<TimestampAuthority>,
        bundles: Arc<BundleRefresher>,
        issuers: Current<Issuers>,
    ) -> Self {
        Self { logs, signers, timestamps, bundles, issuers, probed: Mutex::new(None), own_svid: None }
    }

    /// How many trust domains have a fresh bundle, and the names of the others. A trust domain whose bundle is stale,
    /// missing or empty does not make the instance unready: only its own workloads are refused. A load balancer that
    /// took the instance out of service would let one trust domain's bundle endpoint stop all others.
    fn trust_domains(&self) -> Value {
        let reports = self.bundles.reports(&self.issuers.load());
        let of = |state: BundleState| reports.iter().filter(move |report| report.state == state);
        let names = |state| of(state).map(|report| report.record.name().as_str()).collect::<Vec<_>>();
        json!({
            "fresh": of(BundleState::Fresh).count(),
            "stale": names(BundleState::Stale),
            "missing": names(BundleState::Missing),
            "empty": names(BundleState::Empty),
        })
    }

    /// Adds the X.509-SVID of the listener for workloads, if it comes from the Workload API.
    pub(crate) fn with_own_svid(self, own_svid: Option<Arc<OwnSvid>>) -> Self {
        Self { own_svid, ..self }
    }

    /// The problems of the keys; they sign a probe at most every few seconds.
    fn keys(&self) -> Vec<String> {
        let mut probed = self.probed.lock().unwrap_or_else(PoisonError::into_inner);
        match &*probed {
            Some((since, wrong)) if since.elapsed() < PROBE_EVERY => wrong.clone(),
            _ => {
                let mut wrong: Vec<String> =
                    self.signers.iter().filter_map(|signer| signer.sign(PROBE).err()).map(|e| e.to_string()).collect();
                wrong.extend(self.timestamps.units_in_trouble(PROBE));
                *probed = Some((Stopwatch::start(), wrong.clone()));
                wrong
            }
        }
    }
}

/// The routes.
pub(crate) fn routes(edge: Arc<HealthEdge>) -> Router {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).with_state(edge)
}

/// `SERVING` as from Fulcio, for existing monitoring; and the clock guard's mode.
async fn healthz(State(edge): State<Arc<HealthEdge>>) -> Json<serde_json::Value> {
    Json(json!({ "status": "SERVING", "time": edge.timestamps.time().summary() }))
}

/// 200 if every key signs a probe, every log accepts leaves, the time is trusted and workloads can connect; otherwise
/// 503 with the list of problems.
async fn readyz(State(edge): State<Arc<HealthEdge>>) -> Response {
    let mut wrong = Vec::new();
    for log in &edge.logs {
        wrong.extend(log.stopped().map(|error| format!("log {}: {error}", log.origin().as_str())));
    }
    wrong.extend(edge.keys());
    wrong.extend(edge.timestamps.time().look().err().map(|trouble| trouble.to_string()));
    wrong.extend(edge.own_svid.as_ref().and_then(|svid| svid.wrong()));
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if wrong.is_empty() { "ready" } else { "not ready" };
    let body = json!({
        "status": word,
        "wrong": wrong,
        "time": edge.timestamps.time().report(),
        "trust_domains": edge.trust_domains(),
    });
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// No certificate, token or timestamp begins like this, so the probe's signature is useless for any other purpose.
const PROBE: &[u8] = b"privyseal readiness probe: not a certificate, token or timestamp";
