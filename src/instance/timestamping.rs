//! Revocation and timestamping while an instance opens: both work with what the root certified.

use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use shared::time::Clock as _;
use tsa::Succession;

use super::error::InstanceError;
use super::parts::{InstanceParts, PublishedRoot};
use crate::clock::{SystemClock, SystemClocks};
use crate::instance::assemble::TimeSettings;
use crate::instance::revocation::{PublishedRevocations, Revocations};
use crate::instance::tasks::revocation_refresher::RevocationRefresher;
use crate::instance::tasks::rollover::Rollover;
use crate::instance::timestamp_authority::{TimestampAuthority, clock_limits};
use crate::instance::timestamp_units::{TimestampUnits, UnitFiles};
use crate::instance::trusted_time::{MarkFile, TrustedTime};
use crate::outbound::time_sources::TimeSources;

/// What signs timestamps.
pub(super) struct Timestamping {
    pub(super) time: Arc<TrustedTime>,
    pub(super) authority: Arc<TimestampAuthority>,
    pub(super) rollover: Arc<Rollover>,
}

impl InstanceParts<'_> {
    /// The revocations and what is published of them. Everything that is due is done when this returns.
    pub(super) fn revocations(&self) -> Result<Arc<RevocationRefresher>, InstanceError> {
        let (key_file, settings) = (self.opened.key_file.clone(), &self.settings.revocation);
        let mut revocations = Revocations::open(self.data, self.file, key_file, self.opened.audit.clone())?;
        revocations.refresh(settings, SystemClock.now())?;
        let state = ArcSwap::from_pointee(revocations.state()?);
        let published = PublishedRevocations { state, clock: self.opened.clock.clone(), ocsp: settings.ocsp };
        Ok(Arc::new(RevocationRefresher {
            revocations: Mutex::new(revocations),
            settings: settings.clone(),
            published: Arc::new(published),
        }))
    }

    /// The units. Everything that can be done before the trust root is published is done when this returns.
    pub(super) fn timestamp_units(&self, revocations: &RevocationRefresher) -> Result<TimestampUnits, InstanceError> {
        let (key_file, now) = (self.opened.key_file.clone(), SystemClock.now());
        let (settings, files) = (&self.settings.units, UnitFiles::of(self.data));
        let mut units = TimestampUnits::open(self.data, self.file, key_file, self.opened.audit.clone())?;
        units.forbid(revocations.published.state.load().revoked.iter().map(|revoked| revoked.serial.clone()).collect());
        units.discard_unfinished(now)?;
        units.take_own_chains(settings, now)?;
        let root = || files.root(None, &self.opened.key_file);
        units.make_due(settings, self.settings.revocation.addresses.as_ref(), &root, now)?;
        units.close_due(now)?;
        Ok(units)
    }

    /// The timestamp authority with the time that it signs, and the rollover of its keys.
    pub(super) fn timestamping(
        &self,
        units: TimestampUnits,
        trust: &PublishedRoot,
    ) -> Result<Timestamping, InstanceError> {
        let successions = units.successions(&self.settings.units, SystemClock.now())?;
        let time = Arc::new(self.time(&successions)?);
        let (audit, random) = (self.opened.audit.clone(), self.opened.random.clone());
        let authority = TimestampAuthority::new(successions, time.clone(), audit, random)?;
        let authority = Arc::new(authority.with_records(self.settings.timestamp_records));
        authority.serve_chains(units.chain_texts()?);
        let rollover = Arc::new(Rollover {
            units: Arc::new(Mutex::new(units)),
            settings: self.settings.units.clone(),
            files: UnitFiles::of(self.data),
            key_file: self.opened.key_file.clone(),
            addresses: self.settings.revocation.addresses.clone(),
            material: trust.material.clone(),
            publisher: trust.publisher.clone(),
            authority: authority.clone(),
        });
        Ok(Timestamping { time, authority, rollover })
    }

    fn time(&self, units: &[Succession]) -> Result<TrustedTime, InstanceError> {
        let TimeSettings { limits, sources, poll } = &self.settings.time;
        let limits = clock_limits(*limits, units);
        let sources = TimeSources::new(sources.clone(), *poll);
        let mark = MarkFile::at(self.data.high_water_mark_path());
        Ok(TrustedTime::start(limits, sources, Arc::new(SystemClocks), self.opened.audit.clone(), Some(mark))?)
    }
}
