//! The last good bundle of each endpoint, on disk.
//!
//! One file a trust domain, written whole or not at all, named by the SHA-256 of the name, since a trust domain may be called `..`.
//! Only when the document changes, or a good part of its life is over, is a file written: a thousand trust domains that say the same
//! at every look cost no disk.

use std::path::{Path, PathBuf};

use broker::trust_domain::{BundleSource, EndpointProfile, TrustDomainRecord};
use serde::{Deserialize, Serialize};
use shared::digest::sha256_hex;
use shared::time::UnixTime;

use crate::instance::data_dir::DataDirError;
use crate::instance::data_dir::file::{self, Mode};

/// A bundle of 1 MiB as a JSON string may take twice as much, and a little for the rest.
const MAX_FILE: u64 = 3 << 20;

/// A bundle as it was fetched.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    pub(super) trust_domain: String,
    /// From where: a record that looks elsewhere does not take it.
    pub(super) source: String,
    pub(super) fetched_at_ms: u64,
    /// The document, as it came.
    pub(super) document: String,
}

impl Kept {
    pub(super) fn fetched_at(&self) -> UnixTime {
        UnixTime::from_millis(self.fetched_at_ms)
    }
}

/// Where they are.
#[derive(Clone, Debug)]
pub(super) struct Shelf(PathBuf);

impl Shelf {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// What is kept for the record, if it was fetched from where the record looks. A file that cannot be read is told and counts
    /// for nothing: the bundle is fetched again.
    pub(super) fn take_up(&self, record: &TrustDomainRecord) -> Option<Kept> {
        let source = source_of(record)?;
        let path = self.path(record.name().as_str());
        if !path.exists() {
            return None;
        }
        let read = file::read(&path, MAX_FILE).map_err(|error| error.to_string());
        let kept = read.and_then(|text| serde_json::from_str::<Kept>(&text).map_err(|error| error.to_string()));
        match kept {
            Ok(kept) if kept.trust_domain == record.name().as_str() && kept.source == source => Some(kept),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(path = %path.display(), error, "a kept bundle cannot be read; it is fetched again");
                None
            }
        }
    }

    pub(super) fn keep(&self, kept: &Kept) -> Result<(), DataDirError> {
        let text = serde_json::to_string(kept).expect("strings and numbers always encode");
        file::write_durably(&self.path(&kept.trust_domain), text.as_bytes(), Mode::Private)
    }

    fn path(&self, trust_domain: &str) -> PathBuf {
        Path::new(&self.0).join(format!("{}.json", sha256_hex(trust_domain.as_bytes())))
    }
}

/// Where an endpoint's bundle comes from, in one line; none for what lies on this machine anyway.
pub(super) fn source_of(record: &TrustDomainRecord) -> Option<String> {
    match record.source() {
        BundleSource::Endpoint { url, profile: EndpointProfile::Web } => Some(format!("https_web {url}")),
        BundleSource::Endpoint { url, profile: EndpointProfile::Spiffe { endpoint_id, .. } } => {
            Some(format!("https_spiffe {url} {endpoint_id}"))
        }
        BundleSource::File(_) | BundleSource::MapFile(_) | BundleSource::WorkloadApi => None,
    }
}
