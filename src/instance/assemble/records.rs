//! Issuers and connectors of the configuration file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use broker::connector::ConnectorId;
use broker::grants::{ConnectorSpec, Grant};
use broker::issuer::{IssuerSpec, KeySource, Reach};
use broker::jose::{JoseAlgorithm, KeySet};
use broker::names::{Audience, ClusterName, HttpsUrl, IssuerLabel, IssuerUrl, PublicSuffixes, Suffix, UriName};
use broker::registry::{Issuers, Registry};
use broker::trust_domain::TrustDomainSpec;
use privyseal_config::{Config, ConnectorSection, IssuerSection, NamesSection};
use shared::secret::Secret;

use super::{Origin, Problems, algorithms, claims, grants, profiles, reach, secret_file, trust_domains};
use crate::feature::Feature;
use crate::file;

/// Largest PEM or JWKS file.
const MAX_FILE: u64 = 1 << 20;

/// The issuers and connectors of the file, checked one by one and together.
pub(crate) struct RecordSettings {
    /// The issuers whose tokens the authority accepts directly.
    issuers: Vec<IssuerSpec>,
    /// The trust domains whose SVIDs are accepted.
    trust_domains: Vec<TrustDomainSpec>,
    /// The names that connectors may assert, including the one of local users.
    asserters: Vec<ConnectorSpec>,
    /// The upstream connectors.
    pub(crate) connectors: Vec<ConnectorSettings>,
    /// The domains that nobody can own.
    pub(crate) suffixes: Arc<PublicSuffixes>,
}

/// An upstream provider.
#[derive(Clone)]
pub(crate) struct ConnectorSettings {
    pub(crate) id: ConnectorId,
    pub(crate) name: String,
    pub(crate) iss: IssuerUrl,
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<Secret<String>>,
    pub(crate) reach: Reach,
    pub(crate) email_is_verified: bool,
}

impl ConnectorSettings {
    /// Whether a connector made from these would be the same as one made from the others.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let secret = |settings: &Self| settings.client_secret.as_ref().map(|secret| secret.expose().clone());
        self.id == other.id
            && self.name == other.name
            && self.iss == other.iss
            && self.client_id == other.client_id
            && secret(self).map(zeroize::Zeroizing::new) == secret(other).map(zeroize::Zeroizing::new)
            && self.reach == other.reach
            && self.email_is_verified == other.email_is_verified
    }
}

impl RecordSettings {
    /// The records together with the one of our own provider and those that owners registered.
    pub(crate) fn build(&self, own: IssuerSpec, registered: &[IssuerSpec]) -> Result<Issuers, Problems> {
        let mut specs = self.issuers.clone();
        specs.push(own);
        specs.extend_from_slice(registered);
        let (trust_domains, connectors) = (self.trust_domains.clone(), self.asserters.clone());
        build(&self.suffixes, Registry { issuers: specs, trust_domains, connectors })
    }

    /// D1: only the operator can know whether anyone may register a domain below a top-level domain that no list knows.
    /// It is granted, and logged.
    fn tell_unknown_domains(&self) {
        let of_issuers = self.issuers.iter().map(|issuer| (issuer.id.as_str(), &issuer.grants));
        let of_connectors = self.asserters.iter().map(|connector| (connector.id.as_str(), &connector.grants));
        for (id, grants) in of_issuers.chain(of_connectors) {
            for domain in grants.iter().filter_map(|grant| grant.scope().domain()) {
                if self.suffixes.of(&domain) == Suffix::UnknownTopLevel {
                    tracing::info!(
                        %id, %domain,
                        "a grant is below a top-level domain that the Public Suffix List does not know; check that \
                         you control the domain (rule D1)"
                    );
                }
            }
        }
    }

    /// How many issuers there are.
    pub(crate) fn issuers(&self) -> usize {
        self.issuers.len()
    }

    /// How many trust domains there are.
    pub(crate) fn trust_domains(&self) -> usize {
        self.trust_domains.len()
    }
}

fn build(suffixes: &PublicSuffixes, registry: Registry) -> Result<Issuers, Problems> {
    Issuers::build_with(suffixes, registry).map_err(|errors| {
        let mut problems = Problems::default();
        errors.into_iter().for_each(|error| problems.add("issuers, connectors, trust_domains", error.to_string()));
        problems
    })
}

/// Every record; problems go into `problems`.
pub(super) fn understand(
    config: &Config,
    origin: Option<&Origin>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<RecordSettings> {
    let mut settings = RecordSettings {
        issuers: Vec::new(),
        trust_domains: Vec::new(),
        asserters: vec![ConnectorSpec { id: ConnectorId::local().to_string(), grants: vec![Grant::local_accounts()] }],
        connectors: Vec::new(),
        suffixes: Arc::new(suffixes(&config.names, folder, problems)),
    };
    for (at, section) in config.issuers.iter().enumerate() {
        settings.issuers.extend(issuer(section, origin, folder, &format!("issuers[{at}]"), problems));
    }
    for (at, section) in config.connectors.iter().enumerate() {
        let place = format!("connectors[{at}]");
        let grants = grants::understand(&section.grants, None, &place, problems);
        settings.asserters.push(ConnectorSpec { id: section.id.clone(), grants });
        settings.connectors.extend(connector(section, folder, &place, problems));
    }
    for (at, section) in config.trust_domains.iter().enumerate() {
        let place = format!("trust_domains[{at}]");
        settings.trust_domains.extend(trust_domains::understand(section, &config.spiffe, folder, &place, problems));
    }
    // Conflicts between records are reported even when single records have problems.
    let registry = Registry {
        issuers: settings.issuers.clone(),
        trust_domains: settings.trust_domains.clone(),
        connectors: settings.asserters.clone(),
    };
    match build(&settings.suffixes, registry) {
        Ok(_) => {
            settings.tell_unknown_domains();
            Some(settings)
        }
        Err(more) => {
            problems.append(more);
            None
        }
    }
}

fn issuer(
    section: &IssuerSection,
    origin: Option<&Origin>,
    folder: &Path,
    place: &str,
    problems: &mut Problems,
) -> Option<IssuerSpec> {
    let iss = problems.keep(&format!("{place}.iss"), issuer_url(&section.iss, section.danger_loopback_http));
    let audience = problems.keep(&format!("{place}.audience"), Audience::parse(&section.audience));
    let algorithms = algorithms::understand(&section.algorithms, &JoseAlgorithm::ALL, place, problems);
    let seconds = problems.within(&format!("{place}.max_token_seconds"), section.max_token_seconds, 1..=86_400);
    let reach = reach::understand(
        section.ca_file.as_deref(),
        section.internal,
        section.danger_loopback_http,
        folder,
        place,
        problems,
    );
    let keys = key_source(section, folder, place, problems);
    let claims = claims::understand(section, place, problems);
    let profile = profiles::understand(section, origin, place, problems);
    let cluster = cluster(section, origin);
    let grants = grants::understand(&section.grants, cluster.as_ref(), place, problems);
    let label = section.issuer_label.as_deref().map(IssuerLabel::parse).transpose();
    let label = problems.keep(&format!("{place}.issuer_label"), label);
    let mut spec = IssuerSpec::new(&section.id, iss?, profile?, keys?);
    spec.audience = audience?;
    spec.algorithms = algorithms;
    spec.max_lifetime = Duration::from_secs(seconds);
    spec.allows_more_audiences = section.danger_more_audiences;
    spec.grants = grants;
    spec.reach = reach?;
    spec.label = label?;
    let claims = claims?;
    (spec.pins, spec.conditions, spec.deny) = (claims.pins, claims.conditions, claims.deny);
    Some(spec)
}

/// Where the keys are: in a file, at an address, or where the issuer's metadata says.
fn key_source(section: &IssuerSection, folder: &Path, place: &str, problems: &mut Problems) -> Option<KeySource> {
    match (&section.jwks_file, &section.jwks_uri) {
        (None, None) => Some(KeySource::Discovery),
        (Some(name), None) => problems.keep(&format!("{place}.jwks_file"), pinned_keys(&folder.join(name))),
        (None, Some(address)) => {
            let address = match section.danger_loopback_http {
                true => HttpsUrl::parse_or_loopback(address),
                false => HttpsUrl::parse(address),
            };
            problems.keep(&format!("{place}.jwks_uri"), address).map(KeySource::JwksUri)
        }
        (Some(_), Some(_)) => {
            problems.add(&format!("{place}.jwks_uri"), "set either `jwks_uri` or `jwks_file`, not both".to_owned());
            None
        }
    }
}

/// The cluster of a record; what is wrong with it, the profile says.
fn cluster(section: &IssuerSection, origin: Option<&Origin>) -> Option<grants::Cluster> {
    let cluster = section.kubernetes.as_ref()?;
    let base = section.base_url.clone().or_else(|| origin.map(|origin| format!("{origin}/k8s")))?;
    let (base, name) = (UriName::parse(&base).ok()?, ClusterName::parse(&cluster.cluster).ok()?);
    Some(grants::Cluster { base, name })
}

/// The list of public suffixes: the file's, or the one inside the program.
fn suffixes(section: &NamesSection, folder: &Path, problems: &mut Problems) -> PublicSuffixes {
    let Some(name) = &section.public_suffix_file else { return PublicSuffixes::embedded() };
    let path = folder.join(name);
    let list = file::read(&path, PublicSuffixes::MAX_BYTES as u64)
        .map_err(|error| error.to_string())
        .and_then(|text| PublicSuffixes::parse(&text).map_err(|error| format!("{}: {error}", path.display())));
    problems.keep("names.public_suffix_file", list).unwrap_or(PublicSuffixes::embedded())
}

fn connector(
    section: &ConnectorSection,
    folder: &Path,
    place: &str,
    problems: &mut Problems,
) -> Option<ConnectorSettings> {
    problems.keep(place, Feature::UpstreamLogin.require());
    let id = problems.keep(&format!("{place}.id"), ConnectorId::parse(&section.id));
    let iss = problems.keep(&format!("{place}.iss"), issuer_url(&section.iss, section.danger_loopback_http));
    let reach = reach::understand(
        section.ca_file.as_deref(),
        section.internal,
        section.danger_loopback_http,
        folder,
        place,
        problems,
    );
    let secret = match &section.client_secret_file {
        None => None,
        Some(name) => {
            Some(problems.keep(&format!("{place}.client_secret_file"), secret_file::read(&folder.join(name)))?)
        }
    };
    Some(ConnectorSettings {
        id: id?,
        name: section.name.clone(),
        iss: iss?,
        client_id: section.client_id.clone(),
        client_secret: secret,
        reach: reach?,
        email_is_verified: section.danger_email_is_verified,
    })
}

fn issuer_url(text: &str, danger_loopback_http: bool) -> Result<IssuerUrl, broker::names::NameError> {
    if danger_loopback_http { IssuerUrl::parse_or_loopback(text) } else { IssuerUrl::parse(text) }
}

fn pinned_keys(path: &Path) -> Result<KeySource, String> {
    let text = file::read(path, MAX_FILE).map_err(|error| error.to_string())?;
    let keys = KeySet::from_jwks(text.as_bytes()).map_err(|error| format!("{}: {error}", path.display()))?;
    if keys.is_empty() {
        return Err(format!("{} holds no usable key", path.display()));
    }
    Ok(KeySource::Pinned(Arc::new(keys)))
}
