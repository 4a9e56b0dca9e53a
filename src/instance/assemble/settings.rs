//! The settings of the instance, from the whole configuration.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use broker::provider::{Clients, Lifetimes};
use privyseal_config::{Config, DisclosureSection, TimestampRecords};
use shared::digest::sha256_hex;

use super::authorities::{self, RevocationSettings};
use super::listen::{self, Listen};
use super::records::{self, RecordSettings};
use super::registration::{self, RegistrationSettings};
use super::restart::Fixed;
use super::source::Source;
use super::spiffe::{self, SpiffeSettings};
use super::time::{self, TimeSettings};
use super::units::{self, UnitSettings};
use super::{Origin, Problems, clients, roles};
use crate::instance::roles::Roles;

/// The settings of the instance.
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
    /// The instance as a member of SPIFFE federations.
    pub(crate) spiffe: SpiffeSettings,
    /// How domain owners register issuers.
    pub(crate) registration: RegistrationSettings,
    /// How long a signing certificate is valid.
    pub(crate) certificate_lifetime: Duration,
    /// What the audit log keeps of timestamps.
    pub(crate) timestamp_records: TimestampRecords,
    /// The timestamp units.
    pub(crate) units: Arc<UnitSettings>,
    /// The issuing authority's key, when it is in a token.
    pub(crate) issuing_key: Option<Arc<dyn shared::keys::Signer>>,
    /// How revocation is published.
    pub(crate) revocation: RevocationSettings,
    /// The operator's part of the disclosure statement.
    pub(crate) disclosure: DisclosureSection,
    /// Whether signatures by any key may enter the signature log.
    pub(crate) accept_public_keys: bool,
    /// Whether `/audit` is served.
    pub(crate) serve_audit: bool,
    /// Who may administer the instance.
    pub(crate) roles: Roles,
    /// The part that is fixed until the next start.
    pub(crate) fixed: Fixed,
    /// The time sources, and how wrong the clock may be.
    pub(crate) time: TimeSettings,
    /// SHA-256 of the file, hex; empty without a file.
    pub(crate) sha256: String,
    /// Where the configuration was read from.
    pub(crate) source: Source,
}

impl Settings {
    /// Reads and understands the file at `path`, or the defaults without one. `listen` replaces the file's address.
    pub(crate) fn load(path: Option<&Path>, listen: Option<&str>) -> Result<Self, Problems> {
        Self::read(&Source::new(path, listen)).map_err(|(problems, _)| problems)
    }

    /// Reads and understands what `source` holds. With the problems comes the SHA-256 of what was read, as far as there
    /// was anything.
    pub(crate) fn read(source: &Source) -> Result<Self, (Problems, String)> {
        let Some(text) = source.text().map_err(|problems| (problems, String::new()))? else {
            return match understand(Config::default(), Path::new("."), source.listen()) {
                Ok(settings) => Ok(Self { source: source.clone(), ..settings }),
                Err(problems) => Err((problems, String::new())),
            };
        };
        for (old, new) in Config::outdated(&text) {
            let file = source.path.as_deref().unwrap_or(Path::new("")).display();
            tracing::warn!(
                "{file}: [{old}] is a name of 0.1, which the next release does not read: rename it to [{new}]"
            );
        }
        let sha256 = sha256_hex(text.as_bytes());
        match Self::of_text(source, &text) {
            Ok(settings) => Ok(Self { sha256, ..settings }),
            Err(problems) => Err((problems, sha256)),
        }
    }

    /// Understands `text` as if the file of `source` held it.
    pub(crate) fn of_text(source: &Source, text: &str) -> Result<Self, Problems> {
        let path = source.path.as_deref().unwrap_or(Path::new("."));
        let settings = Config::parse(text)
            .map_err(|error| Problems::one(&path.display().to_string(), error.to_string()))
            .and_then(|config| understand(config, path.parent().unwrap_or(Path::new(".")), source.listen()))?;
        Ok(Self { source: source.clone(), ..settings })
    }

    /// The origin that clients use.
    pub(crate) fn origin(&self) -> Origin {
        self.origin.clone().unwrap_or_else(|| Origin::of_address(self.listen.address, self.listen.tls.is_some()))
    }
}

fn understand(config: Config, folder: &Path, listen: Option<&str>) -> Result<Settings, Problems> {
    let mut problems = Problems::default();
    let origin =
        config.instance.origin.as_deref().and_then(|text| problems.keep("instance.origin", Origin::parse(text)));
    let listen = listen::understand(&config.listen, listen, folder, &mut problems);
    if let Some(listen) = &listen
        && origin.is_none()
        && listen.address.ip().is_unspecified()
    {
        let message = format!(
            "clients cannot use the address {}; set the origin by which they reach this server",
            listen.address
        );
        problems.add("instance.origin", message);
    }
    let lifetimes = Lifetimes {
        token: Duration::from_secs(problems.within("provider.token_seconds", config.provider.token_seconds, 10..=3600)),
        session: Duration::from_secs(problems.within(
            "provider.session_seconds",
            config.provider.session_seconds,
            0..=604_800,
        )),
    };
    let clients = clients::understand(&config.clients, folder, &mut problems);
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
