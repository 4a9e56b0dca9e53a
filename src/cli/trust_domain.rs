//! `privyseal trust-domain`

mod add;
mod text;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::failure::Failure;
use super::runtime::block_on;
use super::server::ServerArgs;

const TRUST_DOMAINS: &str = "/trust-domains";

/// SPIFFE trust domains whose workloads sign with their SVIDs: bring one in, see how they stand.
#[derive(Debug, Subcommand)]
pub(super) enum TrustDomainCommand {
    /// Add a trust domain to a configuration file, after its bundle was fetched once just as the instance will fetch it.
    #[command(after_long_help = add::EXAMPLES)]
    Add(Box<add::AddArgs>),
    /// List the trust domains of a running instance: name, state, sequence, keys, age of the bundle, and the trouble if
    /// there is any.
    List(ListArgs),
    /// Show how one stands: its bundle key by key, when it was seen and is looked at again, and why the last look
    /// failed.
    Show(OneArgs),
    /// For administrators: have the instance look at the source of the bundle now, as after a key was revoked in a hurry.
    Refresh(OneArgs),
}

#[derive(Args, Debug)]
pub(super) struct ListArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Print the API's answer.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(super) struct OneArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The trust domain, without spiffe://.
    #[arg(value_name = "NAME")]
    name: String,
    /// Print the API's answer.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: TrustDomainCommand) -> Result<(), Failure> {
    block_on(async move {
        match command {
            TrustDomainCommand::Add(args) => add::run(&args).await,
            TrustDomainCommand::List(args) => list(&args).await,
            TrustDomainCommand::Show(args) => {
                let one = args.server.required()?.get(&path(&args.name, "")?).await?;
                tell(&one, args.json);
                Ok(())
            }
            TrustDomainCommand::Refresh(args) => refresh(&args).await,
        }
    })
}

async fn list(args: &ListArgs) -> Result<(), Failure> {
    let answer = args.server.required()?.get(TRUST_DOMAINS).await?;
    if args.json {
        println!("{answer:#}");
        return Ok(());
    }
    for one in answer["trustDomains"].as_array().into_iter().flatten() {
        println!("{}", text::line(one));
    }
    Ok(())
}

async fn refresh(args: &OneArgs) -> Result<(), Failure> {
    let one = args.server.required()?.post(&path(&args.name, "/refresh")?, &json!({})).await?;
    tell(&one, args.json);
    if one["refreshed"] == true {
        return Ok(());
    }
    let state = text::show(&one["state"]);
    let what = match one["trouble"]["rule"].as_str() {
        Some(_) => "what the source shows is refused",
        None => "the source gave no bundle",
    };
    Err(format!("{what}; what is in force stays as it was ({state}): {}", text::trouble(&one["trouble"])).into())
}

fn tell(one: &Value, as_json: bool) {
    if as_json { println!("{one:#}") } else { print!("{}", text::whole(one)) }
}

/// A name goes into a path as it is, which the characters of trust domains allow but for the two that mean folders.
fn path(name: &str, action: &str) -> Result<String, Failure> {
    let name = name.strip_prefix("spiffe://").unwrap_or(name);
    let name = broker::names::TrustDomain::parse(name)?;
    match name.as_str() {
        "." | ".." => {
            Err(format!("{name} cannot be asked for by name; see `privyseal trust-domain list --json`").into())
        }
        name => Ok(format!("{TRUST_DOMAINS}/{name}{action}")),
    }
}
