//! `instance.toml`: the name and age of the instance.

use serde::{Deserialize, Serialize};
use shared::random::Random;
use shared::time::UnixTime;

/// The curve of the issuing CA's and the timestamp unit's keys, chosen once at `init`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Curve {
    /// P-256: a signature takes a fifth of the time of P-384's.
    P256,
    /// P-384, the default.
    #[default]
    P384,
}

impl Curve {
    /// The kind of key on this curve.
    pub(crate) fn key_algorithm(self) -> shared::keys::KeyAlgorithm {
        match self {
            Self::P256 => shared::keys::KeyAlgorithm::P256,
            Self::P384 => shared::keys::KeyAlgorithm::P384,
        }
    }
}

/// Name and age of the instance.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InstanceFile {
    /// Version of the data directory; this program reads 1.
    version: u32,
    /// A name like a host's, in certificates and as the end of the logs' origins.
    pub(crate) name: String,
    /// When the instance was set up, in seconds since the epoch. No certificate is valid earlier.
    created: u64,
    /// The curve of the authorities' keys.
    pub(crate) curve: Curve,
    /// The local user that `init` added, who is the administrator until the configuration names others. Files of early
    /// versions do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_user: Option<String>,
}

/// Why an instance file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstanceFileError {
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    #[error(
        "the data directory has version {0}, and this program reads version 1 only; use the version of privyseal that \
         wrote it, or a newer one"
    )]
    Version(u32),
    #[error(
        "\"{0}\" is not a name like seal.example.com; use at most 44 lower-case letters, digits and hyphens, with \
         dots between the labels"
    )]
    Name(String),
}

impl InstanceFile {
    /// A new instance. Without a name it gets a random one.
    pub(crate) fn new(
        name: Option<String>,
        curve: Curve,
        now: UnixTime,
        random: &dyn Random,
    ) -> Result<Self, InstanceFileError> {
        let name = name.unwrap_or_else(|| format!("h-{}.privyseal.internal", hex::encode(random.bytes::<4>())));
        Self { version: 1, name, created: now.seconds(), curve, first_user: None }.checked()
    }

    pub(crate) fn parse(text: &str) -> Result<Self, InstanceFileError> {
        toml::from_str::<Self>(text)?.checked()
    }

    fn checked(self) -> Result<Self, InstanceFileError> {
        if self.version != 1 {
            return Err(InstanceFileError::Version(self.version));
        }
        // The name becomes the host of the logs' origins, with a label in front.
        match broker::names::DomainName::parse(&self.name) {
            Ok(_) if self.name.len() <= 44 => Ok(self),
            _ => Err(InstanceFileError::Name(self.name)),
        }
    }

    pub(crate) fn to_text(&self) -> String {
        let body = toml::to_string(self).expect("strings and numbers always encode");
        format!("# Who this instance is. Written once; do not edit.\n{body}")
    }

    pub(crate) fn created(&self) -> UnixTime {
        UnixTime::from_seconds(self.created)
    }
}
