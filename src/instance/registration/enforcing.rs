//! Domains for which only the issuers that they list may speak (rule O3).
//!
//! The configuration says so of some, and the records of registered ones say so themselves (`enforce=yes`). What a domain lists is
//! known from the last time that its name servers agreed. Of a domain that the configuration enforces and that nobody could be asked
//! about since the start, only the registered issuers may speak: not knowing must not open what knowing would close.

use std::collections::{BTreeMap, BTreeSet};

use broker::grants::Listings;
use broker::names::DomainName;
use broker::registration::{Listing, ProofMethod, Registration, RegistrationState, Roster, record_name};
use shared::audit::AuditRecord;

use super::evidence;
use super::registrar::{Refusal, Registrar};

impl Registrar {
    /// What is enforced, as far as it is known.
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

    /// Takes in what a domain lists. Where that changes who may speak, the audit log has it first.
    pub(super) async fn note_listing(
        &self,
        domain: &DomainName,
        listing: Option<Listing>,
        evidence: &[String],
    ) -> Result<(), Refusal> {
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
            let observations = self.resolvers.observe(&record_name(domain)).await;
            let listing = Listing::evaluate(self.instance(), &observations, self.resolvers.agreeing(), now);
            let pause = if listing.is_some() { timing.recheck } else { timing.confirm };
            let evidence: Vec<String> = observations.iter().map(evidence::of).collect();
            let writing = self.writing.lock().await;
            if let Err(error) = self.note_listing(domain, listing, &evidence).await {
                tracing::error!(%domain, %error, "what the domain lists is not in force");
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
