//! `privyseal trust-domain`

mod add;
mod text;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::failure::Failure;
use super::runtime::block_on;
use super::server::ServerArgs;

const TRUST_DOMAINS: &str = "/trust-domains";

/// Manage SPIFFE trust domains, whose workloads sign with their SVIDs.
#[derive(Debug, Subcommand)]
pub(super) enum TrustDomainCommand {
    /// Add a trust domain to a configuration file, after fetching its bundle once as the instance will.
    #[command(after_long_help = add::EXAMPLES)]
    Add(Box<add::AddTrustDomainArgs>),
    /// List the trust domains of a running instance: name, state, sequence, keys, age of the bundle, and any problem.
    List(ListTrustDomainsArgs),
    /// Show a trust domain: the keys of its bundle, the last and the next fetch, and why the last fetch failed.
    Show(TrustDomainArgs),
    /// For administrators: make the instance fetch the bundle now, for example after a key was revoked.
    Refresh(TrustDomainArgs),
}

#[derive(Args, Debug)]
pub(super) struct ListTrustDomainsArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Print the API's response as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(super) struct TrustDomainArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The trust domain's name, without spiffe://.
    #[arg(value_name = "NAME")]
    name: String,
    /// Print the API's response as JSON.
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
                print(&one, args.json);
                Ok(())
            }
            TrustDomainCommand::Refresh(args) => refresh(&args).await,
        }
    })
}

async fn list(args: &ListTrustDomainsArgs) -> Result<(), Failure> {
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

async fn refresh(args: &TrustDomainArgs) -> Result<(), Failure> {
    let one = args.server.required()?.post(&path(&args.name, "/refresh")?, &json!({})).await?;
    print(&one, args.json);
    if one["refreshed"] == true {
        return Ok(());
    }
    let state = text::show(&one["state"]);
    let what = match one["trouble"]["rule"].as_str() {
        Some(_) => "the fetched bundle is refused",
        None => "the bundle could not be fetched",
    };
    Err(format!("{what}; the bundle in force is unchanged ({state}): {}", text::trouble(&one["trouble"])).into())
}

fn print(one: &Value, as_json: bool) {
    if as_json { println!("{one:#}") } else { print!("{}", text::whole(one)) }
}

/// The API's path for a trust domain. Names need no escaping; only `.` and `..` would change the path.
fn path(name: &str, action: &str) -> Result<String, Failure> {
    let name = name.strip_prefix("spiffe://").unwrap_or(name);
    let name = broker::names::TrustDomain::parse(name)?;
    match name.as_str() {
        "." | ".." => Err(format!("{name} cannot be part of a URL; use `privyseal trust-domain list --json`").into()),
        name => Ok(format!("{TRUST_DOMAINS}/{name}{action}")),
    }
}
