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

/// Manage the certificates that the root issued: the issuing CA's, the timestamp units' and the OCSP responder's. Stop
/// `privyseal up` first: only one process can use a data directory at a time.
#[derive(Debug, Subcommand)]
pub(super) enum CaCommand {
    /// List the certificates with serial number and status.
    List(DataArgs),
    /// Revoke a certificate. The revocation is published at the next start.
    Revoke(RevokeArgs),
    /// Sign the revocation list (CRL), and renew the OCSP responder's certificate if it is due.
    Crl(CrlArgs),
}

#[derive(Args, Debug)]
pub(super) struct RevokeArgs {
    #[command(flatten)]
    crl: CrlArgs,
    /// The certificate's serial number in hex, as `privyseal ca list` prints it.
    #[arg(value_name = "SERIAL")]
    serial: String,
    /// The reason (RFC 5280). Earlier timestamps stay valid with unspecified, affiliationChanged, superseded and
    /// cessationOfOperation, and become invalid with keyCompromise, cACompromise and privilegeWithdrawn.
    #[arg(long)]
    reason: String,
}

#[derive(Args, Debug)]
pub(super) struct CrlArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The configuration file; its section `revocation` is used.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The root's key, if it is not in the data directory; encrypted with the same key file.
    #[arg(long, value_name = "FILE")]
    root_key: Option<PathBuf>,
    /// Days until the list expires, instead of the configured number.
    #[arg(long, value_name = "DAYS")]
    days: Option<u16>,
}

pub(super) fn run(command: CaCommand) -> Result<(), Failure> {
    match command {
        CaCommand::List(data) => {
            let offline = OfflineRevocations::open(&data)?;
            for certificate in offline.revocations.issued()? {
                println!(
                    "{}\t{}\tuntil {}\t{}",
                    hex::encode(certificate.serial()),
                    certificate.subject(),
                    certificate.not_after().rfc3339()?,
                    offline.revocations.status(&certificate)
                );
            }
        }
        CaCommand::Revoke(args) => {
            let reason = RevocationReason::parse(&args.reason).ok_or_else(|| {
                let names = RevocationReason::ALL.map(RevocationReason::name).join(", ");
                format!("`{}` is not a reason; choose one of {names}", args.reason)
            })?;
            let mut offline = OfflineRevocations::open(&args.crl.data)?;
            offline.revocations.revoke(&args.serial, reason, SystemClock.now())?;
            println!("{} is revoked ({}).", args.serial, reason.name());
            sign(&mut offline, &args.crl)?;
        }
        CaCommand::Crl(args) => sign(&mut OfflineRevocations::open(&args.data)?, &args)?,
    }
    Ok(())
}

fn sign(offline: &mut OfflineRevocations, args: &CrlArgs) -> Result<(), Failure> {
    let settings = Settings::load(args.config.as_deref(), None)?;
    let period = args.days.map_or(settings.revocation.crl, |days| Duration::from_secs(u64::from(days) * 86_400));
    let (root, now) = (offline.files.root(args.root_key.as_deref(), &offline.key_file)?, SystemClock.now());
    offline.revocations.sign_list(&root, period, now)?;
    if offline.revocations.is_responder_due(now) {
        offline.revocations.renew_responder(&root, now)?;
        println!("The OCSP responder has a new key and certificate.");
    }
    println!("The revocation list is signed and valid until {}.", now.plus(period).rfc3339()?);
    Ok(())
}

/// The revocations, with the lock on their data directory.
struct OfflineRevocations {
    revocations: Revocations,
    files: UnitFiles,
    key_file: Arc<KeyFile>,
    _data: DataDir,
}

impl OfflineRevocations {
    fn open(args: &DataArgs) -> Result<Self, Failure> {
        let StoppedInstance { data, instance, key_file, audit } = StoppedInstance::open(args)?;
        let revocations = Revocations::open(&data, &instance, key_file.clone(), audit)?;
        Ok(Self { revocations, files: UnitFiles::of(&data), key_file, _data: data })
    }
}
