//! The last good bundle of each endpoint, on disk.
//!
//! One file a trust domain, written whole or not at all, named by the SHA-256 of the name, since a trust domain may be
//! called `..`. A file is written only when the document changes or a good part of its life is over, so unchanged
//! bundles cost no disk writes.

use std::path::PathBuf;

use broker::trust_domain::{BundleSource, EndpointProfile, TrustDomainRecord};
use serde::{Deserialize, Serialize};
use shared::digest::sha256_hex;
use shared::time::UnixTime;

use crate::file::{self, Mode};

/// A bundle of 1 MiB as a JSON string may take twice as much, and a little for the rest.
const MAX_FILE: u64 = 3 << 20;
/// An unchanged bundle is written again, for its date, after one part in this many of the time that it is valid.
const REWRITE_AFTER: u32 = 8;

/// A bundle as it was fetched.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CachedBundle {
    pub(super) trust_domain: String,
    /// Where it was fetched from: a record with another source does not use it.
    pub(super) source: String,
    pub(super) fetched_at_ms: u64,
    /// The document, as it came.
    pub(super) document: String,
}

impl CachedBundle {
    pub(super) fn fetched_at(&self) -> UnixTime {
        UnixTime::from_millis(self.fetched_at_ms)
    }
}

/// The cached files. Only the refresher of bundles writes them.
#[derive(Clone, Debug)]
pub(super) struct BundleCache {
    /// `None` when nothing is cached.
    folder: Option<PathBuf>,
}

impl BundleCache {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// What is cached for the record, if it was fetched from the record's source. A damaged file is logged and ignored:
    /// the bundle is fetched again.
    pub(super) fn load(&self, record: &TrustDomainRecord) -> Option<CachedBundle> {
        let source = source_of(record)?;
        let path = self.path(record.name().as_str())?;
        if !path.exists() {
            return None;
        }
        let read = file::read(&path, MAX_FILE).map_err(|error| error.to_string());
        let cached =
            read.and_then(|text| serde_json::from_str::<CachedBundle>(&text).map_err(|error| error.to_string()));
        match cached {
            Ok(cached) if cached.trust_domain == record.name().as_str() && cached.source == source => Some(cached),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(path = %path.display(), error, "a cached bundle cannot be read; it is fetched again");
                None
            }
        }
    }

    /// Writes the document that was fetched for the record at `now`; `written_at` says since when it is on disk.
    pub(super) fn store(
        &self,
        record: &TrustDomainRecord,
        document: &[u8],
        written_at: &mut Option<UnixTime>,
        now: UnixTime,
    ) {
        let Some(source) = source_of(record) else { return };
        let cached = CachedBundle {
            trust_domain: record.name().to_string(),
            source,
            fetched_at_ms: now.millis(),
            // What was parsed as JSON is UTF-8.
            document: String::from_utf8_lossy(document).into_owned(),
        };
        self.write(&cached, written_at, now);
    }

    /// The same document was seen again at `now`: its date is written only now and then.
    pub(super) fn store_date(&self, record: &TrustDomainRecord, written_at: &mut Option<UnixTime>, now: UnixTime) {
        let is_due = written_at.is_some_and(|at| now.since(at) > record.stale_after() / REWRITE_AFTER);
        if is_due && let Some(cached) = self.load(record) {
            self.write(&CachedBundle { fetched_at_ms: now.millis(), ..cached }, written_at, now);
        }
    }

    /// A failure is only logged: the bundle is in force all the same.
    fn write(&self, cached: &CachedBundle, written_at: &mut Option<UnixTime>, now: UnixTime) {
        let Some(path) = self.path(&cached.trust_domain) else { return };
        let text = serde_json::to_string(cached).expect("strings and numbers always encode");
        match file::write_durably(&path, text.as_bytes(), Mode::Private) {
            Ok(()) => *written_at = Some(now),
            Err(error) => {
                tracing::error!(
                    trust_domain = cached.trust_domain, %error,
                    "a bundle is in force but could not be written to the cache"
                );
            }
        }
    }

    fn path(&self, trust_domain: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(format!("{}.json", sha256_hex(trust_domain.as_bytes()))))
    }
}

/// The source of an endpoint's bundle, in one line; `None` for sources on this machine, which are not cached.
fn source_of(record: &TrustDomainRecord) -> Option<String> {
    match record.source() {
        BundleSource::Endpoint { url, profile: EndpointProfile::Web } => Some(format!("https_web {url}")),
        BundleSource::Endpoint { url, profile: EndpointProfile::Spiffe { endpoint_id, .. } } => {
            Some(format!("https_spiffe {url} {endpoint_id}"))
        }
        BundleSource::File(_) | BundleSource::MapFile(_) | BundleSource::WorkloadApi => None,
    }
}
