//! From the text of the configuration to the settings of the instance. All problems are reported at once, each with its
//! place in the file.

mod algorithms;
mod authorities;
mod claims;
mod clients;
mod grants;
mod listen;
mod origin;
mod problems;
mod profiles;
mod reach;
mod records;
mod registration;
mod restart;
mod roles;
mod secret_file;
mod settings;
mod source;
mod spiffe;
mod time;
mod tls_files;
mod trust_domains;
mod units;

pub(crate) use authorities::RevocationSettings;
pub(crate) use origin::Origin;
pub(crate) use problems::Problems;
pub(crate) use records::{ConnectorSettings, RecordSettings};
pub(crate) use registration::RegistrationSettings;
pub(crate) use settings::Settings;
pub(crate) use source::{Fingerprint, Source};
pub(crate) use time::TimeSettings;
pub(crate) use tls_files::{TlsError, TlsFiles};
pub(crate) use units::{UnitSetting, UnitSettings};
