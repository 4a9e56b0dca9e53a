//! `[spiffe]`

use serde::{Deserialize, Serialize};

/// The instance as a member of SPIFFE federations.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpiffeSection {
    /// Our own trust domain. With it `/spiffe/bundle.json` is served, for others to federate with. It cannot be one of
    /// `[[trust_domains]]`.
    pub trust_domain: Option<String>,
    /// The Workload API of the agent at hand, `unix:///run/spire/agent.sock` or `tcp://127.0.0.1:8000`: for trust
    /// domains whose bundle comes from it, and for the instance's own TLS identity.
    pub workload_api: Option<String>,
}
