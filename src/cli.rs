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
    after_help = "Start here:  privyseal demo        signs and verifies a file, start to end\n             \
                                        privyseal up          serves it, and prints the lines for your clients"
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
    /// Make an instance: keys, certificates, trust root and one local user; then exit.
    Init(init::InitArgs),
    /// Serve; makes the instance first when there is none.
    Up(up::UpArgs),
    /// Sign FILE and verify it, start to end, over HTTP in a fresh instance; leaves the results in a folder.
    Demo(demo::DemoArgs),
    /// Verify a Sigstore bundle strictly.
    Verify(verify::VerifyArgs),
    /// Timestamps: read and verify anybody's, and what this authority discloses about its own.
    #[command(subcommand)]
    Tsa(tsa::TsaCommand),
    /// Say what would come of a token and which rule decides, without asking for a certificate.
    Explain(explain::ExplainArgs),
    /// Log in to a running instance, for the commands that take `--login FILE`.
    Login(login::LoginArgs),
    /// Verification policy for the programs of others.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// The certificates that the root issued, and their revocation.
    #[command(subcommand)]
    Ca(ca::CaCommand),
    /// The people who log in with a password of this instance.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Issuers that owners of domains bring to an instance that is being served.
    #[command(subcommand)]
    Issuer(issuer::IssuerCommand),
    /// SPIFFE trust domains whose workloads sign with their SVIDs.
    #[command(subcommand)]
    TrustDomain(trust_domain::TrustDomainCommand),
    /// The configuration file.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
}

/// Runs the command line. A failure is told on standard error, one cause a line, with exit code 1.
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
