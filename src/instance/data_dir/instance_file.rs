//! `instance.toml`: who the instance is.

use serde::{Deserialize, Serialize};
use shared::random::Random;
use shared::time::UnixTime;

/// The curve of the issuing CA's and the timestamp unit's keys, chosen once at `init`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Curve {
    /// A signature costs a fifth of P-384's.
    P256,
    /// The default.
    #[default]
    P384,
}

impl Curve {
    /// The kind of key that it stands for.
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
    /// Form of the directory; this program knows 1.
    version: u32,
    /// A name like a host's, in certificates and as the end of the logs' origins.
    pub(crate) name: String,
    /// Seconds since the epoch: nothing of the instance is valid earlier.
    created: u64,
    /// The curve of the authorities' keys.
    pub(crate) curve: Curve,
    /// The local user that it was made with, who is its administrator until the configuration names others. Instances of old
    /// do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_user: Option<String>,
}

/// Why an instance file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstanceFileError {
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    #[error("the directory has form {0}; this program knows 1: use the program that wrote it, or a newer one")]
    Version(u32),
    #[error(
        "\"{0}\" is not a name like seal.example.com: at most 44 lower-case letters, digits and hyphens between dots"
    )]
    Name(String),
}

impl InstanceFile {
    /// A new instance. Without a name it gets one that no other instance has.
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
