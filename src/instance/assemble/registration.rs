//! `[registration]` of the configuration file.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use broker::names::DomainName;
use broker::registration::Timing;
use privyseal_config::RegistrationSection;

use super::Problems;
use crate::feature::Feature;
use crate::file;
use crate::outbound::domain_proofs::{Anchors, ResolverSettings, Resolvers};

/// Largest file of certificates or trust anchors.
const MAX_FILE: u64 = 1 << 20;
/// The most name servers that are queried.
const MAX_RESOLVERS: usize = 8;
/// A year, the longest time for each setting here, in seconds.
const YEAR: u32 = 366 * 86_400;

/// How domain owners register issuers with this instance.
#[derive(Clone)]
pub(crate) struct RegistrationSettings {
    pub(crate) anybody_may_ask: bool,
    pub(crate) needs_approval: bool,
    /// None: this build asks no name servers.
    pub(crate) resolvers: Option<Resolvers>,
    pub(crate) internal_domains: Vec<DomainName>,
    pub(crate) internal_ca_pem: Option<String>,
    pub(crate) danger_loopback_http: bool,
    pub(crate) enforce: Vec<DomainName>,
    pub(crate) timing: Timing,
}

impl RegistrationSettings {
    /// How many name servers must give the same answer.
    pub(crate) fn agreeing(&self) -> usize {
        self.resolvers.as_ref().map_or(1, Resolvers::agreeing)
    }
}

pub(super) fn understand(
    section: &RegistrationSection,
    folder: &Path,
    problems: &mut Problems,
) -> Option<RegistrationSettings> {
    let ca = section.internal_ca_file.as_deref().map(|name| file::read(&folder.join(name), MAX_FILE));
    let internal_ca_pem = match ca {
        None => None,
        Some(read) => Some(problems.keep("registration.internal_ca_file", read)?),
    };
    Some(RegistrationSettings {
        anybody_may_ask: section.anybody_may_ask,
        needs_approval: section.needs_approval,
        resolvers: resolvers(section, folder, problems)?,
        internal_domains: domains(&section.internal_domains, "registration.internal_domains", problems),
        internal_ca_pem,
        danger_loopback_http: section.danger_loopback_http,
        enforce: domains(&section.enforce, "registration.enforce", problems),
        timing: timing(section, problems),
    })
}

fn domains(texts: &[String], place: &str, problems: &mut Problems) -> Vec<DomainName> {
    let parse = |(at, text): (usize, &String)| problems.keep(&format!("{place}[{at}]"), DomainName::parse(text));
    texts.iter().enumerate().filter_map(parse).collect()
}

/// Whom to ask about domains. A build that cannot ask says so at each key that wants it to, and has nobody to ask:
/// issuers are registered by their hosts' documents alone.
fn resolvers(section: &RegistrationSection, folder: &Path, problems: &mut Problems) -> Option<Option<Resolvers>> {
    if let Err(not_built) = Feature::DnsProofs.require() {
        for key in wants_name_servers(section) {
            problems.add(&format!("registration.{key}"), not_built.to_string());
        }
        return Some(None);
    }
    let mut addresses = Vec::new();
    for (at, text) in section.resolvers.iter().enumerate() {
        let address = text.parse::<SocketAddr>().or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)));
        let address = address.map_err(|_| format!("\"{text}\" is not an address like 192.0.2.53 or 192.0.2.53:5353"));
        addresses.extend(problems.keep(&format!("registration.resolvers[{at}]"), address));
    }
    if addresses.len() > MAX_RESOLVERS {
        problems
            .add("registration.resolvers", format!("at most {MAX_RESOLVERS} name servers are queried; remove some"));
    }
    let agreeing = problems.within("registration.agreeing_resolvers", section.agreeing_resolvers, 1..=8) as usize;
    if !section.system_resolvers && !addresses.is_empty() && addresses.len() < agreeing {
        let message = format!(
            "{agreeing} must agree, but only {} are queried; add name servers to registration.resolvers",
            addresses.len()
        );
        problems.add("registration.agreeing_resolvers", message);
    }
    let file = section.trust_anchor_file.as_deref().map(|name| folder.join(name));
    let anchors = match (section.danger_skip_dnssec, &file) {
        (true, None) => Anchors::Skipped,
        (true, Some(_)) => {
            problems.add("registration.trust_anchor_file", "danger_skip_dnssec makes it useless".to_owned());
            Anchors::Skipped
        }
        (false, None) => Anchors::Internet,
        (false, Some(path)) => Anchors::Listed(problems.keep("registration.trust_anchor_file", trust_anchors(path))?),
    };
    let resolvers = Resolvers::new(ResolverSettings { addresses, system: section.system_resolvers, agreeing, anchors });
    let resolvers = resolvers.map_err(|error| match &file {
        Some(path) => format!("{}: {error}", path.display()),
        None => error.to_string(),
    });
    problems.keep("registration.trust_anchor_file", resolvers).map(Some)
}

/// The keys that ask for something that only name servers can say.
fn wants_name_servers(section: &RegistrationSection) -> Vec<&'static str> {
    let keys = [
        ("agreeing_resolvers", section.agreeing_resolvers != RegistrationSection::default().agreeing_resolvers),
        ("danger_skip_dnssec", section.danger_skip_dnssec),
        ("enforce", !section.enforce.is_empty()),
        ("resolvers", !section.resolvers.is_empty()),
        ("trust_anchor_file", section.trust_anchor_file.is_some()),
    ];
    keys.into_iter().filter_map(|(key, is_set)| is_set.then_some(key)).collect()
}

fn trust_anchors(path: &Path) -> Result<String, String> {
    let text = file::read(path, MAX_FILE).map_err(|error| error.to_string())?;
    if !text.lines().any(|line| line.contains("DNSKEY")) {
        return Err(format!("{} holds no DNSKEY record", path.display()));
    }
    Ok(text)
}

fn timing(section: &RegistrationSection, problems: &mut Problems) -> Timing {
    let mut seconds = |name: &str, seconds: u32| {
        Duration::from_secs(problems.within(&format!("registration.{name}"), seconds, 1..=YEAR))
    };
    let timing = Timing {
        recheck: seconds("recheck_seconds", section.recheck_seconds),
        retry: seconds("retry_seconds", section.retry_seconds),
        confirm: seconds("confirm_seconds", section.confirm_seconds),
        stale_after: seconds("stale_seconds", section.stale_seconds),
        expire_after: seconds("expire_seconds", section.expire_seconds),
        pending_for: seconds("pending_seconds", section.pending_seconds),
    };
    if !(timing.recheck < timing.stale_after && timing.stale_after < timing.expire_after) {
        let message = "must be longer than recheck_seconds and shorter than expire_seconds".to_owned();
        problems.add("registration.stale_seconds", message);
    }
    timing
}
