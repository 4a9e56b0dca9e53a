//! Timestamps as text and as JSON.

use std::fmt::Write as _;

use serde::Serialize;
use tsa::inspect::{EmbeddedCertificate, Info, Status, Token};
use tsa::{Inspection, VerifiedTimestamp};

use crate::cli::failure::Failure;

/// What a verified timestamp proves, as JSON.
#[derive(Serialize)]
pub(super) struct TimestampSummary {
    verified: bool,
    gen_time: String,
    accuracy_ms: Option<u128>,
    serial: String,
    policy: String,
    hash_algorithm: String,
    certificate: String,
    certificate_sha256: String,
    embedded_certificates: usize,
}

impl TimestampSummary {
    pub(super) fn of(verified: &VerifiedTimestamp) -> Self {
        Self {
            verified: true,
            gen_time: verified.gen_time.rfc3339().unwrap_or_default(),
            accuracy_ms: verified.accuracy.map(|accuracy| accuracy.as_millis()),
            serial: hex::encode(&verified.serial),
            policy: verified.policy.to_string(),
            hash_algorithm: verified.hash_algorithm.to_string(),
            certificate: verified.certificate.subject(),
            certificate_sha256: hex::encode(tsa::HashAlgorithm::Sha256.digest(verified.certificate.der())),
            embedded_certificates: verified.embedded_certificates,
        }
    }
}

/// What a verified timestamp proves, as text.
pub(super) fn verified(verified: &VerifiedTimestamp) -> String {
    let summary = TimestampSummary::of(verified);
    let accuracy = summary.accuracy_ms.map_or_else(|| "not stated".to_owned(), |millis| format!("{millis} ms"));
    let mut out = "Verified\n".to_owned();
    line(&mut out, "time", &summary.gen_time);
    line(&mut out, "accuracy", &accuracy);
    line(&mut out, "policy", &summary.policy);
    line(&mut out, "digest", &summary.hash_algorithm);
    line(&mut out, "serial number", &summary.serial);
    line(&mut out, "certificate", &summary.certificate);
    line(&mut out, "its SHA-256", &summary.certificate_sha256);
    out
}

pub(super) fn json(value: &impl Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// All that a file contains, as text.
pub(super) fn inspection(seen: &Inspection) -> String {
    let mut out = String::new();
    if let Some(status) = &seen.status {
        push_status(&mut out, status);
    }
    match &seen.token {
        Some(token) => push_token(&mut out, token),
        None => out.push_str("There is no token.\n"),
    }
    out
}

fn push_status(out: &mut String, status: &Status) {
    line(out, "status", &format!("{} ({})", status.name, status.status));
    status.text.iter().for_each(|text| line(out, "text", text));
    status.failures.iter().for_each(|failure| line(out, "failure", failure));
}

fn push_token(out: &mut String, token: &Token) {
    push_info(out, &token.info);
    line(out, "CMS version", &token.cms_version.to_string());
    line(out, "token's digest", &token.digest_algorithm);
    line(out, "signature", &token.signature_algorithm);
    line(out, "signer", &token.signer);
    token.signed_attributes.iter().for_each(|name| line(out, "signed", name));
    token.unsigned_attributes.iter().for_each(|name| line(out, "not signed", name));
    token.certificates.iter().for_each(|certificate| push_certificate(out, certificate));
    if token.certificates.is_empty() {
        line(out, "certificates", "none");
    }
    out.push_str("None of this is verified; use `privyseal tsa verify` for that.\n");
}

fn push_info(out: &mut String, info: &Info) {
    let none = || "none".to_owned();
    line(out, "policy", &info.policy);
    line(out, "digest", &info.hash_algorithm);
    line(out, "imprint", &info.imprint);
    line(out, "serial number", &info.serial);
    line(out, "genTime", &info.gen_time);
    line(out, "accuracy", &info.accuracy_us.map_or_else(|| "not stated".to_owned(), |micros| format!("{micros} µs")));
    line(out, "ordering", if info.ordering { "true" } else { "false" });
    line(out, "nonce", &info.nonce.clone().unwrap_or_else(none));
    line(out, "tsa", &info.tsa.clone().unwrap_or_else(none));
    info.extensions.iter().for_each(|name| line(out, "extension", name));
    line(out, "qualified", if info.qualified { "stated" } else { "not stated" });
}

fn push_certificate(out: &mut String, certificate: &EmbeddedCertificate) {
    let EmbeddedCertificate { subject, not_before, not_after, key, sha256 } = certificate;
    match subject.is_empty() {
        true => line(out, "certificate", &format!("not readable, SHA-256 {sha256}")),
        false => {
            line(out, "certificate", subject);
            line(out, "", &format!("{key}, {not_before} to {not_after}, SHA-256 {sha256}"));
        }
    }
}

fn line(out: &mut String, name: &str, value: &str) {
    writeln!(out, "{name:<15} {value}").expect("a String takes any text");
}
