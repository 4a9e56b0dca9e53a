//! `privyseal config`

use std::path::PathBuf;

use clap::Subcommand;

use super::Failure;
use crate::assemble;

/// The configuration file.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Report every problem of FILE at once, each with its place in the file.
    Check {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the documented example: every key there is.
    Example,
}

pub(super) fn run(command: ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check { file } => {
            let settings = assemble::settings(Some(&file), None)?;
            let (issuers, connectors) = (settings.records.issuers(), settings.records.connectors.len());
            println!("{}: good; {issuers} issuers, {connectors} connectors", file.display());
            Ok(())
        }
        ConfigCommand::Example => {
            print!("{}", privyseal_config::EXAMPLE);
            Ok(())
        }
    }
}
