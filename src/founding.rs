//! Founding a house: its keys, its certificates, its first user. Done once.

use shared::keys::{Signer as _, SigningKey};
use shared::random::Random;
use shared::time::UnixTime;
use shared::x509::{Ceremony, CeremonyError};

use crate::data_dir::{Curve, DataDir, DataDirError, HouseFile, HouseFileError, KeyName};
use crate::logs::LogName;
use crate::people::{Password, People, PeopleError};

/// What a new house is made like.
pub(crate) struct Plan<'a> {
    /// Its name; none makes one up.
    pub(crate) name: Option<String>,
    /// The curve of the issuing CA's and the timestamp unit's keys.
    pub(crate) curve: Curve,
    /// The first local user's e-mail address.
    pub(crate) first_user: &'a str,
    /// That user's password.
    pub(crate) password: &'a Password,
}

/// Why no house was founded. The directory is not whole then, and the next try begins anew.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FoundingError {
    #[error(transparent)]
    Data(#[from] DataDirError),
    #[error(transparent)]
    Name(#[from] HouseFileError),
    #[error("the certificates could not be made: {0}")]
    Ceremony(#[from] CeremonyError),
    #[error("the first user could not be added: {0}")]
    User(#[from] PeopleError),
}

/// Makes keys and certificates in `data`. The house file comes last and makes the directory whole.
pub(crate) fn found(data: &DataDir, plan: Plan<'_>, now: UnixTime, random: &dyn Random) -> Result<(), FoundingError> {
    let mut house = HouseFile::new(plan.name, plan.curve, now, random)?;
    house.first_user = Some(plan.first_user.to_owned());
    let key_file = data.create_key_file(random)?;
    let key = |name| data.create_key(name, house.curve, &key_file, random);
    let mut keys = Vec::with_capacity(KeyName::ALL.len());
    for name in KeyName::ALL {
        keys.push((name, key(name)?));
    }
    certify(data, &house, &keys, now, random)?;
    // An interrupted try may have left a store with this user in it.
    data.remove_folder("store")?;
    People::open(data)?.add(plan.first_user, plan.password, now)?;
    data.seal_with(&house)?;
    Ok(())
}

fn certify(
    data: &DataDir,
    house: &HouseFile,
    keys: &[(KeyName, SigningKey)],
    now: UnixTime,
    random: &dyn Random,
) -> Result<(), FoundingError> {
    let key = |wanted| keys.iter().find(|(name, _)| *name == wanted).map(|(_, key)| key).expect("every key was made");
    let ceremony = Ceremony { house: &house.name, root_key: key(KeyName::RootCa), now, random };
    let root = ceremony.root()?;
    let issuing = ceremony.issuing_ca(&root, key(KeyName::IssuingCa).public_key())?;
    let unit = ceremony.timestamp_unit(&root, TIMESTAMP_UNIT, key(KeyName::Tsa).public_key())?;
    data.write_certificates("root-ca", &root.to_pem())?;
    data.write_certificates("issuing-ca", &format!("{}{}", issuing.to_pem(), root.to_pem()))?;
    for name in LogName::ALL {
        data.write_certificates(&format!("{name}-log.pub"), &key(name.key()).public_key().to_pem())?;
    }
    data.write_certificates("tsa", &format!("{}{}", unit.to_pem(), root.to_pem()))?;
    Ok(())
}

/// The name of the one timestamp unit that a house begins with.
const TIMESTAMP_UNIT: &str = "timestamp unit 1";
