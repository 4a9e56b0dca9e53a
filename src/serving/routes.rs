//! The routes of each listener.

use std::sync::Arc;

use axum::Router;

use crate::instance::Instance;
use crate::serving::http::api::{self, ApiState};
use crate::serving::http::disclosure::{self, DisclosureEdge};
use crate::serving::http::health::{self, HealthEdge};
use crate::serving::http::metrics::{self, Metrics};
use crate::serving::http::request_id::RequestIds;
use crate::serving::http::{frame, fulcio, log, oidc, revocation, spiffe, timestamp, trust};

/// The routes of an instance, by the listener that serves them.
#[derive(Clone)]
pub(crate) struct Routes {
    /// Everything except metrics.
    pub(crate) main: Router,
    /// What workloads use over mutual TLS; nothing that people or administrators use.
    pub(crate) svid: Router,
    /// What everyone may fetch in plain HTTP: revocation.
    pub(crate) plain: Router,
    /// Metrics, in plain HTTP.
    pub(crate) metrics: Router,
}

impl Routes {
    /// The routes of this instance.
    pub(crate) fn of(instance: &Instance) -> Self {
        let ids = Arc::new(RequestIds::new(&*instance.random));
        let framed = |routes: Router| frame::frame(routes, ids.clone());
        let health = health::routes(Arc::new(health_edge(instance)));
        Self {
            main: framed(main(instance).merge(health.clone())),
            svid: framed(svid(instance).merge(health)),
            plain: framed(revocation::routes(instance.published_revocations())),
            metrics: framed(metrics::routes(metrics_of(instance))),
        }
    }
}

fn main(instance: &Instance) -> Router {
    fulcio::routes(instance.snapshots.part(|snapshot| &snapshot.certificate_authority))
        .merge(timestamp::routes(instance.timestamps.clone()))
        .merge(disclosure::routes(Arc::new(disclosure_edge(instance))))
        .merge(log::routes(instance.served_logs.clone()))
        .merge(oidc::routes(instance.snapshots.part(|snapshot| &snapshot.provider)))
        .merge(trust::routes(instance.published_trust()))
        .merge(api::routes(Arc::new(api_state(instance))))
        .merge(revocation::routes(instance.published_revocations()))
        .merge(spiffe::routes(instance.own_bundle.clone()))
}

fn svid(instance: &Instance) -> Router {
    fulcio::routes(instance.snapshots.part(|snapshot| &snapshot.certificate_authority))
        .merge(oidc::token_routes(instance.snapshots.part(|snapshot| &snapshot.provider)))
        .merge(spiffe::routes(instance.own_bundle.clone()))
}

fn health_edge(instance: &Instance) -> HealthEdge {
    let signers = vec![instance.issuing_key.clone()];
    let (logs, timestamps, bundles) = (instance.logs.clone(), instance.timestamps.clone(), instance.bundles.clone());
    HealthEdge::new(logs, signers, timestamps, bundles, instance.issuers()).with_own_svid(instance.own_svid())
}

fn disclosure_edge(instance: &Instance) -> DisclosureEdge {
    DisclosureEdge {
        timestamps: instance.timestamps.clone(),
        origin: instance.origin.clone(),
        section: instance.disclosure.clone(),
    }
}

fn api_state(instance: &Instance) -> ApiState {
    ApiState {
        snapshots: instance.snapshots.clone(),
        reloader: instance.reloader.clone(),
        registrar: instance.registrar.clone(),
        local_users: instance.local_users.clone(),
        audit: instance.audit.clone(),
        clock: instance.clock.clone(),
    }
}

fn metrics_of(instance: &Instance) -> Metrics {
    Metrics {
        bundles: instance.bundles.clone(),
        issuers: instance.issuers(),
        logs: instance.logs.clone(),
        time: instance.time.clone(),
        clock: instance.clock.clone(),
    }
}
