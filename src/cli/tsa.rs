//! `privyseal tsa`

mod disclosure;
mod input;
mod show;
mod unit;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use shared::x509::Certificate;
use tsa::{Expected, Inspection, PolicyOid, TimestampRequest, TimestampTrust, token_of, verify_response, verify_token};

use self::input::read;
use super::failure::Failure;

/// Inspect and verify timestamps of any TSA; manage this instance's timestamp units.
#[derive(Debug, Subcommand)]
pub(super) enum TsaCommand {
    /// Print the current TSA disclosure statement of a running instance.
    Disclosure(disclosure::DisclosureArgs),
    /// Show the contents of FILE, a DER TimeStampResp or a bare token of any TSA. Nothing is verified.
    Inspect(InspectArgs),
    /// Verify FILE: DER, signature, certificate chain at the token's time, key purpose, imprint, nonce and policy.
    Verify(VerifyTimestampArgs),
    /// Manage the timestamp units of an instance. Stop `privyseal up` first.
    #[command(subcommand)]
    Unit(unit::UnitCommand),
}

#[derive(Args, Debug)]
pub(super) struct InspectArgs {
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// The file with the response or token.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct VerifyTimestampArgs {
    #[command(flatten)]
    subject: TimestampSubject,
    /// A PEM file with root certificates to trust; can be repeated.
    #[arg(long, value_name = "PEM", required = true)]
    root: Vec<PathBuf>,
    /// A PEM file with intermediate certificates, for tokens without their chain; can be repeated.
    #[arg(long, value_name = "PEM")]
    untrusted: Vec<PathBuf>,
    /// An acceptable policy OID, in dotted form; can be repeated. Default: any policy.
    #[arg(long, value_name = "OID")]
    policy: Vec<String>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// The file with the response or token.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// What the timestamp must be for: exactly one of the two.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct TimestampSubject {
    /// The file that was timestamped.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The request that the response answers; its imprint, nonce, policy and certReq must all match.
    #[arg(long, value_name = "FILE")]
    query: Option<PathBuf>,
}

pub(super) fn run(command: TsaCommand) -> Result<(), Failure> {
    match command {
        TsaCommand::Disclosure(args) => disclosure::run(&args),
        TsaCommand::Inspect(args) => inspect(&args),
        TsaCommand::Verify(args) => verify(&args),
        TsaCommand::Unit(command) => unit::run(command),
    }
}

fn inspect(args: &InspectArgs) -> Result<(), Failure> {
    let seen = Inspection::parse(&read(&args.file)?)?;
    print!("{}", if args.json { show::json(&seen)? } else { show::inspection(&seen) });
    Ok(())
}

fn verify(args: &VerifyTimestampArgs) -> Result<(), Failure> {
    let file = read(&args.file)?;
    let subject = read(args.subject.data.as_ref().or(args.subject.query.as_ref()).expect("clap asks for one"))?;
    let policies: Vec<PolicyOid> = args.policy.iter().map(|text| PolicyOid::parse(text)).collect::<Result<_, _>>()?;
    let expected = match &args.subject.query {
        Some(_) => Expected::answer_to(TimestampRequest::parse(&subject)?),
        None => Expected::data(&subject),
    };
    let expected = if policies.is_empty() { expected } else { expected.with_policies(&policies) };
    let trust = TimestampTrust::roots(certificates(&args.root)?, certificates(&args.untrusted)?);
    // A bare token has no status; a response must have been granted.
    let is_token_alone = token_of(&file).is_ok_and(|token| token.len() == file.len());
    let verified = match is_token_alone {
        true => verify_token(&file, &expected, &trust)?,
        false => verify_response(&file, &expected, &trust)?,
    };
    print!(
        "{}",
        if args.json { show::json(&show::TimestampSummary::of(&verified))? } else { show::verified(&verified) }
    );
    Ok(())
}

fn certificates(files: &[PathBuf]) -> Result<Vec<Certificate>, Failure> {
    let mut certificates = Vec::new();
    for file in files {
        let text = read(file)?;
        for part in pem::parse_many(&text).map_err(|error| format!("{}: {error}", file.display()))? {
            let certificate = Certificate::from_der(part.contents());
            certificates.push(certificate.map_err(|error| format!("{}: {error}", file.display()))?);
        }
    }
    if certificates.is_empty() && !files.is_empty() {
        return Err("the PEM files of --root or --untrusted have no certificate".into());
    }
    Ok(certificates)
}
