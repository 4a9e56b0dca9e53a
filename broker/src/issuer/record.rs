//! One registered issuer.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::grants::{Condition, Deny, Grant, Pin};
use crate::jose::{JoseAlgorithm, KeySet};
use crate::names::{Audience, HttpsUrl, IssuerLabel, IssuerUrl};
use crate::profile::Profile;

/// Where an issuer's keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// From `jwks_uri` in its metadata, which must be on the issuer's own host.
    Discovery,
    /// From this address; the metadata is not asked. For issuers that keep their keys on another host.
    JwksUri(HttpsUrl),
    /// From the configuration or from this process. Never fetched.
    Pinned(Arc<KeySet>),
}

/// Which addresses the edge may connect to for this issuer's keys.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Reach {
    /// Certificate authorities (PEM) to trust instead of the system's, for an issuer inside the instance.
    pub ca_pem: Option<String>,
    /// Allow connections to private addresses (RFC 1918, RFC 4193, RFC 6598).
    pub internal: bool,
    /// Allow connections to this machine itself, even by plain `http`. For development.
    pub danger_loopback_http: bool,
}

/// How a record came about. An owner proves a domain and chooses the rest, so an owner may not do what an administrator
/// may do after a look (such as take a domain below an unknown top-level domain).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum RecordOrigin {
    /// The configuration, so an administrator.
    #[default]
    Configured,
    /// The owner of a domain, by proof.
    Registered,
}

/// Everything that an operator says of an issuer, each part already parsed.
#[derive(Clone, Debug)]
pub struct IssuerSpec {
    /// What the operator calls it; problems and audit records use it. 1 to 255 printable ASCII characters.
    pub id: String,
    /// The exact `iss`.
    pub iss: IssuerUrl,
    /// The audience that its tokens must have.
    pub audience: Audience,
    /// Accept tokens that have other audiences beside ours (rule T3). Those other audiences can then present them here.
    pub allows_more_audiences: bool,
    /// The algorithms that it signs with.
    pub algorithms: Vec<JoseAlgorithm>,
    /// The longest life of its tokens (rule T4).
    pub max_lifetime: Duration,
    /// How its claims become a name.
    pub profile: Profile,
    /// Claims that must have a given value (rules C1 and C2).
    pub pins: Vec<Pin>,
    /// Claims that must fit a pattern (rules G1 to G7).
    pub conditions: Vec<Condition>,
    /// What is refused although all else permits it (rule C3).
    pub deny: Option<Arc<Deny>>,
    /// The issuer label in certificates; none means its `iss` (rule O1).
    pub label: Option<IssuerLabel>,
    /// How the record came about.
    pub origin: RecordOrigin,
    /// The names that it may assert. None, unless a grant says so.
    pub grants: Vec<Grant>,
    /// Where its keys come from.
    pub keys: KeySource,
    /// Which addresses may be connected to for them.
    pub reach: Reach,
}

impl IssuerSpec {
    /// A record with the defaults: audience `sigstore`, every asymmetric algorithm, one hour, and no grant.
    pub fn new(id: &str, iss: IssuerUrl, profile: Profile, keys: KeySource) -> Self {
        Self {
            id: id.to_owned(),
            iss,
            audience: Audience::sigstore(),
            allows_more_audiences: false,
            algorithms: JoseAlgorithm::ALL.to_vec(),
            max_lifetime: Duration::from_secs(3600),
            profile,
            pins: Vec::new(),
            conditions: Vec::new(),
            deny: None,
            label: None,
            origin: RecordOrigin::Configured,
            grants: Vec::new(),
            keys,
            reach: Reach::default(),
        }
    }
}

/// A record in force: what the operator said, and the keys as last fetched.
pub struct Issuer {
    spec: IssuerSpec,
    /// Written by the edge's key refresher only.
    keys: ArcSwap<KeySet>,
}

impl Issuer {
    pub(crate) fn new(spec: IssuerSpec) -> Self {
        let keys = match &spec.keys {
            KeySource::Discovery | KeySource::JwksUri(_) => Arc::new(KeySet::empty()),
            KeySource::Pinned(keys) => Arc::clone(keys),
        };
        Self { spec, keys: ArcSwap::new(keys) }
    }

    /// The configured id.
    pub fn id(&self) -> &str {
        &self.spec.id
    }

    /// Its exact `iss`.
    pub fn iss(&self) -> &IssuerUrl {
        &self.spec.iss
    }

    /// The audience that its tokens must have.
    pub fn audience(&self) -> &Audience {
        &self.spec.audience
    }

    /// How its claims become a name.
    pub fn profile(&self) -> &Profile {
        &self.spec.profile
    }

    /// Where its keys come from.
    pub fn key_source(&self) -> &KeySource {
        &self.spec.keys
    }

    /// Which addresses may be connected to for them.
    pub fn reach(&self) -> &Reach {
        &self.spec.reach
    }

    /// The names that it may assert.
    pub fn grants(&self) -> &[Grant] {
        &self.spec.grants
    }

    /// Claims that must fit a pattern.
    pub fn conditions(&self) -> &[Condition] {
        &self.spec.conditions
    }

    /// What is refused although all else permits it.
    pub fn deny(&self) -> Option<&Deny> {
        self.spec.deny.as_deref()
    }

    /// The issuer label in certificates.
    pub fn label(&self) -> &str {
        self.spec.label.as_ref().map_or(self.iss().as_str(), IssuerLabel::as_str)
    }

    /// How the record came about.
    pub fn origin(&self) -> RecordOrigin {
        self.spec.origin
    }

    /// Claims that must have a given value.
    pub fn pins(&self) -> &[Pin] {
        &self.spec.pins
    }

    /// The keys as last fetched.
    pub fn keys(&self) -> Arc<KeySet> {
        self.keys.load_full()
    }

    /// Puts freshly fetched keys in force, whole: a key that is not among them is trusted no longer. Pinned keys stay.
    pub fn replace_keys(&self, keys: Arc<KeySet>) {
        match self.spec.keys {
            KeySource::Discovery | KeySource::JwksUri(_) => self.keys.store(keys),
            KeySource::Pinned(_) => {}
        }
    }

    pub(crate) fn allows(&self, algorithm: JoseAlgorithm) -> bool {
        self.spec.algorithms.contains(&algorithm)
    }

    pub(crate) fn allows_more_audiences(&self) -> bool {
        self.spec.allows_more_audiences
    }

    pub(crate) fn max_lifetime(&self) -> Duration {
        self.spec.max_lifetime
    }

    /// I2: in-cluster issuers have the same string in every cluster. Two such records are distinguished by their
    /// audience, never by trying keys, and their keys are pinned since the one address cannot serve both.
    pub(crate) fn is_distinct_from(&self, other: &Self) -> bool {
        let is_pinned = |record: &Self| matches!(record.spec.keys, KeySource::Pinned(_));
        self.spec.audience != other.spec.audience && is_pinned(self) && is_pinned(other)
    }

    pub(crate) fn fetches_like(&self, other: &Self) -> bool {
        let same_source = match (&self.spec.keys, &other.spec.keys) {
            (KeySource::Discovery, KeySource::Discovery) => true,
            (KeySource::JwksUri(ours), KeySource::JwksUri(theirs)) => ours == theirs,
            _ => false,
        };
        same_source && self.spec.reach == other.spec.reach
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Issuer({:?}, {})", self.spec.id, self.spec.iss)
    }
}
