//! `privyseal trust-domain add`: adds a section to a configuration file, after fetching the bundle once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker::names::TrustDomain;
use broker::registry::Issuers;
use broker::trust_domain::{BundleSource, EndpointProfile, TrustDomainRecord};
use clap::{ArgGroup, Args};
use privyseal_config::Config;
use shared::random::SystemRandom;
use shared::time::Clock as _;
use toml::Value;

use super::super::explain::own_record;
use super::super::failure::Failure;
use super::text;
use crate::clock::SystemClock;
use crate::file;
use crate::instance::assemble::{Settings, Source};
use crate::outbound::bundles::{BundleRefresher, BundleState};

/// What `--help` ends with.
pub(super) const EXAMPLES: &str = "\
The trust domain's name, the address of its bundle and how the endpoint authenticates are set here by you. None of them
is ever taken from what was fetched.

A SPIRE server that serves its bundle with its own X.509-SVID (https_spiffe) needs a copy of that bundle for the first
fetch. Copy it in a way that you trust:

  on the server:  spire-server bundle show -format spiffe > a.json
  here:           privyseal trust-domain add a.test --config privyseal.toml --https-spiffe https://spire.a.test:8443/
                    --endpoint-id spiffe://a.test/spire/server --bootstrap-file a.json --grant spiffe://a.test/ci

An endpoint with a web server's certificate (https_web) needs no copy:

  privyseal trust-domain add b.test --config privyseal.toml --https-web https://bundles.b.test/ --grant spiffe://b.test/release

--dry-run prints the bundle and the section that would be added. The file's other contents do not change.";

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("source").required(true).args(["https_spiffe", "https_web", "file", "map_file", "workload_api"]))]
pub(in crate::cli) struct AddTrustDomainArgs {
    /// The trust domain's exact name, in lower case and without spiffe://.
    #[arg(value_name = "NAME")]
    name: String,
    /// The configuration file to add it to.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The URL of a bundle endpoint that authenticates with an X.509-SVID, as SPIRE does with profile https_spiffe.
    #[arg(long, value_name = "URL", requires = "endpoint_id")]
    https_spiffe: Option<String>,
    /// The endpoint's SPIFFE ID: spiffe://NAME/spire/server for SPIRE.
    #[arg(long, value_name = "ID", requires = "https_spiffe")]
    endpoint_id: Option<String>,
    /// The bundle that authenticates the endpoint at the first fetch: `spire-server bundle show -format spiffe`.
    #[arg(long, value_name = "FILE", requires = "https_spiffe")]
    bootstrap_file: Option<PathBuf>,
    /// The URL of a bundle endpoint with a web server's certificate.
    #[arg(long, value_name = "URL")]
    https_web: Option<String>,
    /// A PEM file with the CAs of that certificate. Default: the system's CAs.
    #[arg(long, value_name = "FILE", requires = "https_web")]
    ca_file: Option<PathBuf>,
    /// A file with the bundle; the instance reloads it when it changes.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A file with a map of bundles; the instance reloads it when it changes.
    #[arg(long, value_name = "FILE")]
    map_file: Option<PathBuf>,
    /// Get the bundle from the Workload API that section [spiffe] names.
    #[arg(long)]
    workload_api: bool,
    /// A SPIFFE ID that its workloads may sign as, with all IDs below it; can be repeated. Default: all IDs of the
    /// trust domain.
    #[arg(long, value_name = "ID")]
    grant: Vec<String>,
    /// Allow private addresses for the endpoint, because it is inside your network.
    #[arg(long)]
    internal: bool,
    /// Allow an endpoint on this machine. For development and tests.
    #[arg(long)]
    danger_loopback: bool,
    /// Fetch and check, but do not change the file.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(args: &AddTrustDomainArgs) -> Result<(), Failure> {
    let at =
        |error| format!("{}: {error}; `privyseal config example` prints a file to begin with", args.config.display());
    // A link stays, and its target is replaced. Paths in the file are relative to the folder of the link.
    let path = args.config.canonicalize().map_err(at)?;
    let folder = args.config.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(at)?;
    let before = file::read(&path, Config::MAX_BYTES as u64 + 1)?;
    let section = section(args, &folder)?;
    let after = appended(&before, &section);
    let settings = check(args, &before, &after)?;
    fetch(args, &settings).await?;
    if args.dry_run {
        println!("\nThis would be added to {}; nothing was changed:\n\n{section}", args.config.display());
        return Ok(());
    }
    if file::read(&path, Config::MAX_BYTES as u64 + 1)? != before {
        return Err(
            format!("{} changed in the meantime; nothing was written, run this command again", path.display()).into()
        );
    }
    file::replace_durably(&path, after.as_bytes())?;
    let name = &args.name;
    println!("\nAdded to {}:\n\n{section}", args.config.display());
    println!("An instance that runs with this file reloads it within a second or two. See its state there with:");
    println!("  privyseal trust-domain show {name} --server ORIGIN --login FILE");
    Ok(())
}

/// The section's text. Paths are relative to the file's folder where they can be.
fn section(args: &AddTrustDomainArgs, folder: &Path) -> Result<String, Failure> {
    let name = TrustDomain::parse(&args.name).map_err(|error| format!("{}: {error}", args.name))?;
    let beside = |path: &Option<PathBuf>| path.as_deref().map(|path| beside(path, folder)).transpose();
    let keys = [
        ("https_spiffe", args.https_spiffe.clone()),
        ("endpoint_id", args.endpoint_id.clone()),
        ("bootstrap_file", beside(&args.bootstrap_file)?),
        ("https_web", args.https_web.clone()),
        ("ca_file", beside(&args.ca_file)?),
        ("file", beside(&args.file)?),
        ("map_file", beside(&args.map_file)?),
    ];
    let set = keys.iter().filter_map(|(key, value)| Some(format!("{key} = {}", quoted(value.as_deref()?))));
    let set: Vec<String> = set.chain(args.workload_api.then(|| "workload_api = true".to_owned())).collect();
    let whole = [format!("spiffe://{name}")];
    let grants = if args.grant.is_empty() { &whole[..] } else { &args.grant };
    let grants: Vec<String> = grants.iter().map(|grant| format!("{{ spiffe = {} }}", quoted(grant))).collect();
    let mut lines = vec![
        "[[trust_domains]]".to_owned(),
        format!("name = {}", quoted(name.as_str())),
        format!("bundle = {{ {} }}", set.join(", ")),
    ];
    lines.extend(args.internal.then(|| "internal = true".to_owned()));
    lines.extend(args.danger_loopback.then(|| "danger_loopback = true".to_owned()));
    lines.push(format!("grants = [{}]", grants.join(", ")));
    Ok(lines.join("\n") + "\n")
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn beside(path: &Path, folder: &Path) -> Result<String, Failure> {
    let whole = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
    let relative = whole.strip_prefix(folder).unwrap_or(&whole);
    relative.to_str().map(str::to_owned).ok_or_else(|| format!("{} is not UTF-8", whole.display()).into())
}

fn appended(before: &str, section: &str) -> String {
    let end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    let gap = if before.trim().is_empty() { "" } else { "\n" };
    format!("{before}{end}{gap}{section}")
}

/// Checks the whole new text, as `privyseal config check` and the instance do.
fn check(args: &AddTrustDomainArgs, before: &str, after: &str) -> Result<Settings, Failure> {
    let file = args.config.display();
    let source = Source::new(Some(&args.config), None);
    let is_there = |config: &Config| config.trust_domains.iter().any(|section| section.name == args.name);
    match Config::parse(before) {
        Ok(config) if is_there(&config) => {
            return Err(format!(
                "{} is already in {file}; change its section there, then run `privyseal config check {file}`",
                args.name
            )
            .into());
        }
        // A file that has problems already is not changed.
        Err(error) => return Err(format!("{file}: {error}\nCorrect that first; nothing was changed").into()),
        Ok(_) => {}
    }
    Settings::of_text(&source, after).map_err(|problems| match Settings::of_text(&source, before) {
        Err(_) => format!("{problems}\n{file} has problems without {} as well; nothing was changed", args.name).into(),
        Ok(_) => format!("{problems}\nNothing was changed").into(),
    })
}

/// Fetches the bundle as the instance will, and prints it.
async fn fetch(args: &AddTrustDomainArgs, settings: &Settings) -> Result<(), Failure> {
    let issuers = settings.records.build(own_record(&settings.origin())?, &[])?;
    let record = issuers.trust_domains().find(&args.name).ok_or("the new section has no trust domain of this name")?;
    if matches!(record.source(), BundleSource::WorkloadApi) {
        println!("The instance gets this bundle from the Workload API, so it was not fetched here.");
        return Ok(());
    }
    let refresher = BundleRefresher::for_explanations(Arc::new(SystemClock), Arc::new(SystemRandom));
    fetch_others(&refresher, record, &issuers).await?;
    if let Err(error) = refresher.look_at_once(record, &issuers).await {
        let rule = error.rule().map(|rule| format!(" (rule {rule})")).unwrap_or_default();
        return Err(format!("{error}{rule}{}\nNothing was changed", advice(record, !rule.is_empty())).into());
    }
    let report = refresher.report(record);
    let document = report.document(SystemClock.now());
    let hint = document["refreshHint"].as_u64().map_or_else(|| "none".to_owned(), |hint| format!("{hint} s"));
    println!(
        "{}: {} keys, sequence {}, refresh hint {hint}",
        args.name,
        report.keys().len(),
        text::show(&document["sequence"])
    );
    print!("{}", text::bundle(&document));
    if report.state == BundleState::Empty {
        return Err("the bundle holds no key that counts, so every SVID would be refused\nNothing was changed".into());
    }
    println!(
        "Compare them with `spire-server bundle show` and, for each certificate, `openssl x509 -noout -fingerprint -sha256`."
    );
    Ok(())
}

/// Fetches the bundles of other trust domains that this one needs. The endpoint may be a workload of another trust
/// domain, whose bundle is then needed first. Bundles in files are read because no key may be in two bundles.
async fn fetch_others(
    refresher: &BundleRefresher,
    record: &TrustDomainRecord,
    issuers: &Issuers,
) -> Result<(), Failure> {
    let host = match record.source() {
        BundleSource::Endpoint { profile: EndpointProfile::Spiffe { endpoint_id, .. }, .. } => {
            Some(endpoint_id.trust_domain())
        }
        _ => None,
    };
    for other in issuers.trust_domains().iter().filter(|other| other.name() != record.name()) {
        if host == Some(other.name()) {
            let looked = refresher.look_at_once(other, issuers).await;
            looked.map_err(|error| {
                format!("the endpoint is a workload of {}, and {error}\nNothing was changed", other.name())
            })?;
        } else if matches!(other.source(), BundleSource::File(_) | BundleSource::MapFile(_)) {
            // A problem of another trust domain is reported by the instance, not here.
            let _ = refresher.look_at_once(other, issuers).await;
        }
    }
    Ok(())
}

/// What to do next.
fn advice(record: &TrustDomainRecord, is_refused: bool) -> &'static str {
    match record.source() {
        _ if is_refused => "",
        BundleSource::Endpoint { profile: EndpointProfile::Spiffe { .. }, .. } => {
            "\nCheck that the URL is the bundle endpoint's (not the server's own port), that --endpoint-id is its SPIFFE \
             ID, and that the bootstrap file is recent: `spire-server bundle show -format spiffe` prints it. \
             --internal allows private addresses"
        }
        BundleSource::Endpoint { profile: EndpointProfile::Web, .. } => {
            "\nThe endpoint needs a certificate that the system or --ca-file trusts. \
             --internal allows private addresses"
        }
        BundleSource::File(_) | BundleSource::MapFile(_) | BundleSource::WorkloadApi => "",
    }
}

#[cfg(test)]
mod tests;
