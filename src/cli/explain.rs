//! `privyseal explain`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker::ca::Profile;
use broker::issuer::{IssuerSpec, KeySource, Reach};
use broker::names::IssuerUrl;
use clap::Args;
use shared::random::SystemRandom;
use shared::time::{Clock as _, UnixTime};

use super::failure::Failure;
use super::runtime::block_on;
use super::server::ServerArgs;
use crate::cli::api_client::ApiClient;
use crate::clock::SystemClock;
use crate::file;
use crate::instance::assemble::{Origin, Settings};
use crate::instance::explain::{Evaluator, ExplanationReport, Reader, Refreshers, vectors};
use crate::outbound::KeyRefresher;
use crate::outbound::bundles::BundleRefresher;

/// Longest token file, in bytes: a token of 16 KiB and the end of its line.
const MAX_TOKEN_FILE: u64 = 16 * 1024 + 2;
/// Longest file of test cases, in bytes.
const MAX_VECTORS: u64 = 16 << 20;

/// Check whether a token would be accepted, and by which rule. No certificate is issued.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("question").required(true).args(["token", "vectors"]))]
pub(super) struct ExplainArgs {
    /// A file with the token. The output shows the token's SHA-256, never the token.
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    /// Evaluate every case of a tab-separated file (n, kind, expect, case, rule) instead. Prints one line per case:
    /// `n`, ACCEPT or REJECT, and the rule. Cases with another result than expected are listed on standard error, and
    /// the exit code is 1.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "server", "at", "json"])]
    vectors: Option<PathBuf>,
    /// Evaluate with this configuration file. It does not have the issuers that domain owners registered in a running
    /// instance; use --server for those.
    #[arg(long, value_name = "FILE", conflicts_with = "server")]
    config: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
    /// Evaluate as of this time, in seconds since 1970, like a token's `iat`.
    #[arg(long, value_name = "SECONDS", conflicts_with = "server")]
    at: Option<u64>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: ExplainArgs) -> Result<(), Failure> {
    if let Some(path) = &args.vectors {
        return evaluate_vectors(path);
    }
    let token = file::read(args.token.as_deref().unwrap_or(Path::new("-")), MAX_TOKEN_FILE)?;
    let token = token.trim();
    let report = match args.server.client()? {
        Some(server) => block_on(ask(server, token))?,
        None => {
            let now = args.at.map_or_else(|| SystemClock.now(), UnixTime::from_seconds);
            block_on(evaluate(args.config.as_deref(), token, now))?
        }
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

/// Evaluates with a configuration file alone; issuers' keys are fetched from where the instance would fetch them.
async fn evaluate(config: Option<&Path>, token: &str, now: UnixTime) -> Result<ExplanationReport, Failure> {
    let settings = Settings::load(config, None)?;
    let issuers = settings.records.build(own_record(&settings.origin())?, &[])?;
    let profile = Profile::parse(settings.certificate_lifetime)?;
    let keys = KeyRefresher::new(Arc::new(SystemClock));
    let evaluator = Evaluator { issuers: &issuers, profile, now, reader: Reader::Instance };
    let bundles = BundleRefresher::for_explanations(Arc::new(SystemClock), Arc::new(SystemRandom));
    Ok(evaluator.explain(token.as_bytes(), Refreshers { keys: &keys, bundles: &bundles }).await)
}

/// The instance's own provider, as an issuer like any other: its keys are fetched from the instance, if that runs.
pub(super) fn own_record(origin: &Origin) -> Result<IssuerSpec, Failure> {
    let iss = IssuerUrl::parse_own(&format!("{origin}/oidc"))?;
    let reach = Reach { internal: true, danger_loopback_http: iss.as_str().starts_with("http://"), ca_pem: None };
    let profile = broker::profile::Profile::OwnProvider;
    Ok(IssuerSpec { reach, ..IssuerSpec::new("own-provider", iss, profile, KeySource::Discovery) })
}

/// Asks a running instance: as an auditor with `--login`, otherwise as the holder of the token.
async fn ask(server: ApiClient, token: &str) -> Result<ExplanationReport, Failure> {
    let answer = match server.has_token() {
        true => server.post("/explain", &serde_json::json!({ "token": token })).await?,
        false => server.with_token(token).post("/explain", &serde_json::json!({})).await?,
    };
    Ok(serde_json::from_value(answer)?)
}

fn evaluate_vectors(path: &Path) -> Result<(), Failure> {
    let tried = vectors::try_all(&file::read(path, MAX_VECTORS)?);
    let mut lines = String::new();
    for case in &tried {
        lines.push_str(&case.line());
        lines.push('\n');
    }
    print!("{lines}");
    let complaints: Vec<&str> = tried.iter().filter_map(|case| case.complaint.as_deref()).collect();
    if complaints.is_empty() {
        return Ok(());
    }
    complaints.iter().for_each(|complaint| eprintln!("{complaint}"));
    Err(format!("{} of {} cases did not have the expected result", complaints.len(), tried.len()).into())
}
