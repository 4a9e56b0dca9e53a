//! The command line.

pub(crate) mod api_client;
mod audit;
mod ca;
pub(crate) mod client;
mod config;
mod data_args;
mod demo;
mod explain;
mod failure;
mod init;
mod issuer;
pub(crate) mod logging;
mod login;
mod new_instance;
mod policy;
mod runtime;
mod server;
mod stopped_instance;
mod trust_domain;
mod tsa;
mod up;
mod user;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Private code signing in one binary: identity broker, certificate authority, timestamp authority, logs and trust
/// root.
#[derive(Debug, Parser)]
#[command(
    version,
    long_version = crate::feature::long_version(),
    about,
    after_help = "Start here:  privyseal demo        sign and verify a file, from start to end\n             \
                                        privyseal up          serve an instance and print the commands for your clients"
)]
struct Cli {
    /// What to log, as `info`, `debug` or `privyseal=debug,hyper=info`.
    #[arg(long, global = true, value_name = "FILTER", default_value = logging::DEFAULT)]
    log: String,
    /// Log JSON lines instead of text.
    #[arg(long, global = true)]
    log_json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Set up an instance (keys, certificates, trust root and one local user), then exit.
    Init(init::InitArgs),
    /// Serve an instance; sets it up first if the data directory has none.
    Up(up::UpArgs),
    /// Sign and verify FILE over HTTP with a new instance; leaves the results in a folder.
    Demo(demo::DemoArgs),
    /// Verify a Sigstore bundle.
    Verify(verify::VerifyBundleArgs),
    /// Inspect and verify timestamps of any TSA; manage this instance's timestamp units.
    #[command(subcommand)]
    Tsa(tsa::TsaCommand),
    /// Check whether a token would be accepted, and by which rule; no certificate is issued.
    Explain(explain::ExplainArgs),
    /// Log in to a running instance, for the commands that take `--login FILE`.
    Login(login::LoginArgs),
    /// Write verification policies for other programs.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// List and revoke the certificates that the root issued; sign the revocation list.
    #[command(subcommand)]
    Ca(ca::CaCommand),
    /// Manage local users, who log in with a password.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Register token issuers with a running instance; needs proof of control over a domain.
    #[command(subcommand)]
    Issuer(issuer::IssuerCommand),
    /// Manage SPIFFE trust domains, whose workloads sign with their SVIDs.
    #[command(subcommand)]
    TrustDomain(trust_domain::TrustDomainCommand),
    /// Check or reload the configuration file.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Verify the audit log and the other two logs.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
}

/// Runs the command line. A failure is printed on standard error, one cause per line, and the exit code is 1; for a bad
/// `--log` filter it is 2.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = logging::start(&cli.log, cli.log_json) {
        eprintln!("privyseal: --log: {error}");
        return ExitCode::from(2);
    }
    let done = match cli.command {
        Command::Init(args) => init::run(args),
        Command::Up(args) => up::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Tsa(command) => tsa::run(command),
        Command::Explain(args) => explain::run(args),
        Command::Login(args) => login::run(args),
        Command::Policy(command) => policy::run(command),
        Command::Ca(command) => ca::run(command),
        Command::User(command) => user::run(command),
        Command::Issuer(command) => issuer::run(command),
        Command::TrustDomain(command) => trust_domain::run(command),
        Command::Config(command) => config::run(command),
        Command::Audit(command) => audit::run(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("privyseal: {failure}");
            let mut cause = failure.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}
