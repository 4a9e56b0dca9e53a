//! `privyseal policy`

use std::path::{Path, PathBuf};

use broker::names::EmailAddress;
use clap::{Args, Subcommand, ValueEnum};

use super::explain;
use super::failure::Failure;
use crate::file::{self, Mode};
use crate::instance::assemble::Settings;
use crate::instance::policy::{Cluster, Policy, cosign, policy_controller};

/// Largest TUF root that is read, in bytes.
const MAX_ROOT: u64 = 1 << 20;

/// Write verification policies for other programs.
#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Write a policy from the grants of a configuration: each entry is a pair of name and issuer.
    Export(ExportArgs),
}

/// The program that a policy is for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum PolicyFormat {
    /// Commands with flags.
    Cosign,
    /// JSON, for other programs.
    Json,
    /// A ClusterImagePolicy, and with --root its TrustRoot.
    PolicyController,
}

#[derive(Args, Debug)]
pub(super) struct ExportArgs {
    /// The configuration file. It does not have the issuers that domain owners registered in a running instance.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The program that the policy is for.
    #[arg(long, value_enum, default_value = "cosign")]
    format: PolicyFormat,
    /// A folder to write the policy to. Default: standard output.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A local user to accept signatures from; can be repeated. Default: no local user.
    #[arg(long = "local-user", value_name = "EMAIL")]
    local_users: Vec<String>,
    /// The images that a ClusterImagePolicy applies to.
    #[arg(long, value_name = "GLOB", default_value = "**")]
    images: String,
    /// The instance's first TUF root, from /trust/root.json; writes a TrustRoot with the ClusterImagePolicy.
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
}

pub(super) fn run(command: PolicyCommand) -> Result<(), Failure> {
    let PolicyCommand::Export(args) = command;
    let settings = Settings::load(args.config.as_deref(), None)?;
    let origin = settings.origin();
    let issuers = settings.records.build(explain::own_record(&origin)?, &[])?;
    let users = args.local_users.iter().map(|user| EmailAddress::parse(user)).collect::<Result<Vec<_>, _>>()?;
    let policy = Policy::of(&issuers, &origin, &users)?;
    let root = args.root.as_deref().map(|path| file::read(path, MAX_ROOT)).transpose()?;
    let (name, text) = match args.format {
        PolicyFormat::Cosign => ("cosign.sh", cosign(&policy)),
        PolicyFormat::Json => ("policy.json", format!("{}\n", serde_json::to_string_pretty(&policy.accepted)?)),
        PolicyFormat::PolicyController => {
            let root = root.as_deref().map(str::as_bytes);
            let cluster = Cluster { origin: &origin, images: &args.images, root };
            ("cluster-image-policy.yaml", policy_controller(&policy, &cluster))
        }
    };
    match &args.out {
        None => print!("{text}"),
        Some(folder) => write(&folder.join(name), &text)?,
    }
    policy.left_out.iter().for_each(|left_out| eprintln!("left out: {left_out}"));
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        file::create_dir(folder)?;
    }
    file::write_durably(path, text.as_bytes(), Mode::Public)?;
    println!("{}", path.display());
    Ok(())
}
