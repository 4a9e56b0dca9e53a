//! `[timestamps]`

use serde::{Deserialize, Serialize};

/// Timestamps.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimestampsSection {
    /// The policies that a request may name, dotted; the first is used when it names none. An empty list refuses all.
    pub policies: Vec<String>,
    /// Write genTime with up to three decimals instead of whole seconds. For accuracies below a second.
    pub milliseconds: bool,
    /// State in every token that it is a qualified electronic timestamp (ETSI EN 319 422 §9.1). Only a qualified trust
    /// service provider may say so.
    pub qualified: bool,
    /// Days that a unit's key signs (PrivateKeyUsagePeriod). When they are nearly over, the next key follows.
    pub key_days: u32,
    /// Days that the certificate of a unit's key is valid, more than its key signs: a token can be checked that long.
    /// The root bounds it.
    pub certificate_days: u32,
    /// Make the next key and certificate of a unit by themselves, publish them and change over in time. Needs the
    /// root's key in the data directory. Without it, `privyseal tsa unit next` is the operator's work.
    pub automatic_rollover: bool,
    /// Days before the end of a key's use at which the next one takes over; it is published twice as early.
    pub rollover_days: u32,
    /// Settings of single units. Units of the data directory that are not named here serve as well, as the section
    /// says.
    pub units: Vec<UnitSection>,
}

impl Default for TimestampsSection {
    fn default() -> Self {
        // ETSI EN 319 421 §5.2: the best practices policy for time-stamps.
        Self {
            policies: vec!["0.4.0.2023.1.1".to_owned()],
            milliseconds: false,
            qualified: false,
            key_days: 366,
            certificate_days: 3652,
            automatic_rollover: true,
            rollover_days: 30,
            units: Vec::new(),
        }
    }
}

/// One timestamp unit: a key, its certificates, and what it issues under, served at `/tsa/{name}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UnitSection {
    /// Its name in the path and in the audit log: a-z, 0-9 and `-`.
    pub name: String,
    /// Answer at `/tsa` and `/api/v1/timestamp` too. Without such a unit, the first one of the directory does.
    #[serde(default)]
    pub default: bool,
    /// The kind of its key: p384, p256, rsa3072, rsa4096; an RSA key signs with SHA-256 unless `-sha384` or `-sha512`
    /// follows. A unit's key of another kind is an error, and never replaced.
    #[serde(default = "p384")]
    pub algorithm: String,
    /// Its own policies, instead of the section's.
    #[serde(default)]
    pub policies: Option<Vec<String>>,
    /// The accuracy that its tokens state, in milliseconds. It covers the rounding of genTime and what the clock guard
    /// lets pass.
    #[serde(default = "one_second")]
    pub accuracy_ms: u32,
    /// PEM file with its certificate and those above it up to the root, in any order, when they are not of this
    /// instance. Without it, `privyseal tsa unit add` makes key and certificate.
    #[serde(default)]
    pub certificate_chain_file: Option<String>,
    /// The key of that certificate: a file with an encrypted PKCS#8 key, or a PKCS#11 URI (RFC 7512).
    #[serde(default)]
    pub key: Option<String>,
    /// File with the passphrase of the key's file in its first line.
    #[serde(default)]
    pub key_passphrase_file: Option<String>,
}

fn p384() -> String {
    "p384".to_owned()
}

fn one_second() -> u32 {
    1000
}
