//! `/metrics`: metrics for Prometheus, on a listener of their own.
//!
//! Plain HTTP without authentication, because scrapers have neither certificate nor token; the operator limits access
//! by the address in `listen.metrics`. Nothing is counted here: each value is read at the scrape from the part that has
//! it.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::State as EdgeState;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use broker::registry::Issuers;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text::{self, CONTENT_TYPE};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use shared::log::Log;
use shared::time::Clock;

use crate::current::Current;
use crate::instance::trusted_time::TrustedTime;
use crate::outbound::bundles::{BundleRefresher, BundleReport, BundleState};

/// The parts of the instance that the metrics are read from.
pub(crate) struct Metrics {
    pub(crate) bundles: Arc<BundleRefresher>,
    pub(crate) issuers: Current<Issuers>,
    pub(crate) logs: Vec<Log>,
    pub(crate) time: Arc<TrustedTime>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The routes.
pub(crate) fn routes(metrics: Metrics) -> Router {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(metrics));
    Router::new().route("/metrics", get(show)).with_state(Arc::new(registry))
}

async fn show(EdgeState(registry): EdgeState<Arc<Registry>>) -> Response {
    let mut text = String::new();
    match prometheus_text::encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be encoded");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        family(&mut encoder, "privyseal_build_info", "This program", MetricType::Gauge, |family| {
            gauge(family, &version, 1)
        })?;
        self.logs(&mut encoder)?;
        self.time(&mut encoder)?;
        self.trust_domains(&mut encoder)
    }
}

impl Metrics {
    fn logs(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        family(encoder, "privyseal_log_leaves", "Leaves of a log", MetricType::Gauge, |family| {
            self.logs.iter().try_for_each(|log| gauge(family, &[("log", log.origin().as_str())], log.size()))
        })?;
        let help = "1 if a log accepts leaves, 0 if it has stopped";
        family(encoder, "privyseal_log_up", help, MetricType::Gauge, |family| {
            self.logs.iter().try_for_each(|log| {
                gauge(family, &[("log", log.origin().as_str())], u64::from(log.stopped().is_none()))
            })
        })
    }

    fn time(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let is_trusted = self.time.look().is_ok();
        let mode = [("mode", self.time.limits().mode.as_str())];
        let help = "1 if the clock guard trusts the time, 0 if timestamps are refused";
        family(encoder, "privyseal_clock_trusted", help, MetricType::Gauge, |family| {
            gauge(family, &mode, u64::from(is_trusted))
        })
    }

    /// Nothing without a trust domain: a family without a value would look like one that lost its values.
    fn trust_domains(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let reports = self.bundles.reports(&self.issuers.load());
        if reports.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let help = "Seconds since the bundle was last fetched from its source";
        family(encoder, "privyseal_bundle_age_seconds", help, MetricType::Gauge, |family| {
            reports.iter().try_for_each(|report| match report.record.held().fetched_at() {
                Some(at) => gauge(family, &[("trust_domain", name(report))], now.since(at).as_secs()),
                None => Ok(()),
            })
        })?;
        let help = "The spiffe_sequence of the bundle in force";
        family(encoder, "privyseal_bundle_sequence", help, MetricType::Gauge, |family| {
            reports.iter().try_for_each(|report| {
                match report.record.held().bundle().and_then(|bundle| bundle.sequence()) {
                    Some(sequence) => gauge(family, &[("trust_domain", name(report))], sequence),
                    None => Ok(()),
                }
            })
        })?;
        let help = "Keys of the bundle in force, by their use";
        family(encoder, "privyseal_bundle_keys", help, MetricType::Gauge, |family| {
            reports.iter().try_for_each(|report| keys(family, report))
        })?;
        let help = "1 for the current state of the bundle, 0 for the others";
        family(encoder, "privyseal_bundle_state", help, MetricType::Gauge, |family| {
            reports.iter().try_for_each(|report| {
                BundleState::ALL.into_iter().try_for_each(|state| {
                    let labels = [("trust_domain", name(report)), ("state", state.name())];
                    gauge(family, &labels, u64::from(report.state == state))
                })
            })
        })?;
        let help = "Fetches of the bundle, by outcome";
        family(encoder, "privyseal_bundle_fetches", help, MetricType::Counter, |family| {
            reports.iter().try_for_each(|report| {
                [("succeeded", report.succeeded), ("failed", report.failed)].into_iter().try_for_each(
                    |(outcome, count)| {
                        let labels = [("trust_domain", name(report)), ("outcome", outcome)];
                        ConstCounter::new(count).encode(family.encode_family(&labels)?)
                    },
                )
            })
        })
    }
}

fn name(report: &BundleReport) -> &str {
    report.record.name().as_str()
}

/// A figure for every use, those without a key too, so that an alarm can see a use lose its last one.
fn keys(family: &mut MetricEncoder<'_>, report: &BundleReport) -> fmt::Result {
    use broker::trust_domain::SvidKind;
    let listed = report.keys();
    [SvidKind::Jwt, SvidKind::Wit, SvidKind::X509].into_iter().try_for_each(|document| {
        let count = listed.iter().filter(|key| key.document == document).count();
        gauge(family, &[("trust_domain", name(report)), ("use", document.name())], count as u64)
    })
}

fn family(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    kind: MetricType,
    figures: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    figures(&mut encoder.encode_descriptor(name, help, None, kind)?)
}

fn gauge<const N: usize>(family: &mut MetricEncoder<'_>, labels: &[(&str, &str); N], value: u64) -> fmt::Result {
    ConstGauge::new(value).encode(family.encode_family(labels)?)
}

#[cfg(test)]
mod tests;
