//! From the configuration's text to what the house works by. All problems are found at once, each with its place in the file.

mod authorities;
mod claims;
mod grants;
mod origin;
mod problems;
mod profiles;
mod records;
mod registration;
mod restart;
mod roles;
mod source;
mod spiffe;
mod time;
mod trust_domains;
mod units;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use broker::provider::{Client, ClientSecretHash, Clients, Lifetimes};
use privyseal_config::{
    ClientSection, Config, DisclosureSection, ListenSection, ListenerIdentity, SvidListenSection, TimestampRecords,
    TimestampsSection,
};

use crate::instance::data_dir::file;
use crate::instance::roles::Roles;
use crate::serving::listen::tls::ServerIdentity;
pub(crate) use authorities::RevocationSettings;
pub(crate) use origin::Origin;
pub(crate) use problems::{Problem, Problems};
pub(crate) use records::{ConnectorSettings, RecordSettings};
pub(crate) use registration::{RegistrationSettings, ResolverSettings};
pub(crate) use restart::Fixed;
pub(crate) use source::{Fingerprint, Source};
pub(crate) use spiffe::SpiffeSettings;
pub(crate) use time::TimeSettings;
pub(crate) use trust_domains::MAX_BUNDLE_FILE;
pub(crate) use units::{KindError, UnitSetting, UnitSettings, check_kind};

/// What the house works by: the configuration, understood.
pub(crate) struct Settings {
    /// The origin that clients use; none means the address that is listened on.
    pub(crate) origin: Option<Origin>,
    /// Where to listen.
    pub(crate) listen: Listen,
    /// How long tokens and sessions last.
    pub(crate) lifetimes: Lifetimes,
    /// The provider's relying parties.
    pub(crate) clients: Clients,
    /// Issuers and connectors with their grants.
    pub(crate) records: RecordSettings,
    /// The house in SPIFFE federations.
    pub(crate) spiffe: SpiffeSettings,
    /// How owners bring issuers.
    pub(crate) registration: RegistrationSettings,
    /// How long a signing certificate is valid.
    pub(crate) certificate_lifetime: Duration,
    /// What the audit log keeps of timestamps.
    pub(crate) timestamp_records: TimestampRecords,
    /// What the timestamp units are like.
    pub(crate) units: Arc<UnitSettings>,
    /// The issuing authority's key, when it is in a token.
    pub(crate) issuing_key: Option<Arc<dyn shared::keys::Signer>>,
    /// How revocation is published.
    pub(crate) revocation: RevocationSettings,
    /// What the operator says about the timestamp authority.
    pub(crate) disclosure: DisclosureSection,
    /// Whether signatures by any key may enter the signature log.
    pub(crate) accept_public_keys: bool,
    /// Whether `/audit` is served.
    pub(crate) serve_audit: bool,
    /// Who may administer the house.
    pub(crate) roles: Roles,
    /// What stands until the next start.
    pub(crate) fixed: Fixed,
    /// Whom to ask for the time, and how wrong the clock may be.
    pub(crate) time: TimeSettings,
    /// SHA-256 of the file, hex; empty without a file.
    pub(crate) sha256: String,
    /// Where all this was read.
    pub(crate) source: Source,
}

impl Settings {
    /// The origin that clients use.
    pub(crate) fn origin(&self) -> Origin {
        self.origin.clone().unwrap_or_else(|| Origin::of_address(self.listen.address, self.listen.tls.is_some()))
    }
}

/// Where and how to listen.
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) danger_plain_http: bool,
    pub(crate) drain: Duration,
    pub(crate) max_connections: usize,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) svid: Option<SvidListen>,
}

/// Where workloads connect with mutual TLS, and what they are shown.
pub(crate) struct SvidListen {
    pub(crate) address: SocketAddr,
    pub(crate) identity: ListenerIdentity,
}

/// The files of a TLS certificate and its key.
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Reads and understands the file at `path`, or the defaults without one. `listen` replaces the file's address.
pub(crate) fn settings(path: Option<&Path>, listen: Option<&str>) -> Result<Settings, Problems> {
    Source::new(path, listen).read().map_err(|(problems, _)| problems)
}

fn understand(config: Config, folder: &Path, listen: Option<&str>) -> Result<Settings, Problems> {
    let mut problems = Problems::default();
    let origin = config.house.origin.as_deref().and_then(|text| problems.keep("house.origin", Origin::parse(text)));
    let listen = understand_listen(&config.listen, listen, folder, &mut problems);
    if let Some(listen) = &listen
        && origin.is_none()
        && listen.address.ip().is_unspecified()
    {
        let message =
            format!("{} is no address that clients can use; say by which origin they reach it", listen.address);
        problems.add("house.origin", message);
    }
    let lifetimes = Lifetimes {
        token: Duration::from_secs(problems.within("provider.token_seconds", config.provider.token_seconds, 10..=3600)),
        session: Duration::from_secs(problems.within(
            "provider.session_seconds",
            config.provider.session_seconds,
            0..=604_800,
        )),
    };
    let clients = understand_clients(&config.clients, folder, &mut problems);
    let records = records::understand(&config, origin.as_ref(), folder, &mut problems);
    let spiffe = spiffe::understand(&config, &mut problems);
    let registration = registration::understand(&config.registration, folder, &mut problems);
    let lifetime = problems.within("certificates.lifetime_seconds", config.certificates.lifetime_seconds, 60..=86_400);
    let roles = roles::understand(&config.api, &mut problems);
    let units = units::understand(&config.timestamps, folder, &mut problems);
    let issuing_key = authorities::issuing_key(&config.keys, &mut problems);
    let revocation = authorities::revocation(&config.revocation, &mut problems);
    let promise = time::Promise {
        accuracy: units.units.iter().map(|unit| unit.accuracy).min().unwrap_or(tsa::Accuracy::ONE_SECOND),
        rounding: units.form.precision.rounding(),
    };
    let time = time::understand(&config.time, &promise, folder, &mut problems);
    let (Some(listen), Some(clients), Some(records), Some(registration)) = (listen, clients, records, registration)
    else {
        return Err(problems);
    };
    problems.none_or(Settings {
        origin,
        listen,
        lifetimes,
        clients,
        records,
        spiffe,
        registration,
        certificate_lifetime: Duration::from_secs(lifetime),
        timestamp_records: config.audit.timestamps,
        units: Arc::new(units),
        issuing_key,
        revocation,
        disclosure: config.disclosure.clone(),
        time,
        accept_public_keys: config.log.accept_public_keys,
        serve_audit: config.log.serve_audit,
        roles,
        fixed: Fixed::of(&config),
        sha256: String::new(),
        source: Source::default(),
    })
}

fn understand_token_form(section: &TimestampsSection) -> tsa::TokenForm {
    let precision = if section.milliseconds { tsa::Precision::Milliseconds } else { tsa::Precision::Seconds };
    tsa::TokenForm { precision, is_qualified: section.qualified }
}

fn understand_listen(
    section: &ListenSection,
    replaced: Option<&str>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<Listen> {
    let place = if replaced.is_some() { "--listen" } else { "listen.address" };
    let text = replaced.unwrap_or(&section.address);
    let address = socket_address(text, place, problems)?;
    let tls = section.tls.as_ref().and_then(|tls| {
        let files = TlsFiles { certificate: folder.join(&tls.certificate), key: folder.join(&tls.key) };
        let identity = ServerIdentity::load(files.certificate.clone(), files.key.clone());
        problems.keep("listen.tls", identity).map(|_| files)
    });
    if section.tls.is_none() && !address.ip().is_loopback() && !section.danger_plain_http {
        problems.add(
            place,
            format!(
                "{address} is reached by other machines and would carry tokens in plain text; set listen.tls, listen on \
                 127.0.0.1, or set listen.danger_plain_http if a proxy right in front ends TLS"
            ),
        );
    }
    let connections = problems.within("listen.max_connections", section.max_connections, 1..=1_000_000);
    Some(Listen {
        address,
        tls,
        danger_plain_http: section.danger_plain_http,
        drain: Duration::from_secs(u64::from(section.drain_seconds)),
        max_connections: connections as usize,
        metrics: section.metrics.as_deref().and_then(|text| socket_address(text, "listen.metrics", problems)),
        svid: section.svid.as_ref().and_then(|svid| understand_svid_listen(svid, section, problems)),
    })
}

fn understand_svid_listen(
    section: &SvidListenSection,
    listen: &ListenSection,
    problems: &mut Problems,
) -> Option<SvidListen> {
    if section.identity == ListenerIdentity::Files && listen.tls.is_none() {
        let message = "there is no certificate to show: set listen.tls, or say identity = \"workload-api\"";
        problems.add("listen.svid.identity", message.to_owned());
    }
    let address = socket_address(&section.address, "listen.svid.address", problems)?;
    Some(SvidListen { address, identity: section.identity })
}

fn socket_address(text: &str, place: &str, problems: &mut Problems) -> Option<SocketAddr> {
    problems.keep(place, text.parse().map_err(|_| format!("\"{text}\" is not an address like 127.0.0.1:8420")))
}

fn understand_clients(sections: &[ClientSection], folder: &Path, problems: &mut Problems) -> Option<Clients> {
    let mut clients = Vec::new();
    for (at, section) in sections.iter().enumerate() {
        let place = format!("clients[{at}]");
        let secret = section.secret_file.as_deref().map(|name| {
            let secret =
                read_secret(&folder.join(name)).and_then(|s| ClientSecretHash::of(&s).map_err(|e| e.to_string()));
            problems.keep(&format!("{place}.secret_file"), secret)
        });
        let secret = match secret {
            Some(None) => continue,
            Some(Some(hash)) => Some(hash),
            None => None,
        };
        let client = Client::new(&section.id, secret, &section.redirect_uris, section.loopback_redirects);
        clients.extend(problems.keep(&place, client));
    }
    problems.keep("clients", Clients::new(clients))
}

/// The first line of a file.
fn read_secret(path: &Path) -> Result<shared::secret::Secret<String>, String> {
    let text = zeroize::Zeroizing::new(file::read(path, 4096).map_err(|error| error.to_string())?);
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(shared::secret::Secret::new(line.to_owned())),
        _ => Err(format!("{} holds no secret in its first line", path.display())),
    }
}
