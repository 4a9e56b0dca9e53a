//! Where bundles come from.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use broker::issuer::Reach;
use broker::names::SpiffeId;
use broker::registry::Issuers;
use broker::trust_domain::RefusedBundle;
use broker::trust_domain::{
    Bundle, BundleError, BundleMap, BundleSource, EndpointProfile, MAX_BUNDLE_BYTES, TrustDomainRecord,
};
use shared::digest::sha256;
use shared::time::UnixTime;

use super::endpoint::{self, EndpointError};
use crate::file;
use crate::outbound::{Outbound, OutboundError};

/// Longest file with a bundle or a map of bundles, in bytes.
pub(crate) const MAX_BUNDLE_FILE: u64 = MAX_BUNDLE_BYTES as u64;

/// When the Workload API has not confirmed its bundles for this time, that is reported. Its streams are opened again
/// each minute, which confirms them.
const LONG_UNCONFIRMED: Duration = Duration::from_secs(150);

/// No file system's clock is coarser than this.
const TICK: Duration = Duration::from_secs(3);

/// The last state from the Workload API: a bundle of each trust domain that the agent knows. Only the follower of that
/// API writes it.
#[derive(Debug, Default)]
pub(crate) struct WorkloadBundles(ArcSwapOption<WorkloadState>);

#[derive(Debug)]
struct WorkloadState {
    bundles: BTreeMap<String, Result<Arc<Bundle>, BundleError>>,
    confirmed_at: UnixTime,
}

/// For the follower.
#[cfg_attr(not(feature = "workload-api"), expect(dead_code, reason = "nobody follows there"))]
impl WorkloadBundles {
    /// Replaces the whole state, as received at this time; what is not in it is withdrawn (SPIFFE Workload API §5.1:
    /// each message is the full state).
    pub(crate) fn replace(&self, bundles: BTreeMap<String, Result<Arc<Bundle>, BundleError>>, confirmed_at: UnixTime) {
        self.0.store(Some(Arc::new(WorkloadState { bundles, confirmed_at })));
    }

    /// Whether the API has sent a full state yet.
    pub(crate) fn is_told(&self) -> bool {
        self.0.load().is_some()
    }
}

impl WorkloadBundles {
    /// The bundle is as fresh as the API's last word: while nobody answers there, looking at what it once said does not
    /// renew it.
    fn look(&self, record: &TrustDomainRecord, now: UnixTime) -> Result<FetchedBundle, BundleSourceError> {
        let state = self.0.load_full().ok_or(BundleSourceError::WorkloadApiSilent)?;
        let (at, held) = (state.confirmed_at, record.held());
        let found = match (state.bundles.get(record.name().as_str()), held.bundle()) {
            (Some(Err(error)), _) => return Err(RefusedBundle::from(error.clone()).into()),
            (Some(Ok(bundle)), Some(held)) if Arc::ptr_eq(held, bundle) => FetchedBundle::Unchanged { at },
            (Some(Ok(bundle)), _) => FetchedBundle::Bundle { bundle: bundle.clone(), document: None, at },
            (None, Some(held)) if held.is_empty() => FetchedBundle::Unchanged { at },
            (None, Some(_)) => FetchedBundle::Bundle { bundle: Arc::default(), document: None, at },
            (None, None) => return Err(BundleSourceError::WorkloadApi),
        };
        match found {
            FetchedBundle::Unchanged { at } if now.since(at) > LONG_UNCONFIRMED => {
                Err(BundleSourceError::WorkloadApiLost(at.rfc3339().unwrap_or_default()))
            }
            found => Ok(found),
        }
    }
}

/// Why a source has no usable bundle.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum BundleSourceError {
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    Refused(#[from] RefusedBundle),
    #[error("{0}")]
    File(String),
    #[error("the Workload API does not know this trust domain; federate it in the agent's server")]
    WorkloadApi,
    #[error("the Workload API has not answered since {0}; look at the agent's log")]
    WorkloadApiLost(String),
    #[error("the Workload API has not sent any bundles yet; look at the agent's log")]
    WorkloadApiSilent,
}

impl From<OutboundError> for BundleSourceError {
    fn from(error: OutboundError) -> Self {
        Self::Endpoint(error.into())
    }
}

/// What a source has, and as of when: the time of the fetch, except for the Workload API.
pub(super) enum FetchedBundle {
    /// A bundle, with the document that it was read from where that is cached.
    Bundle { bundle: Arc<Bundle>, document: Option<Vec<u8>>, at: UnixTime },
    /// The same as at the last fetch.
    Unchanged { at: UnixTime },
}

/// Identifies the document that was fetched last, to notice that it is unchanged.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct SeenDocument {
    document: Option<[u8; 32]>,
    modified: Option<SystemTime>,
}

/// What a fetch needs besides the record.
pub(super) struct Look<'a> {
    pub(super) issuers: &'a Issuers,
    pub(super) workload_api: &'a WorkloadBundles,
    pub(super) client: &'a (dyn Fn(&Reach) -> Result<Outbound, OutboundError> + Sync),
    pub(super) now: UnixTime,
}

impl Look<'_> {
    /// Fetches from the record's source. `seen` identifies the last document, and is updated.
    pub(super) async fn at(
        &self,
        record: &TrustDomainRecord,
        seen: &mut SeenDocument,
    ) -> Result<FetchedBundle, BundleSourceError> {
        match record.source() {
            BundleSource::Endpoint { url, profile: EndpointProfile::Web } => {
                let document = (self.client)(record.reach())?.fetch(url.as_str()).await?;
                read_document(document, seen, self.now)
            }
            BundleSource::Endpoint { url, profile: EndpointProfile::Spiffe { endpoint_id, bootstrap } } => {
                let bundle = self.bundle_of(record, endpoint_id, bootstrap.as_ref())?;
                let document = endpoint::fetch_by_svid(url, endpoint_id, bundle, record.reach()).await?;
                read_document(document, seen, self.now)
            }
            BundleSource::File(path) => {
                read_file(path, seen, self.now, |text| Ok(Bundle::parse(text).map_err(RefusedBundle::from)?))
            }
            BundleSource::MapFile(path) => {
                let name = record.name().as_str();
                read_file(path, seen, self.now, |text| {
                    let mut map = BundleMap::parse(text).map_err(RefusedBundle::from)?;
                    match map.remove(name) {
                        Some(bundle) => Ok(bundle),
                        // A trust domain that leaves the map is withdrawn; one that was never in it is a mistake.
                        None if record.held().bundle().is_some() => Ok(Bundle::default()),
                        None => Err(RefusedBundle::NotInMap(name.to_owned()).into()),
                    }
                })
            }
            BundleSource::WorkloadApi => self.workload_api.look(record, self.now),
        }
    }

    /// The bundle that authenticates an endpoint: that of its own trust domain. For a self-serving endpoint that is the
    /// newest one that we have, or the operator's copy until there is one, or where the copy is newer.
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

fn read_document(document: Vec<u8>, seen: &mut SeenDocument, at: UnixTime) -> Result<FetchedBundle, BundleSourceError> {
    let digest = sha256(&document);
    if seen.document == Some(digest) {
        return Ok(FetchedBundle::Unchanged { at });
    }
    let bundle = Bundle::parse(&document).map_err(RefusedBundle::from)?;
    seen.document = Some(digest);
    Ok(FetchedBundle::Bundle { bundle: Arc::new(bundle), document: Some(document), at })
}

fn moment(time: SystemTime) -> UnixTime {
    UnixTime::from_millis(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64)
}

fn read_file(
    path: &Path,
    seen: &mut SeenDocument,
    at: UnixTime,
    parse: impl Fn(&[u8]) -> Result<Bundle, BundleSourceError>,
) -> Result<FetchedBundle, BundleSourceError> {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    let modified = modified.map_err(|error| BundleSourceError::File(format!("{}: {error}", path.display())))?;
    if seen.modified == Some(modified) {
        return Ok(FetchedBundle::Unchanged { at });
    }
    let text =
        file::read_bytes(path, MAX_BUNDLE_FILE + 1).map_err(|error| BundleSourceError::File(error.to_string()))?;
    let bundle = parse(&text)?;
    // A second change within one tick of the file system's clock has the date of the first: what was changed just now
    // is read again.
    seen.modified = Some(modified).filter(|modified| at.since(moment(*modified)) > TICK);
    Ok(FetchedBundle::Bundle { bundle: Arc::new(bundle), document: None, at })
}
