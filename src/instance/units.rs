//! The timestamp units of a house that opens.

use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use shared::time::Clock as _;
use shared::trust_root::TrustMaterial;
use tsa::Succession;

use super::HouseError;
use super::parts::Parts;
use crate::clock::{SystemClock, SystemClocks};
use crate::instance::assemble::TimeSettings;
use crate::instance::revocation::Revocations;
use crate::instance::revocation::keeper::RevocationKeeper;
use crate::instance::rollover::Rollover;
use crate::instance::timestamp_units::{TimestampUnits, UnitFiles};
use crate::instance::trust_publisher::TrustPublisher;
use crate::instance::trusted_time::{MarkFile, TrustedTime};
use crate::outbound::time_sources::TimeSources;
use crate::serving::http::revocation::RevocationEdge;
use crate::serving::http::timestamp::{self, TimestampEdge};

impl Parts<'_> {
    /// What is revoked, and the edge that says so, with what is due done.
    pub(super) fn revocations(&self) -> Result<Arc<RevocationKeeper>, HouseError> {
        let (key_file, settings) = (self.opened.key_file.clone(), &self.settings.revocation);
        let mut revocations = Revocations::open(self.data, self.file, key_file, self.opened.audit.clone())?;
        revocations.refresh(settings, SystemClock.now())?;
        let state = ArcSwap::from_pointee(revocations.state()?);
        let edge = RevocationEdge { state, clock: self.opened.clock.clone(), ocsp: settings.ocsp };
        Ok(Arc::new(RevocationKeeper {
            revocations: Mutex::new(revocations),
            settings: settings.clone(),
            edge: Arc::new(edge),
        }))
    }

    /// The units, with what is due done as far as it can be before the trust root is published.
    pub(super) fn timestamp_units(&self, revocations: &RevocationKeeper) -> Result<TimestampUnits, HouseError> {
        let (key_file, now) = (self.opened.key_file.clone(), SystemClock.now());
        let (settings, files) = (&self.settings.units, UnitFiles::of(self.data));
        let mut units = TimestampUnits::open(self.data, self.file, key_file, self.opened.audit.clone())?;
        units.forbid(revocations.edge.state.load().revoked.iter().map(|revoked| revoked.serial.clone()).collect());
        units.discard_unfinished(now)?;
        units.take_own_chains(settings, now)?;
        let root = || files.root(None, &self.opened.key_file);
        units.make_due(settings, self.settings.revocation.addresses.as_ref(), &root, now)?;
        units.close_due(now)?;
        Ok(units)
    }

    /// The units that answer.
    pub(super) fn successions(&self, units: &TimestampUnits) -> Result<Vec<Succession>, HouseError> {
        Ok(units.successions(&self.settings.units, SystemClock.now())?)
    }

    /// The time that they sign.
    pub(super) fn time(&self, units: &[Succession]) -> Result<TrustedTime, HouseError> {
        let TimeSettings { limits, sources, poll } = &self.settings.time;
        let limits = timestamp::clock_limits(*limits, units);
        let sources = TimeSources::new(sources.clone(), *poll);
        let mark = MarkFile::at(self.data.high_water_mark_path());
        Ok(TrustedTime::start(limits, sources, Arc::new(SystemClocks), self.opened.audit.clone(), Some(mark))?)
    }

    /// The edge that they answer at.
    pub(super) fn timestamps(
        &self,
        units: Vec<Succession>,
        time: Arc<TrustedTime>,
    ) -> Result<TimestampEdge, HouseError> {
        let (audit, random) = (self.opened.audit.clone(), self.opened.random.clone());
        Ok(TimestampEdge::new(units, time, audit, random)?.with_records(self.settings.timestamp_records))
    }

    /// What takes the units' keys from one to the next.
    pub(super) fn rollover(
        &self,
        units: TimestampUnits,
        material: TrustMaterial,
        publisher: Arc<TrustPublisher>,
        edge: Arc<TimestampEdge>,
    ) -> Result<Arc<Rollover>, HouseError> {
        edge.serve_chains(units.chain_texts()?);
        Ok(Arc::new(Rollover {
            units: Arc::new(Mutex::new(units)),
            settings: self.settings.units.clone(),
            files: UnitFiles::of(self.data),
            key_file: self.opened.key_file.clone(),
            addresses: self.settings.revocation.addresses.clone(),
            material,
            publisher,
            edge,
        }))
    }
}
