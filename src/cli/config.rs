//! `privyseal config`

use std::path::PathBuf;

use clap::Subcommand;

use super::failure::Failure;
use super::runtime::block_on;
use super::server::ServerArgs;
use crate::instance::assemble::Settings;

/// Check, reload or print configuration.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Report every problem in FILE at once, each with its place in the file.
    Check {
        /// The configuration file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make a running instance reload its configuration file, as SIGHUP does.
    Reload(ServerArgs),
    /// Print an example that documents every key.
    Example,
}

pub(super) fn run(command: ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check { file } => {
            let settings = Settings::load(Some(&file), None)?;
            let (issuers, connectors) = (settings.records.issuers(), settings.records.connectors.len());
            let trust_domains = settings.records.trust_domains();
            println!(
                "{}: valid; {issuers} issuers, {connectors} connectors, {trust_domains} trust domains",
                file.display()
            );
            Ok(())
        }
        ConfigCommand::Reload(server) => {
            let server = server.required()?;
            let loaded = block_on(async move { Ok(server.post("/reload", &serde_json::json!({})).await?) })?;
            println!("configuration {} is in force since {}", loaded["sha256"], loaded["loadedAt"]);
            Ok(())
        }
        ConfigCommand::Example => {
            print!("{}", privyseal_config::EXAMPLE);
            Ok(())
        }
    }
}
