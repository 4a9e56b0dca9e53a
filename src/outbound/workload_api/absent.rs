//! In place of `client` where the feature `workload-api` is not built: nobody follows a Workload API, since no address
//! of one can be read.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use shared::time::Clock;

use crate::feature::{Feature, NotBuilt};
use crate::outbound::bundles::WorkloadBundles;

/// No address.
#[derive(Clone, Debug)]
pub(crate) enum Address {}

/// Never the trouble.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSvid {}

/// No X.509-SVID of our own.
#[derive(Debug)]
pub(crate) enum OwnSvid {}

/// Nobody who follows.
pub(crate) enum WorkloadApi {}

impl Address {
    /// Refuses every text.
    pub(crate) fn parse(_: &str) -> Result<Self, NotBuilt> {
        Err(NotBuilt(Feature::WorkloadApi))
    }
}

impl OwnSvid {
    pub(crate) fn wrong(&self) -> Option<String> {
        match *self {}
    }
}

impl ResolvesServerCert for OwnSvid {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match *self {}
    }
}

impl WorkloadApi {
    pub(crate) fn follow(address: &Address, _: bool, _: Arc<dyn Clock>) -> Self {
        match *address {}
    }

    pub(crate) fn bundles(&self) -> Arc<WorkloadBundles> {
        match *self {}
    }

    pub(crate) fn own_svid(&self) -> Option<Arc<OwnSvid>> {
        match *self {}
    }

    pub(crate) async fn first_svid(&self) -> Result<Option<Arc<OwnSvid>>, NoSvid> {
        match *self {}
    }

    pub(crate) async fn first_bundles(&self) {
        match *self {}
    }
}
