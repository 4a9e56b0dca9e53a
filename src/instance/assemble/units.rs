//! Timestamp units of the configuration file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use privyseal_config::{TimestampsSection, UnitSection};
use shared::keys::{KeyAlgorithm, Signer, SigningKey};
use shared::time::{Clock as _, UnixTime};
use shared::x509::{Chain, chain, chain_for, path as chain_path};
use tsa::{Accuracy, PolicyOid};

use super::{Problems, secret_file};
use crate::clock::SystemClock;
use crate::file;
use crate::instance::tokens::{self, check_kind};

/// Largest PEM file.
const MAX_FILE: u64 = 1 << 20;
const DAY: Duration = Duration::from_secs(86_400);

/// The settings of all timestamp units.
pub(crate) struct UnitSettings {
    /// The policies of a unit without policies of its own, the default first.
    pub(crate) policies: Vec<PolicyOid>,
    /// The form of timestamp tokens.
    pub(crate) form: tsa::TokenForm,
    /// How long keys that we generate sign.
    pub(crate) key_use: Duration,
    /// How long their certificates are valid.
    pub(crate) validity: Duration,
    /// How long before the end of its use a key is followed by the next; `None` where the operator does it.
    pub(crate) rollover: Option<Duration>,
    /// The units that the file names.
    pub(crate) units: Vec<UnitSetting>,
}

/// The settings of one unit.
pub(crate) struct UnitSetting {
    pub(crate) name: String,
    pub(crate) is_default: bool,
    pub(crate) algorithm: KeyAlgorithm,
    pub(crate) policies: Option<Vec<PolicyOid>>,
    pub(crate) accuracy: Accuracy,
    /// Key and certificates from elsewhere.
    pub(crate) own: Option<OwnChain>,
}

/// A key and its certificates that are not of this instance.
pub(crate) struct OwnChain {
    pub(crate) chain: Chain,
    pub(crate) key: Arc<dyn Signer>,
}

/// Why a unit of the file is not valid.
#[derive(Debug, thiserror::Error)]
enum UnitSettingError {
    #[error("`key` and `certificate_chain_file` go together; set both, or neither")]
    Half,
    #[error("`key_passphrase_file` is missing; the file of the key must be encrypted")]
    Passphrase,
}

/// The section; problems go into `problems`.
pub(super) fn understand(section: &TimestampsSection, folder: &Path, problems: &mut Problems) -> UnitSettings {
    let key_days = problems.within("timestamps.key_days", section.key_days, 1..=3660);
    let days = problems.within("timestamps.certificate_days", section.certificate_days, 2..=7320);
    if key_days >= days {
        let message = format!("{key_days} days must be fewer than certificate_days, which is {days}");
        problems.add("timestamps.key_days", message);
    }
    let rollover = problems.within("timestamps.rollover_days", section.rollover_days, 1..=366);
    if section.automatic_rollover && rollover * 2 >= key_days {
        let message = format!(
            "a key that signs for {key_days} days cannot be followed {rollover} days before its end; choose a smaller \
             number"
        );
        problems.add("timestamps.rollover_days", message);
    }
    let now = SystemClock.now();
    let mut units: Vec<UnitSetting> = Vec::new();
    for (at, unit) in section.units.iter().enumerate() {
        let place = format!("timestamps.units[{at}]");
        if units.iter().any(|other| other.name == unit.name) {
            problems
                .add(&format!("{place}.name"), format!("there is another unit `{}`; choose another name", unit.name));
        }
        if unit.default && units.iter().any(|other| other.is_default) {
            problems.add(
                &format!("{place}.default"),
                "there is another default unit; only one can be the default".to_owned(),
            );
        }
        units.extend(understand_unit(unit, folder, &place, now, problems));
    }
    UnitSettings {
        policies: policies(&section.policies, "timestamps.policies", problems),
        form: token_form(section),
        key_use: DAY * key_days as u32,
        validity: DAY * days as u32,
        rollover: section.automatic_rollover.then(|| DAY * rollover as u32),
        units,
    }
}

fn token_form(section: &TimestampsSection) -> tsa::TokenForm {
    let precision = if section.milliseconds { tsa::Precision::Milliseconds } else { tsa::Precision::Seconds };
    tsa::TokenForm { precision, is_qualified: section.qualified }
}

fn policies(texts: &[String], place: &str, problems: &mut Problems) -> Vec<PolicyOid> {
    let mut policies = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        policies.extend(problems.keep(&format!("{place}[{at}]"), PolicyOid::parse(text)));
    }
    policies
}

fn understand_unit(
    section: &UnitSection,
    folder: &Path,
    place: &str,
    now: UnixTime,
    problems: &mut Problems,
) -> Option<UnitSetting> {
    let algorithm = problems.keep(&format!("{place}.algorithm"), KeyAlgorithm::parse(&section.algorithm));
    // ETSI EN 319 421 TIS-7.7.2-03 wants one second or better; an internal unit may promise less.
    let accuracy = problems.within(&format!("{place}.accuracy_ms"), section.accuracy_ms, 1..=3_600_000);
    let own_policies = section.policies.as_ref().map(|texts| policies(texts, &format!("{place}.policies"), problems));
    let own = match (&section.certificate_chain_file, &section.key) {
        (None, None) => None,
        (Some(chain), Some(key)) => {
            let key = problems.keep(&format!("{place}.key"), own_key(section, key, folder, algorithm?));
            let chain = key.as_ref().map(|key| own_chain(&folder.join(chain), &**key, now));
            let chain = problems.keep(&format!("{place}.certificate_chain_file"), chain?);
            Some(OwnChain { chain: chain?, key: key? })
        }
        _ => {
            problems.add(place, UnitSettingError::Half.to_string());
            return None;
        }
    };
    Some(UnitSetting {
        name: section.name.clone(),
        is_default: section.default,
        algorithm: algorithm?,
        policies: own_policies,
        accuracy: Accuracy::from_millis(accuracy)?,
        own,
    })
}

type SettingFailure = Box<dyn std::error::Error + Send + Sync>;

fn own_key(
    section: &UnitSection,
    key: &str,
    folder: &Path,
    algorithm: KeyAlgorithm,
) -> Result<Arc<dyn Signer>, SettingFailure> {
    if key.starts_with("pkcs11:") {
        return Ok(tokens::signer(key, algorithm)?);
    }
    let passphrase = section.key_passphrase_file.as_deref().ok_or(UnitSettingError::Passphrase)?;
    let passphrase = secret_file::read(&folder.join(passphrase))?;
    let path = folder.join(key);
    let pem = zeroize::Zeroizing::new(file::read(&path, MAX_FILE)?);
    let key = SigningKey::from_encrypted_pem_with(&pem, passphrase.expose().as_bytes())
        .and_then(|key| key.signing_with(algorithm.signature()))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    check_kind(&key, algorithm)?;
    Ok(Arc::new(key))
}

fn own_chain(path: &Path, key: &dyn Signer, now: UnixTime) -> Result<Chain, SettingFailure> {
    let at = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let pem = file::read(path, MAX_FILE)?;
    let certificates = chain::read_pem(&pem, chain_path::MAX_CERTIFICATES).map_err(|error| at(&error))?;
    Ok(chain_for(key.public_key(), certificates, now).map_err(|error| at(&error))?)
}
