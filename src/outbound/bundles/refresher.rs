//! Fetches the bundles of trust domains: the only writer of the bundles in force.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker::issuer::Reach;
use broker::names::TrustDomain;
use broker::registry::Issuers;
use broker::svid::NeedsBundle;
use broker::trust_domain::{Bundle, BundleSource, CurrentBundle, RefusedBundle, TrustDomainRecord, evaluate};
use shared::log::Log;
use shared::random::Random;
use shared::time::{Clock, UnixTime};
use tokio::sync::Semaphore;

use super::cache::{BundleCache, CachedBundle};
use super::interval;
use super::ledger::Ledger;
use super::own_keys::OwnKeys;
use super::refresh_error::{BundleRefreshCause, BundleRefreshError};
use super::report::{BundleReport, BundleState};
use super::source::{BundleSourceError, FetchedBundle, Look, SeenDocument, WorkloadBundles};
use super::status::BundleStatuses;
use crate::current::Current;
use crate::outbound::clients::Clients;

/// SVIDs with unknown keys make us fetch at most this often.
const PAUSE: Duration = Duration::from_secs(10);
/// After a failure it is tried again sooner.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(3);
/// How often the background task checks which bundles are due.
const ROUND: Duration = Duration::from_secs(1);
/// How many bundles are fetched at once.
const AT_ONCE: usize = 16;

/// What is remembered of one trust domain's source from fetch to fetch. The running fetch owns it.
#[derive(Default)]
struct SourceState {
    /// Identifies the last document, to notice that it is unchanged.
    seen: SeenDocument,
    /// When the last document was written to the cache.
    cached_at: Option<UnixTime>,
}

/// Fetches and refreshes all bundles.
pub(crate) struct BundleRefresher {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    ledger: Ledger,
    cache: BundleCache,
    own: OwnKeys,
    workload_api: Arc<WorkloadBundles>,
    /// One for each trust domain, locked while fetching, so that many requests cause one call.
    sources: Mutex<HashMap<TrustDomain, Arc<tokio::sync::Mutex<SourceState>>>>,
    statuses: BundleStatuses,
    clients: Clients,
}

/// What a refresher is made from.
pub(crate) struct BundleParts {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) audit: Option<Log>,
    /// The folder of the cache; `None` to cache nothing.
    pub(crate) folder: Option<PathBuf>,
    /// The keys of this instance.
    pub(crate) own: OwnKeys,
    pub(crate) workload_api: Arc<WorkloadBundles>,
}

impl BundleRefresher {
    pub(crate) fn new(parts: BundleParts) -> Self {
        let BundleParts { clock, random, audit, folder, own, workload_api } = parts;
        Self {
            ledger: Ledger { audit, clock: clock.clone() },
            clock,
            random,
            cache: BundleCache::new(folder),
            own,
            workload_api,
            sources: Mutex::default(),
            statuses: BundleStatuses::default(),
            clients: Clients::default(),
        }
    }

    /// A refresher that caches and records nothing: for an explanation by a configuration alone.
    pub(crate) fn for_explanations(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let (own, workload_api) = (OwnKeys::default(), Arc::default());
        Self::new(BundleParts { clock, random, audit: None, folder: None, own, workload_api })
    }

    /// Loads cached bundles and reads files; endpoints are called by [`Self::keep_fresh`].
    pub(crate) async fn begin(&self, issuers: &Issuers) {
        for record in issuers.trust_domains().iter() {
            if let Some(cached) = self.cache.load(record) {
                self.take_up(record, &cached, issuers).await;
            }
            if !matches!(record.source(), BundleSource::Endpoint { .. })
                && let Err(error) = self.refresh(record, issuers).await
            {
                tracing::warn!(%error, "a trust domain starts without a current bundle");
            }
        }
    }

    /// A cached bundle was checked when it was fetched, but our keys and the other trust domains may have changed
    /// since.
    async fn take_up(&self, record: &Arc<TrustDomainRecord>, cached: &CachedBundle, issuers: &Issuers) {
        let checked = Bundle::parse(cached.document.as_bytes()).map_err(RefusedBundle::from).and_then(|bundle| {
            evaluate(&bundle, record, issuers.trust_domains(), self.own.fingerprints()).map(|_| bundle)
        });
        match checked {
            Ok(bundle) => {
                record.replace(CurrentBundle::new(Arc::new(bundle), cached.fetched_at()));
                let source = self.source_of(record.name());
                source.lock().await.cached_at = Some(cached.fetched_at());
            }
            Err(error) => {
                tracing::warn!(
                    trust_domain = %record.name(), %error,
                    "the cached bundle is refused; it is fetched again"
                )
            }
        }
    }

    /// Fetches the record's bundle now, unless that was just done; then that outcome is returned. `issuers` is the
    /// snapshot of the record: a bundle is checked against those of all other trust domains.
    pub(crate) async fn refresh(
        &self,
        record: &Arc<TrustDomainRecord>,
        issuers: &Issuers,
    ) -> Result<(), BundleRefreshError> {
        let source = self.source_of(record.name());
        let mut source = source.lock().await;
        let now = self.clock.now();
        if let Some((at, outcome)) = self.statuses.of(record.name()).last {
            let pause = if outcome.is_ok() { PAUSE } else { PAUSE_AFTER_FAILURE };
            // A success counts only for a record that got its bundle from it, not for one that a reload created since.
            let is_answered = outcome.is_err() || record.held().bundle().is_some();
            if now.since(at) < pause && is_answered {
                return outcome;
            }
        }
        self.look_now(record, issuers, &mut source, now).await
    }

    /// The same for a request that needs the bundle. A failure is only logged: the caller's SVID is evaluated again
    /// with the bundle in force.
    pub(crate) async fn refresh_for(&self, needs: &NeedsBundle, issuers: &Issuers, request: &str) {
        if let Err(error) = self.refresh(&needs.record, issuers).await {
            tracing::warn!(request, %error, "a request needs a bundle that could not be refreshed");
        }
    }

    /// Fetches without regard to earlier fetches, because an operator asks for it or it is due.
    pub(crate) async fn look_at_once(
        &self,
        record: &Arc<TrustDomainRecord>,
        issuers: &Issuers,
    ) -> Result<(), BundleRefreshError> {
        let source = self.source_of(record.name());
        let mut source = source.lock().await;
        let now = self.clock.now();
        self.look_now(record, issuers, &mut source, now).await
    }

    async fn look_now(
        &self,
        record: &Arc<TrustDomainRecord>,
        issuers: &Issuers,
        source: &mut SourceState,
        now: UnixTime,
    ) -> Result<(), BundleRefreshError> {
        let outcome = self.bring_up_to_date(record, issuers, source, now).await;
        let outcome = outcome.map_err(|cause| BundleRefreshError::of(record.name(), cause));
        let hint = record.held().bundle().and_then(|bundle| bundle.refresh_hint());
        let span = match (record.source(), &outcome) {
            (BundleSource::Endpoint { .. }, Ok(())) => interval::after_success(hint, &*self.random),
            (BundleSource::Endpoint { .. }, Err(_)) => interval::after_failure(hint, &*self.random),
            (BundleSource::File(_) | BundleSource::MapFile(_), _) => interval::OF_FILE,
            (BundleSource::WorkloadApi, _) => interval::OF_WORKLOAD_API,
        };
        self.statuses.end(record, &outcome, now, now.plus(span));
        outcome
    }

    async fn bring_up_to_date(
        &self,
        record: &Arc<TrustDomainRecord>,
        issuers: &Issuers,
        source: &mut SourceState,
        now: UnixTime,
    ) -> Result<(), BundleRefreshCause> {
        if record.held().bundle().is_none() {
            source.seen = SeenDocument::default();
        }
        let client = |reach: &Reach| self.clients.of(reach);
        let look = Look { issuers, workload_api: &self.workload_api, client: &client, now };
        match look.at(record, &mut source.seen).await {
            Ok(FetchedBundle::Unchanged { at }) => {
                record.replace(record.held().seen_again(at));
                self.cache.store_date(record, &mut source.cached_at, now);
                Ok(())
            }
            Ok(FetchedBundle::Bundle { bundle, document, at }) => {
                let checked = evaluate(&bundle, record, issuers.trust_domains(), self.own.fingerprints());
                if let Err(refused) = &checked {
                    // A refused document must not count as unchanged at the next fetch.
                    source.seen = SeenDocument::default();
                    self.refuse(record, refused, now).await;
                }
                let admission = checked.map_err(BundleSourceError::Refused)?;
                self.ledger.put_in_force(record, &bundle, at, admission).await.map_err(BundleRefreshCause::Audit)?;
                if let Some(document) = document {
                    self.cache.store(record, &document, &mut source.cached_at, now);
                }
                Ok(())
            }
            Err(error) => {
                if let BundleSourceError::Refused(refused) = &error {
                    self.refuse(record, refused, now).await;
                }
                Err(error.into())
            }
        }
    }

    async fn refuse(&self, record: &TrustDomainRecord, refused: &RefusedBundle, now: UnixTime) {
        let status = self.statuses.of(record.name());
        let before = status.trouble().and_then(BundleRefreshError::refused);
        self.ledger.refuse(record, refused, before, now).await;
    }

    /// Fetches what is due, until the future is dropped.
    pub(crate) async fn keep_fresh(self: Arc<Self>, current: Current<Issuers>) {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let (issuers, now) = (current.load(), self.clock.now());
            for record in issuers.trust_domains().iter().filter(|record| self.statuses.is_due(record, now)) {
                let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
                self.statuses.begin(record, now);
                let (refresher, record, issuers) = (Arc::clone(&self), Arc::clone(record), Arc::clone(&issuers));
                tokio::spawn(async move {
                    let _permit = permit;
                    let before = refresher.report(&record).trouble;
                    // It is due, so the outcome of an earlier fetch does not count.
                    if let Err(error) = refresher.look_at_once(&record, &issuers).await
                        && before.as_ref() != Some(&error)
                    {
                        tracing::warn!(%error, "a bundle could not be refreshed; this is tried again");
                    }
                });
            }
            tokio::time::sleep(ROUND).await;
        }
    }

    /// The status of every trust domain of the snapshot, ordered by name.
    pub(crate) fn reports(&self, issuers: &Issuers) -> Vec<BundleReport> {
        let mut reports: Vec<_> = issuers.trust_domains().iter().map(|record| self.report(record)).collect();
        reports.sort_by(|one, other| one.record.name().cmp(other.record.name()));
        reports
    }

    /// The status of one trust domain.
    pub(crate) fn report(&self, record: &Arc<TrustDomainRecord>) -> BundleReport {
        let status = self.statuses.of(record.name());
        BundleReport {
            record: Arc::clone(record),
            state: BundleState::of(record, self.clock.now()),
            next: status.next,
            trouble: status.trouble().cloned(),
            succeeded: status.succeeded,
            failed: status.failed,
        }
    }

    fn source_of(&self, name: &TrustDomain) -> Arc<tokio::sync::Mutex<SourceState>> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sources.entry(name.clone()).or_default())
    }
}
