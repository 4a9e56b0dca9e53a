//! Cases of the rule set, one a line, so that others can be tried without writing code.
//!
//! A file has tab-separated columns `n`, `kind`, `expect`, `case` and `rule`, and a heading. What a case says depends
//! on its kind:
//!
//! | kind | case |
//! |---|---|
//! | `issreg` | an issuer to register |
//! | `iss` | `registered <- iss of a token` |
//! | `domreg` | a domain to grant |
//! | `email` | `domain sub=true\|false <- "address" ver=Some(true)\|Some(false)\|None` |
//! | `uri` | `prefix <- sub of a token` |
//! | `spiffe` | `td=trust domain pfx=path or nothing <- SPIFFE ID` |
//! | `glob` | `pattern <- "value"` |
//! | `pin` | `what claim: want value got Some("value")\|None` |
//! | `k8s` | `ns=namespace\|* sa=account\|* <- sub=sub of a token claims=namespace/account` |
//!
//! A quoted text has Rust's escapes. `domreg` asks the list of public suffixes inside this program, as the
//! configuration of an administrator does. Each case runs through the code that decides about tokens.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::grants::{Grant, Pin, PinValue};
use crate::issuer::{IssuerSpec, KeySource};
use crate::jose::{Claims, KeySet};
use crate::names::{DomainName, IssuerUrl, Name, Pattern, PublicSuffixes, Rule, SpiffeId, UriName};
use crate::profile::{BaseUrl, KubernetesProfile, Profile, verified_address};
use crate::registry::{IssuerRecords, Issuers};
use crate::token::{TokenError, UnverifiedToken};

/// What the rules decide in a case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CaseDecision {
    /// The case is accepted.
    Accept,
    /// The case is refused by this rule.
    Reject(Rule),
}

/// Why a case cannot be decided.
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
pub fn try_case(kind: &str, case: &str) -> Result<CaseDecision, CaseError> {
    let form = || CaseError::Form(case.to_owned());
    // What is claimed may be empty, and an editor may have cut the space before it.
    let split = || case.split_once(" <-").map(|(held, claimed)| (held, claimed.strip_prefix(' ').unwrap_or(claimed)));
    let verdict = match kind {
        "issreg" => IssuerUrl::parse(case).map(drop).map_err(|error| error.rule()),
        "domreg" => register_domain(case),
        "iss" => split().map(|(registered, claimed)| find(registered, claimed)).ok_or_else(form)?,
        "email" => split().and_then(|(grant, claimed)| email(grant, claimed)).ok_or_else(form)?,
        "uri" => split().map(|(prefix, claimed)| permit_uri(prefix, claimed)).ok_or_else(form)?,
        "spiffe" => split().and_then(|(grant, id)| spiffe(grant, id)).ok_or_else(form)?,
        "glob" => split().and_then(|(pattern, value)| glob(pattern, value)).ok_or_else(form)?,
        "pin" => pin(case).ok_or_else(form)?,
        "k8s" => split().and_then(|(grant, claimed)| service_account(grant, claimed)).ok_or_else(form)?,
        other => return Err(CaseError::Kind(other.to_owned())),
    };
    Ok(verdict.map_or_else(CaseDecision::Reject, |()| CaseDecision::Accept))
}

/// One record that holds one grant.
fn rules(profile: Profile, grant: Grant) -> Result<Issuers, Rule> {
    let keys = KeySource::Pinned(Arc::new(KeySet::empty()));
    let iss = IssuerUrl::parse("https://issuer.example").map_err(|error| error.rule())?;
    let spec = IssuerSpec { grants: vec![grant], ..IssuerSpec::new("case", iss, profile, keys) };
    Issuers::build(vec![spec], Vec::new()).map_err(|problems| problems[0].rule().unwrap_or(Rule::X1))
}

fn register_domain(domain: &str) -> Result<(), Rule> {
    let domain = DomainName::parse(domain).map_err(|error| error.rule())?;
    if PublicSuffixes::embedded().is_public(&domain) { Err(Rule::D1) } else { Ok(()) }
}

/// Whether the record is found; whether a shared issuer may be registered so is another question (rule M1).
fn find(registered: &str, claimed: &str) -> Result<(), Rule> {
    let iss = IssuerUrl::parse(registered).map_err(|error| error.rule())?;
    let keys = KeySource::Pinned(Arc::new(KeySet::empty()));
    let records = IssuerRecords::of_one(IssuerSpec::new("case", iss, Profile::Human, keys));
    let claims = serde_json::json!({ "iss": claimed }).to_string();
    let text = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256"}"#), URL_SAFE_NO_PAD.encode(claims));
    // Nothing but `iss` can be wrong with this token, an `iss` that no token can have included.
    let outcome = UnverifiedToken::parse(text.as_bytes()).and_then(|token| records.find(&token).map(drop));
    outcome.map_err(|_| Rule::I2)
}

fn email(grant: &str, claimed: &str) -> Option<Result<(), Rule>> {
    let (domain, subdomains) = grant.split_once(" sub=")?;
    let (address, verified) = claimed.rsplit_once(" ver=")?;
    let subdomains = subdomains.trim().parse().ok()?;
    let is_verified = match verified.trim() {
        "Some(true)" => true,
        "Some(false)" | "None" => false,
        _ => return None,
    };
    Some(permit_email(domain, subdomains, &unquote(address)?, is_verified))
}

fn permit_email(domain: &str, subdomains: bool, address: &str, is_verified: bool) -> Result<(), Rule> {
    let grant = Grant::email_domain(domain, subdomains).map_err(|error| error.rule())?;
    let issuers = rules(Profile::Human, grant)?;
    let address = verified_address(address, is_verified).map_err(|error| error.rule())?;
    decide(&issuers, Name::Email(address))
}

fn permit_uri(prefix: &str, subject: &str) -> Result<(), Rule> {
    let grant = Grant::uri_prefix(prefix).map_err(|error| error.rule())?;
    let issuers = rules(Profile::Uri, grant)?;
    decide(&issuers, Name::Uri(UriName::parse(subject).map_err(|error| error.rule())?))
}

fn spiffe(grant: &str, id: &str) -> Option<Result<(), Rule>> {
    let (trust_domain, prefix) = grant.strip_prefix("td=")?.split_once(" pfx=")?;
    let decided = || {
        let grant = Grant::spiffe(&format!("spiffe://{trust_domain}{prefix}")).map_err(|error| error.rule())?;
        let issuers = rules(Profile::Uri, grant)?;
        decide(&issuers, Name::SpiffeId(SpiffeId::parse(id).map_err(|error| error.rule())?))
    };
    Some(decided())
}

fn decide(issuers: &Issuers, name: Name) -> Result<(), Rule> {
    issuers.rules().decide(0, &name).map(drop).map_err(|denied| denied.rule())
}

fn glob(pattern: &str, value: &str) -> Option<Result<(), Rule>> {
    let value = unquote(value)?;
    Some(Pattern::parse(pattern).and_then(|pattern| pattern.check(&value)).map_err(|error| error.rule()))
}

/// The second part names the claim, the first the platform.
fn pin(case: &str) -> Option<Result<(), Rule>> {
    let (claim, values) = case.split_once(": want ")?;
    let (wanted, found) = values.rsplit_once(" got ")?;
    let name = claim.split(' ').nth(1).unwrap_or(claim);
    let found = match found.trim() {
        "None" => serde_json::json!({}),
        some => {
            let value = some.strip_prefix("Some(")?.strip_suffix(')')?;
            // Without quotation marks it is a value of another JSON type.
            let value = unquote(value).map(serde_json::Value::from).or_else(|| serde_json::from_str(value).ok())?;
            serde_json::json!({ name: value })
        }
    };
    let wanted = unquote(wanted).unwrap_or_else(|| wanted.to_owned());
    let claims = Claims::parse(found.to_string().as_bytes()).map_err(|error| TokenError::from(error).rule());
    let pin = Pin::claim(name, PinValue::String(wanted));
    Some(claims.and_then(|claims| pin.check(&claims).map_err(|denied| denied.rule())))
}

fn service_account(grant: &str, claimed: &str) -> Option<Result<(), Rule>> {
    let (namespaces, accounts) = grant.strip_prefix("ns=")?.split_once(" sa=")?;
    let (subject, claims) = claimed.strip_prefix("sub=")?.rsplit_once(" claims=")?;
    // Without a slash there is one claim and not the other.
    let (namespace, account) = claims.split_once('/').unwrap_or((claims, ""));
    let base = BaseUrl::parse("https://seal.example.com/k8s").ok()?;
    let cluster = KubernetesProfile::parse(&base, "case", &allowed(namespaces), &allowed(accounts));
    let decided = cluster
        .map_err(|_| Rule::K1)
        .and_then(|cluster| cluster.permit(subject, namespace, account).map(drop).map_err(|error| error.rule()));
    Some(decided)
}

/// `*` allows all; several names have commas between them.
fn allowed(names: &str) -> Vec<String> {
    if names == "*" { Vec::new() } else { names.split(',').map(str::to_owned).collect() }
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

    fn outcome(kind: &str, case: &str) -> String {
        match try_case(kind, case) {
            Ok(CaseDecision::Accept) => "ACCEPT".to_owned(),
            Ok(CaseDecision::Reject(rule)) => format!("REJECT {rule}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_case_is_decided_by_the_rule_it_names() {
        let mut decided = 0;
        for line in FILE.lines().skip(1) {
            let columns: Vec<&str> = line.split('\t').collect();
            let [n, kind, expect, case, rule] = columns[..] else { panic!("five columns: {line}") };
            let rule = rule.split(' ').next().unwrap_or_default();
            let expected = format!("{expect} {rule}");
            assert_eq!(outcome(kind, case), expected.trim_end(), "case {n}: {case}");
            decided += 1;
        }
        assert_eq!(decided, 95, "every line of the file is a case");
    }

    /// Cases beyond the file, of the same form: what else the rule set says.
    #[test]
    fn further_cases() {
        for (kind, case, expected) in [
            ("issreg", "https://idp.example.com:443", "REJECT U6"),
            ("issreg", "https://b\u{fc}cher.example", "REJECT U1"),
            ("issreg", "https://xn--zzzzzz.example", "REJECT H8"),
            ("issreg", "https://127.0.0.1", "REJECT H9"),
            ("issreg", "https://idp..example.com", "REJECT H6"),
            ("issreg", "https://idp.example.com?x=1", "REJECT U3"),
            ("issreg", "https://idp.example.com/#a", "REJECT U4"),
            ("issreg", "https://europe.oic.prod-aks.azure.com/T/G/", "ACCEPT"),
            ("iss", "https://accounts.google.com <- accounts.google.com", "REJECT I2"),
            ("iss", "https://gitlab.com <- https://gitlab.com", "ACCEPT"),
            ("iss", "https://gitlab.com <- ", "REJECT I2"),
            ("domreg", "co.uk", "REJECT D1"),
            ("domreg", "pages.dev", "REJECT D1"),
            ("domreg", "alice.github.io", "ACCEPT"),
            ("domreg", "*.example.com", "REJECT H7"),
            ("domreg", "com", "REJECT H5"),
            ("domreg", "127.0.0.1", "REJECT H9"),
            ("email", "example.com sub=false <- \"Alice@EXAMPLE.com\" ver=Some(true)", "ACCEPT"),
            ("email", "example.com sub=false <- \"a@eng.example.com\" ver=Some(true)", "REJECT E6"),
            ("email", "example.com sub=true <- \"a@.example.com\" ver=Some(true)", "REJECT H6"),
            ("email", "example.com sub=true <- \"a@evil.net\\n@example.com\" ver=Some(true)", "REJECT E2"),
            ("email", "example.com sub=true <- \"a@[127.0.0.1]\" ver=Some(true)", "REJECT H7"),
            ("email", "example.com sub=true <- \"a@ex\\u{430}mple.com\" ver=Some(true)", "REJECT E2"),
            ("email", "co.uk sub=true <- \"a@example.co.uk\" ver=Some(true)", "REJECT D1"),
            ("uri", "https://example.com/users <- https://example.com/users", "ACCEPT"),
            ("uri", "https://example.com/users <- https://example.com/users/%2e%2e/admin", "REJECT P4"),
            ("uri", "https://example.com/users <- https://example.com/users/../admin", "REJECT P3"),
            ("uri", "https://example.com <- https://sub.example.com/", "REJECT V2"),
            ("uri", "https://example.com <- http://evil.net/", "REJECT V1"),
            ("uri", "https://example.com <- https:/example.com/a", "REJECT U2"),
            ("spiffe", "td=example.org pfx=/ci <- spiffe://example.org/ci", "ACCEPT"),
            ("spiffe", "td=example.org pfx= <- spiffe://example.org", "REJECT S2"),
            ("spiffe", "td=example.org pfx= <- spiffe://example.org./a", "REJECT S4"),
            ("spiffe", "td=example.org pfx= <- spiffe://evil-example.org/a", "REJECT S4"),
            ("spiffe", "td=Example.org pfx= <- spiffe://example.org/a", "REJECT S3"),
            ("glob", "acme/* <- \"acme-evil/x\"", "REJECT G7"),
            ("glob", "refs/tags/* <- \"refs/tags/v1/evil\"", "REJECT G7"),
            ("glob", "*/repo <- \"\"", "REJECT G4"),
            ("pin", "google hd (consumer Gmail): want example.com got None", "REJECT C1"),
            ("pin", "google hd: want example.com got Some(\"evil.net\")", "REJECT C2"),
            ("pin", "github repository_owner_id: want 1234 got Some(1234)", "REJECT C2"),
            ("k8s", "ns=ci sa=* <- sub=system:serviceaccount:ci:any.thing claims=ci/any.thing", "ACCEPT"),
            ("k8s", "ns=ci sa=builder <- sub=system:serviceaccount:evil:x claims=ci/builder", "REJECT K2"),
            ("k8s", "ns=ci sa=builder <- sub=system:serviceaccount:../..:x claims=../../x", "REJECT K1"),
            ("k8s", "ns=ci sa=builder <- sub=ci:builder claims=ci/builder", "REJECT K2"),
        ] {
            assert_eq!(outcome(kind, case), expected, "{kind} {case}");
        }
        for (kind, case) in
            [("what", "a"), ("email", "a <- b"), ("k8s", "ns=ci"), ("glob", "a <- b"), ("pin", "x: want y got z")]
        {
            assert!(try_case(kind, case).is_err(), "{kind} {case}");
        }
    }

    #[test]
    fn quoted_texts() {
        assert_eq!(unquote(r#""a\"\\\n\0\u{e9}""#).as_deref(), Some("a\"\\\n\0\u{e9}"));
        for bad in ["a", "\"a", r#""\""#, r#""\u{zz}""#] {
            assert_eq!(unquote(bad), None, "{bad}");
        }
    }
}
