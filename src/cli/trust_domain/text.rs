//! A trust domain as text, from the document that the API returns.

use std::fmt::Write as _;

use serde_json::Value;

/// One line of a list, with columns separated by tabs.
pub(super) fn line(one: &Value) -> String {
    let keys = one["keys"].as_array().map_or(0, Vec::len);
    let age = one["ageSeconds"].as_u64().map_or_else(|| "-".to_owned(), |age| format!("{age} s old"));
    let (name, state, sequence) = (show(&one["name"]), show(&one["state"]), show(&one["sequence"]));
    let trouble = trouble(&one["trouble"]);
    format!("{name}\t{state}\tsequence {sequence}\t{keys} keys\t{age}\t{trouble}").trim_end().to_owned()
}

/// All members, one per line.
pub(super) fn whole(one: &Value) -> String {
    let mut text = String::new();
    let fetched = match one["fetchedAt"].as_str() {
        Some(at) => format!("{at}, {} s ago; stale after {} s", one["ageSeconds"], one["staleAfterSeconds"]),
        None => "never".to_owned(),
    };
    let fetches = &one["fetches"];
    for (name, value) in [
        ("trust domain", show(&one["name"])),
        ("state", show(&one["state"])),
        ("source", source(&one["source"])),
        ("sequence", show(&one["sequence"])),
        ("refresh hint", one["refreshHint"].as_u64().map_or_else(|| "-".to_owned(), |hint| format!("{hint} s"))),
        ("last fetch", fetched),
        ("next fetch", show(&one["nextLook"])),
        ("fetches", format!("{} succeeded, {} failed", fetches["succeeded"], fetches["failed"])),
        ("accepts", list(&one["accepts"])),
        ("audience", show(&one["audience"])),
        ("issuer", show(&one["issuerLabel"])),
        ("grants", list(&one["grants"])),
    ] {
        let _ = writeln!(text, "{name:<13} {value}");
    }
    text.push_str(&bundle(one));
    if !one["trouble"].is_null() {
        let _ = writeln!(text, "{:<13} {}", "problem", trouble(&one["trouble"]));
    }
    text
}

/// The keys, and the entries that were ignored.
pub(super) fn bundle(one: &Value) -> String {
    let mut text = String::new();
    for key in one["keys"].as_array().into_iter().flatten() {
        let (kind, sha256) = (show(&key["use"]), show(&key["sha256"]));
        let (name, sha256) = match key["notAfter"].as_str() {
            Some(end) => (format!("{} until {end}", show(&key["subject"])), fingerprint(&sha256)),
            None => (show(&key["kid"]), sha256),
        };
        let _ = writeln!(text, "{kind:<13} {name}\n{:<13} SHA-256 {sha256}", "");
    }
    for entry in one["skipped"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "{:<13} entry {}: {}", "ignored", entry["index"], show(&entry["reason"]));
    }
    text
}

/// As `openssl x509 -fingerprint` writes it, so that a person can compare the two.
fn fingerprint(hex: &str) -> String {
    let bytes: Vec<_> = hex.as_bytes().chunks(2).map(|byte| String::from_utf8_lossy(byte).to_uppercase()).collect();
    bytes.join(":")
}

/// Why the last fetch failed, with the rule if a rule refused the bundle.
pub(super) fn trouble(trouble: &Value) -> String {
    match (trouble["reason"].as_str(), trouble["rule"].as_str()) {
        (Some(reason), Some(rule)) => format!("{reason} (rule {rule})"),
        (Some(reason), None) => reason.to_owned(),
        (None, _) => String::new(),
    }
}

/// A text, a number, or a dash for null.
pub(super) fn show(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

fn list(values: &Value) -> String {
    let values: Vec<&str> = values.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if values.is_empty() { "none".to_owned() } else { values.join(", ") }
}

fn source(source: &Value) -> String {
    let where_from = source["url"].as_str().or(source["path"].as_str()).unwrap_or_default();
    let endpoint = source["endpointId"].as_str().map(|id| format!(" as {id}")).unwrap_or_default();
    format!("{} {where_from}{endpoint}", show(&source["kind"])).trim_end().to_owned()
}
