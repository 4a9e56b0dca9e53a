//! The configuration file in TOML: one typed struct per section.
//!
//! Sections are plain text and numbers; what they mean (names, keys, grants) is decided where the instance is
//! assembled, which reports every problem at once. This crate knows no other crate of the instance, opens no file and
//! holds no secret: secrets are named by the file that holds them. The `Default` beside each struct is the only place
//! for its defaults, and `config/example.toml` shows every key with its default; a test keeps the two together.

mod api;
mod audit;
mod certificates;
mod client;
mod connector;
mod disclosure;
mod grant;
mod instance;
mod issuer;
mod keys;
mod listen;
mod log;
mod names;
mod pin;
mod profile;
mod provider;
mod registration;
mod revocation;
mod spiffe;
mod time;
mod timestamps;
mod trust_domain;

pub use api::{ApiSection, NamespaceOwnerSection};
pub use audit::{AuditSection, TimestampRecords};
pub use certificates::CertificatesSection;
pub use client::ClientSection;
pub use connector::ConnectorSection;
pub use disclosure::DisclosureSection;
pub use grant::GrantSection;
pub use instance::InstanceSection;
pub use issuer::IssuerSection;
pub use keys::KeysSection;
pub use listen::{ListenSection, ListenerIdentity, SvidListenSection, TlsSection};
pub use log::LogSection;
pub use names::NamesSection;
pub use pin::{PinSection, PinnedValue};
pub use profile::{CiSection, KubernetesSection, Profile};
pub use provider::ProviderSection;
pub use registration::RegistrationSection;
pub use revocation::RevocationSection;
use serde::{Deserialize, Serialize};
pub use spiffe::SpiffeSection;
pub use time::{TimeMode, TimeSection, TimeSourceSection};
pub use timestamps::{TimestampsSection, UnitSection};
pub use trust_domain::{BundleSection, SvidKind, TrustDomainSection};

/// The documented example, every key at its default or with a telling value.
pub const EXAMPLE: &str = include_str!("../example.toml");

/// A minimal configuration file.
pub const MINIMAL: &str = include_str!("../minimal.toml");

/// The whole file. An empty one is valid: it is what `privyseal up` uses.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The instance's own origin.
    #[serde(alias = "house")]
    pub instance: InstanceSection,
    /// Addresses and TLS of the listeners.
    pub listen: ListenSection,
    /// The OpenID provider.
    pub provider: ProviderSection,
    /// Relying parties of the provider, besides the built-in public clients `sigstore` and
    /// `privyseal-cli`.
    pub clients: Vec<ClientSection>,
    /// Upstream providers at which people may log in.
    pub connectors: Vec<ConnectorSection>,
    /// Issuers whose tokens the certificate authority takes directly.
    pub issuers: Vec<IssuerSection>,
    /// The instance as a member of SPIFFE federations.
    pub spiffe: SpiffeSection,
    /// SPIFFE trust domains whose workloads may sign.
    pub trust_domains: Vec<TrustDomainSection>,
    /// Who may administer the instance.
    pub api: ApiSection,
    /// Registration of issuers by the owners of domains.
    pub registration: RegistrationSection,
    /// The Public Suffix List for the names of all issuers.
    pub names: NamesSection,
    /// Signing certificates.
    pub certificates: CertificatesSection,
    /// Keys that are kept outside the data directory.
    pub keys: KeysSection,
    /// Revocation of authorities' and timestamp units' certificates.
    pub revocation: RevocationSection,
    /// Timestamps.
    pub timestamps: TimestampsSection,
    /// What the operator says about the timestamp authority.
    pub disclosure: DisclosureSection,
    /// The time sources of timestamps.
    pub time: TimeSection,
    /// The audit log's contents.
    pub audit: AuditSection,
    /// The signature log and the public part of the audit log.
    pub log: LogSection,
}

/// The text is not a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParseError {
    /// What is wrong, with line and column.
    pub message: String,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message.trim_end())
    }
}

impl std::error::Error for ParseError {}

impl Config {
    /// Longest file that is read, in bytes.
    pub const MAX_BYTES: usize = 1 << 20;

    /// Reads a file's text. An unknown key or a wrong type is an error that names its place.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > Self::MAX_BYTES {
            return Err(ParseError {
                message: format!("the file has {} bytes; at most {} are accepted", text.len(), Self::MAX_BYTES),
            });
        }
        if let Some((old, new)) = Self::outdated(text).into_iter().find(|(_, new)| has_section(text, new)) {
            let message = format!("[{old}] and [{new}] are the same section; keep [{new}] alone");
            return Err(ParseError { message });
        }
        toml::from_str(text).map_err(|error| ParseError { message: error.to_string() })
    }

    /// The sections of `text` that have their name of 0.1, each with the name that it has now. This release reads them;
    /// the next one will not. Empty for a text that is not TOML.
    pub fn outdated(text: &str) -> Vec<(&'static str, &'static str)> {
        OUTDATED.into_iter().filter(|(old, _)| has_section(text, old)).collect()
    }
}

/// The sections that had another name in 0.1, with the name that they have now.
const OUTDATED: [(&str, &str); 1] = [("house", "instance")];

fn has_section(text: &str, name: &str) -> bool {
    text.parse::<toml::Table>().is_ok_and(|table| table.contains_key(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_file_is_the_default() {
        assert_eq!(Config::parse(""), Ok(Config::default()));
    }

    #[test]
    fn the_minimal_file_parses() {
        Config::parse(MINIMAL).expect("parses");
    }

    #[test]
    fn the_example_round_trips() {
        let example = Config::parse(EXAMPLE).expect("parses");
        let written = toml::to_string(&example).expect("writes");
        assert_eq!(Config::parse(&written), Ok(example));
    }

    /// Each key that a section can have stands in the example, so an operator can learn the file from it alone.
    #[test]
    fn the_example_documents_every_key() {
        let example = Config::parse(EXAMPLE).expect("parses");
        let written: toml::Table = toml::from_str(&toml::to_string(&example).expect("writes")).expect("reads");
        let shown: toml::Table = toml::from_str(EXAMPLE).expect("reads");
        let mut missing = Vec::new();
        compare(&toml::Value::Table(written), &toml::Value::Table(shown), "", &mut missing);
        assert!(missing.is_empty(), "config/example.toml lacks: {missing:?}");
    }

    fn compare(full: &toml::Value, shown: &toml::Value, path: &str, missing: &mut Vec<String>) {
        match (full, shown) {
            (toml::Value::Table(full), toml::Value::Table(shown)) => {
                for (key, value) in full {
                    let path = format!("{path}.{key}");
                    match shown.get(key) {
                        Some(there) => compare(value, there, &path, missing),
                        None => missing.push(path),
                    }
                }
            }
            // A key is shown once, in whichever element it belongs.
            (toml::Value::Array(full), toml::Value::Array(shown)) => {
                let mut merged = toml::Table::new();
                for (key, value) in shown.iter().filter_map(|value| value.as_table().cloned()).flatten() {
                    match (merged.get_mut(&key), value) {
                        (Some(toml::Value::Array(have)), toml::Value::Array(more)) => have.extend(more),
                        (Some(toml::Value::Table(have)), toml::Value::Table(more)) => have.extend(more),
                        (_, value) => drop(merged.insert(key, value)),
                    }
                }
                let shown = toml::Value::Table(merged);
                for full in full {
                    compare(full, &shown, path, missing);
                }
            }
            _ => {}
        }
    }

    /// An `Option` that is `None` is not written, so the example must set each of them: otherwise the test above is
    /// blind to it. A grant has one of several kinds; the example shows each kind somewhere.
    #[test]
    fn the_example_leaves_no_option_unset() {
        let example = Config::parse(EXAMPLE).expect("parses");
        let grants: Vec<&GrantSection> = example
            .connectors
            .iter()
            .flat_map(|c| &c.grants)
            .chain(example.issuers.iter().flat_map(|i| &i.grants))
            .chain(example.trust_domains.iter().flat_map(|t| &t.grants))
            .collect();
        assert!(
            grants.iter().any(|g| g.email.is_some())
                && grants.iter().any(|g| g.address.is_some())
                && grants.iter().any(|g| g.uri.is_some())
                && grants.iter().any(|g| g.spiffe.is_some())
                && grants.iter().any(|g| g.usernames.is_some())
                && grants.iter().any(|g| g.service_account.is_some())
        );
        let mut rest = example.clone();
        rest.connectors.iter_mut().for_each(|c| c.grants.clear());
        rest.issuers.iter_mut().for_each(|i| i.grants.clear());
        rest.trust_domains.iter_mut().for_each(|t| t.grants.clear());
        let rest = format!("{rest:?}");
        // What goes with one profile is set in an issuer that has it.
        let set = |field: &str| rest.contains(&format!("{field}: Some("));
        let unset: Vec<&str> = rest
            .split([',', '{'])
            .filter_map(|field| field.trim().split_once(": None").map(|(name, _)| name))
            .filter(|name| !set(name))
            .collect();
        assert!(unset.is_empty(), "unset in config/example.toml: {unset:?}");
    }

    #[test]
    fn a_section_of_0_1_is_read_and_named() {
        let (old, new) = ("[house]\norigin = \"https://a.example\"", "[instance]\norigin = \"https://a.example\"");
        assert_eq!(Config::parse(old), Config::parse(new));
        assert_eq!((Config::outdated(old), Config::outdated(new)), (vec![("house", "instance")], Vec::new()));
        let both = Config::parse(&format!("[house]\n{new}")).expect_err("refused").to_string();
        assert!(both.contains("[house] and [instance]"), "{both}");
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        for text in ["tpyo = 1", "[listen]\nadress = \"x\"", "[[issuers]]\niss = \"https://a.example\"\nwild = true"] {
            let error = Config::parse(text).expect_err("refused").to_string();
            assert!(error.contains("unknown field"), "{error}");
        }
    }
}
