//! What is served where: the routes of each listener, over the parts of a house.

use std::sync::Arc;

use axum::Router;

use crate::instance::House;
use crate::serving::http::api::{self, ApiState};
use crate::serving::http::disclosure::{self, DisclosureEdge};
use crate::serving::http::health::{self, HealthEdge};
use crate::serving::http::metrics::{self, Figures};
use crate::serving::http::request_id::RequestIds;
use crate::serving::http::{frame, fulcio, log, oidc, revocation, spiffe, timestamp, trust};

/// The routes of a house, by the listener that serves them.
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
    /// The routes of this house.
    pub(crate) fn of(house: &House) -> Self {
        let ids = Arc::new(RequestIds::new(&*house.random));
        let framed = |routes: Router| frame::frame(routes, ids.clone());
        let health = health::routes(Arc::new(health_edge(house)));
        Self {
            main: framed(main(house).merge(health.clone())),
            svid: framed(svid(house).merge(health)),
            plain: framed(revocation::routes(house.published_revocations())),
            metrics: framed(metrics::routes(figures(house))),
        }
    }
}

fn main(house: &House) -> Router {
    fulcio::routes(house.snapshots.part(|snapshot| &snapshot.certificate_authority))
        .merge(timestamp::routes(house.timestamps.clone()))
        .merge(disclosure::routes(Arc::new(disclosure_edge(house))))
        .merge(log::routes(house.served_logs.clone()))
        .merge(oidc::routes(house.snapshots.part(|snapshot| &snapshot.provider)))
        .merge(trust::routes(house.published_trust()))
        .merge(api::routes(Arc::new(api_state(house))))
        .merge(revocation::routes(house.published_revocations()))
        .merge(spiffe::routes(house.own_bundle.clone()))
}

fn svid(house: &House) -> Router {
    fulcio::routes(house.snapshots.part(|snapshot| &snapshot.certificate_authority))
        .merge(oidc::token_routes(house.snapshots.part(|snapshot| &snapshot.provider)))
        .merge(spiffe::routes(house.own_bundle.clone()))
}

fn health_edge(house: &House) -> HealthEdge {
    let signers = vec![house.issuing_key.clone()];
    let (logs, timestamps, bundles) = (house.logs.clone(), house.timestamps.clone(), house.bundles.clone());
    HealthEdge::new(logs, signers, timestamps, bundles, house.issuers()).with_own_svid(house.own_svid())
}

fn disclosure_edge(house: &House) -> DisclosureEdge {
    DisclosureEdge {
        timestamps: house.timestamps.clone(),
        origin: house.origin.clone(),
        section: house.disclosure.clone(),
    }
}

fn api_state(house: &House) -> ApiState {
    ApiState {
        snapshots: house.snapshots.clone(),
        reloader: house.reloader.clone(),
        registrar: house.registrar.clone(),
        local_users: house.local_users.clone(),
        audit: house.audit.clone(),
        clock: house.clock.clone(),
    }
}

fn figures(house: &House) -> Figures {
    Figures {
        bundles: house.bundles.clone(),
        issuers: house.issuers(),
        logs: house.logs.clone(),
        time: house.time.clone(),
        clock: house.clock.clone(),
    }
}
