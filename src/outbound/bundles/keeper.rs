//! The keeper of bundles: the only writer of what is held of a trust domain.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker::issuer::Reach;
use broker::names::{Rule, TrustDomain};
use broker::registry::Issuers;
use broker::svid::NeedsBundle;
use broker::trust_domain::{Bundle, BundleSource, Held, Judgement, RefusedBundle, TrustDomainRecord, judge};
use shared::audit::AuditRecord;
use shared::log::{AppendError, Log};
use shared::random::Random;
use shared::time::{Clock, UnixTime};
use tokio::sync::Semaphore;

use super::interval;
use super::kept::{Kept, Shelf, source_of};
use super::own_keys::OwnKeys;
use super::report::{Report, State};
use super::source::{Found, Look, Seen, SourceError, WorkloadBundles};
use crate::instance::snapshots::Current;
use crate::outbound::{Outbound, OutboundError};

/// An SVID with an unknown key moves us to look no more often than this.
const PAUSE: Duration = Duration::from_secs(10);
/// After a failure it is tried again sooner.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(3);
/// How often the background looks whose time has come.
const ROUND: Duration = Duration::from_secs(1);
/// How many endpoints are asked at once.
const AT_ONCE: usize = 16;
/// A kept bundle is written again for its date alone when this part of the time that it counts is over.
const REWRITE_AFTER: u32 = 8;

/// Why a bundle was not brought up to date.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the bundle of {trust_domain}: {cause}")]
pub(crate) struct RefreshError {
    pub(crate) trust_domain: String,
    cause: Cause,
}

#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("the audit log did not take the record of the change: {0}")]
    Audit(AppendError),
}

impl RefreshError {
    /// The rule by which it was refused, if it was.
    pub(crate) fn rule(&self) -> Option<Rule> {
        match &self.cause {
            Cause::Source(SourceError::Refused(refused)) => Some(refused.rule()),
            Cause::Source(_) | Cause::Audit(_) => None,
        }
    }
}

/// What is remembered of one trust domain from look to look.
#[derive(Default)]
struct Polling {
    seen: Seen,
    last: Option<(UnixTime, Result<(), RefreshError>)>,
    next: Option<UnixTime>,
    kept_at: Option<UnixTime>,
    succeeded: u64,
    failed: u64,
}

/// Looks after every bundle.
pub(crate) struct BundleKeeper {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    audit: Option<Log>,
    shelf: Option<Shelf>,
    own: OwnKeys,
    workload_api: Arc<WorkloadBundles>,
    polls: Mutex<HashMap<TrustDomain, Arc<tokio::sync::Mutex<Polling>>>>,
    /// Figures of each trust domain, for whoever must not wait for a look to end.
    told: Mutex<HashMap<TrustDomain, Told>>,
    clients: Mutex<HashMap<Reach, Outbound>>,
}

#[derive(Clone, Default)]
struct Told {
    /// Which record was looked at: one that a reload made since, and that took nothing over, is due at once.
    record: Option<Arc<TrustDomainRecord>>,
    next: Option<UnixTime>,
    trouble: Option<RefreshError>,
    succeeded: u64,
    failed: u64,
}

/// What a keeper is made of.
pub(crate) struct BundleParts {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) audit: Option<Log>,
    /// Where the last good bundles are kept.
    pub(crate) folder: Option<PathBuf>,
    /// The keys of this house.
    pub(crate) own: OwnKeys,
    pub(crate) workload_api: Arc<WorkloadBundles>,
}

impl BundleKeeper {
    pub(crate) fn new(parts: BundleParts) -> Self {
        let BundleParts { clock, random, audit, folder, own, workload_api } = parts;
        Self {
            clock,
            random,
            audit,
            shelf: folder.map(Shelf::new),
            own,
            workload_api,
            polls: Mutex::default(),
            told: Mutex::default(),
            clients: Mutex::default(),
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
            if let Some(kept) = self.shelf.as_ref().and_then(|shelf| shelf.take_up(record)) {
                self.take_up(record, &kept, issuers).await;
            }
            if !matches!(record.source(), BundleSource::Endpoint { .. })
                && let Err(error) = self.refresh(record, issuers).await
            {
                tracing::warn!(%error, "trust domain");
            }
        }
    }

    /// A kept bundle was judged when it was fetched; who we are and who the others are may have changed since.
    async fn take_up(&self, record: &Arc<TrustDomainRecord>, kept: &Kept, issuers: &Issuers) {
        let judged = Bundle::parse(kept.document.as_bytes()).map_err(RefusedBundle::from).and_then(|bundle| {
            judge(&bundle, record, issuers.trust_domains(), self.own.fingerprints()).map(|_| bundle)
        });
        match judged {
            Ok(bundle) => {
                record.replace(Held::new(Arc::new(bundle), kept.fetched_at()));
                let poll = self.poll_of(record.name());
                poll.lock().await.kept_at = Some(kept.fetched_at());
            }
            Err(error) => tracing::warn!(trust_domain = %record.name(), %error, "the kept bundle is not taken"),
        }
    }

    /// Looks at the record's source now, unless somebody just did; then the outcome of that is the answer. `issuers` is the snapshot
    /// of the record: a bundle is judged against those of all other trust domains.
    pub(crate) async fn refresh(&self, record: &Arc<TrustDomainRecord>, issuers: &Issuers) -> Result<(), RefreshError> {
        let poll = self.poll_of(record.name());
        let mut poll = poll.lock().await;
        let now = self.clock.now();
        if let Some((at, outcome)) = &poll.last {
            let pause = if outcome.is_ok() { PAUSE } else { PAUSE_AFTER_FAILURE };
            // A success answers for a record that it brought a bundle to; one that a reload made since begins anew.
            let is_answered = outcome.is_err() || record.held().bundle().is_some();
            if now.since(*at) < pause && is_answered {
                return outcome.clone();
            }
        }
        self.look_now(record, issuers, &mut poll, now).await
    }

    /// The same for a request that needs the bundle. What goes wrong is told in our log: the caller hears, by a second look at what it
    /// showed, whether the bundle at hand still counts.
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
        let poll = self.poll_of(record.name());
        let mut poll = poll.lock().await;
        let now = self.clock.now();
        self.look_now(record, issuers, &mut poll, now).await
    }

    async fn look_now(
        &self,
        record: &Arc<TrustDomainRecord>,
        issuers: &Issuers,
        poll: &mut Polling,
        now: UnixTime,
    ) -> Result<(), RefreshError> {
        let outcome = self.bring_up_to_date(record, issuers, poll, now).await;
        let outcome = outcome.map_err(|cause| RefreshError { trust_domain: record.name().to_string(), cause });
        let hint = record.held().bundle().and_then(|bundle| bundle.refresh_hint());
        let span = match (record.source(), &outcome) {
            (BundleSource::Endpoint { .. }, Ok(())) => interval::after_success(hint, &*self.random),
            (BundleSource::Endpoint { .. }, Err(_)) => interval::after_failure(hint, &*self.random),
            (BundleSource::File(_) | BundleSource::MapFile(_), _) => interval::OF_FILE,
            (BundleSource::WorkloadApi, _) => interval::OF_WORKLOAD_API,
        };
        poll.next = Some(now.plus(span));
        match &outcome {
            Ok(()) => poll.succeeded += 1,
            Err(_) => poll.failed += 1,
        }
        poll.last = Some((now, outcome.clone()));
        let told = Told {
            record: Some(Arc::clone(record)),
            next: poll.next,
            trouble: outcome.clone().err(),
            succeeded: poll.succeeded,
            failed: poll.failed,
        };
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(record.name().clone(), told);
        outcome
    }

    async fn bring_up_to_date(
        &self,
        record: &Arc<TrustDomainRecord>,
        issuers: &Issuers,
        poll: &mut Polling,
        now: UnixTime,
    ) -> Result<(), Cause> {
        if record.held().bundle().is_none() {
            poll.seen = Seen::default();
        }
        let client = |reach: &Reach| self.client(reach);
        let look = Look { issuers, workload_api: &self.workload_api, client: &client, now };
        let found = match look.at(record, &mut poll.seen).await {
            Ok(found) => found,
            Err(error) => {
                if let SourceError::Refused(refused) = &error {
                    self.tell_refused(record, refused, poll, now).await;
                }
                return Err(error.into());
            }
        };
        match found {
            Found::Unchanged { at } => {
                record.replace(record.held().seen_again(at));
                self.keep_again(record, poll, now);
            }
            Found::Bundle { bundle, document, at } => {
                let judged = judge(&bundle, record, issuers.trust_domains(), self.own.fingerprints());
                if let Err(refused) = &judged {
                    // What was refused is not what was seen before, however often it is shown.
                    poll.seen = Seen::default();
                    self.tell_refused(record, refused, poll, now).await;
                }
                let judgement = judged.map_err(SourceError::Refused)?;
                self.put_in_force(record, &bundle, at, judgement).await?;
                if let Some(document) = document {
                    self.keep(record, &document, poll, now);
                }
            }
        }
        Ok(())
    }

    /// In force as of `at`, when its source said it. Recorded first, then in force; but what only takes trust away takes effect whatever the log does.
    async fn put_in_force(
        &self,
        record: &TrustDomainRecord,
        bundle: &Arc<Bundle>,
        at: UnixTime,
        judgement: Judgement,
    ) -> Result<(), Cause> {
        let event = match judgement {
            Judgement::Unchanged => {
                record.replace(Held::new(bundle.clone(), at));
                return Ok(());
            }
            Judgement::Emptied => "emptied",
            Judgement::Fetched => "fetched",
        };
        let only_takes_away =
            record.held().bundle().is_some_and(|held| bundle.fingerprints().is_subset(held.fingerprints()));
        if only_takes_away {
            record.replace(Held::new(bundle.clone(), at));
        }
        let entry = AuditRecord::BundleChanged {
            at_ms: self.clock.now().millis(),
            trust_domain: record.name().to_string(),
            event: event.to_owned(),
            sequence: bundle.sequence(),
            keys: bundle.fingerprints().iter().map(hex::encode).collect(),
            reason: String::new(),
        };
        match self.record(&entry).await {
            Ok(()) => record.replace(Held::new(bundle.clone(), at)),
            Err(error) if only_takes_away => tracing::error!(%error, "a withdrawal is in force without a record"),
            Err(error) => return Err(Cause::Audit(error)),
        }
        if self.audit.is_none() {
            // Nothing is in force in an explanation, whose reader is told what was found.
            return Ok(());
        }
        let (trust_domain, keys) = (record.name(), bundle.fingerprints().len());
        match judgement {
            Judgement::Emptied => tracing::error!(%trust_domain, "its bundle holds no key: everything is withdrawn"),
            Judgement::Fetched | Judgement::Unchanged => {
                tracing::info!(%trust_domain, keys, sequence = bundle.sequence(), "bundle in force");
            }
        }
        for skipped in bundle.skipped() {
            tracing::debug!(%trust_domain, entry = skipped.index, reason = %skipped.reason, "left out of the bundle");
        }
        Ok(())
    }

    /// An alarm, once for as long as the same is refused.
    async fn tell_refused(&self, record: &TrustDomainRecord, refused: &RefusedBundle, poll: &Polling, now: UnixTime) {
        let is_known = matches!(&poll.last, Some((_, Err(RefreshError { cause: Cause::Source(SourceError::Refused(last)), .. })))
            if last == refused);
        if is_known || self.audit.is_none() {
            return;
        }
        let (trust_domain, rule) = (record.name(), refused.rule());
        tracing::error!(%trust_domain, %refused, %rule, "a bundle is refused; the one before stays in force");
        let entry = AuditRecord::BundleChanged {
            at_ms: now.millis(),
            trust_domain: trust_domain.to_string(),
            event: "refused".to_owned(),
            sequence: None,
            keys: Vec::new(),
            reason: format!("{refused} (rule {rule})"),
        };
        if let Err(error) = self.record(&entry).await {
            tracing::error!(%error, "a refused bundle is not in the audit log");
        }
    }

    async fn record(&self, entry: &AuditRecord) -> Result<(), AppendError> {
        match &self.audit {
            Some(audit) => audit.append(entry.to_leaf()).await.map(drop),
            None => Ok(()),
        }
    }

    fn keep(&self, record: &TrustDomainRecord, document: &[u8], poll: &mut Polling, now: UnixTime) {
        let Some(source) = source_of(record) else { return };
        let kept = Kept {
            trust_domain: record.name().to_string(),
            source,
            fetched_at_ms: now.millis(),
            // What was parsed as JSON is UTF-8.
            document: String::from_utf8_lossy(document).into_owned(),
        };
        self.write(&kept, poll, now);
    }

    /// The same document, seen again: its date is written only now and then.
    fn keep_again(&self, record: &TrustDomainRecord, poll: &mut Polling, now: UnixTime) {
        let is_due = poll.kept_at.is_some_and(|at| now.since(at) > record.stale_after() / REWRITE_AFTER);
        if is_due && let Some(kept) = self.shelf.as_ref().and_then(|shelf| shelf.take_up(record)) {
            self.write(&Kept { fetched_at_ms: now.millis(), ..kept }, poll, now);
        }
    }

    fn write(&self, kept: &Kept, poll: &mut Polling, now: UnixTime) {
        let Some(shelf) = &self.shelf else { return };
        match shelf.keep(kept) {
            Ok(()) => poll.kept_at = Some(now),
            Err(error) => {
                tracing::error!(trust_domain = kept.trust_domain, %error, "a bundle is in force but could not be kept");
            }
        }
    }

    /// Looks for ever at whatever is due. Dropping the future ends it.
    pub(crate) async fn keep_fresh(self: Arc<Self>, current: Current<Issuers>) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let (issuers, now) = (current.load(), self.clock.now());
            for record in issuers.trust_domains().iter().filter(|record| self.is_due(record, now)) {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                self.mark_under_way(record, now);
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

    fn is_due(&self, record: &Arc<TrustDomainRecord>, now: UnixTime) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(told) = told.get(record.name()) else { return true };
        let is_new = !told.record.as_ref().is_some_and(|looked_at| Arc::ptr_eq(looked_at, record));
        told.next.is_none_or(|next| now >= next) || is_new && record.held().bundle().is_none()
    }

    /// Until the look is over nobody begins another.
    fn mark_under_way(&self, record: &Arc<TrustDomainRecord>, now: UnixTime) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.entry(record.name().clone()).or_default();
        told.record = Some(Arc::clone(record));
        told.next = Some(now.plus(Duration::from_secs(60)));
    }

    /// How every trust domain of the snapshot stands, by name.
    pub(crate) fn reports(&self, issuers: &Issuers) -> Vec<Report> {
        let mut reports: Vec<_> = issuers.trust_domains().iter().map(|record| self.report(record)).collect();
        reports.sort_by(|one, other| one.record.name().cmp(other.record.name()));
        reports
    }

    /// How one stands.
    pub(crate) fn report(&self, record: &Arc<TrustDomainRecord>) -> Report {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Told { next, trouble, succeeded, failed, .. } = told.get(record.name()).cloned().unwrap_or_default();
        let state = State::of(record, self.clock.now());
        Report { record: Arc::clone(record), state, next, trouble, succeeded, failed }
    }

    fn poll_of(&self, name: &TrustDomain) -> Arc<tokio::sync::Mutex<Polling>> {
        let mut polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(polls.entry(name.clone()).or_default())
    }

    fn client(&self, reach: &Reach) -> Result<Outbound, OutboundError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(reach) {
            return Ok(client.clone());
        }
        let client = Outbound::new(reach)?;
        clients.insert(reach.clone(), client.clone());
        Ok(client)
    }
}
