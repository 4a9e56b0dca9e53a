//! What is served where: the routes of each listener, over the parts of an instance.

use std::sync::Arc;

use axum::Router;

use crate::instance::Instance;
use crate::serving::http::api::{self, ApiState};
use crate::serving::http::disclosure::{self, DisclosureEdge};
use crate::serving::http::health::{self, HealthEdge};
use crate::serving::http::metrics::{self, Figures};
use crate::serving::http::request_id::RequestIds;
use crate::serving::http::{frame, fulcio, log, oidc, revocation, spiffe, timestamp, trust};

/// The routes of an instance, by the listener that serves them.
#[derive(Clone)]
pub(crate) struct Routes {
    /// Everything, but for metrics.
    pub(crate) main: Router,
    /// What workloads come for over mutual TLS, and nothing that people or administrators use.
    pub(crate) svid: Router,
    /// What is served in plain HTTP to everybody: revocation.
    pub(crate) plain: Router,
    /// What is served in plain HTTP where the operator wants metrics.
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
            metrics: framed(metrics::routes(figures(instance))),
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

fn figures(instance: &Instance) -> Figures {
    Figures {
        bundles: instance.bundles.clone(),
        issuers: instance.issuers(),
        logs: instance.logs.clone(),
        time: instance.time.clone(),
        clock: instance.clock.clone(),
    }
}
