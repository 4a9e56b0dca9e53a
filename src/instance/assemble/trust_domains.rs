//! Trust domains of the configuration file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use broker::jose::JoseAlgorithm;
use broker::names::{Audience, HttpsUrl, IssuerLabel, IssuerUrl, SpiffeId, TrustDomain};
use broker::trust_domain::{
    Accepts, Bundle, BundleError, BundleMap, BundleSource, EndpointProfile, IssuerPolicy, TrustDomainSpec, UsePolicy,
};
use privyseal_config::{BundleSection, SpiffeSection, SvidKind, TrustDomainSection};

use super::{Problems, algorithms, grants, reach};
use crate::file;
use crate::outbound::bundles::MAX_BUNDLE_FILE;

/// Why the source of a bundle is not valid.
#[derive(Debug, thiserror::Error)]
enum SourceError {
    #[error("a bundle needs exactly one of `https_spiffe`, `https_web`, `file`, `map_file` and `workload_api`")]
    Kind,
    #[error("`https_spiffe` needs `endpoint_id`, the SPIFFE ID in the endpoint's certificate")]
    NoEndpointId,
    #[error("`{0}` is only for `{1}`")]
    Stray(&'static str, &'static str),
    #[error(
        "the endpoint is of the trust domain itself, so its first answer can only be checked with a bundle that you \
         have; set `bootstrap_file` (`spire-server bundle show -format spiffe` prints it)"
    )]
    NoBootstrap,
    #[error("{0} is plain HTTP, and a bundle endpoint must use HTTPS (SPIFFE Federation 5.2)")]
    PlainHttp(HttpsUrl),
    #[error("`workload_api` needs the address of the Workload API; set spiffe.workload_api")]
    NoWorkloadApi,
    #[error("{path}: {error}")]
    File { path: String, error: String },
    #[error(transparent)]
    Name(#[from] broker::names::NameError),
}

/// The record of one trust domain; problems go into `problems`.
pub(super) fn understand(
    section: &TrustDomainSection,
    spiffe: &SpiffeSection,
    folder: &Path,
    place: &str,
    problems: &mut Problems,
) -> Option<TrustDomainSpec> {
    let at = |key: &str| format!("{place}.{key}");
    let name = problems.keep(&at("name"), TrustDomain::parse(&section.name));
    let source = source(&section.bundle, &section.name, section.danger_loopback, spiffe, folder);
    let source = problems.keep(&at("bundle"), source);
    let ca_file = section.bundle.ca_file.as_deref();
    let reach = reach::understand(ca_file, section.internal, section.danger_loopback, folder, &at("bundle"), problems);
    let audience = problems.keep(&at("audience"), Audience::parse(&section.audience));
    let algorithms = algorithms::understand(&section.algorithms, &JoseAlgorithm::SPIFFE, place, problems);
    let issuer = match section.iss.as_str() {
        "any" => Some(IssuerPolicy::Any),
        "absent" => Some(IssuerPolicy::Absent),
        exact => problems.keep(&at("iss"), IssuerUrl::parse_or_loopback(exact).map(IssuerPolicy::Exact)),
    };
    let seconds = |name: &str, value: u32, most: u32, problems: &mut Problems| {
        Duration::from_secs(problems.within(&at(name), value, 1..=most))
    };
    let max_token_lifetime = seconds("max_token_seconds", section.max_token_seconds, 86_400, problems);
    let max_svid_lifetime = seconds("max_svid_seconds", section.max_svid_seconds, 31_622_400, problems);
    let stale_after = seconds("stale_seconds", section.stale_seconds, 2_678_400, problems);
    let per_minute = problems.within(&at("uses_per_minute"), section.uses_per_minute, 1..=1_000_000) as u32;
    let mut exchange_audiences = Vec::new();
    for (number, audience) in section.exchange_audiences.iter().enumerate() {
        let place = at(&format!("exchange_audiences[{number}]"));
        exchange_audiences.extend(problems.keep(&place, Audience::parse(audience)));
    }
    let label = section.issuer_label.as_deref().map(IssuerLabel::parse).transpose();
    let label = problems.keep(&at("issuer_label"), label)?;
    let grants = grants::understand(&section.grants, None, place, problems);
    Some(TrustDomainSpec {
        reach: reach?,
        accepts: accepts(&section.accept),
        audience: audience?,
        algorithms,
        issuer: issuer?,
        max_token_lifetime,
        max_svid_lifetime,
        stale_after,
        uses: UsePolicy { per_minute, is_single: section.single_use },
        label,
        exchange_audiences,
        grants,
        ..TrustDomainSpec::new(name?, source?)
    })
}

fn accepts(kinds: &[SvidKind]) -> Accepts {
    let has = |kind| kinds.contains(&kind);
    Accepts { jwt: has(SvidKind::Jwt), x509: has(SvidKind::X509), wit: has(SvidKind::Wit) }
}

fn source(
    section: &BundleSection,
    trust_domain: &str,
    danger_loopback: bool,
    spiffe: &SpiffeSection,
    folder: &Path,
) -> Result<BundleSource, SourceError> {
    let BundleSection { https_spiffe, endpoint_id, bootstrap_file, https_web, ca_file, file, map_file, workload_api } =
        section;
    let set = [https_spiffe, https_web, file, map_file].map(Option::as_deref);
    if set.iter().flatten().count() + usize::from(*workload_api) != 1 {
        return Err(SourceError::Kind);
    }
    for (key, is_set) in [("endpoint_id", endpoint_id.is_some()), ("bootstrap_file", bootstrap_file.is_some())] {
        if is_set && https_spiffe.is_none() {
            return Err(SourceError::Stray(key, "https_spiffe"));
        }
    }
    if ca_file.is_some() && https_web.is_none() {
        return Err(SourceError::Stray("ca_file", "https_web"));
    }
    let url = |text: &str| {
        let url = if danger_loopback { HttpsUrl::parse_or_loopback(text) } else { HttpsUrl::parse(text) }?;
        if url.is_plain_http() { Err(SourceError::PlainHttp(url)) } else { Ok(url) }
    };
    match set {
        [Some(address), ..] => {
            let endpoint_id = SpiffeId::parse(endpoint_id.as_deref().ok_or(SourceError::NoEndpointId)?)?;
            let bootstrap = bootstrap_file.as_deref().map(|name| read_bundle(&folder.join(name))).transpose()?;
            if bootstrap.is_none() && endpoint_id.trust_domain().as_str() == trust_domain {
                return Err(SourceError::NoBootstrap);
            }
            let profile = EndpointProfile::Spiffe { endpoint_id, bootstrap: bootstrap.map(Arc::new) };
            Ok(BundleSource::Endpoint { url: url(address)?, profile })
        }
        [_, Some(address), ..] => Ok(BundleSource::Endpoint { url: url(address)?, profile: EndpointProfile::Web }),
        [.., Some(name), None] => {
            let path = folder.join(name);
            read(&path, |text| Bundle::parse(text).map(drop))?;
            Ok(BundleSource::File(path))
        }
        [.., Some(name)] => {
            let path = folder.join(name);
            read(&path, |text| BundleMap::parse(text).map(drop))?;
            Ok(BundleSource::MapFile(path))
        }
        [.., None] if spiffe.workload_api.is_none() => Err(SourceError::NoWorkloadApi),
        [.., None] => Ok(BundleSource::WorkloadApi),
    }
}

/// A bundle that authenticates an endpoint.
fn read_bundle(path: &Path) -> Result<Bundle, SourceError> {
    let bundle = read(path, Bundle::parse)?;
    if bundle.authorities().len() == 0 {
        let (path, error) = (path.display().to_string(), "it holds no certificate of an authority".to_owned());
        return Err(SourceError::File { path, error });
    }
    Ok(bundle)
}

fn read<T>(path: &Path, parse: impl Fn(&[u8]) -> Result<T, BundleError>) -> Result<T, SourceError> {
    let at = |error: String| SourceError::File { path: path.display().to_string(), error };
    let text = file::read_bytes(path, MAX_BUNDLE_FILE + 1).map_err(|error| at(error.to_string()))?;
    parse(&text).map_err(|error| at(error.to_string()))
}
