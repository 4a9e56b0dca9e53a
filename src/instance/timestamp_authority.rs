//! The timestamp authority (RFC 3161): the units that sign, the time that they sign, and what is kept of what they
//! signed.

mod disclosed;
mod unrecorded;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use privyseal_config::TimestampRecords;
use shared::keys::SignError;
use shared::log::Log;
use shared::random::Random;
use tsa::{ClockLimits, Rejection, Succession, TimestampRequest, TimestampResponse};

use self::unrecorded::Unrecorded;
use crate::instance::trusted_time::TrustedTime;

/// How often the timestamps without a record are counted.
const COUNT_EVERY: Duration = Duration::from_secs(60);

/// The timestamp authority (TSA). The first unit answers where none is named. Units are swapped whole.
pub(crate) struct TimestampAuthority {
    units: ArcSwap<Vec<Succession>>,
    /// Every chain that a unit ever had, PEM, by unit and generation.
    chains: ArcSwap<BTreeMap<(String, u32), String>>,
    time: Arc<TrustedTime>,
    audit: Log,
    random: Arc<dyn Random>,
    /// Present where the operator has switched off the record of each timestamp.
    unrecorded: Option<Unrecorded>,
}

/// There is no timestamp unit, so no request could be answered.
#[derive(Debug, thiserror::Error)]
#[error("no timestamp unit is in use; set one up with `privyseal tsa unit add`")]
pub(crate) struct NoUnit;

impl TimestampAuthority {
    /// Units that sign the time that `time` trusts.
    pub(crate) fn new(
        units: Vec<Succession>,
        time: Arc<TrustedTime>,
        audit: Log,
        random: Arc<dyn Random>,
    ) -> Result<Self, NoUnit> {
        if units.is_empty() {
            return Err(NoUnit);
        }
        Ok(Self {
            units: ArcSwap::from_pointee(units),
            chains: ArcSwap::default(),
            time,
            audit,
            random,
            unrecorded: None,
        })
    }

    /// Sets what the audit log keeps of timestamps; the default is a record of each.
    pub(crate) fn with_records(self, records: TimestampRecords) -> Self {
        let unrecorded = match records {
            TimestampRecords::Durable => None,
            TimestampRecords::Off => Some(Unrecorded::start()),
        };
        Self { unrecorded, ..self }
    }

    /// Records how many timestamps have left without a record of their own, if any have.
    pub(crate) fn record_count(&self) {
        let record = self.unrecorded.as_ref().and_then(Unrecorded::count);
        if let Some(record) = record {
            // The leaf is in the log's queue, which is committed also when the log is closed; nothing waits for this
            // one.
            drop(self.audit.append(record.to_leaf()));
        }
    }

    /// Records that count every minute.
    pub(crate) async fn keep_counting(self: Arc<Self>) {
        loop {
            tokio::time::sleep(COUNT_EVERY).await;
            self.record_count();
        }
    }

    /// The clock guard.
    pub(crate) fn time(&self) -> &TrustedTime {
        &self.time
    }

    /// The chains that are served from now on, those of keys that sign no more among them: what they signed must verify
    /// for years.
    pub(crate) fn serve_chains(&self, chains: BTreeMap<(String, u32), String>) {
        self.chains.store(Arc::new(chains));
    }

    /// The units that answer from now on, the default one first. One without generations to come stays as it was.
    pub(crate) fn serve(&self, units: Vec<Succession>) {
        self.units.store(Arc::new(units));
    }

    /// Problems with the units' keys and certificates now, for readiness. Each key signs a probe.
    pub(crate) fn units_in_trouble(&self, probe: &[u8]) -> Vec<String> {
        let now = self.time.wall();
        let trouble = |unit: &Succession| {
            let unit = unit.at(now);
            let validity = unit.trouble_at(now).map(|trouble| trouble.to_string());
            let wrong = validity.or_else(|| unit.key().sign(probe).err().map(|error| error.to_string()))?;
            Some(format!("timestamp unit {}: {wrong}", unit.name()))
        };
        self.units.load().iter().filter_map(trouble).collect()
    }

    /// The unit called `name`, or the default one.
    pub(crate) fn unit(&self, name: Option<&str>) -> Result<Succession, Rejection> {
        let units = self.units.load();
        let found = match name {
            None => units.first(),
            Some(name) => units.iter().find(|unit| unit.name() == name),
        };
        let no_such = || name.unwrap_or_default().chars().filter(|c| !c.is_control()).take(64).collect();
        found.cloned().ok_or_else(|| Rejection::NoSuchUnit(no_such()))
    }

    /// The chain of the generation of `unit` that signs now, PEM, leaf first.
    pub(crate) fn chain(&self, unit: &Succession) -> String {
        unit.at(self.time.wall()).chain().to_pem()
    }

    /// The chain of one of a unit's keys, by the unit's name and the key's number. It never changes.
    pub(crate) fn chain_of(&self, key: &(String, u32)) -> Option<String> {
        self.chains.load().get(key).cloned()
    }

    /// Answers a request, from its DER (RFC 3161 §2.4.1). The record is durable before the
    /// key is used.
    pub(crate) async fn timestamp(&self, unit: &Succession, der: &[u8]) -> Result<TimestampResponse, Rejection> {
        let request = TimestampRequest::parse(der)?;
        let now = self.time.permit()?;
        let decided = unit.at(now.time()).decide(&request, now, &*self.random)?;
        if let Some(unrecorded) = &self.unrecorded {
            unrecorded.count_one(decided.at());
            let word = unrecorded.word();
            if decided.is_slow() {
                let signed = tokio::task::spawn_blocking(move || decided.sign_without_record(word)).await;
                return signed.unwrap_or(Err(Rejection::Sign(SignError)));
            }
            return decided.sign_without_record(word);
        }
        let prepared = decided.record();
        let receipt = self.audit.append_leaf(prepared.leaf()).await?;
        if prepared.is_slow() {
            let signed = tokio::task::spawn_blocking(move || prepared.sign(&receipt)).await;
            return signed.unwrap_or(Err(Rejection::Sign(SignError)));
        }
        prepared.sign(&receipt)
    }
}

/// `limits`, with the bounds of all units together: each checks its own besides.
pub(crate) fn clock_limits(limits: ClockLimits, units: &[Succession]) -> ClockLimits {
    let widest = |one: ClockLimits, other: ClockLimits| ClockLimits {
        floor: one.floor.min(other.floor),
        ceiling: one.ceiling.max(other.ceiling),
        ..one
    };
    let bounds = units.iter().flat_map(Succession::generations).map(|unit| unit.clock_limits()).reduce(widest);
    bounds.map_or(limits, |bounds| limits.between(bounds.floor, bounds.ceiling))
}
