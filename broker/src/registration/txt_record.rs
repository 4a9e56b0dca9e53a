//! The TXT record at `_sigstore-issuer.<domain>`.
//!
//! ```text
//! v=1; iss=https://idp.example.com; ca=seal.example.com; acct=<thumbprint>; kinds=email,uri; sub=yes; until=1893456000
//! ```
//!
//! `v=1` comes first, the others in any order, each once. `sub`, `enforce` and `until` may be left out. Names that we
//! do not know are passed over, so that a later version may add some; a name that is given twice makes the record
//! invalid, since two readers could see two things in it.

use shared::time::UnixTime;

use super::excerpt::excerpt;
use super::statement::{self, InstanceName, Statement, StatementError};
use super::{Account, Claim};
use crate::names::IssuerUrl;

/// The longest record, its strings put together.
pub const MAX_RECORD_BYTES: usize = 4096;

/// Reads one record. `None` if it is for another purpose: it does not begin with `v=1`.
pub fn parse(text: &[u8]) -> Option<Result<Statement, StatementError>> {
    let (first, rest) = match text.iter().position(|&byte| byte == b';') {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &[][..]),
    };
    (first.trim_ascii() == b"v=1").then(|| parse_parts(text, rest))
}

fn parse_parts(whole: &[u8], rest: &[u8]) -> Result<Statement, StatementError> {
    if whole.len() > MAX_RECORD_BYTES {
        return Err(StatementError::TooLong { length: whole.len(), limit: MAX_RECORD_BYTES });
    }
    let mut parts: Vec<(&str, &str)> = Vec::new();
    for part in rest.split(|&byte| byte == b';') {
        let (name, value) = split(part.trim_ascii())?;
        if name == "v" || parts.iter().any(|(there, _)| *there == name) {
            return Err(StatementError::Twice(excerpt(name)));
        }
        parts.push((name, value));
    }
    let find = |name: &str| parts.iter().find(|(there, _)| *there == name).map(|(_, value)| *value);
    let need = |name: &'static str| find(name).ok_or(StatementError::Missing(name));
    let yes = |name: &'static str| match find(name) {
        None | Some("no") => Ok(false),
        Some("yes") => Ok(true),
        Some(value) => Err(StatementError::YesOrNo { name, value: excerpt(value) }),
    };
    Ok(Statement {
        iss: IssuerUrl::parse_or_loopback(need("iss")?)?,
        ca: InstanceName::parse(need("ca")?)?,
        account: Account::parse(need("acct")?)?,
        kinds: statement::kinds(need("kinds")?.split(','))?,
        subdomains: yes("sub")?,
        enforce: yes("enforce")?,
        until: find("until").map(parse_until).transpose()?,
    })
}

fn split(part: &[u8]) -> Result<(&str, &str), StatementError> {
    let refuse = || StatementError::Part(excerpt(&String::from_utf8_lossy(part)));
    let text = std::str::from_utf8(part).map_err(|_| refuse())?;
    match text.split_once('=') {
        Some((name, value))
            if !name.is_empty() && !value.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Ok((name, value))
        }
        _ => Err(refuse()),
    }
}

/// One spelling: digits, no sign, no leading zero.
fn parse_until(text: &str) -> Result<UnixTime, StatementError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0') && text.len() <= 12;
    match text.parse() {
        Ok(seconds) if is_plain => Ok(UnixTime::from_seconds(seconds)),
        _ => Err(StatementError::Until(excerpt(text))),
    }
}

/// The record that a domain publishes to prove a claim to the instance.
pub fn write(claim: &Claim, instance: &InstanceName, until: Option<UnixTime>) -> String {
    let mut text = format!("v=1; iss={}; ca={instance}; acct={}; kinds={}", claim.iss, claim.account, claim.kind);
    if claim.subdomains {
        text.push_str("; sub=yes");
    }
    if let Some(until) = until {
        text.push_str(&format!("; until={}", until.seconds()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::NameKind;

    const ACCT: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";

    fn read(text: &str) -> Result<Statement, StatementError> {
        parse(text.as_bytes()).expect("is ours")
    }

    #[test]
    fn every_part_is_read_in_any_order() {
        let text = format!(
            "v=1; until=1893456000;kinds=email,spiffe,uri ; acct={ACCT}; ca=seal.example.com; x-new=1; enforce=yes; \
             iss=https://idp.example.com/realms/eng; sub=yes"
        );
        let statement = read(&text).expect("parses");
        assert_eq!(statement.iss.as_str(), "https://idp.example.com/realms/eng");
        assert_eq!(statement.ca.as_str(), "seal.example.com");
        assert_eq!(statement.account.as_str(), ACCT);
        assert_eq!(statement.kinds, [NameKind::Email, NameKind::Spiffe, NameKind::Uri]);
        assert_eq!(statement.until, Some(UnixTime::from_seconds(1_893_456_000)));
        assert!(statement.subdomains && statement.enforce);
    }

    #[test]
    fn what_is_not_ours_is_passed_over_and_what_is_wrong_is_named() {
        for other in ["", "v=2; iss=x", "google-site-verification=abc", "V=1", "v=10; iss=x", " iss=https://a.example"]
        {
            assert!(parse(other.as_bytes()).is_none(), "{other}");
        }
        let good = format!("v=1; iss=https://idp.example.com; ca=seal; acct={ACCT}; kinds=uri");
        assert!(read(&good).is_ok());
        for (bad, name) in [
            ("v=1".to_owned(), "Part"),
            (format!("{good};"), "Part"),
            (format!("{good}; sub"), "Part"),
            (format!("{good}; sub=y e s"), "Part"),
            (format!("{good}; =yes"), "Part"),
            (format!("{good}; note=\u{e9}"), "Part"),
            (format!("{good}; sub=YES"), "YesOrNo"),
            (format!("{good}; v=1"), "Twice"),
            (format!("{good}; iss=https://idp.example.com"), "Twice"),
            (format!("{good}; x=1; x=2"), "Twice"),
            (format!("{good}; until=01"), "Until"),
            (format!("{good}; until=-1"), "Until"),
            (format!("{good}; until=99999999999999999999"), "Until"),
            (good.replace("kinds=uri", "kinds=uri,uri"), "Kinds"),
            (good.replace("kinds=uri", "kinds=uri,"), "Kinds"),
            (good.replace("kinds=uri", "kinds=dns"), "Kinds"),
            (good.replace("; kinds=uri", ""), "Missing"),
            (good.replace("https://", "http://"), "Issuer"),
            (good.replace(ACCT, "me"), "Account"),
            (format!("{good}; note={}", "a".repeat(MAX_RECORD_BYTES)), "TooLong"),
        ] {
            let error = format!("{:?}", read(&bad).expect_err("is refused"));
            assert!(error.starts_with(name), "{bad}: {error}");
        }
    }
}
