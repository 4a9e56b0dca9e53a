//! `[registration]`

use serde::{Deserialize, Serialize};

/// Owners of domains register their own issuers, and prove by DNS or by a document that the domain authorizes them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistrationSection {
    /// Let everyone with an account at our provider request a registration, not only administrators and namespace
    /// owners. Proof and approval decide in any case.
    pub anybody_may_ask: bool,
    /// An administrator must approve each registration before it becomes active.
    pub needs_approval: bool,
    /// Name servers to ask besides the system's, as `192.0.2.53` or `192.0.2.53:5353`.
    pub resolvers: Vec<String>,
    /// Ask the system's name servers too. Turn it off where only the listed ones may be asked.
    pub system_resolvers: bool,
    /// How many name servers must give the same answer. 1 only where a single one is asked and trusted, as in a closed
    /// network.
    pub agreeing_resolvers: u32,
    /// DNSKEY records of the zones to trust, one a line, instead of the internet's root.
    pub trust_anchor_file: Option<String>,
    /// Believe name servers without checking DNSSEC signatures. Anyone on the path can then forge proofs.
    pub danger_skip_dnssec: bool,
    /// Domains inside our network: issuers and documents on hosts in them may have private addresses.
    pub internal_domains: Vec<String>,
    /// PEM file with the authorities that sign the TLS certificates of those hosts, instead of the system's.
    pub internal_ca_file: Option<String>,
    /// Let issuers on this machine be registered, even by plain HTTP. For development only.
    pub danger_loopback_http: bool,
    /// Domains for which only the issuers that their records list may assert names, regardless of what the
    /// configuration grants to others. It holds as soon as the domain has such a record for this instance.
    pub enforce: Vec<String>,
    /// Seconds after which a proof is checked again.
    pub recheck_seconds: u32,
    /// Seconds after which a check that brought no answer is repeated.
    pub retry_seconds: u32,
    /// Seconds after which a domain that denied is asked again; a second denial freezes the registration.
    pub confirm_seconds: u32,
    /// Seconds without a proof after which there are no more certificates.
    pub stale_seconds: u32,
    /// Seconds without a proof after which a registration ends.
    pub expire_seconds: u32,
    /// Seconds after which a request that was not proven and approved is dropped.
    pub pending_seconds: u32,
}

impl Default for RegistrationSection {
    fn default() -> Self {
        Self {
            anybody_may_ask: false,
            needs_approval: true,
            resolvers: Vec::new(),
            system_resolvers: true,
            agreeing_resolvers: 2,
            trust_anchor_file: None,
            danger_skip_dnssec: false,
            internal_domains: Vec::new(),
            internal_ca_file: None,
            danger_loopback_http: false,
            enforce: Vec::new(),
            recheck_seconds: 86_400,
            retry_seconds: 3_600,
            confirm_seconds: 600,
            stale_seconds: 259_200,
            expire_seconds: 7_776_000,
            pending_seconds: 2_592_000,
        }
    }
}
