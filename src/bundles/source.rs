//! Where bundles come from.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use broker::issuer::{Issuers, Reach};
use broker::names::SpiffeId;
use broker::trust_domain::{Bundle, BundleMap, BundleSource, EndpointProfile, TrustDomainRecord};
use shared::time::UnixTime;

use super::endpoint::{self, EndpointError};
use super::judge::RefusedBundle;
use crate::assemble::MAX_BUNDLE_FILE;
use crate::data_dir::file;
use crate::outbound::{Outbound, OutboundError};

/// What the Workload API last said: a bundle of each trust domain that the agent knows. Its writer is the follower of that API.
#[derive(Debug, Default)]
pub(crate) struct WorkloadBundles(ArcSwap<BTreeMap<String, Arc<Bundle>>>);

impl WorkloadBundles {
    /// The whole state; what is not in it is withdrawn (SPIFFE Workload API §5.1: each message is the full state).
    pub(crate) fn replace(&self, bundles: BTreeMap<String, Arc<Bundle>>) {
        self.0.store(Arc::new(bundles));
    }

    fn find(&self, trust_domain: &str) -> Option<Arc<Bundle>> {
        self.0.load().get(trust_domain).cloned()
    }
}

/// Why a source gave nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum SourceError {
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    Refused(#[from] RefusedBundle),
    #[error("{0}")]
    File(String),
    #[error("the Workload API does not know it")]
    WorkloadApi,
}

impl From<OutboundError> for SourceError {
    fn from(error: OutboundError) -> Self {
        Self::Endpoint(error.into())
    }
}

/// What a source gave.
pub(super) enum Found {
    /// A bundle, with the document that it was read from where there is one to keep.
    Bundle(Arc<Bundle>, Option<Vec<u8>>),
    /// What it gave before.
    Unchanged,
}

/// By what a source is known to be the same as before.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Seen {
    document: Option<[u8; 32]>,
    modified: Option<SystemTime>,
}

/// What a look needs beside the record.
pub(super) struct Look<'a> {
    pub(super) issuers: &'a Issuers,
    pub(super) workload_api: &'a WorkloadBundles,
    pub(super) client: &'a (dyn Fn(&Reach) -> Result<Outbound, OutboundError> + Sync),
    pub(super) now: UnixTime,
}

impl Look<'_> {
    /// Looks at the record's source. `seen` says what was found there last, and is brought up to date.
    pub(super) async fn at(&self, record: &TrustDomainRecord, seen: &mut Seen) -> Result<Found, SourceError> {
        match record.source() {
            BundleSource::Endpoint { url, profile: EndpointProfile::Web } => {
                let document = (self.client)(record.reach())?.fetch(url.as_str()).await?;
                read_document(document, seen)
            }
            BundleSource::Endpoint { url, profile: EndpointProfile::Spiffe { endpoint_id, bootstrap } } => {
                let bundle = self.bundle_of(record, endpoint_id, bootstrap.as_ref())?;
                let document = endpoint::fetch_by_svid(url, endpoint_id, bundle, record.reach()).await?;
                read_document(document, seen)
            }
            BundleSource::File(path) => {
                read_file(path, seen, |text| Ok(Bundle::parse(text).map_err(RefusedBundle::from)?))
            }
            BundleSource::MapFile(path) => {
                let name = record.name().as_str();
                read_file(path, seen, |text| {
                    let mut map = BundleMap::parse(text).map_err(RefusedBundle::from)?;
                    Ok(map.remove(name).ok_or_else(|| RefusedBundle::NotInMap(name.to_owned()))?)
                })
            }
            BundleSource::WorkloadApi => {
                let bundle = self.workload_api.find(record.name().as_str()).ok_or(SourceError::WorkloadApi)?;
                let held = record.held();
                match held.bundle() {
                    Some(held) if Arc::ptr_eq(held, &bundle) => Ok(Found::Unchanged),
                    _ => Ok(Found::Bundle(bundle, None)),
                }
            }
        }
    }

    /// The bundle by which an endpoint is known: that of its own trust domain. A self-serving endpoint is known by the newest one that
    /// we have of it, and by the operator's copy only until there is one, or where the copy is newer.
    fn bundle_of(
        &self,
        record: &TrustDomainRecord,
        endpoint_id: &SpiffeId,
        bootstrap: Option<&Arc<Bundle>>,
    ) -> Result<Arc<Bundle>, EndpointError> {
        let trust_domain = endpoint_id.trust_domain();
        let no_bundle = || EndpointError::NoBundle(trust_domain.to_string());
        if trust_domain != record.name() {
            let other = self.issuers.trust_domains().find(trust_domain.as_str());
            let bundle = other.and_then(|other| other.bundle(self.now).ok());
            return bundle.or_else(|| bootstrap.cloned()).ok_or_else(no_bundle);
        }
        let held = record.held();
        let held = held.bundle().filter(|held| held.authorities().len() > 0);
        match (held, bootstrap) {
            (Some(held), Some(bootstrap)) if bootstrap.sequence() > held.sequence() => Ok(bootstrap.clone()),
            (Some(held), _) => Ok(held.clone()),
            (None, Some(bootstrap)) => Ok(bootstrap.clone()),
            (None, None) => Err(no_bundle()),
        }
    }
}

fn read_document(document: Vec<u8>, seen: &mut Seen) -> Result<Found, SourceError> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &document);
    let digest: [u8; 32] = digest.as_ref().try_into().expect("SHA-256 has 32 bytes");
    if seen.document == Some(digest) {
        return Ok(Found::Unchanged);
    }
    let bundle = Bundle::parse(&document).map_err(RefusedBundle::from)?;
    seen.document = Some(digest);
    Ok(Found::Bundle(Arc::new(bundle), Some(document)))
}

fn read_file(
    path: &Path,
    seen: &mut Seen,
    parse: impl Fn(&[u8]) -> Result<Bundle, SourceError>,
) -> Result<Found, SourceError> {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    let modified = modified.map_err(|error| SourceError::File(format!("{}: {error}", path.display())))?;
    if seen.modified == Some(modified) {
        return Ok(Found::Unchanged);
    }
    let text = file::read_bytes(path, MAX_BUNDLE_FILE + 1).map_err(|error| SourceError::File(error.to_string()))?;
    let bundle = parse(&text)?;
    seen.modified = Some(modified);
    Ok(Found::Bundle(Arc::new(bundle), None))
}
