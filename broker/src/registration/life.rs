//! The life of a registration: pending, active, stale, frozen, tombstoned.
//!
//! ```text
//! pending ──proof and approval──▶ active ──72 h without proof──▶ stale
//!                                  ▲  │ ◀──────proof──────────────┘ │
//!                                  │  └─no, twice; or by hand─▶ frozen ◀┘
//!                                  └──────proof by hand──────────┘ │
//!              any but pending ──`until`, or 90 days without proof─┴─▶ tombstoned
//! ```
//!
//! A function of the registration and one event makes a [`LifeChange`]; nothing changes by itself. Only `active` may
//! assert names. A tombstone stays forever: signatures outlive registrations, and their verifiers must not find the
//! name in other hands (rule O2).

use shared::time::UnixTime;

use super::excerpt::cut;
use super::{Claim, Proof, ProofFinding, RegistrationRequest, Timing};

/// The identifier of a registration: made from domain, issuer and account, so the same request is the same
/// registration.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RegistrationId(pub(super) Box<str>);

impl RegistrationId {
    /// The identifier, 20 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RegistrationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The state of a registration.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RegistrationState {
    /// Requested; may assert nothing.
    Pending,
    /// Proven and approved; may assert its names.
    Active,
    /// Not proven for long; may assert nothing until it is proven again.
    Stale,
    /// Stopped: the domain withdrew its record, or a person froze it.
    Frozen,
    /// Ended, and kept: no one else gets the names without an administrator.
    Tombstoned,
}

impl RegistrationState {
    const ALL: [Self; 5] = [Self::Pending, Self::Active, Self::Stale, Self::Frozen, Self::Tombstoned];

    /// As audit records and the API write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Stale => "stale",
            Self::Frozen => "frozen",
            Self::Tombstoned => "tombstoned",
        }
    }

    /// Whether a registration in this state may assert names.
    pub const fn may_assert(self) -> bool {
        matches!(self, Self::Active)
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl std::fmt::Display for RegistrationState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A registration: one domain's authorization of one issuer, and its state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Registration {
    pub(super) id: RegistrationId,
    pub(super) claim: Claim,
    pub(super) state: RegistrationState,
    pub(super) since: UnixTime,
    /// Why it is in this state, as text.
    pub(super) reason: String,
    pub(super) requested_at: UnixTime,
    pub(super) requested_by: String,
    pub(super) needs_approval: bool,
    /// It has asserted its names: signatures may exist that say so.
    pub(super) was_active: bool,
    pub(super) approved_by: Option<String>,
    /// The last proof, and when it was seen.
    pub(super) proof: Option<(Proof, UnixTime)>,
    /// The first denial since the last proof.
    pub(super) denied_at: Option<UnixTime>,
    pub(super) checked_at: Option<UnixTime>,
    /// The result of the last check, as text.
    pub(super) last_check: String,
    pub(super) release: Option<RegistrationRelease>,
}

/// An administrator's permission to give a tombstone's names to another key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegistrationRelease {
    /// The administrator who released it.
    pub by: String,
    /// Also under the same issuer: the owner is the same and lost the key. Otherwise the new registration needs an
    /// issuer of another name, so that old signatures cannot be taken for new ones.
    pub keeps_issuer: bool,
}

/// The event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LifeEvent {
    /// A registrant made the request.
    Requested,
    /// An administrator approved it.
    Approved,
    /// A check found the proof.
    Proved,
    /// A check got a denial.
    Denied,
    /// A check got no answer.
    Unanswered,
    /// A person stopped it.
    Froze,
    /// Time passed.
    Elapsed,
    /// An administrator released the names.
    Released,
}

impl LifeEvent {
    /// As audit records write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Proved => "proved",
            Self::Denied => "denied",
            Self::Unanswered => "unanswered",
            Self::Froze => "froze",
            Self::Elapsed => "elapsed",
            Self::Released => "released",
        }
    }
}

/// A registration as it will be. It takes effect only after the audit log has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LifeChange {
    /// The event.
    pub event: LifeEvent,
    /// The state before; none for a registration that is new.
    pub from: Option<RegistrationState>,
    /// What it becomes. None: a request that was never granted is dropped without a trace but the audit log's.
    pub next: Registration,
    /// True if the registration is dropped.
    pub is_dropped: bool,
}

/// Why a registration in its present state does not allow a change.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LifeError {
    /// It is tombstoned.
    #[error("the registration is tombstoned; make a new request")]
    Tombstoned,
    /// It is stopped or unproven, and approving changes nothing.
    #[error("the domain's proof has not been seen recently; prove it first")]
    ProofTooOld,
    /// It was approved before.
    #[error("the registration is already approved")]
    Approved,
    /// It was never active.
    #[error("the registration was never active; there is nothing to freeze or release")]
    NeverActive,
    /// It is frozen.
    #[error("the registration is already frozen")]
    Frozen,
    /// It may still assert its names.
    #[error("the registration can still assert its names; freeze it first")]
    StillAsserts,
}

impl Registration {
    /// A new one.
    pub fn request(request: &RegistrationRequest, by: &str, needs_approval: bool, now: UnixTime) -> LifeChange {
        let claim = request.claim().clone();
        let next = Self {
            id: RegistrationId::of(&claim),
            claim,
            state: RegistrationState::Pending,
            since: now,
            reason: "requested".to_owned(),
            requested_at: now,
            requested_by: cut(by.to_owned(), 254),
            needs_approval: needs_approval || request.needs_approval(),
            was_active: false,
            approved_by: None,
            proof: None,
            denied_at: None,
            checked_at: None,
            last_check: String::new(),
            release: None,
        };
        LifeChange { event: LifeEvent::Requested, from: None, next, is_dropped: false }
    }

    /// A tombstone that begins again: the same domain, issuer and account. It waits for an administrator in any case.
    pub fn renew(&self, request: &RegistrationRequest, by: &str, now: UnixTime) -> LifeChange {
        let fresh = Self::request(request, by, true, now);
        LifeChange { from: Some(self.state), next: Self { was_active: self.was_active, ..fresh.next }, ..fresh }
    }

    /// Applies the result of a check.
    pub fn checked(&self, finding: &ProofFinding, timing: &Timing, now: UnixTime) -> Result<LifeChange, LifeError> {
        if self.state == RegistrationState::Tombstoned {
            return Err(LifeError::Tombstoned);
        }
        let mut next = self.clone();
        next.checked_at = Some(now);
        let event = match finding {
            ProofFinding::Proved(proof) => {
                next.last_check = "proved".to_owned();
                next.proof = Some((proof.clone(), now));
                next.denied_at = None;
                if next.is_approved() {
                    next.enter(RegistrationState::Active, "proven", now);
                }
                LifeEvent::Proved
            }
            ProofFinding::Absent(absence, misfit) => {
                let why = match misfit {
                    Some(misfit) => format!("{absence}: {misfit}"),
                    None => absence.to_string(),
                };
                next.last_check = cut(why, 300);
                next.deny(timing, now);
                LifeEvent::Denied
            }
            ProofFinding::Unknown(doubt) => {
                next.last_check = cut(doubt.to_string(), 300);
                LifeEvent::Unanswered
            }
        };
        Ok(self.change(event, next))
    }

    /// The first no is only written down; the second, after the pause, freezes.
    fn deny(&mut self, timing: &Timing, now: UnixTime) {
        match (self.state, self.denied_at) {
            (RegistrationState::Pending, _) => self.proof = None,
            (RegistrationState::Active | RegistrationState::Stale, None) => self.denied_at = Some(now),
            (RegistrationState::Active | RegistrationState::Stale, Some(first))
                if now.since(first) >= timing.confirm =>
            {
                self.enter(RegistrationState::Frozen, "the domain took its word back", now);
            }
            _ => {}
        }
    }

    /// What the passing of time does to it: nothing, for most of the time.
    pub fn elapsed(&self, timing: &Timing, now: UnixTime) -> Option<LifeChange> {
        let mut next = self.clone();
        let unproven = self.proof.as_ref().map(|(_, at)| now.since(*at));
        let ended = self.proof.as_ref().and_then(|(proof, _)| proof.until).is_some_and(|until| until <= now);
        match self.state {
            RegistrationState::Pending if now.since(self.since) >= timing.pending_for && self.was_active => {
                next.enter(RegistrationState::Tombstoned, "it was not proved and approved in time", now);
            }
            RegistrationState::Pending if now.since(self.since) >= timing.pending_for => {
                let next = Self { reason: "it was not proved and approved in time".to_owned(), since: now, ..next };
                return Some(LifeChange { event: LifeEvent::Elapsed, from: Some(self.state), next, is_dropped: true });
            }
            RegistrationState::Pending | RegistrationState::Tombstoned => return None,
            _ if ended => next.enter(RegistrationState::Tombstoned, "the domain's word ended (its \"until\")", now),
            _ if unproven.is_none_or(|span| span >= timing.expire_after) => {
                next.enter(RegistrationState::Tombstoned, "not proven for too long", now);
            }
            RegistrationState::Active if unproven.is_none_or(|span| span >= timing.stale_after) => {
                next.enter(RegistrationState::Stale, "not proven lately", now);
            }
            RegistrationState::Active | RegistrationState::Stale | RegistrationState::Frozen => return None,
        }
        Some(self.change(LifeEvent::Elapsed, next))
    }

    /// An administrator approves. It needs a proof that was seen lately if the registration is to be active at once; a
    /// pending one may be approved before it is proven.
    pub fn approve(&self, by: &str, timing: &Timing, now: UnixTime) -> Result<LifeChange, LifeError> {
        let is_fresh = self.proof.as_ref().is_some_and(|(proof, at)| {
            now.since(*at) < timing.stale_after && proof.until.is_none_or(|until| now < until)
        });
        let mut next = self.clone();
        match self.state {
            RegistrationState::Tombstoned => return Err(LifeError::Tombstoned),
            RegistrationState::Frozen if !is_fresh => return Err(LifeError::ProofTooOld),
            RegistrationState::Active | RegistrationState::Stale if self.approved_by.is_some() => {
                return Err(LifeError::Approved);
            }
            RegistrationState::Pending if self.approved_by.is_some() => return Err(LifeError::Approved),
            _ => {}
        }
        next.approved_by = Some(cut(by.to_owned(), 254));
        next.needs_approval = true;
        if is_fresh {
            next.enter(RegistrationState::Active, "approved", now);
        }
        Ok(self.change(LifeEvent::Approved, next))
    }

    /// Stops it at once. After an administrator's freeze it needs an administrator's approval again.
    pub fn freeze(&self, by: &str, is_admin: bool, reason: &str, now: UnixTime) -> Result<LifeChange, LifeError> {
        match self.state {
            RegistrationState::Tombstoned => return Err(LifeError::Tombstoned),
            RegistrationState::Pending => return Err(LifeError::NeverActive),
            RegistrationState::Frozen if !is_admin || !self.is_approved() => return Err(LifeError::Frozen),
            RegistrationState::Active | RegistrationState::Stale | RegistrationState::Frozen => {}
        }
        let mut next = self.clone();
        if is_admin {
            next.approved_by = None;
            next.needs_approval = true;
        }
        next.enter(RegistrationState::Frozen, &format!("frozen by {by}: {reason}"), now);
        Ok(self.change(LifeEvent::Froze, next))
    }

    /// An administrator's leave to register the names under another key.
    pub fn release(&self, by: &str, keeps_issuer: bool, now: UnixTime) -> Result<LifeChange, LifeError> {
        let mut next = self.clone();
        match self.state {
            RegistrationState::Pending => return Err(LifeError::NeverActive),
            RegistrationState::Active | RegistrationState::Stale => return Err(LifeError::StillAsserts),
            RegistrationState::Frozen => next.enter(RegistrationState::Tombstoned, &format!("released by {by}"), now),
            RegistrationState::Tombstoned => {}
        }
        next.release = Some(RegistrationRelease { by: cut(by.to_owned(), 254), keeps_issuer });
        Ok(self.change(LifeEvent::Released, next))
    }

    /// When it wants to be checked next. Frozen ones and tombstones are not; pending ones only on request.
    pub fn next_check(&self, timing: &Timing) -> Option<UnixTime> {
        if !matches!(self.state, RegistrationState::Active | RegistrationState::Stale) {
            return None;
        }
        let checked = self.checked_at.unwrap_or(self.requested_at);
        let proved = self.proof.as_ref().map(|(_, at)| *at);
        Some(match self.denied_at {
            Some(first) if checked <= first => first.plus(timing.confirm),
            _ if proved == Some(checked) => checked.plus(timing.recheck),
            _ => checked.plus(timing.retry),
        })
    }

    fn is_approved(&self) -> bool {
        self.approved_by.is_some() || !self.needs_approval
    }

    fn enter(&mut self, state: RegistrationState, reason: &str, now: UnixTime) {
        if self.state != state {
            self.since = now;
            self.state = state;
            self.reason = cut(reason.to_owned(), 300);
        }
        self.was_active |= state == RegistrationState::Active;
        if state != RegistrationState::Active {
            self.denied_at = None;
        }
    }

    fn change(&self, event: LifeEvent, next: Self) -> LifeChange {
        LifeChange { event, from: Some(self.state), next, is_dropped: false }
    }

    /// The registration's identifier.
    pub fn id(&self) -> &RegistrationId {
        &self.id
    }

    /// The claim that the owner made.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Its state.
    pub fn state(&self) -> RegistrationState {
        self.state
    }

    /// Since when.
    pub fn since(&self) -> UnixTime {
        self.since
    }

    /// Why it is in this state, as text.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// True if it ever spoke: its names are its own until an administrator releases them.
    pub fn was_active(&self) -> bool {
        self.was_active
    }

    /// The e-mail address of the person who requested it.
    pub fn requested_by(&self) -> &str {
        &self.requested_by
    }

    /// The administrator who approved it, if anyone has.
    pub fn approved_by(&self) -> Option<&str> {
        self.approved_by.as_deref()
    }

    /// True if an administrator must still approve.
    pub fn awaits_approval(&self) -> bool {
        matches!(self.state, RegistrationState::Pending | RegistrationState::Frozen) && !self.is_approved()
    }

    /// The last yes of the domain, and when it was seen.
    pub fn proof(&self) -> Option<&(Proof, UnixTime)> {
        self.proof.as_ref()
    }

    /// The result of the last check, and when it was.
    pub fn last_check(&self) -> Option<(&str, UnixTime)> {
        self.checked_at.map(|at| (self.last_check.as_str(), at))
    }

    /// An administrator's permission to give the names to another key.
    pub fn release_given(&self) -> Option<&RegistrationRelease> {
        self.release.as_ref()
    }
}
