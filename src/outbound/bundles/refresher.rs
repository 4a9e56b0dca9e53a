//! The keeper of bundles: the only writer of what is held of a trust domain.

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
use super::refresh_error::{RefreshCause, RefreshError};
use super::report::{Report, State};
use super::source::{Found, Look, Seen, SourceError, WorkloadBundles};
use super::status::Statuses;
use crate::current::Current;
use crate::outbound::clients::Clients;

/// An SVID with an unknown key moves us to look no more often than this.
const PAUSE: Duration = Duration::from_secs(10);
/// After a failure it is tried again sooner.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(3);
/// How often the background looks whose time has come.
const ROUND: Duration = Duration::from_secs(1);
/// How many endpoints are asked at once.
const AT_ONCE: usize = 16;

/// What is remembered of one trust domain's source from look to look. The look that goes on owns it.
#[derive(Default)]
struct Source {
    /// By what the source is known to say the same as before.
    seen: Seen,
    /// Since when what it said is on disk.
    cached_at: Option<UnixTime>,
}

/// Looks after every bundle.
pub(crate) struct BundleRefresher {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    ledger: Ledger,
    cache: BundleCache,
    own: OwnKeys,
    workload_api: Arc<WorkloadBundles>,
    /// One per trust domain: its lock is held while looking, so that a crowd of requests makes one call.
    sources: Mutex<HashMap<TrustDomain, Arc<tokio::sync::Mutex<Source>>>>,
    statuses: Statuses,
    clients: Clients,
}

/// What a keeper is made of.
pub(crate) struct BundleParts {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) audit: Option<Log>,
    /// Where the last good bundles are kept.
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
            statuses: Statuses::default(),
            clients: Clients::default(),
        }
    }

    /// A keeper that fetches, but keeps and records nothing: for an explanation by a configuration alone.
    pub(crate) fn for_explanations(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let (own, workload_api) = (OwnKeys::default(), Arc::default());
        Self::new(BundleParts { clock, random, audit: None, folder: None, own, workload_api })
    }

    /// Takes up what was kept before this process began, and files; endpoints are asked by [`Self::keep_fresh`].
    pub(crate) async fn begin(&self, issuers: &Issuers) {
        for record in issuers.trust_domains().iter() {
            if let Some(cached) = self.cache.load(record) {
                self.take_up(record, &cached, issuers).await;
            }
            if !matches!(record.source(), BundleSource::Endpoint { .. })
                && let Err(error) = self.refresh(record, issuers).await
            {
                tracing::warn!(%error, "trust domain");
            }
        }
    }

    /// A kept bundle was admission when it was fetched; who we are and who the others are may have changed since.
    async fn take_up(&self, record: &Arc<TrustDomainRecord>, cached: &CachedBundle, issuers: &Issuers) {
        let admission = Bundle::parse(cached.document.as_bytes()).map_err(RefusedBundle::from).and_then(|bundle| {
            evaluate(&bundle, record, issuers.trust_domains(), self.own.fingerprints()).map(|_| bundle)
        });
        match admission {
            Ok(bundle) => {
                record.replace(CurrentBundle::new(Arc::new(bundle), cached.fetched_at()));
                let source = self.source_of(record.name());
                source.lock().await.cached_at = Some(cached.fetched_at());
            }
            Err(error) => tracing::warn!(trust_domain = %record.name(), %error, "the kept bundle is not taken"),
        }
    }

    /// Looks at the record's source now, unless somebody just did; then the outcome of that is the answer. `issuers` is
    /// the snapshot of the record: a bundle is admission against those of all other trust domains.
    pub(crate) async fn refresh(&self, record: &Arc<TrustDomainRecord>, issuers: &Issuers) -> Result<(), RefreshError> {
        let source = self.source_of(record.name());
        let mut source = source.lock().await;
        let now = self.clock.now();
        if let Some((at, outcome)) = self.statuses.of(record.name()).last {
            let pause = if outcome.is_ok() { PAUSE } else { PAUSE_AFTER_FAILURE };
            // A success answers for a record that it brought a bundle to; one that a reload made since begins anew.
            let is_answered = outcome.is_err() || record.held().bundle().is_some();
            if now.since(at) < pause && is_answered {
                return outcome;
            }
        }
        self.look_now(record, issuers, &mut source, now).await
    }

    /// The same for a request that needs the bundle. What goes wrong is told in our log: the caller hears, by a second
    /// look at what it showed, whether the bundle at hand still counts.
    pub(crate) async fn refresh_for(&self, needs: &NeedsBundle, issuers: &Issuers, request: &str) {
        if let Err(error) = self.refresh(&needs.record, issuers).await {
            tracing::warn!(request, %error, "trust domain");
        }
    }

    /// The same at once, because an operator asks for it or its time has come.
    pub(crate) async fn look_at_once(
        &self,
        record: &Arc<TrustDomainRecord>,
        issuers: &Issuers,
    ) -> Result<(), RefreshError> {
        let source = self.source_of(record.name());
        let mut source = source.lock().await;
        let now = self.clock.now();
        self.look_now(record, issuers, &mut source, now).await
    }

    async fn look_now(
        &self,
        record: &Arc<TrustDomainRecord>,
        issuers: &Issuers,
        source: &mut Source,
        now: UnixTime,
    ) -> Result<(), RefreshError> {
        let outcome = self.bring_up_to_date(record, issuers, source, now).await;
        let outcome = outcome.map_err(|cause| RefreshError::of(record.name(), cause));
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
        source: &mut Source,
        now: UnixTime,
    ) -> Result<(), RefreshCause> {
        if record.held().bundle().is_none() {
            source.seen = Seen::default();
        }
        let client = |reach: &Reach| self.clients.of(reach);
        let look = Look { issuers, workload_api: &self.workload_api, client: &client, now };
        match look.at(record, &mut source.seen).await {
            Ok(Found::Unchanged { at }) => {
                record.replace(record.held().seen_again(at));
                self.cache.store_date(record, &mut source.cached_at, now);
                Ok(())
            }
            Ok(Found::Bundle { bundle, document, at }) => {
                let admission = evaluate(&bundle, record, issuers.trust_domains(), self.own.fingerprints());
                if let Err(refused) = &admission {
                    // What was refused is not what was seen before, however often it is shown.
                    source.seen = Seen::default();
                    self.refuse(record, refused, now).await;
                }
                let admission = admission.map_err(SourceError::Refused)?;
                self.ledger.put_in_force(record, &bundle, at, admission).await.map_err(RefreshCause::Audit)?;
                if let Some(document) = document {
                    self.cache.store(record, &document, &mut source.cached_at, now);
                }
                Ok(())
            }
            Err(error) => {
                if let SourceError::Refused(refused) = &error {
                    self.refuse(record, refused, now).await;
                }
                Err(error.into())
            }
        }
    }

    async fn refuse(&self, record: &TrustDomainRecord, refused: &RefusedBundle, now: UnixTime) {
        let status = self.statuses.of(record.name());
        let before = status.trouble().and_then(RefreshError::refused);
        self.ledger.refuse(record, refused, before, now).await;
    }

    /// Looks for ever at whatever is due. Dropping the future ends it.
    pub(crate) async fn keep_fresh(self: Arc<Self>, current: Current<Issuers>) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let (issuers, now) = (current.load(), self.clock.now());
            for record in issuers.trust_domains().iter().filter(|record| self.statuses.is_due(record, now)) {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                self.statuses.begin(record, now);
                let (keeper, record, issuers) = (Arc::clone(&self), Arc::clone(record), Arc::clone(&issuers));
                tokio::spawn(async move {
                    let _place = place;
                    let before = keeper.report(&record).trouble;
                    // Its time has come: a look just before does not answer for it.
                    if let Err(error) = keeper.look_at_once(&record, &issuers).await
                        && before.as_ref() != Some(&error)
                    {
                        tracing::warn!(%error, "trust domain");
                    }
                });
            }
            tokio::time::sleep(ROUND).await;
        }
    }

    /// How every trust domain of the snapshot stands, by name.
    pub(crate) fn reports(&self, issuers: &Issuers) -> Vec<Report> {
        let mut reports: Vec<_> = issuers.trust_domains().iter().map(|record| self.report(record)).collect();
        reports.sort_by(|one, other| one.record.name().cmp(other.record.name()));
        reports
    }

    /// How one stands.
    pub(crate) fn report(&self, record: &Arc<TrustDomainRecord>) -> Report {
        let status = self.statuses.of(record.name());
        Report {
            record: Arc::clone(record),
            state: State::of(record, self.clock.now()),
            next: status.next,
            trouble: status.trouble().cloned(),
            succeeded: status.succeeded,
            failed: status.failed,
        }
    }

    fn source_of(&self, name: &TrustDomain) -> Arc<tokio::sync::Mutex<Source>> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sources.entry(name.clone()).or_default())
    }
}
