//! `privyseal audit`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::data_args::DataArgs;
use super::failure::Failure;
use crate::instance::logs::{self, LogName};

/// The audit log.
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Verify the three logs offline: every record, batch, tile and checkpoint. The instance may be running.
    Verify(VerifyLogsArgs),
}

#[derive(Args, Debug)]
pub(super) struct VerifyLogsArgs {
    #[command(flatten)]
    data: DataArgs,
    /// An earlier checkpoint of one of the logs, kept elsewhere; fails unless that log is an extension of it.
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
}

pub(super) fn run(command: AuditCommand) -> Result<(), Failure> {
    let AuditCommand::Verify(args) = command;
    let since = args.since.as_deref().map(logs::read_checkpoint).transpose()?;
    let mut is_compared = false;
    let mut findings = 0;
    for name in LogName::ALL {
        let report = logs::verify(&args.data.data, name, since.as_ref())?;
        is_compared |= since.as_ref().is_some_and(|since| *since.claimed_origin() == report.origin);
        println!(
            "{name}: {} leaves in {} batches, {} tiles, root {}",
            report.size,
            report.batches,
            report.tiles,
            hex::encode(report.root)
        );
        for finding in &report.findings {
            println!("  {finding}");
        }
        findings += report.findings.len();
    }
    if since.is_some() && !is_compared {
        return Err("the checkpoint of --since does not belong to any log of this instance".into());
    }
    if findings > 0 {
        return Err("the leaves are intact, but some published files are not; `privyseal up` writes them again".into());
    }
    println!("all three logs are intact");
    Ok(())
}
