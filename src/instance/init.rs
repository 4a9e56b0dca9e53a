//! Setting up an instance, once: its keys, its certificates and its first user.

use std::sync::Arc;

use shared::keys::{PublicKey, Signer, SigningKey};
use shared::random::Random;
use shared::time::UnixTime;
use shared::x509::{CaSetup, CaSetupError, RevocationAddresses, UnitPlan};

use crate::instance::data_dir::{Curve, DataDir, DataDirError, InstanceFile, InstanceFileError, KeyName};
use crate::instance::local_users::{LocalUserError, LocalUserStore, Password};
use crate::instance::logs::LogName;

/// What a new instance is set up with.
pub(crate) struct Plan<'a> {
    /// Its name; a random one if absent.
    pub(crate) name: Option<String>,
    /// The curve of the issuing CA's and the timestamp unit's keys.
    pub(crate) curve: Curve,
    /// The first local user's e-mail address.
    pub(crate) first_user: &'a str,
    /// That user's password.
    pub(crate) password: &'a Password,
    /// The issuing authority's key if it is in a PKCS#11 token; otherwise a key is generated.
    pub(crate) issuing_key: Option<Arc<dyn Signer>>,
    /// The addresses for revocation that certificates name.
    pub(crate) addresses: Option<RevocationAddresses>,
}

impl<'a> Plan<'a> {
    /// The defaults: a random name, keys in files, certificates that name no address.
    pub(crate) fn new(curve: Curve, first_user: &'a str, password: &'a Password) -> Self {
        Self { name: None, curve, first_user, password, issuing_key: None, addresses: None }
    }
}

/// Why no instance was set up. The directory is incomplete then, and the next `init` starts again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InitError {
    #[error(transparent)]
    Data(#[from] DataDirError),
    #[error(transparent)]
    Name(#[from] InstanceFileError),
    #[error("the certificates could not be issued: {0}")]
    CaSetup(#[from] CaSetupError),
    #[error("the first user could not be added: {0}")]
    User(#[from] LocalUserError),
}

/// Writes keys and certificates to `data`. The instance file comes last, so its presence says that the directory is
/// complete.
pub(crate) fn init(data: &DataDir, plan: Plan<'_>, now: UnixTime, random: &dyn Random) -> Result<(), InitError> {
    let mut instance = InstanceFile::new(plan.name.clone(), plan.curve, now, random)?;
    instance.first_user = Some(plan.first_user.to_owned());
    let key_file = data.create_key_file(random)?;
    let key = |name| data.create_key(name, instance.curve, &key_file, random);
    let mut keys = Vec::with_capacity(KeyName::ALL.len());
    let is_made = |name: &KeyName| *name != KeyName::IssuingCa || plan.issuing_key.is_none();
    for name in KeyName::ALL.into_iter().filter(is_made) {
        keys.push((name, key(name)?));
    }
    let setup = CaSetupOf { instance: &instance, keys: &keys, plan: &plan };
    certify(data, &setup, now, random)?;
    // An interrupted try may have left a store with this user in it.
    data.remove_folder("store")?;
    LocalUserStore::open(data)?.add(plan.first_user, plan.password, now)?;
    data.seal_with(&instance)?;
    Ok(())
}

struct CaSetupOf<'a> {
    instance: &'a InstanceFile,
    keys: &'a [(KeyName, SigningKey)],
    plan: &'a Plan<'a>,
}

impl CaSetupOf<'_> {
    fn key(&self, wanted: KeyName) -> &SigningKey {
        let found = self.keys.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, key)| key).expect("every key was made")
    }

    fn issuing_key(&self) -> &PublicKey {
        match &self.plan.issuing_key {
            Some(key) => key.public_key(),
            None => self.key(KeyName::IssuingCa).public_key(),
        }
    }
}

fn certify(data: &DataDir, of: &CaSetupOf<'_>, now: UnixTime, random: &dyn Random) -> Result<(), InitError> {
    let setup = CaSetup { instance: &of.instance.name, root_key: of.key(KeyName::RootCa), now, random };
    let addresses = of.plan.addresses.as_ref();
    let root = setup.root()?;
    let issuing = setup.issuing_ca_with(&root, of.issuing_key(), addresses)?;
    let unit = UnitPlan {
        role: TIMESTAMP_UNIT,
        key: of.key(KeyName::Tsa).public_key(),
        validity: CaSetup::TIMESTAMP_VALIDITY,
        key_use: CaSetup::TIMESTAMP_KEY_USE,
        addresses,
    };
    let unit = setup.unit(&root, &unit)?;
    data.write_certificates("root-ca", &root.to_pem())?;
    data.write_certificates("issuing-ca", &format!("{}{}", issuing.to_pem(), root.to_pem()))?;
    for name in LogName::ALL {
        data.write_certificates(&format!("{name}-log.pub"), &of.key(name.key()).public_key().to_pem())?;
    }
    data.write_certificates("tsa", &format!("{}{}", unit.to_pem(), root.to_pem()))?;
    Ok(())
}

/// The name of the one timestamp unit that an instance begins with.
const TIMESTAMP_UNIT: &str = "timestamp unit 1";
