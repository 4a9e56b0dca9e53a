//! The instance as a member of SPIFFE federations, from the configuration file.

use broker::names::TrustDomain;
use privyseal_config::{Config, ListenerIdentity};

use super::Problems;
use crate::outbound::workload_api::Address;

/// How the instance takes part in SPIFFE federations.
#[derive(Clone, Debug, Default)]
pub(crate) struct SpiffeSettings {
    /// Our own trust domain.
    pub(crate) trust_domain: Option<TrustDomain>,
    /// Where the Workload API is: `unix:///…` or `tcp://…`.
    pub(crate) workload_api: Option<Address>,
}

/// The settings; problems go into `problems`.
pub(super) fn understand(config: &Config, problems: &mut Problems) -> SpiffeSettings {
    let section = &config.spiffe;
    let trust_domain = section.trust_domain.as_deref();
    let trust_domain = trust_domain.and_then(|name| problems.keep("spiffe.trust_domain", TrustDomain::parse(name)));
    if let Some(ours) = &trust_domain
        && let Some(at) = config.trust_domains.iter().position(|section| section.name == ours.as_str())
    {
        let message = format!(
            "{ours} is the instance's own trust domain (spiffe.trust_domain), so it cannot have another bundle; \
             remove it here"
        );
        problems.add(&format!("trust_domains[{at}].name"), message);
    }
    let workload_api = section.workload_api.as_deref();
    let workload_api = workload_api.and_then(|text| problems.keep("spiffe.workload_api", Address::parse(text)));
    let wants_identity =
        config.listen.svid.as_ref().is_some_and(|listen| listen.identity == ListenerIdentity::WorkloadApi);
    if wants_identity && section.workload_api.is_none() {
        problems.add(
            "listen.svid.identity",
            "\"workload-api\" needs the address of the Workload API; set spiffe.workload_api".to_owned(),
        );
    }
    SpiffeSettings { trust_domain, workload_api }
}
