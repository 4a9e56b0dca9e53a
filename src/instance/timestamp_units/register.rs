//! `units.toml`: the timestamp units of the instance, and every key and certificate that each of them had.

use serde::{Deserialize, Serialize};
use shared::keys::{KeyAlgorithm, KeyAlgorithmError};
use shared::time::UnixTime;

/// The unit that an instance begins with.
const FIRST_UNIT: &str = "unit-1";

/// All units. Written whole at each change; nothing is ever taken out, since what was signed once must verify for
/// years.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitRegister {
    /// Version of the file; this program reads 1.
    version: u32,
    pub(crate) units: Vec<RegisteredUnit>,
}

/// A name, and the generations under it, the oldest first.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisteredUnit {
    pub(crate) name: String,
    /// The kind of its keys, as `KeyAlgorithm` names them.
    pub(crate) algorithm: String,
    pub(crate) generations: Vec<Generation>,
}

/// One key and its certificates. The moments are seconds since the epoch; those that are missing are yet to come.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Generation {
    /// 1, 2, 3, …
    pub(crate) number: u32,
    /// Where its key is.
    pub(crate) key: KeyPlace,
    /// Its certificates, root last: `certificates/<this>.pem`.
    pub(crate) certificates: String,
    /// The first second in which it signs.
    pub(crate) use_from: u64,
    /// When the trust root that names it was published.
    #[serde(default)]
    pub(crate) published: Option<u64>,
    /// The last second of its use.
    #[serde(default)]
    pub(crate) closed: Option<u64>,
    /// When its key was destroyed, or given up where it is not ours to destroy.
    #[serde(default)]
    pub(crate) destroyed: Option<u64>,
}

/// Where a private key is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KeyPlace {
    /// `keys/<this>.pem`.
    File(String),
    /// In a PKCS#11 token, under this URI.
    Token(String),
    /// Where the configuration says.
    Configuration,
}

/// Why the register cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnitRegisterError {
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    #[error(
        "the file has version {0}, and this program reads version 1 only; use the version of privyseal that wrote it, \
         or a newer one"
    )]
    Version(u32),
    #[error("the generations of the unit `{0}` are missing or out of order; restore the file from a backup")]
    Generations(String),
    #[error("the unit `{0}` is listed twice; restore the file from a backup")]
    Twice(String),
    #[error("the algorithm of the unit `{name}` is not known: {error}")]
    Algorithm { name: String, error: KeyAlgorithmError },
}

impl UnitRegister {
    /// The register of an instance that only ever had its first unit.
    pub(crate) fn of_new_instance(algorithm: KeyAlgorithm, created: UnixTime) -> Self {
        let generation = Generation {
            number: 1,
            key: KeyPlace::File("tsa".to_owned()),
            certificates: "tsa".to_owned(),
            use_from: created.seconds(),
            published: None,
            closed: None,
            destroyed: None,
        };
        let unit = RegisteredUnit {
            name: FIRST_UNIT.to_owned(),
            algorithm: algorithm.name().to_owned(),
            generations: vec![generation],
        };
        Self { version: 1, units: vec![unit] }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, UnitRegisterError> {
        let register: Self = toml::from_str(text)?;
        if register.version != 1 {
            return Err(UnitRegisterError::Version(register.version));
        }
        for (at, unit) in register.units.iter().enumerate() {
            let numbers = unit.generations.iter().map(|generation| generation.number);
            if unit.generations.is_empty() || !numbers.eq(1..=unit.generations.len() as u32) {
                return Err(UnitRegisterError::Generations(unit.name.clone()));
            }
            if register.units[..at].iter().any(|other| other.name == unit.name) {
                return Err(UnitRegisterError::Twice(unit.name.clone()));
            }
            unit.algorithm()?;
        }
        Ok(register)
    }

    pub(crate) fn to_text(&self) -> String {
        let body = toml::to_string(self).expect("strings and numbers always encode");
        format!("# The timestamp units and all their keys and certificates. Kept by the program; do not edit.\n{body}")
    }

    pub(crate) fn unit(&self, name: &str) -> Option<&RegisteredUnit> {
        self.units.iter().find(|unit| unit.name == name)
    }

    pub(crate) fn unit_mut(&mut self, name: &str) -> Option<&mut RegisteredUnit> {
        self.units.iter_mut().find(|unit| unit.name == name)
    }
}

impl RegisteredUnit {
    /// The kind of its keys.
    pub(crate) fn algorithm(&self) -> Result<KeyAlgorithm, UnitRegisterError> {
        KeyAlgorithm::parse(&self.algorithm)
            .map_err(|error| UnitRegisterError::Algorithm { name: self.name.clone(), error })
    }

    /// The newest generation, which may not sign yet.
    pub(crate) fn newest(&self) -> &Generation {
        self.generations.last().expect("a unit has a generation")
    }

    /// The generations that may still sign.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Generation> {
        self.generations.iter().filter(|generation| generation.closed.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_register_reads_back_and_refuses_what_it_did_not_write() {
        let register = UnitRegister::of_new_instance(KeyAlgorithm::P384, UnixTime::from_seconds(7));
        assert_eq!(UnitRegister::parse(&register.to_text()).expect("parses"), register);
        let text = register.to_text();
        for (what, wrong) in [
            ("version", text.replace("version = 1", "version = 2")),
            ("number", text.replace("number = 1", "number = 2")),
            ("algorithm", text.replace("p384", "dsa")),
            ("unknown", format!("{text}\nsurprise = 1\n")),
            ("twice", format!("{text}{}", &text[text.find("[[units]]").expect("a unit")..])),
        ] {
            assert!(UnitRegister::parse(&wrong).is_err(), "{what}");
        }
    }
}
