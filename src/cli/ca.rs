//! `privyseal ca`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use shared::keys::KeyFile;
use shared::time::Clock as _;
use shared::x509::revocation::RevocationReason;

use super::data_args::DataArgs;
use super::failure::Failure;
use super::stopped_instance::StoppedInstance;
use crate::clock::SystemClock;
use crate::instance::assemble::Settings;
use crate::instance::data_dir::DataDir;
use crate::instance::revocation::Revocations;
use crate::instance::timestamp_units::UnitFiles;

/// The certificates that the root issued: the issuing authority's, the timestamp units', the OCSP responder's. Stop
/// `privyseal up` first: one process works on an instance at a time.
#[derive(Debug, Subcommand)]
pub(super) enum CaCommand {
    /// List them with serial number and status.
    List(DataArgs),
    /// Revoke one. What is said to the world is said from the next start on.
    Revoke(RevokeArgs),
    /// Sign the revocation list, and renew the OCSP responder's certificate when that is due.
    Crl(CrlArgs),
}

#[derive(Args, Debug)]
pub(super) struct RevokeArgs {
    #[command(flatten)]
    crl: CrlArgs,
    /// The serial number, hex.
    #[arg(value_name = "SERIAL")]
    serial: String,
    /// unspecified, affiliationChanged, superseded or cessationOfOperation leave earlier timestamps valid;
    /// keyCompromise, cACompromise and privilegeWithdrawn do not.
    #[arg(long)]
    reason: String,
}

#[derive(Args, Debug)]
pub(super) struct CrlArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The configuration file, for its section `revocation`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The root's key, when it is kept elsewhere than in the data directory; encrypted under the same key file.
    #[arg(long, value_name = "FILE")]
    root_key: Option<PathBuf>,
    /// Days that the list counts, instead of what the configuration says.
    #[arg(long, value_name = "DAYS")]
    days: Option<u16>,
}

pub(super) fn run(command: CaCommand) -> Result<(), Failure> {
    match command {
        CaCommand::List(data) => {
            let held = Held::open(&data)?;
            for certificate in held.revocations.issued()? {
                println!(
                    "{}\t{}\tuntil {}\t{}",
                    hex::encode(certificate.serial()),
                    certificate.subject(),
                    certificate.not_after().rfc3339()?,
                    held.revocations.status(&certificate)
                );
            }
        }
        CaCommand::Revoke(args) => {
            let reason = RevocationReason::parse(&args.reason).ok_or_else(|| {
                let names = RevocationReason::ALL.map(RevocationReason::name).join(", ");
                format!("`{}` is no reason; {names} are", args.reason)
            })?;
            let mut held = Held::open(&args.crl.data)?;
            held.revocations.revoke(&args.serial, reason, SystemClock.now())?;
            println!("{} is revoked: {}.", args.serial, reason.name());
            sign(&mut held, &args.crl)?;
        }
        CaCommand::Crl(args) => sign(&mut Held::open(&args.data)?, &args)?,
    }
    Ok(())
}

fn sign(held: &mut Held, args: &CrlArgs) -> Result<(), Failure> {
    let settings = Settings::load(args.config.as_deref(), None)?;
    let period = args.days.map_or(settings.revocation.crl, |days| Duration::from_secs(u64::from(days) * 86_400));
    let (root, now) = (held.files.root(args.root_key.as_deref(), &held.key_file)?, SystemClock.now());
    held.revocations.sign_list(&root, period, now)?;
    if held.revocations.is_responder_due(now) {
        held.revocations.renew_responder(&root, now)?;
        println!("The OCSP responder has a new key and certificate.");
    }
    println!("The revocation list was signed; it counts until {}.", now.plus(period).rfc3339()?);
    Ok(())
}

struct Held {
    revocations: Revocations,
    files: UnitFiles,
    key_file: Arc<KeyFile>,
    _data: DataDir,
}

impl Held {
    fn open(args: &DataArgs) -> Result<Self, Failure> {
        let StoppedInstance { data, instance, key_file, audit } = StoppedInstance::open(args)?;
        let revocations = Revocations::open(&data, &instance, key_file.clone(), audit)?;
        Ok(Self { revocations, files: UnitFiles::of(&data), key_file, _data: data })
    }
}
