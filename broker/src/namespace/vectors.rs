//! Cases of the rule set, one a line, so that others can be tried without writing code.
//!
//! A file has tab-separated columns `n`, `kind`, `expect`, `case` and `rule`, and a heading. What a case says depends on its kind:
//!
//! | kind | case |
//! |---|---|
//! | `issreg` | an issuer to register |
//! | `iss` | `registered <- iss of a token` |
//! | `domreg` | a domain to grant |
//! | `email` | `domain sub=true\|false <- "address" ver=Some(true)\|Some(false)\|None` |
//! | `uri` | `prefix <- sub of a token` |
//! | `pin` | `what claim: want value got Some("value")\|None` |
//!
//! A quoted text has Rust's escapes. Does not yet know the kinds `spiffe`, `glob` and `k8s`, nor public suffixes.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{ConnectorSpec, Grant, Pin, PinValue, Speaker};
use crate::issuer::{IssuerSpec, Issuers, KeySet, KeySource};
use crate::names::{DomainName, IssuerUrl, NameError, Rule, UriName};
use crate::profile::Profile;
use crate::token::{Claims, UnverifiedToken};

/// What the rules say of a case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Yes.
    Accept,
    /// No, by this rule.
    Reject(Rule),
}

/// Why a case has no verdict.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CaseError {
    /// This kind of case is not known.
    #[error("cases of the kind {0:?} are not known")]
    Kind(String),
    /// The case is not of the form that its kind has.
    #[error("not a case of its kind: {0:?}")]
    Form(String),
}

/// Tries one case.
pub fn try_case(kind: &str, case: &str) -> Result<Verdict, CaseError> {
    let form = || CaseError::Form(case.to_owned());
    let verdict = match kind {
        "issreg" => IssuerUrl::parse(case).map(drop).map_err(|error| error.rule()),
        "domreg" => DomainName::parse(case).map(drop).map_err(|error| error.rule()),
        "iss" => {
            let (registered, claimed) = case.split_once(" <- ").ok_or_else(form)?;
            find(registered, claimed).map_err(|_| form())?
        }
        "email" => {
            let (grant, claimed) = case.split_once(" <- ").ok_or_else(form)?;
            let (domain, subdomains) = grant.split_once(" sub=").ok_or_else(form)?;
            let (address, verified) = claimed.rsplit_once(" ver=").ok_or_else(form)?;
            let address = unquote(address).ok_or_else(form)?;
            permit_email(domain, subdomains == "true", &address, verified == "Some(true)")
        }
        "uri" => {
            let (prefix, claimed) = case.split_once(" <- ").ok_or_else(form)?;
            permit_uri(prefix, claimed)
        }
        "pin" => {
            let (claim, values) = case.split_once(": want ").ok_or_else(form)?;
            let (wanted, found) = values.split_once(" got ").ok_or_else(form)?;
            let found = match found {
                "None" => None,
                some => {
                    let quoted = some.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')'));
                    Some(quoted.and_then(unquote).ok_or_else(form)?)
                }
            };
            check_pin(claim, wanted, found.as_deref())
        }
        other => return Err(CaseError::Kind(other.to_owned())),
    };
    Ok(verdict.map_or_else(Verdict::Reject, |()| Verdict::Accept))
}

fn record(iss: &str, profile: Profile, grants: Vec<Grant>) -> Result<Issuers, NameError> {
    let keys = KeySource::Pinned(Arc::new(KeySet::empty()));
    let spec = IssuerSpec { grants, ..IssuerSpec::new("case", IssuerUrl::parse(iss)?, profile, keys) };
    Ok(Issuers::build(vec![spec], Vec::new()).expect("one record meets no other"))
}

/// The token is of a registered issuer or it is not; who signed it does not matter yet.
fn find(registered: &str, claimed: &str) -> Result<Result<(), Rule>, NameError> {
    let issuers = record(registered, Profile::Human, Vec::new())?;
    let claims = serde_json::json!({ "iss": claimed }).to_string();
    let text = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256"}"#), URL_SAFE_NO_PAD.encode(claims));
    let outcome = UnverifiedToken::parse(text.as_bytes()).and_then(|token| issuers.find(&token).map(drop));
    Ok(outcome.map_err(|error| error.rule()))
}

fn permit_email(domain: &str, subdomains: bool, address: &str, verified: bool) -> Result<(), Rule> {
    let grant = Grant::email_domain(domain, subdomains).map_err(|error| error.rule())?;
    let connector = ConnectorSpec { id: "case".into(), grants: vec![grant] };
    let issuers = Issuers::build(Vec::new(), vec![connector]).expect("one connector meets no other");
    let outcome = issuers.rules().permit_login("case", address, verified);
    outcome.map(drop).map_err(|denied| denied.rule())
}

fn permit_uri(prefix: &str, subject: &str) -> Result<(), Rule> {
    let grant = Grant::uri_prefix(prefix).map_err(|error| error.rule())?;
    let issuers = record("https://issuer.example", Profile::Uri, vec![grant]).map_err(|error| error.rule())?;
    let rules = issuers.rules();
    let speaker = rules.speakers.iter().position(|entry| matches!(entry.speaker, Speaker::Issuer(_)));
    let name = UriName::parse(subject).map_err(|error| error.rule())?;
    let outcome = rules.decide_uri(speaker.unwrap_or_default() as u32, &name);
    outcome.map(drop).map_err(|denied| denied.rule())
}

/// The claim is the second word: the first says whose it is.
fn check_pin(claim: &str, wanted: &str, found: Option<&str>) -> Result<(), Rule> {
    let name = claim.split(' ').nth(1).unwrap_or(claim);
    let claims = found.map_or_else(|| serde_json::json!({}), |found| serde_json::json!({ name: found })).to_string();
    let claims = Claims::parse(claims.as_bytes()).map_err(|error| error.rule())?;
    let pin = Pin::claim(name, PinValue::String(wanted.to_owned()));
    pin.check(&claims).map_err(|denied| denied.rule())
}

/// Reads `"…"` with the escapes of Rust's `Debug`.
fn unquote(quoted: &str) -> Option<String> {
    let mut text = String::new();
    let mut characters = quoted.strip_prefix('"')?.strip_suffix('"')?.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => {
                    let digits: String = characters.by_ref().take_while(|&digit| digit != '}').collect();
                    char::from_u32(u32::from_str_radix(digits.strip_prefix('{')?, 16).ok()?)?
                }
                same => same,
            },
            same => same,
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = include_str!("../../../tests/vectors/namespace-vectors.tsv");

    #[test]
    fn every_case_of_a_known_kind_is_decided_by_the_rule_it_names() {
        let (mut decided, mut later) = (0, Vec::new());
        for line in FILE.lines().skip(1) {
            let columns: Vec<&str> = line.split('\t').collect();
            let [n, kind, expect, case, rule] = columns[..] else { panic!("five columns: {line}") };
            let rule = rule.split(' ').next().unwrap_or_default();
            // Public suffixes need a list that this room does not have yet.
            if rule == "D1" {
                later.push(format!("{n} {kind} {rule}"));
                continue;
            }
            let expected = match expect {
                "ACCEPT" => "ACCEPT".to_owned(),
                _ => format!("REJECT {rule}"),
            };
            let found = match try_case(kind, case) {
                Ok(Verdict::Accept) => "ACCEPT".to_owned(),
                Ok(Verdict::Reject(rule)) => format!("REJECT {rule}"),
                Err(CaseError::Kind(_)) => {
                    later.push(format!("{n} {kind}"));
                    continue;
                }
                Err(error) => panic!("{n}: {error}"),
            };
            assert_eq!(found, expected, "case {n}: {case}");
            decided += 1;
        }
        println!("{decided} cases decided, {} not yet: {}", later.len(), later.join(", "));
        assert_eq!(decided + later.len(), 95, "every line of the file is a case");
        assert_eq!(later.len(), 30, "cases of kinds that are not known yet");
    }

    #[test]
    fn quoted_texts() {
        assert_eq!(unquote(r#""a\"\\\n\0\u{e9}""#).as_deref(), Some("a\"\\\n\0\u{e9}"));
        for bad in ["a", "\"a", r#""\""#, r#""\u{zz}""#] {
            assert_eq!(unquote(bad), None, "{bad}");
        }
    }
}
