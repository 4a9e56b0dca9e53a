//! What the disclosure statement says of the timestamp authority.

use privyseal_config::TimestampRecords;
use tsa::Succession;

use super::TimestampAuthority;
use crate::instance::disclosure::{DisclosedClock, DisclosedUnit};

impl TimestampAuthority {
    /// What the audit log keeps of timestamps.
    pub(crate) fn records(&self) -> TimestampRecords {
        if self.unrecorded.is_some() { TimestampRecords::Off } else { TimestampRecords::Durable }
    }

    /// Where the time comes from, and whether it is trusted now.
    pub(crate) fn disclosed_clock(&self) -> DisclosedClock {
        let trouble = self.time.look().err().map(|trouble| trouble.to_string());
        let limits = self.time.limits();
        DisclosedClock::new(limits.mode.as_str(), self.time.described(), limits.threshold, trouble)
    }

    /// The units as they sign now, with their addresses under `origin`. The first one answers where none is named.
    pub(crate) fn disclosed_units(&self, origin: &str) -> Vec<DisclosedUnit> {
        let now = self.time.wall();
        let disclose = |(place, unit): (usize, &Succession)| {
            let url = format!("{origin}/tsa/{}", unit.name());
            let chain_url = format!("{url}/certchain");
            let mut urls = vec![format!("{url}/api/v1/timestamp"), url];
            if place == 0 {
                urls.extend([format!("{origin}/tsa"), format!("{origin}/api/v1/timestamp")]);
            }
            DisclosedUnit::of(unit.at(now), urls, chain_url)
        };
        self.units.load().iter().enumerate().map(disclose).collect()
    }
}
