//! The units, and the changes that an operator asks for. What becomes due as time passes is in [`super::due_changes`].

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::audit::{AuditRecord, UnitEvent};
use shared::keys::{KeyAlgorithm, KeyFile, PublicKey, Signer};
use shared::log::Log;
use shared::random::SystemRandom;
use shared::time::UnixTime;
use shared::trust_root::{CertificateChain, Validity};
use shared::x509::{CaSetup, Chain, NodePrefix, UnitPlan};
use tsa::{SigningUnit, Succession, UnitConfig};

use super::error::UnitsError;
use super::files::UnitFiles;
use super::key_plan::UnitKeyPlan;
use super::register::{Generation, KeyPlace, RegisteredUnit, UnitRegister};
use crate::instance::assemble::{UnitSetting, UnitSettings};
use crate::instance::data_dir::{DataDir, InstanceFile};
use crate::instance::tokens::{self, check_kind};

/// Key files of all generations but an instance's first begin like this.
pub(super) const KEY_PREFIX: &str = "tsa-";

/// The units and the one register of them. It alone writes the register.
pub(crate) struct TimestampUnits {
    pub(super) files: UnitFiles,
    instance: InstanceFile,
    pub(super) key_file: Arc<KeyFile>,
    audit: Log,
    pub(super) register: UnitRegister,
    /// Serial numbers of certificates that no unit may sign with any more.
    revoked: Vec<Vec<u8>>,
}

impl TimestampUnits {
    /// Reads the register in `data`.
    pub(crate) fn open(
        data: &DataDir,
        instance: &InstanceFile,
        key_file: Arc<KeyFile>,
        audit: Log,
    ) -> Result<Self, UnitsError> {
        let files = UnitFiles::of(data);
        let register = files.register(instance)?;
        Ok(Self { files, instance: instance.clone(), key_file, audit, register, revoked: Vec::new() })
    }

    /// Certificates with these serial numbers are not used any more.
    pub(crate) fn forbid(&mut self, revoked: Vec<Vec<u8>>) {
        self.revoked = revoked;
    }

    /// The register.
    pub(crate) fn register(&self) -> &UnitRegister {
        &self.register
    }

    /// Makes the unit `name`, which signs from the next start of the instance on.
    pub(crate) fn add(
        &mut self,
        name: &str,
        algorithm: KeyAlgorithm,
        plan: &UnitKeyPlan<'_>,
        now: UnixTime,
    ) -> Result<(), UnitsError> {
        // Short enough that name and generation fit into a common name of 64 characters.
        let is_name = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if name.is_empty() || name.len() > 32 || !is_name {
            return Err(UnitsError::Name(name.to_owned()));
        }
        if self.register.unit(name).is_some() {
            return Err(UnitsError::Exists(name.to_owned()));
        }
        let generation = self.make(name, 1, algorithm, plan, now)?;
        let unit = RegisteredUnit {
            name: name.to_owned(),
            algorithm: algorithm.name().to_owned(),
            generations: vec![Generation { use_from: now.seconds(), ..generation }],
        };
        let mut register = self.register.clone();
        register.units.push(unit);
        self.keep(register)
    }

    /// Makes the next key and certificate of the unit `name`, which sign from `use_from` on, once they are published.
    pub(crate) fn next(
        &mut self,
        name: &str,
        use_from: UnixTime,
        plan: &UnitKeyPlan<'_>,
        now: UnixTime,
    ) -> Result<(), UnitsError> {
        let unit = self.register.unit(name).ok_or_else(|| UnitsError::NoSuchUnit(name.to_owned()))?;
        let newest = unit.newest();
        let time = |at: UnixTime| at.rfc3339().unwrap_or_default();
        if newest.key == KeyPlace::Configuration {
            return Err(UnitsError::FromElsewhere(name.to_owned()));
        }
        if unit.open().count() > 1 {
            let from = time(UnixTime::from_seconds(newest.use_from));
            return Err(UnitsError::NextExists { name: name.to_owned(), from });
        }
        if use_from.seconds() < now.seconds() {
            return Err(UnitsError::Past(time(use_from)));
        }
        let (number, algorithm) = (newest.number + 1, unit.algorithm()?);
        let generation = self.make(name, number, algorithm, plan, now)?;
        let mut register = self.register.clone();
        if let Some(unit) = register.unit_mut(name) {
            unit.generations.push(Generation { use_from: use_from.seconds(), ..generation });
        }
        self.keep(register)
    }

    /// Key and certificate, both on disk and in the audit log, not yet in the register.
    fn make(
        &self,
        name: &str,
        number: u32,
        algorithm: KeyAlgorithm,
        key_plan: &UnitKeyPlan<'_>,
        now: UnixTime,
    ) -> Result<Generation, UnitsError> {
        let stem = format!("{KEY_PREFIX}{name}-{number}");
        let (place, public) = match &key_plan.token {
            Some((uri, signer)) => {
                check_kind(&**signer, algorithm)?;
                (KeyPlace::Token(uri.clone()), signer.public_key().clone())
            }
            None => {
                let key = self.files.create_key(&stem, algorithm, &self.key_file, &SystemRandom)?;
                (KeyPlace::File(stem.clone()), key.public_key().clone())
            }
        };
        let generation = Generation {
            number,
            key: place,
            certificates: stem.clone(),
            use_from: now.seconds(),
            published: None,
            closed: None,
            destroyed: None,
        };
        let event = Event { unit: name, number, public: &public, serial: String::new(), now };
        self.record(&event, UnitEvent::Made, 0)?;
        let setup = CaSetup { instance: &self.instance.name, root_key: &key_plan.root.key, now, random: &SystemRandom };
        let plan = UnitPlan {
            role: &format!("tsa {name} {number}"),
            key: &public,
            validity: key_plan.settings.validity,
            key_use: key_plan.settings.key_use,
            addresses: key_plan.addresses,
        };
        // The root's key is used only after this is on record.
        self.record(&event, UnitEvent::Certified, now.plus(plan.key_use).seconds())?;
        let certificate = setup.unit(&key_plan.root.certificate, &plan)?;
        let chain = Chain::new(vec![certificate, key_plan.root.certificate.clone()])?;
        self.files.write_chain(&stem, &chain)?;
        Ok(generation)
    }

    /// What the trust root says of the units: every chain that there ever was.
    pub(crate) fn chains(&self) -> Result<Vec<CertificateChain>, UnitsError> {
        let mut chains = Vec::new();
        for generation in self.register.units.iter().flat_map(|unit| &unit.generations) {
            let chain = self.files.chain(&generation.certificates)?;
            chains.push(CertificateChain {
                certificates: chain.certificates().iter().map(|certificate| certificate.der().to_vec()).collect(),
                validity: Validity {
                    start: UnixTime::from_seconds(generation.use_from),
                    end: generation.closed.map(UnixTime::from_seconds),
                },
            });
        }
        Ok(chains)
    }

    /// Every chain that a unit ever had, PEM, by unit and generation.
    pub(crate) fn chain_texts(&self) -> Result<BTreeMap<(String, u32), String>, UnitsError> {
        let mut texts = BTreeMap::new();
        for unit in &self.register.units {
            for generation in &unit.generations {
                let chain = self.files.chain(&generation.certificates)?;
                texts.insert((unit.name.clone(), generation.number), chain.to_pem());
            }
        }
        Ok(texts)
    }

    /// The units that serve, the default one first: each with its keys that are published and not closed.
    pub(crate) fn successions(&self, settings: &UnitSettings, now: UnixTime) -> Result<Vec<Succession>, UnitsError> {
        for setting in &settings.units {
            self.check_setting(setting)?;
        }
        let mut units = Vec::new();
        for unit in &self.register.units {
            let setting = settings.units.iter().find(|setting| setting.name == unit.name);
            if unit.newest().key == KeyPlace::Configuration && setting.is_none_or(|setting| setting.own.is_none()) {
                tracing::warn!(
                    unit = unit.name,
                    "the unit is not used, because the configuration does not have its key and chain"
                );
                continue;
            }
            if let Some(succession) = self.succession(unit, settings, setting, now)? {
                let is_default = setting.is_some_and(|setting| setting.is_default);
                units.insert(if is_default { 0 } else { units.len() }, succession);
            }
        }
        if units.is_empty() { Err(UnitsError::None) } else { Ok(units) }
    }

    fn check_setting(&self, setting: &UnitSetting) -> Result<(), UnitsError> {
        let (name, said) = (setting.name.clone(), setting.algorithm.name());
        let Some(unit) = self.register.unit(&name) else {
            return Err(UnitsError::NotMade { name, algorithm: said });
        };
        if unit.algorithm != said {
            return Err(UnitsError::Algorithm { name, found: unit.algorithm.clone(), said });
        }
        Ok(())
    }

    fn succession(
        &self,
        unit: &RegisteredUnit,
        settings: &UnitSettings,
        setting: Option<&UnitSetting>,
        now: UnixTime,
    ) -> Result<Option<Succession>, UnitsError> {
        let mut succession: Option<Succession> = None;
        for generation in unit.open().filter(|generation| generation.published.is_some()) {
            let chain = self.files.chain(&generation.certificates)?;
            if self.revoked.iter().any(|serial| serial == chain.leaf().serial()) {
                tracing::error!(
                    unit = unit.name,
                    generation = generation.number,
                    "the unit's certificate is revoked, so its key is not used; make another with `privyseal tsa unit \
                     next`"
                );
                continue;
            }
            let checked_at = check_at(unit, generation, &chain, now)?;
            let config = UnitConfig {
                name: unit.name.clone(),
                key: self.signer(unit, generation, setting)?,
                chain,
                policies: setting.and_then(|s| s.policies.clone()).unwrap_or_else(|| settings.policies.clone()),
                accuracy: setting.map_or(tsa::Accuracy::ONE_SECOND, |setting| setting.accuracy),
                node: NodePrefix::FIRST,
                form: settings.form,
            };
            let signing = SigningUnit::new(config, checked_at)
                .map(Arc::new)
                .map_err(|error| UnitsError::Unit { name: unit.name.clone(), error })?;
            succession = Some(match succession {
                None => Succession::of(signing),
                Some(before) => before.followed_by(signing, UnixTime::from_seconds(generation.use_from)),
            });
        }
        Ok(succession)
    }

    fn signer(
        &self,
        unit: &RegisteredUnit,
        generation: &Generation,
        setting: Option<&UnitSetting>,
    ) -> Result<Arc<dyn Signer>, UnitsError> {
        let algorithm = unit.algorithm()?;
        match &generation.key {
            KeyPlace::File(stem) => Ok(Arc::new(self.files.key(stem, algorithm.signature(), &self.key_file)?)),
            KeyPlace::Token(uri) => tokens::signer(uri, algorithm)
                .map_err(|error| UnitsError::Key { name: unit.name.clone(), error: Box::new(error) }),
            KeyPlace::Configuration => setting
                .and_then(|setting| setting.own.as_ref())
                .map(|own| own.key.clone())
                .ok_or_else(|| UnitsError::FromElsewhere(unit.name.clone())),
        }
    }

    /// Writes the register; what is in memory follows what is on disk.
    pub(super) fn keep(&mut self, register: UnitRegister) -> Result<(), UnitsError> {
        self.files.save(&register)?;
        self.register = register;
        Ok(())
    }

    pub(super) fn event<'a>(&self, unit: &'a str, number: u32, chain: &'a Chain, now: UnixTime) -> Event<'a> {
        let serial = hex::encode(chain.leaf().serial());
        Event { unit, number, public: chain.leaf().public_key(), serial, now }
    }

    /// Writes an event to the audit log; durable when this returns.
    pub(super) fn record(&self, about: &Event<'_>, event: UnitEvent, moment_s: u64) -> Result<(), UnitsError> {
        let record = AuditRecord::TimestampUnit {
            at_ms: about.now.millis(),
            unit: about.unit.to_owned(),
            generation: about.number,
            event,
            public_key_sha256: hex::encode(about.public.spki_sha256()),
            serial: about.serial.clone(),
            moment_s,
        };
        self.audit.append(record.to_leaf()).wait()?;
        Ok(())
    }
}

/// The moment at which a key and its certificates must be usable. A key of ours that has reached its end does not stop
/// the server, or the next key and revocations could never be published. It refuses each request instead, until the
/// next key follows.
fn check_at(
    unit: &RegisteredUnit,
    generation: &Generation,
    chain: &Chain,
    now: UnixTime,
) -> Result<UnixTime, UnitsError> {
    if generation.key == KeyPlace::Configuration {
        return Ok(now);
    }
    let last_use = tsa::unit_certificate::last_use(chain)
        .map_err(|error| UnitsError::Unit { name: unit.name.clone(), error: error.into() })?;
    if last_use < now {
        tracing::error!(
            unit = unit.name,
            generation = generation.number,
            "the unit's key has reached its end and signs nothing; make another with `privyseal tsa unit next`"
        );
    }
    Ok(now.min(last_use))
}

/// What a record is about.
pub(super) struct Event<'a> {
    pub(super) unit: &'a str,
    pub(super) number: u32,
    pub(super) public: &'a PublicKey,
    pub(super) serial: String,
    pub(super) now: UnixTime,
}
