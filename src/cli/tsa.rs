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

/// Timestamps: read and verify anybody's, the units that make ours, and what the authority discloses.
#[derive(Debug, Subcommand)]
pub(super) enum TsaCommand {
    /// Print the disclosure statement of a running instance, as it is now.
    Disclosure(disclosure::DisclosureArgs),
    /// Show what FILE says, a DER TimeStampResp or a token alone, of any authority. Nothing is verified.
    Inspect(InspectArgs),
    /// Verify FILE strictly: DER, signature, certificate chain at the time in it, purpose, imprint, nonce, policy.
    Verify(VerifyArgs),
    /// The timestamp units of an instance. Stop `privyseal up` first: one process works on an instance at a time.
    #[command(subcommand)]
    Unit(unit::UnitCommand),
}

#[derive(Args, Debug)]
pub(super) struct InspectArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// The response or token.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    subject: Subject,
    /// PEM file with the roots to trust; may be given more than once.
    #[arg(long, value_name = "PEM", required = true)]
    root: Vec<PathBuf>,
    /// PEM file with certificates that help to reach a root, for tokens that do not bring theirs.
    #[arg(long, value_name = "PEM")]
    untrusted: Vec<PathBuf>,
    /// A policy that will do, dotted; without one, any will.
    #[arg(long, value_name = "OID")]
    policy: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// The response or token.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// What the timestamp must be for: one without the other, never none.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Subject {
    /// The file that was timestamped.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The request that it answers: its imprint, nonce, policy and wish for certificates must all be met.
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

fn verify(args: &VerifyArgs) -> Result<(), Failure> {
    let file = read(&args.file)?;
    let subject = read(args.subject.data.as_ref().or(args.subject.query.as_ref()).expect("clap asks for one"))?;
    let policies: Vec<PolicyOid> = args.policy.iter().map(|text| PolicyOid::parse(text)).collect::<Result<_, _>>()?;
    let expected = match &args.subject.query {
        Some(_) => Expected::answer_to(TimestampRequest::parse(&subject)?),
        None => Expected::data(&subject),
    };
    let expected = if policies.is_empty() { expected } else { expected.with_policies(&policies) };
    let trust = TimestampTrust::roots(certificates(&args.root)?, certificates(&args.untrusted)?);
    // A token alone has no status; a response must have been granted.
    let is_token_alone = token_of(&file).is_ok_and(|token| token.len() == file.len());
    let verified = match is_token_alone {
        true => verify_token(&file, &expected, &trust)?,
        false => verify_response(&file, &expected, &trust)?,
    };
    print!("{}", if args.json { show::json(&show::Verdict::of(&verified))? } else { show::verified(&verified) });
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
        return Err("there is no certificate in those PEM files".into());
    }
    Ok(certificates)
}
