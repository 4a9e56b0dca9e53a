//! The status of a trust domain's bundle, for operators and programs.

use std::sync::Arc;

use broker::trust_domain::{Accepts, BundleSource, EndpointProfile, ListedKey, TrustDomainRecord, Unusable};
use serde_json::{Value, json};
use shared::time::UnixTime;

use super::refresh_error::BundleRefreshError;

/// The status of one trust domain's bundle.
#[derive(Clone, Debug)]
pub(crate) struct BundleReport {
    pub(crate) record: Arc<TrustDomainRecord>,
    pub(crate) state: BundleState,
    /// When the bundle is fetched again.
    pub(crate) next: Option<UnixTime>,
    /// Why the last fetch failed, if it did.
    pub(crate) trouble: Option<BundleRefreshError>,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
}

/// Whether SVIDs of a trust domain can be accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BundleState {
    /// The bundle is current and has no key: everything is withdrawn.
    Empty,
    /// The bundle is current.
    Fresh,
    /// There has never been a bundle.
    Missing,
    /// The bundle could not be fetched again for too long.
    Stale,
}

impl BundleState {
    /// All states.
    pub(crate) const ALL: [Self; 4] = [Self::Empty, Self::Fresh, Self::Missing, Self::Stale];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Fresh => "fresh",
            Self::Missing => "missing",
            Self::Stale => "stale",
        }
    }

    pub(super) fn of(record: &TrustDomainRecord, now: UnixTime) -> Self {
        match record.bundle(now) {
            Ok(bundle) if bundle.is_empty() => Self::Empty,
            Ok(_) => Self::Fresh,
            Err(Unusable::Missing) => Self::Missing,
            Err(Unusable::Stale { .. }) => Self::Stale,
        }
    }
}

impl BundleReport {
    /// The keys of the bundle, even of a stale one.
    pub(crate) fn keys(&self) -> Vec<ListedKey> {
        self.record.held().bundle().map_or_else(Vec::new, |bundle| bundle.listed().to_vec())
    }

    /// The full status, as this instance's API returns it.
    pub(crate) fn document(&self, now: UnixTime) -> Value {
        let (record, held) = (&self.record, self.record.held());
        let bundle = held.bundle();
        let moment = |at: UnixTime| at.rfc3339().ok();
        let grants: Vec<String> = record.grants().iter().map(|grant| grant.scope().to_string()).collect();
        let skipped = bundle.iter().flat_map(|bundle| bundle.skipped());
        let skipped: Vec<Value> =
            skipped.map(|entry| json!({ "index": entry.index, "reason": entry.reason.to_string() })).collect();
        let trouble = self.trouble.as_ref();
        let trouble =
            trouble.map(|error| json!({ "reason": error.to_string(), "rule": error.rule().map(|rule| rule.id()) }));
        json!({
            "name": record.name().as_str(),
            "state": self.state.name(),
            "sequence": bundle.and_then(|bundle| bundle.sequence()),
            "fetchedAt": held.fetched_at().and_then(moment),
            "ageSeconds": held.fetched_at().map(|at| now.since(at).as_secs()),
            "nextLook": self.next.and_then(moment),
            "refreshHint": bundle.and_then(|bundle| bundle.refresh_hint()).map(|hint| hint.as_secs()),
            "staleAfterSeconds": record.stale_after().as_secs(),
            "source": source(record.source()),
            "accepts": accepts(record.accepts()),
            "audience": record.audience().as_str(),
            "issuerLabel": record.label(),
            "grants": grants,
            "keys": self.keys().iter().map(key).collect::<Vec<_>>(),
            "skipped": skipped,
            "trouble": trouble,
            "fetches": { "succeeded": self.succeeded, "failed": self.failed },
        })
    }
}

fn source(source: &BundleSource) -> Value {
    match source {
        BundleSource::Endpoint { url, profile: EndpointProfile::Web } => {
            json!({ "kind": "https_web", "url": url.as_str() })
        }
        BundleSource::Endpoint { url, profile: EndpointProfile::Spiffe { endpoint_id, .. } } => {
            json!({ "kind": "https_spiffe", "url": url.as_str(), "endpointId": endpoint_id.as_str() })
        }
        BundleSource::File(path) => json!({ "kind": "file", "path": path.display().to_string() }),
        BundleSource::MapFile(path) => json!({ "kind": "map_file", "path": path.display().to_string() }),
        BundleSource::WorkloadApi => json!({ "kind": "workload_api" }),
    }
}

fn accepts(accepts: Accepts) -> Vec<&'static str> {
    let kinds = [(accepts.jwt, "jwt"), (accepts.x509, "x509"), (accepts.wit, "wit")];
    kinds.into_iter().filter(|(is_taken, _)| *is_taken).map(|(_, name)| name).collect()
}

fn key(key: &ListedKey) -> Value {
    let name = match key.document {
        broker::trust_domain::SvidKind::X509 => "subject",
        broker::trust_domain::SvidKind::Jwt | broker::trust_domain::SvidKind::Wit => "kid",
    };
    let mut listed = json!({
        "use": key.document.name(),
        "sha256": hex::encode(key.sha256),
        "publicKeySha256": hex::encode(key.spki_sha256),
    });
    listed[name] = key.name.as_str().into();
    if let Some(end) = key.not_after {
        listed["notAfter"] = end.rfc3339().unwrap_or_default().into();
    }
    listed
}
