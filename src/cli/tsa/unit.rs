//! `privyseal tsa unit`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use shared::keys::{KeyAlgorithm, KeyFile};
use shared::time::{Clock as _, UnixTime};

use super::super::data_args::DataArgs;
use super::super::failure::Failure;
use super::super::stopped_instance::StoppedInstance;
use crate::clock::SystemClock;
use crate::instance::assemble::Settings;
use crate::instance::data_dir::DataDir;
use crate::instance::timestamp_units::{KeyPlace, TimestampUnits, UnitFiles, UnitKeyPlan};
use crate::instance::tokens;

/// Manage the timestamp units of an instance. Stop `privyseal up` first: only one process can use a data directory at a
/// time.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum UnitCommand {
    /// Add a unit: a key and a certificate from this instance's root. It serves at /tsa/NAME after the next start.
    Add(AddUnitArgs),
    /// Create a unit's next key and certificate. They are published at the next start and used from the given time on.
    Next(NextKeyArgs),
    /// List the units with all their keys.
    List(DataArgs),
}

/// The arguments for a new key and its certificate.
#[derive(Args, Debug)]
pub(in crate::cli) struct NewKeyArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The configuration file; its section `timestamps` is used.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The root's key, if it is not in the data directory; encrypted with the same key file.
    #[arg(long, value_name = "FILE")]
    root_key: Option<PathBuf>,
    /// An existing key in a PKCS#11 token (RFC 7512). Default: a new key in a file.
    #[arg(long, value_name = "PKCS11-URI")]
    key: Option<String>,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct AddUnitArgs {
    /// The unit's name: a-z, 0-9 and `-`.
    name: String,
    /// p384, p256, rsa3072 or rsa4096; RSA signs with SHA-256, or append -sha384 or -sha512.
    #[arg(long, default_value = "p384")]
    algorithm: String,
    #[command(flatten)]
    make: NewKeyArgs,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct NextKeyArgs {
    /// The unit's name.
    name: String,
    /// Days until the new key signs; allow enough time for every verifier to fetch the new trust root.
    #[arg(long, default_value_t = 7)]
    in_days: u32,
    /// Sign with the new key as soon as it is published. Verifiers with an old trust root will refuse its timestamps.
    #[arg(long, conflicts_with = "in_days")]
    now: bool,
    #[command(flatten)]
    make: NewKeyArgs,
}

pub(super) fn run(command: UnitCommand) -> Result<(), Failure> {
    match command {
        UnitCommand::Add(args) => {
            let algorithm = KeyAlgorithm::parse(&args.algorithm)?;
            change(&args.make, algorithm, |units, plan, now| Ok(units.add(&args.name, algorithm, plan, now)?))?;
            println!("The unit {} is added. It serves at /tsa/{} after the next start.", args.name, args.name);
            Ok(())
        }
        UnitCommand::Next(args) => next(&args),
        UnitCommand::List(data) => list(&data),
    }
}

fn next(args: &NextKeyArgs) -> Result<(), Failure> {
    let ahead = if args.now { Duration::ZERO } else { Duration::from_secs(u64::from(args.in_days) * 86_400) };
    let offline = OfflineUnits::open(&args.make.data)?;
    let unit = offline
        .units
        .register()
        .unit(&args.name)
        .ok_or_else(|| format!("there is no unit {}; `privyseal tsa unit list` prints them", args.name))?;
    let algorithm = unit.algorithm()?;
    drop(offline);
    let mut use_from = UnixTime::from_seconds(0);
    change(&args.make, algorithm, |units, plan, now| {
        // On a whole second, and not before the current one is over.
        use_from = now.plus(ahead).plus(Duration::from_secs(1)).floor_to_second();
        Ok(units.next(&args.name, use_from, plan, now)?)
    })?;
    println!(
        "The next key of {} is created. It is published at the next start and signs from {} on.",
        args.name,
        use_from.rfc3339()?
    );
    Ok(())
}

fn change(
    args: &NewKeyArgs,
    algorithm: KeyAlgorithm,
    work: impl FnOnce(&mut TimestampUnits, &UnitKeyPlan<'_>, UnixTime) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let settings = Settings::load(args.config.as_deref(), None)?;
    let mut offline = OfflineUnits::open(&args.data)?;
    let token = match &args.key {
        None => None,
        Some(uri) => Some((uri.clone(), tokens::signer(uri, algorithm)?)),
    };
    let root = offline.files.root(args.root_key.as_deref(), &offline.key_file)?;
    let plan = UnitKeyPlan {
        root: &root,
        settings: &settings.units,
        addresses: settings.revocation.addresses.as_ref(),
        token,
    };
    work(&mut offline.units, &plan, SystemClock.now())
}

fn list(data: &DataArgs) -> Result<(), Failure> {
    let offline = OfflineUnits::open(data)?;
    let time = |seconds: u64| UnixTime::from_seconds(seconds).rfc3339().unwrap_or_default();
    for unit in &offline.units.register().units {
        for generation in &unit.generations {
            let chain = offline.files.chain(&generation.certificates)?;
            let state = match (generation.published, generation.closed, generation.destroyed) {
                (_, _, Some(at)) => format!("key destroyed {}", time(at)),
                (_, Some(at), _) => format!("closed {}", time(at)),
                (None, ..) => "will be published at the next start".to_owned(),
                (Some(_), None, None) => format!("signs until {}", tsa::unit_certificate::last_use(&chain)?.rfc3339()?),
            };
            let place = match &generation.key {
                KeyPlace::File(stem) => format!("file {stem}.pem"),
                KeyPlace::Token(_) => "PKCS#11 token".to_owned(),
                KeyPlace::Configuration => "configuration".to_owned(),
            };
            println!(
                "{}\t{}\t{}\tfrom {}\t{state}\t{place}\tserial {}",
                unit.name,
                generation.number,
                unit.algorithm,
                time(generation.use_from),
                hex::encode(chain.leaf().serial())
            );
        }
    }
    Ok(())
}

/// The units, with the lock on their data directory.
struct OfflineUnits {
    units: TimestampUnits,
    files: UnitFiles,
    key_file: Arc<KeyFile>,
    _data: DataDir,
}

impl OfflineUnits {
    fn open(args: &DataArgs) -> Result<Self, Failure> {
        let StoppedInstance { data, instance, key_file, audit } = StoppedInstance::open(args)?;
        let units = TimestampUnits::open(&data, &instance, key_file.clone(), audit)?;
        Ok(Self { units, files: UnitFiles::of(&data), key_file, _data: data })
    }
}
