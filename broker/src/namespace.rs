//! Which asserter may assert which name: default deny, and every name belongs to one asserter.
//!
//! An asserter is the record of an issuer, or a connector of our own provider. Grants give it names: the addresses of a
//! domain, one address, the URIs below a prefix. Grants of two asserters that overlap are a configuration error (rule
//! X1) unless both say `shared`, so at most one asserter is ever asked about a name and the order of records means
//! nothing.
//!
//! **Local users.** The connector that keeps them holds [`Scope::LocalAccounts`]: it may assert exactly the addresses
//! that the operator gave to users, which only the provider's store knows and which change while we run. That is sound
//! without a look at the store, because a token that names this connector exists only if the provider, in this
//! process, found the user there. What a grant gives to someone else is taken out of it: such an address is refused
//! (X1) at login and at the CA alike, even if the user was added before the grant. [`Rules::owner_of`] warns
//! the administrator who adds a user.
//!
//! **Order.** Pins, patterns, what the profile makes of the claims, the grant of exactly that name, and at last the
//! record's own expression, which can only refuse.
//!
//! Does not: prove that a domain wants an issuer.

mod build;
mod conflict;
mod decision;
mod denied;
mod email_index;
mod holdings;
mod overlap;
mod permit;
mod uri_index;
pub mod vectors;

use std::collections::HashMap;
use std::sync::Arc;

use shared::excerpt::excerpt;

pub use conflict::RegistryConflict;
pub use denied::Denied;
pub use overlap::Overlap;
pub use permit::{LoginPermit, Permit, VerifiedCredential};

use crate::grants::{Asserter, Grant, Listings, Scope, WORKLOADS};
use crate::issuer::Issuer;
use crate::jose::Claims;
use crate::names::{DomainName, EmailAddress, Name, Rule, SpiffeId, UriName, Username};
use crate::profile::{Claimed, Profile, verified_address};
use crate::svid::VerifiedSvid;
use crate::token::VerifiedToken;
use crate::trust_domain::TrustDomainRecord;
use decision::Decision;
use email_index::EmailIndex;
use holdings::{AsserterIndex, Holding, Holdings};
use uri_index::UriIndex;

/// All grants, arranged so that a decision costs a few look-ups however many records there are.
pub struct Rules {
    asserters: Vec<AsserterEntry>,
    by_record: HashMap<Box<str>, AsserterIndex>,
    by_connector: HashMap<Box<str>, AsserterIndex>,
    by_trust_domain: HashMap<Box<str>, AsserterIndex>,
    emails: EmailIndex,
    spiffe: UriIndex,
    uris: UriIndex,
    usernames: HashMap<DomainName, Holdings>,
    listings: Listings,
}

struct AsserterEntry {
    asserter: Asserter,
    grants: Vec<Grant>,
    /// None for a connector.
    record: Option<AsserterRecord>,
    keeps_local_accounts: bool,
}

/// The record of an asserter.
enum AsserterRecord {
    Issuer(Arc<Issuer>),
    TrustDomain(Arc<TrustDomainRecord>),
}

impl Rules {
    /// Decides which name the token's asserter may assert. The permit owns the token: what was checked is what is used.
    pub fn permit(&self, token: VerifiedToken) -> Result<Permit, Denied> {
        let record = self.record_of(&token)?;
        for pin in token.issuer().pins() {
            pin.check(token.claims())?;
        }
        for condition in token.issuer().conditions() {
            condition.check(token.claims())?;
        }
        let claimed_as = |profile: &Profile| profile.claim(token.subject(), token.claims());
        // Only our own provider passes on the assertions of others: of its connectors, and of trust domains whose
        // workloads presented an SVID.
        let is_own = *token.issuer().profile() == Profile::OwnProvider;
        let (asserter, claimed) = match is_own.then(|| connector_of(token.claims())).transpose()? {
            None => (record, claimed_as(token.issuer().profile())?),
            Some(connector) => match connector.strip_prefix(WORKLOADS) {
                None => (self.connector(connector)?, claimed_as(token.issuer().profile())?),
                Some(name) => (self.trust_domain(name)?, claimed_as(&Profile::Spiffe)?),
            },
        };
        let decision = self.decide(asserter, &claimed.name)?;
        if token.issuer().deny().is_some_and(|deny| deny.denies(token.claims(), &claimed.name)) {
            return Err(Denied::Expression(token.issuer().id().to_owned()));
        }
        let entry = self.entry(asserter);
        // A workload has one name and one issuer in certificates, whichever way it came.
        let (label, listed_as) = match &entry.record {
            Some(AsserterRecord::TrustDomain(record)) => (record.label(), record.label()),
            Some(AsserterRecord::Issuer(_)) | None => (token.issuer().label(), token.issuer().iss().as_str()),
        };
        self.listings.check(&claimed.name, listed_as)?;
        let label = label.to_owned();
        Ok(Permit::new(VerifiedCredential::Token(token), claimed, label, decision, &entry.asserter))
    }

    /// Decides which name the holder of this credential may have.
    pub fn permit_credential(&self, credential: VerifiedCredential) -> Result<Permit, Denied> {
        match credential {
            VerifiedCredential::Svid(svid) => self.permit_svid(svid),
            VerifiedCredential::Token(token) => self.permit(token),
        }
    }

    /// Decides whether a workload may be called by its SPIFFE ID. The permit owns the SVID.
    pub fn permit_svid(&self, svid: VerifiedSvid) -> Result<Permit, Denied> {
        let record = svid.record();
        let replaced = || Denied::RecordReplaced(record.name().to_string());
        let asserter = *self.by_trust_domain.get(record.name().as_str()).ok_or_else(replaced)?;
        let entry = self.entry(asserter);
        if !matches!(&entry.record, Some(AsserterRecord::TrustDomain(known)) if Arc::ptr_eq(known, record)) {
            return Err(replaced());
        }
        let name = Name::SpiffeId(svid.id().clone());
        let decision = self.decide_spiffe(asserter, svid.id())?;
        let label = record.label().to_owned();
        self.listings.check(&name, &label)?;
        let claimed = Claimed { name, proof_name: svid.id().as_str().to_owned(), extensions: Vec::new() };
        Ok(Permit::new(VerifiedCredential::Svid(svid), claimed, label, decision, &entry.asserter))
    }

    /// The same rules, but for some domains only the issuers that they list may assert names.
    pub(crate) fn restricted(self, listings: Listings) -> Self {
        Self { listings, ..self }
    }

    /// Decides whether a connector of our own provider may say that a person has this address: asked at login, by the
    /// same rules as at the CA.
    pub fn permit_login(&self, connector: &str, email: &str, email_verified: bool) -> Result<LoginPermit, Denied> {
        let asserter = self.connector(connector)?;
        let address = verified_address(email, email_verified)?;
        let decision = self.decide_email(asserter, &address)?;
        Ok(LoginPermit::new(address, decision.rule, &self.entry(asserter).asserter, decision.grant))
    }

    /// The asserter that a grant gives this address to; none if it is free, or a local user's.
    pub fn owner_of(&self, address: &EmailAddress) -> Option<&Asserter> {
        self.emails.covering(address).next().map(|holding| &self.entry(holding.asserter).asserter)
    }

    /// All asserters with their grants.
    pub fn asserters(&self) -> impl Iterator<Item = (&Asserter, &[Grant])> {
        self.asserters.iter().map(|entry| (&entry.asserter, &entry.grants[..]))
    }

    fn entry(&self, index: AsserterIndex) -> &AsserterEntry {
        &self.asserters[index as usize]
    }

    /// A token that was verified under a record of another snapshot has no asserter in this one, even if the
    /// identifier is the same.
    fn record_of(&self, token: &VerifiedToken) -> Result<AsserterIndex, Denied> {
        let replaced = || Denied::RecordReplaced(token.issuer().id().to_owned());
        let index = *self.by_record.get(token.issuer().id()).ok_or_else(replaced)?;
        match &self.entry(index).record {
            Some(AsserterRecord::Issuer(record)) if Arc::ptr_eq(record, token.issuer()) => Ok(index),
            _ => Err(replaced()),
        }
    }

    fn connector(&self, id: &str) -> Result<AsserterIndex, Denied> {
        self.by_connector.get(id).copied().ok_or_else(|| Denied::ConnectorUnknown(excerpt(id, 120)))
    }

    fn trust_domain(&self, name: &str) -> Result<AsserterIndex, Denied> {
        self.by_trust_domain.get(name).copied().ok_or_else(|| Denied::ConnectorUnknown(excerpt(name, 120)))
    }

    /// Whether the asserter owns the name, and by which grant.
    fn decide(&self, asserter: AsserterIndex, name: &Name) -> Result<Decision<'_>, Denied> {
        match name {
            Name::Email(address) => self.decide_email(asserter, address),
            Name::SpiffeId(id) => self.decide_spiffe(asserter, id),
            Name::Uri(uri) => self.decide_uri(asserter, uri),
            Name::Username(name) => self.decide_username(asserter, name),
        }
    }

    fn decide_email(&self, asserter: AsserterIndex, address: &EmailAddress) -> Result<Decision<'_>, Denied> {
        let entry = self.entry(asserter);
        if let Some(held) = self.emails.find(asserter, address) {
            return Ok(entry.decision(held, Rule::E6));
        }
        if entry.keeps_local_accounts {
            if let Some(owner) = self.owner_of(address) {
                return Err(Denied::OwnedByAnother { name: address.to_string(), owner: owner.clone() });
            }
            return Ok(Decision { rule: Rule::E6, grant: &Scope::LocalAccounts });
        }
        Err(entry.not_granted(address.as_str(), Rule::E6))
    }

    fn decide_spiffe(&self, asserter: AsserterIndex, id: &SpiffeId) -> Result<Decision<'_>, Denied> {
        let entry = self.entry(asserter);
        match self.spiffe.find(asserter, id) {
            Some(held) => Ok(entry.decision(held, Rule::S9)),
            None => {
                let is_own = |grant: &Grant| matches!(grant.scope(), Scope::Spiffe(prefix) if prefix.trust_domain() == id.trust_domain());
                let rule = if entry.grants.iter().any(is_own) { Rule::S9 } else { Rule::S4 };
                Err(entry.not_granted(id.as_str(), rule))
            }
        }
    }

    fn decide_uri(&self, asserter: AsserterIndex, name: &UriName) -> Result<Decision<'_>, Denied> {
        let entry = self.entry(asserter);
        match self.uris.find(asserter, name) {
            Some(held) => {
                let is_account = matches!(entry.grants[held.grant as usize].scope(), Scope::ServiceAccounts { .. });
                Ok(entry.decision(held, if is_account { Rule::K3 } else { Rule::V4 }))
            }
            None => Err(entry.not_granted(name.as_str(), nearest_miss(&entry.grants, name))),
        }
    }

    fn decide_username(&self, asserter: AsserterIndex, name: &Username) -> Result<Decision<'_>, Denied> {
        let entry = self.entry(asserter);
        let held = self.usernames.get(name.domain()).and_then(|holdings| holdings.of(asserter));
        held.map(|held| entry.decision(held, Rule::N2)).ok_or_else(|| entry.not_granted(name.as_str(), Rule::N2))
    }
}

impl AsserterEntry {
    fn decision(&self, held: &Holding, rule: Rule) -> Decision<'_> {
        Decision { rule, grant: self.grants[held.grant as usize].scope() }
    }

    fn not_granted(&self, name: &str, rule: Rule) -> Denied {
        Denied::NotGranted { asserter: self.asserter.clone(), name: name.to_owned(), rule }
    }
}

/// Our own provider's tokens say which connector knew the person (the shape that Dex gave `federated_claims`).
fn connector_of(claims: &Claims) -> Result<&str, Denied> {
    claims.at(&["federated_claims", "connector_id"]).and_then(|value| value.as_str()).ok_or(Denied::ConnectorMissing)
}

/// Which rule the grant that came closest failed on, in the order V1 scheme, V2 host, V3 port, V4 path; K3 for a
/// cluster's accounts. Runs on refusals only, over one asserter's grants.
fn nearest_miss(grants: &[Grant], name: &UriName) -> Rule {
    let closeness = grants.iter().filter_map(|grant| match grant.scope() {
        Scope::ServiceAccounts { .. } => Some((4, Rule::K3)),
        Scope::UriPrefix(prefix) if prefix.scheme() != name.scheme() => Some((0, Rule::V1)),
        Scope::UriPrefix(prefix) if prefix.host() != name.host() => Some((1, Rule::V2)),
        Scope::UriPrefix(prefix) if prefix.port() != name.port() => Some((2, Rule::V3)),
        Scope::UriPrefix(_) => Some((3, Rule::V4)),
        Scope::EmailAddress(_)
        | Scope::EmailDomain { .. }
        | Scope::LocalAccounts
        | Scope::Spiffe(_)
        | Scope::Usernames(_) => None,
    });
    closeness.max_by_key(|(closeness, _)| *closeness).map_or(Rule::V2, |(_, rule)| rule)
}

#[cfg(test)]
mod tests;
