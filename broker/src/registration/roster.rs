//! All registrations of an instance: which requests are allowed, and the issuer records of those in force.

use std::collections::{BTreeMap, HashMap};

use shared::digest::sha256;

use super::{Claim, NameKind, Registration, RegistrationId, RegistrationRequest, RegistrationState};
use crate::grants::{Grant, Scope};
use crate::issuer::{IssuerSpec, KeySource, Reach, RecordOrigin};
use crate::names::IssuerUrl;
use crate::profile::Profile;

/// How many requests of one person may be pending at a time.
const MAX_PENDING_PER_PERSON: usize = 20;
/// How many registrations an instance keeps.
const MAX_REGISTRATIONS: usize = 10_000;

/// All registrations, by identifier.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    by_id: BTreeMap<RegistrationId, Registration>,
}

/// Why a request is not accepted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RosterError {
    /// The same domain, issuer and account is registered.
    #[error("this is already registered as {id}, which is {state}; `privyseal issuer prove {id}` checks it again")]
    Exists {
        /// The id of the existing registration.
        id: RegistrationId,
        /// The state of the existing registration.
        state: RegistrationState,
    },
    /// O2: the names belong to another registration, which has asserted them.
    #[error("names of {domain} are registered under another key; an administrator must release {id} first (rule O2)")]
    HeldByAnother {
        /// The id of the other registration.
        id: RegistrationId,
        /// The domain of the other registration.
        domain: String,
    },
    /// O2: a released name needs another issuer, or old signatures would pass for new ones.
    #[error("signatures of the former holder name the issuer {iss}; use an issuer of another name (rule O2)")]
    IssuerOfFormerHolder {
        /// The issuer that is to be registered.
        iss: String,
    },
    /// I2: one issuer, one record, one kind of names.
    #[error("{iss} is registered for names of the kind {kind}; one issuer may assert one kind (rule I2)")]
    OtherKind {
        /// The issuer that is to be registered.
        iss: String,
        /// The kind of names that it is already registered for.
        kind: NameKind,
    },
    /// Too many requests are pending.
    #[error("{MAX_PENDING_PER_PERSON} of your requests are pending; wait until one is decided or dropped")]
    TooManyPending,
    /// The instance is full.
    #[error("the instance keeps {MAX_REGISTRATIONS} registrations, which is the most; release some first")]
    Full,
}

impl Roster {
    /// Inserts or replaces a registration.
    pub fn put(&mut self, registration: Registration) {
        self.by_id.insert(registration.id.clone(), registration);
    }

    /// Removes a registration.
    pub fn remove(&mut self, id: &RegistrationId) {
        self.by_id.remove(id);
    }

    /// The registration with this id.
    pub fn find(&self, id: &str) -> Option<&Registration> {
        self.by_id.get(&RegistrationId(id.into()))
    }

    /// All of them, by identifier.
    pub fn iter(&self) -> impl Iterator<Item = &Registration> {
        self.by_id.values()
    }

    /// True if the request may wait for its proof. Returns the registration that already has the same identifier.
    pub fn admit(&self, request: &RegistrationRequest, by: &str) -> Result<Option<&Registration>, RosterError> {
        let claim = request.claim();
        self.check_holders(claim)?;
        let is_kind_of_iss =
            |held: &&Registration| held.claim.iss == claim.iss && held.state != RegistrationState::Tombstoned;
        if let Some(other) = self.iter().filter(is_kind_of_iss).find(|held| held.claim.kind != claim.kind) {
            return Err(RosterError::OtherKind { iss: claim.iss.to_string(), kind: other.claim.kind });
        }
        let own = self.by_id.get(&RegistrationId::of(claim));
        match own.map(|own| own.state) {
            Some(state @ (RegistrationState::Active | RegistrationState::Stale | RegistrationState::Frozen)) => {
                return Err(RosterError::Exists { id: RegistrationId::of(claim), state });
            }
            Some(RegistrationState::Pending | RegistrationState::Tombstoned) => return Ok(own),
            None => {}
        }
        let is_waiting = |held: &&Registration| held.state == RegistrationState::Pending && held.requested_by == by;
        if self.iter().filter(is_waiting).count() >= MAX_PENDING_PER_PERSON {
            return Err(RosterError::TooManyPending);
        }
        if self.by_id.len() >= MAX_REGISTRATIONS {
            return Err(RosterError::Full);
        }
        Ok(None)
    }

    /// O2: no one else has asserted these names, or an administrator released them. Asked when a request comes and
    /// again before it becomes active: two may have been pending at the same time.
    pub fn check_holders(&self, claim: &Claim) -> Result<(), RosterError> {
        let others = self.iter().filter(|held| held.was_active && held.claim.account != claim.account);
        others.filter(|held| held.claim.overlaps(claim)).try_for_each(|held| check_release(held, &claim.iss))
    }

    /// The records of all active registrations: one for each issuer, with the grants that were proven and nothing else.
    pub fn specs(&self, reach: impl Fn(&Registration) -> Reach) -> Vec<IssuerSpec> {
        let mut by_iss: HashMap<&IssuerUrl, Vec<&Registration>> = HashMap::new();
        for registration in self.iter().filter(|registration| registration.state == RegistrationState::Active) {
            by_iss.entry(&registration.claim.iss).or_default().push(registration);
        }
        let mut specs: Vec<_> = by_iss.into_iter().filter_map(|(iss, all)| spec(iss, &all, &reach)).collect();
        specs.sort_by(|a, b| a.id.cmp(&b.id));
        specs
    }
}

fn check_release(held: &Registration, iss: &IssuerUrl) -> Result<(), RosterError> {
    match &held.release {
        None => Err(RosterError::HeldByAnother { id: held.id.clone(), domain: held.claim.domain.to_string() }),
        Some(release) if !release.keeps_issuer && held.claim.iss == *iss => {
            Err(RosterError::IssuerOfFormerHolder { iss: iss.to_string() })
        }
        Some(_) => Ok(()),
    }
}

fn spec(iss: &IssuerUrl, all: &[&Registration], reach: &impl Fn(&Registration) -> Reach) -> Option<IssuerSpec> {
    let first = all.first()?;
    let profile = match first.claim.kind {
        NameKind::Email => Profile::Human,
        NameKind::Spiffe => Profile::Spiffe,
        NameKind::Uri => Profile::Uri,
    };
    // O1: one label for each issuer, the same for as long as it is registered, even if another owner registers it for
    // more domains.
    let id = format!("registered-{}", hex::encode(&sha256(iss.as_str().as_bytes())[..8]));
    let mut spec = IssuerSpec::new(&id, iss.clone(), profile, KeySource::Discovery);
    for grant in all.iter().filter_map(|registration| grant(registration)) {
        if !spec.grants.contains(&grant) {
            spec.grants.push(grant);
        }
    }
    // D1: what an administrator approved counts as an administrator's record; below an unknown top-level
    // domain, nothing becomes active without it.
    let is_approved = all.iter().all(|registration| registration.approved_by.is_some());
    spec.origin = if is_approved { RecordOrigin::Configured } else { RecordOrigin::Registered };
    spec.reach = reach(first);
    Some(spec)
}

/// What was requested and proven.
fn grant(registration: &Registration) -> Option<Grant> {
    let (proof, _) = registration.proof.as_ref()?;
    let domain = registration.claim.domain.clone();
    match registration.claim.kind {
        NameKind::Email => {
            let subdomains = registration.claim.subdomains && proof.subdomains;
            Some(Grant::exclusive(Scope::EmailDomain { domain, subdomains }))
        }
        // The host in its own spelling is a URI prefix.
        NameKind::Uri => Grant::uri_prefix(&format!("https://{domain}")).ok(),
        // The trust domain of exactly that name: those below are other trust domains, each to be proven by itself.
        NameKind::Spiffe => Grant::spiffe(&format!("spiffe://{domain}")).ok(),
    }
}
