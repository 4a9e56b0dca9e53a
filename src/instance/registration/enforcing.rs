//! Domains whose names only the issuers that they list may assert (rule O3).
//!
//! The configuration enforces some domains, and the records of registered ones ask for it themselves (`enforce=yes`).
//! The list of a domain is the one of the last time that its name servers agreed. For a domain that the configuration
//! enforces and whose name servers have not answered since the start, only the registered issuers are accepted: a
//! missing answer must not allow what an answer would forbid.

use std::collections::{BTreeMap, BTreeSet};

use broker::grants::Listings;
use broker::names::DomainName;
use broker::registration::{Listing, ProofMethod, Registration, RegistrationState, Roster, record_name};
use shared::audit::AuditRecord;

use super::evidence;
use super::registrar::{Registrar, RegistrationRefusal};

impl Registrar {
    /// The lists that are enforced, as far as they are known.
    pub(super) fn enforced(&self, seen: &BTreeMap<DomainName, Listing>, roster: &Roster) -> Listings {
        let by_records = roster.iter().filter(|held| says_so(held)).map(|held| &held.claim().domain);
        let configured: BTreeSet<&DomainName> = self.settings().enforce.iter().collect();
        let mut listings = Listings::default();
        for domain in by_records.chain(configured.iter().copied()) {
            match seen.get(domain) {
                Some(listing) if listing.enforce || configured.contains(domain) => {
                    if listing.says_anything() {
                        listings.insert(domain.as_str(), listing.issuers.clone());
                    }
                }
                Some(_) => {}
                None => {
                    let of_domain = roster.iter().filter(|held| is_proven(held) && held.claim().domain == *domain);
                    listings.insert(domain.as_str(), of_domain.map(|held| held.claim().iss.to_string()).collect());
                }
            }
        }
        listings
    }

    /// Takes over the list of a domain. A change of who may assert names goes into the audit log first.
    pub(super) async fn note_listing(
        &self,
        domain: &DomainName,
        listing: Option<Listing>,
        evidence: &[String],
    ) -> Result<(), RegistrationRefusal> {
        let Some(listing) = listing else { return Ok(()) };
        let (roster, mut seen) = (self.roster(), BTreeMap::clone(&self.listings.load()));
        let before = self.enforced(&seen, &roster);
        seen.insert(domain.clone(), listing.clone());
        let is_changed = self.enforced(&seen, &roster) != before;
        let earlier = self.listings.swap(std::sync::Arc::new(seen));
        if !is_changed {
            return Ok(());
        }
        let registered = self.registered(&roster, None);
        let record = AuditRecord::IssuerListing {
            at_ms: self.now().millis(),
            domain: domain.to_string(),
            is_enforced: registered.listings.iter().any(|(enforced, _)| enforced == domain.as_str()),
            issuers: listing.issuers.iter().cloned().collect(),
            evidence: evidence.to_vec(),
        };
        if let Err(error) = self.snapshots.change_registrations(registered, &record).await {
            self.listings.store(earlier);
            return Err(error.into());
        }
        Ok(())
    }

    /// Asks about the domains of the configuration: all at the start, and each again as often as a proof.
    pub(super) async fn look_at_enforced(&self) {
        let (timing, now) = (self.settings().timing, self.now());
        for domain in &self.settings().enforce {
            let due =
                self.enforced_again.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(domain).copied();
            if due.is_some_and(|due| now < due) {
                continue;
            }
            let observations = self.observe_record(&record_name(domain)).await;
            let listing = Listing::evaluate(self.instance(), &observations, self.settings().agreeing(), now);
            let pause = if listing.is_some() { timing.recheck } else { timing.confirm };
            let evidence: Vec<String> = observations.iter().map(evidence::of).collect();
            let writing = self.writing.lock().await;
            if let Err(error) = self.note_listing(domain, listing, &evidence).await {
                tracing::error!(%domain, %error, "the list of issuers of the domain could not be put in force");
            }
            drop(writing);
            let mut again = self.enforced_again.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            again.insert(domain.clone(), now.plus(pause));
        }
    }
}

fn is_proven(registration: &Registration) -> bool {
    registration.state() == RegistrationState::Active && registration.claim().method == ProofMethod::Dns
}

fn says_so(registration: &Registration) -> bool {
    is_proven(registration) && registration.proof().is_some_and(|(proof, _)| proof.enforce)
}
