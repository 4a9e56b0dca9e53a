//! `privyseal issuer`

use std::path::{Path, PathBuf};

use broker::names::{DomainName, IssuerUrl};
use broker::registration::{Claim, InstanceName, NameKind, ProofMethod};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use shared::time::Clock as _;

use super::failure::Failure;
use super::runtime::block_on;
use super::server::ServerArgs;
use crate::clock::SystemClock;
use crate::instance::registration::RegistrantKey;

const ISSUERS: &str = "/issuers";

/// Register token issuers with a running instance: request, publish, prove, approve.
#[derive(Debug, Subcommand)]
pub(super) enum IssuerCommand {
    /// Request that an issuer may assert the names of a domain; prints what the domain must publish.
    Request(RequestArgs),
    /// Make the instance check the domain now.
    Prove(RegistrationArgs),
    /// For administrators: approve a registration. Its issuer is accepted as soon as it is also proven.
    Approve(RegistrationArgs),
    /// List registrations.
    List(ListIssuersArgs),
    /// Show one registration.
    Show(RegistrationArgs),
    /// Freeze a registration: its issuer is refused from now on.
    Freeze(FreezeArgs),
    /// For administrators: end a frozen registration, so that another key can register its names.
    Release(ReleaseArgs),
}

#[derive(Args, Debug)]
pub(super) struct RequestArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The domain whose names the issuer may assert.
    #[arg(long)]
    domain: String,
    /// The issuer's URL, exactly as the `iss` claim of its tokens has it.
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// The kind of names: email (addresses of the domain), uri (https URIs of the host) or spiffe (its trust domain).
    #[arg(long, value_parser = parse_kind)]
    kind: NameKind,
    /// Include the names of all subdomains; can only be proven by DNS.
    #[arg(long)]
    subdomains: bool,
    /// How to prove control of the domain: dns, or well-known for the names of one host.
    #[arg(long, default_value = "dns", value_parser = parse_method)]
    method: ProofMethod,
    /// Your key; created if the file does not exist. Keep it: its holder can register again with the same record.
    #[arg(long, value_name = "FILE", default_value = "privyseal-registrant.pem")]
    key: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct RegistrationArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The registration's ID, as `privyseal issuer list` prints it.
    #[arg(value_name = "ID")]
    id: String,
    /// Print the API's response as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(super) struct ListIssuersArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Print the API's response as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(super) struct FreezeArgs {
    #[command(flatten)]
    registration: RegistrationArgs,
    /// The reason, for the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Args, Debug)]
pub(super) struct ReleaseArgs {
    #[command(flatten)]
    registration: RegistrationArgs,
    /// Let the next key register the same issuer: for an owner who lost the key.
    #[arg(long)]
    keep_issuer: bool,
}

fn parse_kind(text: &str) -> Result<NameKind, String> {
    NameKind::parse(text).ok_or_else(|| "choose email, spiffe or uri".to_owned())
}

fn parse_method(text: &str) -> Result<ProofMethod, String> {
    ProofMethod::parse(text).ok_or_else(|| "choose dns or well-known".to_owned())
}

pub(super) fn run(command: IssuerCommand) -> Result<(), Failure> {
    block_on(async move {
        match command {
            IssuerCommand::Request(args) => request(args).await,
            IssuerCommand::Prove(args) => prove(args).await,
            IssuerCommand::Approve(args) => act(&args, "approve", json!({})).await,
            IssuerCommand::List(args) => list(args).await,
            IssuerCommand::Show(args) => {
                print(&args.server.required()?.get(&path(&args.id, "")?).await?, args.json);
                Ok(())
            }
            IssuerCommand::Freeze(args) => act(&args.registration, "freeze", json!({ "reason": args.reason })).await,
            IssuerCommand::Release(args) => {
                act(&args.registration, "release", json!({ "keep_issuer": args.keep_issuer })).await
            }
        }
    })
}

async fn request(args: RequestArgs) -> Result<(), Failure> {
    let api = args.server.required()?;
    let about = api.get(&format!("{ISSUERS}/about")).await?;
    let instance = InstanceName::parse(about["instance"].as_str().unwrap_or_default())?;
    let (key, is_new) = RegistrantKey::load_or_make(&args.key)?;
    let claim = Claim {
        domain: DomainName::parse(&args.domain).map_err(|error| format!("--domain: {error}"))?,
        // The instance decides whether an issuer on loopback may be registered.
        iss: IssuerUrl::parse_or_loopback(&args.issuer).map_err(|error| format!("--issuer: {error}"))?,
        kind: args.kind,
        subdomains: args.subdomains,
        method: args.method,
        account: key.account(),
    }
    .check()?;
    let jws = key.sign(&claim, &instance, SystemClock.now())?;
    let one = api.post(ISSUERS, &json!({ "request": jws })).await?;
    if is_new {
        println!("A new key is in {}. Keep it; the record below refers to it.", args.key.display());
    }
    print_publication(&one, &args.key);
    Ok(())
}

fn print_publication(one: &Value, key: &Path) {
    let text = |name: &str| one["publish"][name].as_str().unwrap_or_default();
    let id = one["id"].as_str().unwrap_or_default();
    println!("Registration {id} is {} (key {}).\n", one["state"].as_str().unwrap_or_default(), key.display());
    match text("type") {
        "TXT" => {
            println!("Publish this record, then run `privyseal issuer prove {id}`:\n");
            println!("{} 300 IN TXT {}", text("name"), quoted(text("value")));
        }
        _ => {
            println!("Serve this document at {} (status 200, no redirect),", text("name"));
            println!("then run `privyseal issuer prove {id}`:\n");
            println!("{}", text("value"));
        }
    }
}

/// A TXT record consists of strings of at most 255 bytes (RFC 1035 §3.3.14), so a longer value is split; readers
/// concatenate the strings. The value has neither quotation marks nor backslashes.
fn quoted(value: &str) -> String {
    let parts: Vec<String> =
        value.as_bytes().chunks(255).map(|part| format!("\"{}\"", String::from_utf8_lossy(part))).collect();
    parts.join(" ")
}

async fn prove(args: RegistrationArgs) -> Result<(), Failure> {
    let one = args.server.required()?.post(&path(&args.id, "/prove")?, &json!({})).await?;
    print(&one, args.json);
    if one["proved"] == true {
        if one["awaitsApproval"] == true && !args.json {
            println!("\nProven. Next, an administrator must run `privyseal issuer approve {}`.", args.id);
        }
        return Ok(());
    }
    let found = one["lastCheck"]["found"].as_str().unwrap_or_default();
    let name = one["publish"]["name"].as_str().unwrap_or_default();
    let value = one["publish"]["value"].as_str().unwrap_or_default();
    Err(format!("not proven: {found}\nPublish this at {name} and run the command again:\n{value}").into())
}

async fn act(args: &RegistrationArgs, action: &str, body: Value) -> Result<(), Failure> {
    let one = args.server.required()?.post(&path(&args.id, &format!("/{action}"))?, &body).await?;
    print(&one, args.json);
    Ok(())
}

async fn list(args: ListIssuersArgs) -> Result<(), Failure> {
    let api = args.server.required()?;
    let answer = api.get(ISSUERS).await?;
    if args.json {
        println!("{answer:#}");
        return Ok(());
    }
    for one in answer["issuers"].as_array().into_iter().flatten() {
        let text = |name: &str| one[name].as_str().unwrap_or_default();
        println!("{}\t{}\t{}\t{}\t{}", text("id"), text("state"), text("kind"), text("domain"), text("issuer"));
    }
    Ok(())
}

/// Prints a registration, one member per line or as JSON.
fn print(one: &Value, as_json: bool) {
    if as_json {
        println!("{one:#}");
        return;
    }
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    let proof = match &one["proof"] {
        Value::Null => "none".to_owned(),
        proof => {
            let signed = if proof["signed"] == true { "signed" } else { "not signed" };
            format!("seen {}, {signed}, until {}", text(&proof["seenAt"]), text(&proof["until"]))
        }
    };
    let check = &one["lastCheck"];
    for (name, value) in [
        ("registration", text(&one["id"])),
        ("state", format!("{} since {} ({})", text(&one["state"]), text(&one["since"]), text(&one["reason"]))),
        ("issuer", text(&one["issuer"])),
        ("names", format!("{} of {}{}", text(&one["kind"]), text(&one["domain"]), below(one))),
        ("proof", proof),
        ("last check", format!("{}: {}", text(&check["at"]), text(&check["found"]))),
        ("next check", text(&one["nextCheck"])),
        ("approved by", text(&one["approvedBy"])),
        ("requested by", text(&one["requestedBy"])),
        ("account", text(&one["account"])),
    ] {
        println!("{name:<13} {value}");
    }
}

fn below(one: &Value) -> &'static str {
    if one["subdomains"] == true { " and the domains below" } else { "" }
}

/// The API's path for a registration. An ID is 20 hexadecimal digits, so that it cannot change the path.
fn path(id: &str, action: &str) -> Result<String, Failure> {
    let is_id = id.len() == 20 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id {
        Ok(format!("{ISSUERS}/{id}{action}"))
    } else {
        Err(format!("{id:?} is not the ID of a registration; `privyseal issuer list` prints them").into())
    }
}
