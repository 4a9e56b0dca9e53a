//! The only writer of registrations.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use broker::issuer::{IssuerSpec, Reach};
use broker::names::DomainName;
use broker::registration::{
    Claim, InstanceName, LifeChange, LifeError, LifeEvent, Listing, Observation, ProofFinding, ProofMethod,
    Registration, RegistrationRequest, RegistrationRequestError, RegistrationState, RequestPolicy, Roster, RosterError,
    SourceAnswer, StatementError, evaluate,
};
use shared::audit::{Actor, AuditRecord, RegistrationEvent};
use shared::log::{AppendError, Log};
use shared::store::Store;
use shared::time::{Clock, UnixTime};

use super::evidence;
use super::replay::{self, DROPPED, ReplayError};
use crate::feature::{Feature, NotBuilt};
use crate::instance::assemble::RegistrationSettings;
use crate::instance::snapshots::{ChangeError, RegisteredIssuers, Snapshots};
use crate::outbound::domain_proofs::document;

/// The actor of checks that nobody asked for, as `Actor::System` of the audit log is called.
pub(super) const SYSTEM: &str = "system";

/// Keeps all registrations.
pub(crate) struct Registrar {
    instance: InstanceName,
    settings: RegistrationSettings,
    /// Locked while a registration changes, so that each change sees the one before. The value is how many leaves of
    /// the audit log the store covers.
    pub(super) writing: tokio::sync::Mutex<u64>,
    roster: ArcSwap<Roster>,
    /// Registered issuers that conflict with a configuration which changed while the server was stopped.
    left_out: ArcSwap<HashSet<String>>,
    /// The lists of domains that were seen since the start.
    pub(super) listings: ArcSwap<BTreeMap<DomainName, Listing>>,
    /// When the domains that the configuration enforces are checked again.
    pub(super) enforced_again: Mutex<HashMap<DomainName, UnixTime>>,
    audit: Log,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    pub(super) snapshots: Arc<Snapshots>,
}

/// What a registrar is made from.
pub(crate) struct RegistrarParts {
    /// The instance's own name.
    pub(crate) instance: String,
    pub(crate) settings: RegistrationSettings,
    pub(crate) audit: Log,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) snapshots: Arc<Snapshots>,
}

/// Why a registration was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistrationRefusal {
    #[error(transparent)]
    Request(#[from] RegistrationRequestError),
    #[error(transparent)]
    Roster(#[from] RosterError),
    #[error(transparent)]
    Life(#[from] LifeError),
    /// I2: the operator's own record has precedence.
    #[error(
        "{0} is in the configuration of this instance, so it cannot be registered; the operator grants it names there \
         (rule I2)"
    )]
    Configured(String),
    /// It is to be proven by what this build cannot ask.
    #[error(transparent)]
    NotBuilt(#[from] NotBuilt),
    #[error("there is no registration {0:?}")]
    Unknown(String),
    /// X1 and other conflicts with existing records, or an audit log that cannot be written.
    #[error(transparent)]
    Change(#[from] ChangeError),
    #[error("the audit log could not record the change, so nothing was changed: {0}")]
    Audit(#[from] AppendError),
}

/// Why the registrations cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistrarError {
    #[error("the name of this instance cannot be used in registrations: {0}")]
    Instance(#[from] StatementError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    Change(#[from] RegistrationRefusal),
}

/// The audit log's name of an event. A check without an answer changes nothing and is not recorded.
fn recorded(event: LifeEvent) -> Option<RegistrationEvent> {
    match event {
        LifeEvent::Requested => Some(RegistrationEvent::Requested),
        LifeEvent::Approved => Some(RegistrationEvent::Approved),
        LifeEvent::Proved => Some(RegistrationEvent::Proved),
        LifeEvent::Denied => Some(RegistrationEvent::Denied),
        LifeEvent::Unanswered => None,
        LifeEvent::Froze => Some(RegistrationEvent::Froze),
        LifeEvent::Elapsed => Some(RegistrationEvent::Elapsed),
        LifeEvent::Released => Some(RegistrationEvent::Released),
    }
}

impl Registrar {
    /// Loads the registrations, puts them in force, and ends those that expired while the server was stopped.
    pub(crate) async fn open(parts: RegistrarParts) -> Result<Self, RegistrarError> {
        let (store, audit, now) = (parts.store.clone(), parts.audit.clone(), parts.clock.now());
        let loaded = tokio::task::spawn_blocking(move || {
            let cursor = audit.size();
            replay::load(&*store, &audit, now).map(|roster| (roster, cursor))
        });
        let (roster, cursor) = loaded.await.expect("reading does not panic")?;
        let registrar = Self {
            instance: InstanceName::parse(&parts.instance)?,
            settings: parts.settings,
            writing: tokio::sync::Mutex::new(cursor),
            roster: ArcSwap::from_pointee(roster),
            left_out: ArcSwap::default(),
            listings: ArcSwap::default(),
            enforced_again: Mutex::default(),
            audit: parts.audit,
            store: parts.store,
            clock: parts.clock,
            snapshots: parts.snapshots,
        };
        registrar.tell_unprovable();
        registrar.put_in_force().await;
        registrar.let_time_pass().await?;
        Ok(registrar)
    }

    /// The name of this instance, which owners put into their records.
    pub(crate) fn instance(&self) -> &InstanceName {
        &self.instance
    }

    /// How registrations are handled here.
    pub(crate) fn settings(&self) -> &RegistrationSettings {
        &self.settings
    }

    pub(super) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// All registrations as they are now.
    pub(crate) fn roster(&self) -> Arc<Roster> {
        self.roster.load_full()
    }

    /// One of them.
    pub(crate) fn find(&self, id: &str) -> Result<Registration, RegistrationRefusal> {
        self.roster.load().find(id).cloned().ok_or_else(|| RegistrationRefusal::Unknown(id.chars().take(64).collect()))
    }

    /// Reads a request; it changes nothing yet.
    pub(crate) fn read(&self, jws: &[u8]) -> Result<RegistrationRequest, RegistrationRefusal> {
        let policy =
            RequestPolicy { instance: self.instance.clone(), danger_loopback_http: self.settings.danger_loopback_http };
        Ok(RegistrationRequest::parse(jws, &policy, self.clock.now())?)
    }

    /// Accepts a request. A repeated request returns the registration that exists.
    pub(crate) async fn request(
        &self,
        request: &RegistrationRequest,
        by: &str,
    ) -> Result<Registration, RegistrationRefusal> {
        let mut writing = self.writing.lock().await;
        let (roster, now) = (self.roster(), self.clock.now());
        let claim = request.claim();
        if claim.method == ProofMethod::Dns && self.settings.resolvers.is_none() {
            return Err(NotBuilt(Feature::DnsProofs).into());
        }
        let is_registered =
            |held: &&Registration| held.claim().iss == claim.iss && held.state() == RegistrationState::Active;
        let issuers = &self.snapshots.current().issuers;
        if roster.iter().find(is_registered).is_none() && !issuers.of(claim.iss.as_str()).is_empty() {
            return Err(RegistrationRefusal::Configured(claim.iss.to_string()));
        }
        let change = match roster.admit(request, by)? {
            Some(waiting) if waiting.state() == RegistrationState::Pending => return Ok(waiting.clone()),
            Some(tombstone) => tombstone.renew(request, by, now),
            None => Registration::request(request, by, self.settings.needs_approval, now),
        };
        self.apply(&mut writing, change, by, Vec::new()).await
    }

    /// Asks the domain now.
    pub(crate) async fn check(&self, id: &str, by: &str) -> Result<(Registration, ProofFinding), RegistrationRefusal> {
        let observations = self.observe(self.find(id)?.claim()).await;
        let mut writing = self.writing.lock().await;
        // It may have changed while the domain was asked.
        let (registration, now) = (self.find(id)?, self.clock.now());
        let evidence: Vec<String> = observations.iter().map(evidence::of).collect();
        let (claim, needed) = (registration.claim(), self.settings.agreeing());
        if claim.method == ProofMethod::Dns {
            let listing = Listing::evaluate(&self.instance, &observations, needed, now);
            self.note_listing(&claim.domain, listing, &evidence).await?;
        }
        let finding = evaluate(registration.claim(), &self.instance, &observations, needed, now);
        let change = registration.checked(&finding, &self.settings.timing, now)?;
        Ok((self.apply(&mut writing, change, by, evidence).await?, finding))
    }

    async fn observe(&self, claim: &Claim) -> Vec<Observation> {
        match claim.method {
            ProofMethod::Dns => self.observe_record(&claim.record_name()).await,
            ProofMethod::WellKnown => {
                let reach = self.reach(claim.domain.as_str());
                vec![document::observe(claim.domain.as_str(), &claim.document_url(), &reach).await]
            }
        }
    }

    /// Asks the name servers. In a build that cannot, that is no answer: proofs of before count until they are stale.
    pub(super) async fn observe_record(&self, name: &str) -> Vec<Observation> {
        match &self.settings.resolvers {
            Some(resolvers) => resolvers.observe(name).await,
            None => {
                let answer = SourceAnswer::Failed(NotBuilt(Feature::DnsProofs).to_string());
                vec![Observation { source: "name servers".to_owned(), answer }]
            }
        }
    }

    /// Changes a registration by what `decide` makes of it.
    pub(crate) async fn change(
        &self,
        id: &str,
        by: &str,
        decide: impl FnOnce(&Registration, UnixTime) -> Result<LifeChange, LifeError>,
    ) -> Result<Registration, RegistrationRefusal> {
        let mut writing = self.writing.lock().await;
        let change = decide(&self.find(id)?, self.clock.now())?;
        self.apply(&mut writing, change, by, Vec::new()).await
    }

    /// Makes all changes that depend only on the time.
    pub(super) async fn let_time_pass(&self) -> Result<(), RegistrationRefusal> {
        let (timing, now) = (&self.settings.timing, self.clock.now());
        if self.roster.load().iter().all(|registration| registration.elapsed(timing, now).is_none()) {
            return Ok(());
        }
        let mut writing = self.writing.lock().await;
        let changes: Vec<_> = self.roster.load().iter().filter_map(|held| held.elapsed(timing, now)).collect();
        for change in changes {
            self.apply(&mut writing, change, SYSTEM, Vec::new()).await?;
        }
        Ok(())
    }

    /// Audit log, in force, store: in this order. A check without an answer changes nothing and is not logged.
    async fn apply(
        &self,
        cursor: &mut u64,
        change: LifeChange,
        by: &str,
        evidence: Vec<String>,
    ) -> Result<Registration, RegistrationRefusal> {
        let LifeChange { event, from, next, is_dropped } = change;
        let mut roster = Roster::clone(&self.roster.load());
        let before = roster.find(next.id().as_str()).cloned();
        if next.state() == RegistrationState::Active && from != Some(RegistrationState::Active) {
            roster.check_holders(next.claim())?;
        }
        let to = if is_dropped { DROPPED } else { next.state().name() };
        match is_dropped {
            true => roster.remove(&next.id().clone()),
            false => roster.put(next.clone()),
        }
        if let Some(event) = recorded(event) {
            let record = AuditRecord::IssuerRegistration {
                at_ms: self.clock.now().millis(),
                registration: next.id().to_string(),
                event,
                by: Actor::from(by.to_owned()),
                from: from.map(|state| state.name().to_owned()).unwrap_or_default(),
                to: to.to_owned(),
                evidence,
                image: serde_json::from_str(&next.to_json()).expect("an image is JSON"),
            };
            let receipt = match before.as_ref().and_then(granted) == granted(&next) {
                true => self.audit.append(record.to_leaf()).await?,
                false => self.snapshots.change_registrations(self.registered(&roster, Some(&next)), &record).await?,
            };
            *cursor = receipt.index() + 1;
        }
        if next.state() == RegistrationState::Active && self.left_out.load().contains(next.claim().iss.as_str()) {
            self.left_out.rcu(|left_out| {
                left_out.iter().filter(|iss| **iss != *next.claim().iss.as_str()).cloned().collect::<HashSet<_>>()
            });
        }
        if from != Some(next.state()) {
            let claim = next.claim();
            tracing::info!(
                id = %next.id(), domain = %claim.domain, issuer = %claim.iss, to, by,
                "the registration of an issuer changed its state"
            );
        }
        self.roster.store(Arc::new(roster));
        self.keep(&next, is_dropped, *cursor).await;
        Ok(next)
    }

    /// The store is only the quicker way to what the audit log holds: where it fails, the next start reads the log.
    async fn keep(&self, registration: &Registration, is_dropped: bool, cursor: u64) {
        let (store, now) = (self.store.clone(), self.clock.now());
        let (id, kept) = (registration.id().to_string(), (!is_dropped).then(|| registration.clone()));
        let kept = tokio::task::spawn_blocking(move || replay::keep(&*store, &id, kept.as_ref(), cursor, now)).await;
        if let Ok(Err(error)) = kept {
            tracing::error!(%error, "a registration could not be stored; the next start reads it from the audit log");
        }
    }

    /// The records of all active issuers. One that was left out at the start stays out until it is proven or approved
    /// again.
    pub(super) fn registered(&self, roster: &Roster, changed: Option<&Registration>) -> RegisteredIssuers {
        let listings = self.enforced(&self.listings.load(), roster);
        RegisteredIssuers { specs: self.specs(roster, changed), listings }
    }

    fn specs(&self, roster: &Roster, changed: Option<&Registration>) -> Vec<IssuerSpec> {
        let mut specs = roster.specs(|registration| self.reach(registration.claim().iss.url().host()));
        let changed =
            changed.filter(|changed| changed.state() == RegistrationState::Active).map(|changed| &changed.claim().iss);
        let left_out = self.left_out.load();
        specs.retain(|spec| changed == Some(&spec.iss) || !left_out.contains(spec.iss.as_str()));
        specs
    }

    /// Which addresses may be used for a host: private ones only where the operator allows it.
    fn reach(&self, host: &str) -> Reach {
        let is_inside = |domain: &DomainName| {
            let rest = host.strip_suffix(domain.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let internal = self.settings.internal_domains.iter().any(is_inside);
        Reach {
            ca_pem: self.settings.internal_ca_pem.clone().filter(|_| internal),
            internal,
            danger_loopback_http: self.settings.danger_loopback_http,
        }
    }

    /// At the start: what was proven in another build, and cannot be in this one.
    fn tell_unprovable(&self) {
        if self.settings.resolvers.is_some() {
            return;
        }
        let roster = self.roster.load();
        let by_dns = roster
            .iter()
            .filter(|held| held.state() == RegistrationState::Active && held.claim().method == ProofMethod::Dns);
        for registration in by_dns {
            let (id, why) = (registration.id(), NotBuilt(Feature::DnsProofs));
            tracing::warn!(%id, %why, "its proof is not looked at again, and ends when it is stale");
        }
    }

    /// At the start: all that is active. What does not go with the configuration any more, which may have changed while
    /// nobody was here, is left out and told; the configuration is the operator's word.
    async fn put_in_force(&self) {
        let RegisteredIssuers { specs: all, listings } = self.registered(&self.roster(), None);
        let put = async |specs| {
            let listings = listings.clone();
            self.snapshots.put_registrations_in_force(RegisteredIssuers { specs, listings }).await
        };
        if put(all.clone()).await.is_ok() {
            return;
        }
        let (mut fitting, mut left_out) = (Vec::new(), HashSet::new());
        for spec in all {
            let iss = spec.iss.to_string();
            let more: Vec<IssuerSpec> = fitting.iter().cloned().chain([spec]).collect();
            match put(more.clone()).await {
                Ok(()) => fitting = more,
                Err(error) => {
                    tracing::error!(
                        iss, %error,
                        "a registered issuer conflicts with the configuration and is not in force"
                    );
                    left_out.insert(iss);
                }
            }
        }
        self.left_out.store(Arc::new(left_out));
    }

    /// True if the registration is active and yet not in force.
    pub(crate) fn is_left_out(&self, registration: &Registration) -> bool {
        registration.state() == RegistrationState::Active
            && self.left_out.load().contains(registration.claim().iss.as_str())
    }
}

/// What a registration grants and forbids, as far as a change can alter it.
fn granted(registration: &Registration) -> Option<(bool, bool)> {
    let proof = registration.proof().filter(|_| registration.state() == RegistrationState::Active);
    proof.map(|(proof, _)| (proof.subdomains, proof.enforce))
}
