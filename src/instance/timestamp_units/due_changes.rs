//! What becomes due as time passes: the next key, the end of the last one and its destruction; also clearing up after
//! an interrupted change.

use std::time::Duration;

use shared::audit::UnitEvent;
use shared::keys::Signer as _;
use shared::time::UnixTime;
use shared::x509::RevocationAddresses;

use super::error::UnitsError;
use super::files::UnitFileError;
use super::key_plan::{Root, UnitKeyPlan};
use super::register::{Generation, KeyPlace, RegisteredUnit};
use super::units::{Event, KEY_PREFIX, TimestampUnits};
use crate::instance::assemble::UnitSettings;

/// How long after its last second a key is kept: what was decided before it may still be signing. A process that just
/// began has nothing under way.
pub(crate) const IN_FLIGHT: Duration = Duration::from_secs(60);

impl TimestampUnits {
    /// Destroys keys without a generation: their change was interrupted before it was in the register.
    pub(crate) fn discard_unfinished(&self, now: UnixTime) -> Result<(), UnitsError> {
        self.files.remove_half_written(KEY_PREFIX)?;
        let generations = self.register.units.iter().flat_map(|unit| &unit.generations);
        let known: Vec<&KeyPlace> = generations.map(|generation| &generation.key).collect();
        for stem in self.files.key_stems(KEY_PREFIX)? {
            if known.contains(&&KeyPlace::File(stem.clone())) {
                continue;
            }
            tracing::warn!(key = stem, "a change of a timestamp unit was interrupted; its unused key is destroyed");
            let key = self.files.key_of_any_kind(&stem, &self.key_file);
            if let Ok(key) = key {
                let event = Event { unit: &stem, number: 0, public: key.public_key(), serial: String::new(), now };
                self.record(&event, UnitEvent::Discarded, 0)?;
            }
            self.files.destroy_key(&stem)?;
        }
        Ok(())
    }

    /// Takes the chains of the configuration into the register. A chain for another key than before follows at once:
    /// the process that signed with the old one is gone.
    pub(crate) fn take_own_chains(&mut self, settings: &UnitSettings, now: UnixTime) -> Result<(), UnitsError> {
        for setting in &settings.units {
            let Some(own) = &setting.own else { continue };
            let number = match self.register.unit(&setting.name) {
                None => 1,
                Some(unit) if unit.newest().key != KeyPlace::Configuration => {
                    return Err(UnitsError::OwnName(setting.name.clone()));
                }
                Some(unit) if self.files.chain(&unit.newest().certificates)? == own.chain => continue,
                Some(unit) => unit.newest().number + 1,
            };
            let stem = format!("{KEY_PREFIX}{}-{number}", setting.name);
            let event = self.event(&setting.name, number, &own.chain, now);
            self.record(&event, UnitEvent::Certified, own.chain.leaf().not_after().seconds())?;
            self.files.write_chain(&stem, &own.chain)?;
            let generation = Generation {
                number,
                key: KeyPlace::Configuration,
                certificates: stem,
                use_from: now.seconds(),
                published: None,
                closed: None,
                destroyed: None,
            };
            let mut register = self.register.clone();
            if register.unit(&setting.name).is_none() {
                let (name, algorithm) = (setting.name.clone(), setting.algorithm.name().to_owned());
                register.units.push(RegisteredUnit { name, algorithm, generations: Vec::new() });
            }
            if let Some(unit) = register.unit_mut(&setting.name) {
                unit.algorithm = setting.algorithm.name().to_owned();
                for old in unit.generations.iter_mut().filter(|old| old.closed.is_none()) {
                    old.closed = Some(now.seconds());
                }
                unit.generations.push(generation);
            }
            self.keep(register)?;
        }
        Ok(())
    }

    /// Makes the next key of each unit whose key ends soon. `root` is asked for only when it is needed.
    pub(crate) fn make_due(
        &mut self,
        settings: &UnitSettings,
        addresses: Option<&RevocationAddresses>,
        root: &dyn Fn() -> Result<Root, UnitFileError>,
        now: UnixTime,
    ) -> Result<bool, UnitsError> {
        let Some(ahead) = settings.rollover else { return Ok(false) };
        let mut is_changed = false;
        for (name, last_use) in self.ending(ahead * 2, now)? {
            let root = match root() {
                Ok(root) => root,
                Err(error) => {
                    tracing::error!(
                        unit = name, %error,
                        "the unit's key ends soon, and the root's key is not in the data directory; make the next key \
                         with `privyseal tsa unit next`"
                    );
                    continue;
                }
            };
            let use_from = last_use.minus(ahead).max(now);
            let plan = UnitKeyPlan { root: &root, settings, addresses, token: None };
            self.next(&name, use_from, &plan, now)?;
            tracing::warn!(
                unit = name,
                from = use_from.rfc3339().unwrap_or_default(),
                "the next key of the timestamp unit was made"
            );
            is_changed = true;
        }
        Ok(is_changed)
    }

    /// The units with keys of ours in files whose use ends within `ahead`, and that nothing follows yet.
    fn ending(&self, ahead: Duration, now: UnixTime) -> Result<Vec<(String, UnixTime)>, UnitsError> {
        let mut ending = Vec::new();
        for unit in &self.register.units {
            let newest = unit.newest();
            if !matches!(newest.key, KeyPlace::File(_)) || newest.closed.is_some() || unit.open().count() > 1 {
                continue;
            }
            let chain = self.files.chain(&newest.certificates)?;
            let last_use = tsa::unit_certificate::last_use(&chain)
                .map_err(|error| UnitsError::Unit { name: unit.name.clone(), error: error.into() })?;
            if now.plus(ahead) >= last_use {
                ending.push((unit.name.clone(), last_use));
            }
        }
        Ok(ending)
    }

    /// Closes each key whose follower signs already.
    pub(crate) fn close_due(&mut self, now: UnixTime) -> Result<bool, UnitsError> {
        let mut register = self.register.clone();
        let mut is_changed = false;
        for unit in &mut register.units {
            let name = unit.name.clone();
            for at in 1..unit.generations.len() {
                let [before, after] = &mut unit.generations[at - 1..=at] else { continue };
                let signs = after.published.is_some() && after.use_from < now.seconds();
                if before.closed.is_some() || !signs {
                    continue;
                }
                let (old, new) = (self.files.chain(&before.certificates)?, self.files.chain(&after.certificates)?);
                self.record(&self.event(&name, after.number, &new, now), UnitEvent::Switched, after.use_from)?;
                self.record(&self.event(&name, before.number, &old, now), UnitEvent::Closed, after.use_from)?;
                before.closed = Some(after.use_from);
                is_changed = true;
            }
        }
        if is_changed {
            self.keep(register)?;
        }
        Ok(is_changed)
    }

    /// Notes that the trust root with all chains is published. A key whose start is past begins now: before, no client
    /// could know it.
    pub(crate) fn note_published(&mut self, now: UnixTime) -> Result<bool, UnitsError> {
        let mut register = self.register.clone();
        let mut is_changed = false;
        for unit in &mut register.units {
            let name = unit.name.clone();
            for generation in unit.generations.iter_mut().filter(|generation| generation.published.is_none()) {
                let chain = self.files.chain(&generation.certificates)?;
                let event = self.event(&name, generation.number, &chain, now);
                self.record(&event, UnitEvent::Published, generation.use_from)?;
                generation.published = Some(now.seconds());
                if generation.number > 1 {
                    generation.use_from = generation.use_from.max(now.seconds() + 1);
                }
                is_changed = true;
            }
        }
        if is_changed {
            self.keep(register)?;
        }
        Ok(is_changed)
    }

    /// Destroys each key whose use ended longer ago than `grace`.
    pub(crate) fn destroy_due(&mut self, grace: Duration, now: UnixTime) -> Result<(), UnitsError> {
        for unit in self.register.units.clone() {
            for generation in &unit.generations {
                let is_over = generation.closed.is_some_and(|closed| {
                    UnixTime::from_seconds(closed).plus(grace) < now && generation.destroyed.is_none()
                });
                if is_over {
                    self.destroy(&unit.name, generation, now)?;
                }
            }
        }
        Ok(())
    }

    fn destroy(&mut self, name: &str, generation: &Generation, now: UnixTime) -> Result<(), UnitsError> {
        let chain = self.files.chain(&generation.certificates)?;
        let event = self.event(name, generation.number, &chain, now);
        if let KeyPlace::File(stem) = &generation.key {
            self.record(&event, UnitEvent::Destroyed, 0)?;
            self.files.destroy_key(stem)?;
            tracing::warn!(unit = name, generation = generation.number, "a key of the timestamp unit was destroyed");
        } else {
            self.record(&event, UnitEvent::Released, 0)?;
            tracing::warn!(
                unit = name,
                generation = generation.number,
                "a key of the timestamp unit is no longer used; destroy it where it is stored"
            );
        }
        let mut register = self.register.clone();
        let unit = register.unit_mut(name);
        if let Some(entry) = unit.and_then(|unit| unit.generations.iter_mut().find(|g| g.number == generation.number)) {
            entry.destroyed = Some(now.seconds());
        }
        self.keep(register)
    }
}
