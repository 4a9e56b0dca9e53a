//! `[time]`

use serde::{Deserialize, Serialize};

/// The time of timestamps: the sources to ask, and how wrong the machine's clock may be.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeSection {
    /// How the clock is checked: `enforce` (no timestamp without a quorum of sources), `monitor` (the same is reported,
    /// but nothing is refused for it) or `local` (no source is asked). Default: `enforce` with sources, `local`
    /// without.
    pub mode: Option<TimeMode>,
    /// How far the clock may be off, in milliseconds. With rounding (half a second, or a millisecond where genTime has
    /// them) it must not be more than the accuracy that the units state.
    pub threshold_ms: u32,
    /// Seconds between two questions to each source. Less than 16 only for servers of your own.
    pub poll_seconds: u32,
    /// Seconds that an answer counts. The clock may drift 500 ppm meanwhile, and that counts as being off.
    pub expire_seconds: u32,
    /// Good polls in a row until time is trusted, at a start and after trouble.
    pub good_polls: u32,
    /// In mode `enforce`: the kernel must call its clock synchronised too. Set it to false where nothing disciplines
    /// the clock by way of the kernel, or where a sandbox hides what it says.
    pub kernel_synchronized: bool,
    /// The sources to ask, at least four. More than half must agree, so one of four may lie.
    pub sources: Vec<TimeSourceSection>,
}

impl Default for TimeSection {
    fn default() -> Self {
        Self {
            mode: None,
            threshold_ms: 400,
            poll_seconds: 64,
            expire_seconds: 256,
            good_polls: 3,
            kernel_synchronized: true,
            sources: Vec::new(),
        }
    }
}

/// How the clock is checked.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeMode {
    /// No timestamp without a quorum.
    Enforce,
    /// What a quorum says is reported; nothing is refused for it.
    Monitor,
    /// No source is asked.
    Local,
}

/// A time server.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TimeSourceSection {
    /// Its name or address. A name is resolved at each poll. With network time security its certificate must be for it.
    pub host: String,
    /// Default: 4460, where keys are negotiated for network time security (RFC 8915); 123 for plain NTP.
    #[serde(default)]
    pub port: Option<u16>,
    /// PEM file with the authorities that sign its certificate, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// It spreads leap seconds over hours. All sources must or none, and it costs half a second of accuracy.
    #[serde(default)]
    pub smeared: bool,
    /// It is inside our network: private addresses are allowed for it.
    #[serde(default)]
    pub internal: bool,
    /// Ask by plain NTP: anyone on the path can forge its answers, and with them the time of every token.
    #[serde(default)]
    pub danger_unauthenticated: bool,
    /// It is on this machine. For tests: a clock cannot confirm itself.
    #[serde(default)]
    pub danger_loopback: bool,
}
