//! `privyseal tsa disclosure`

use std::fmt::Write as _;
use std::path::PathBuf;

use broker::issuer::Reach;
use clap::Args;
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::runtime::block_on;
use crate::outbound::Outbound;

#[derive(Args, Debug)]
pub(crate) struct DisclosureArgs {
    /// The origin of the running instance.
    #[arg(long, value_name = "ORIGIN", default_value = "http://127.0.0.1:8420")]
    url: String,
    /// A PEM file with the CAs that issued its TLS certificate. Default: the system's CAs.
    #[arg(long, value_name = "PEM")]
    ca: Option<PathBuf>,
    /// Print the statement as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &DisclosureArgs) -> Result<(), Failure> {
    let ca_pem = args.ca.as_deref().map(super::input::read).transpose()?.map(String::from_utf8).transpose()?;
    let reach = Reach { ca_pem, internal: true, danger_loopback_http: true };
    let url = format!("{}/tsa/disclosure.json", args.url.trim_end_matches('/'));
    let body = block_on(async move { Ok(Outbound::new(&reach)?.fetch(&url).await?) })?;
    let statement: Value = serde_json::from_slice(&body)?;
    if args.json {
        print!("{}", super::show::json(&statement)?);
    } else {
        let mut out = String::new();
        push(&mut out, &statement, 0);
        print!("{out}");
    }
    Ok(())
}

/// The statement as indented lines, each with its member's name.
fn push(out: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.replace('_', " ");
                match value {
                    Value::Object(_) | Value::Array(_) => {
                        writeln!(out, "{indent}{name}:").expect("a String takes any text");
                        push(out, value, depth + 1);
                    }
                    _ => writeln!(out, "{indent}{name}: {}", plain(value)).expect("a String takes any text"),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| {
            push(out, item, depth);
            if item.is_object() {
                out.push('\n');
            }
        }),
        _ => writeln!(out, "{indent}{}", plain(value)).expect("a String takes any text"),
    }
}

fn plain(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.chars().filter(|character| !character.is_control()).collect()
}
