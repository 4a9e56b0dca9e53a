//! One registered trust domain.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use shared::time::UnixTime;

use super::{Bundle, CurrentBundle, Unusable};
use crate::grants::Grant;
use crate::issuer::Reach;
use crate::jose::JoseAlgorithm;
use crate::names::{Audience, HttpsUrl, IssuerLabel, IssuerUrl, SpiffeId, TrustDomain};

/// Where a trust domain's bundle comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BundleSource {
    /// From its bundle endpoint (SPIFFE Federation §5).
    Endpoint {
        /// The URL of the bundle endpoint.
        url: HttpsUrl,
        /// How the endpoint authenticates.
        profile: EndpointProfile,
    },
    /// From a file with a bundle.
    File(PathBuf),
    /// From a file with a map of bundles.
    MapFile(PathBuf),
    /// From the Workload API of the SPIRE agent at hand, which knows its own trust domain and those it federates with.
    WorkloadApi,
}

/// How a bundle endpoint is authenticated. Given by the operator, never taken from anything that was fetched (§5.2).
#[derive(Clone, Debug)]
pub enum EndpointProfile {
    /// `https_web`: by the certificate authorities of the Web, or those of the record.
    Web,
    /// `https_spiffe`: by an X.509-SVID.
    Spiffe {
        /// Exactly this one.
        endpoint_id: SpiffeId,
        /// The bundle of a self-serving endpoint before the first fetch.
        bootstrap: Option<Arc<Bundle>>,
    },
}

impl PartialEq for EndpointProfile {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Web, Self::Web) => true,
            (Self::Spiffe { endpoint_id: ours, .. }, Self::Spiffe { endpoint_id: theirs, .. }) => ours == theirs,
            _ => false,
        }
    }
}

impl Eq for EndpointProfile {}

/// The accepted kinds of SVID.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Accepts {
    /// JWT-SVIDs.
    pub jwt: bool,
    /// X.509-SVIDs over mutual TLS.
    pub x509: bool,
    /// WIT-SVIDs with a proof.
    pub wit: bool,
}

impl Default for Accepts {
    fn default() -> Self {
        Self { jwt: true, x509: true, wit: false }
    }
}

/// What `iss` a JWT-SVID may have. Its key comes from the bundle in any case.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IssuerPolicy {
    /// None.
    Absent,
    /// Any, or none. SPIRE writes one where its operator has set one.
    Any,
    /// Exactly this.
    Exact(IssuerUrl),
}

/// How often an identity may be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UsePolicy {
    /// Times a minute, for each SPIFFE ID.
    pub per_minute: u32,
    /// A JWT-SVID is accepted once. SPIRE's agents hand out the same one until half its life is over, so this is for
    /// others.
    pub is_single: bool,
}

/// Everything that an operator says of a trust domain, each part already parsed.
#[derive(Clone, Debug)]
pub struct TrustDomainSpec {
    /// The exact trust domain name, without `spiffe://`.
    pub name: TrustDomain,
    /// Where its bundle comes from.
    pub source: BundleSource,
    /// Which addresses may be connected to for it.
    pub reach: Reach,
    /// The accepted kinds of SVID.
    pub accepts: Accepts,
    /// The audience that its JWT-SVIDs must have.
    pub audience: Audience,
    /// The algorithms that it signs with.
    pub algorithms: Vec<JoseAlgorithm>,
    /// What `iss` they may have.
    pub issuer: IssuerPolicy,
    /// The longest life of its JWT-SVIDs.
    pub max_token_lifetime: Duration,
    /// The longest life of its X.509-SVIDs and WIT-SVIDs, which contain a key of the workload.
    pub max_svid_lifetime: Duration,
    /// How long a bundle is used when it cannot be fetched again.
    pub stale_after: Duration,
    /// How often its identities may be used.
    pub uses: UsePolicy,
    /// The issuer label in certificates; none means its exact `iss`, or `spiffe://` and its name (rule O1).
    pub label: Option<IssuerLabel>,
    /// The audiences for which its workloads may have ID tokens of our own provider.
    pub exchange_audiences: Vec<Audience>,
    /// The names that it may assert: none, unless a grant says so, and only its own.
    pub grants: Vec<Grant>,
}

impl TrustDomainSpec {
    /// A record with the defaults: audience `sigstore`, JWT- and X.509-SVIDs, every algorithm of JWT-SVID §3.1, and no
    /// grant.
    pub fn new(name: TrustDomain, source: BundleSource) -> Self {
        Self {
            name,
            source,
            reach: Reach::default(),
            accepts: Accepts::default(),
            audience: Audience::sigstore(),
            algorithms: JoseAlgorithm::SPIFFE.to_vec(),
            issuer: IssuerPolicy::Any,
            max_token_lifetime: Duration::from_secs(3600),
            max_svid_lifetime: Duration::from_secs(86_400),
            stale_after: Duration::from_secs(86_400),
            uses: UsePolicy { per_minute: 60, is_single: false },
            label: None,
            exchange_audiences: vec![Audience::sigstore()],
            grants: Vec::new(),
        }
    }
}

/// A record in force: what the operator said, and the bundle as last fetched.
pub struct TrustDomainRecord {
    spec: TrustDomainSpec,
    label: String,
    /// Written by the edge's bundle refresher only.
    held: ArcSwap<CurrentBundle>,
}

impl TrustDomainRecord {
    pub(crate) fn new(spec: TrustDomainSpec) -> Self {
        let label = match (&spec.label, &spec.issuer) {
            (Some(label), _) => label.as_str().to_owned(),
            (None, IssuerPolicy::Exact(iss)) => iss.as_str().to_owned(),
            (None, IssuerPolicy::Absent | IssuerPolicy::Any) => format!("spiffe://{}", spec.name),
        };
        Self { spec, label, held: ArcSwap::default() }
    }

    /// The trust domain name.
    pub fn name(&self) -> &TrustDomain {
        &self.spec.name
    }

    /// Where its bundle comes from.
    pub fn source(&self) -> &BundleSource {
        &self.spec.source
    }

    /// Which addresses may be connected to for it.
    pub fn reach(&self) -> &Reach {
        &self.spec.reach
    }

    /// The accepted kinds of SVID.
    pub fn accepts(&self) -> Accepts {
        self.spec.accepts
    }

    /// The audience of its JWT-SVIDs.
    pub fn audience(&self) -> &Audience {
        &self.spec.audience
    }

    /// What `iss` they may have.
    pub fn issuer(&self) -> &IssuerPolicy {
        &self.spec.issuer
    }

    /// How long a bundle is used when it cannot be fetched again.
    pub fn stale_after(&self) -> Duration {
        self.spec.stale_after
    }

    /// How often its identities may be used.
    pub fn uses(&self) -> UsePolicy {
        self.spec.uses
    }

    /// The issuer label in certificates.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether its workloads may have ID tokens of our own provider for this audience.
    pub fn allows_exchange_for(&self, audience: &str) -> bool {
        self.spec.exchange_audiences.iter().any(|allowed| allowed.as_str() == audience)
    }

    /// The names that it may assert.
    pub fn grants(&self) -> &[Grant] {
        &self.spec.grants
    }

    /// The bundle in force.
    pub fn held(&self) -> Arc<CurrentBundle> {
        self.held.load_full()
    }

    /// Puts a bundle in force, whole: a key that is not in it is trusted no longer.
    pub fn replace(&self, held: CurrentBundle) {
        self.held.store(Arc::new(held));
    }

    /// The bundle, if it can still be used at `now`.
    pub fn bundle(&self, now: UnixTime) -> Result<Arc<Bundle>, Unusable> {
        self.held.load().usable(self.spec.stale_after, now).cloned()
    }

    /// JWT-SVID §2.1 and WIT-SVID §2.3 close the list; a record can only shorten it.
    pub(crate) fn allows(&self, algorithm: JoseAlgorithm) -> bool {
        JoseAlgorithm::SPIFFE.contains(&algorithm) && self.spec.algorithms.contains(&algorithm)
    }

    pub(crate) fn max_token_lifetime(&self) -> Duration {
        self.spec.max_token_lifetime
    }

    pub(crate) fn max_svid_lifetime(&self) -> Duration {
        self.spec.max_svid_lifetime
    }

    /// Whether what was fetched for the other was fetched from the same place.
    pub(crate) fn fetches_like(&self, other: &Self) -> bool {
        self.spec.source == other.spec.source && self.spec.reach == other.spec.reach
    }
}

impl std::fmt::Debug for TrustDomainRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TrustDomainRecord({})", self.spec.name)
    }
}
