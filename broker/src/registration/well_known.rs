//! The document at `https://<host>/.well-known/sigstore-issuers.json`: the same as the TXT record, for the exact host.
//!
//! ```json
//! { "version": 1, "issuers": [ { "iss": "…", "ca": "…", "acct": "…", "kinds": ["uri"], "until": 1893456000 } ] }
//! ```

use shared::strict_json::{Json, JsonError, Object, parse_object};
use shared::time::UnixTime;

use super::statement::{self, InstanceName, Statement, StatementError};
use super::{Account, Claim};
use crate::names::IssuerUrl;

/// Longest accepted document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
/// The most entries that a document may have.
pub const MAX_ENTRIES: usize = 100;

/// Why a whole document is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DocumentError {
    /// Not strict JSON, or too long.
    #[error("the document is not acceptable: {0}")]
    Json(#[from] JsonError),
    /// Another version, or none.
    #[error("the document does not say \"version\": 1")]
    Version,
    /// No list of issuers.
    #[error("the document has no array \"issuers\" of objects")]
    NoIssuers,
    /// Too many.
    #[error("the document lists {0} issuers; at most {MAX_ENTRIES} are read")]
    TooMany(usize),
}

/// Reads a document. An invalid entry does not affect the others.
pub fn parse(document: &[u8]) -> Result<Vec<Result<Statement, StatementError>>, DocumentError> {
    let members = parse_object(document, MAX_DOCUMENT_BYTES)?;
    if members.get("version").and_then(Json::as_u64) != Some(1) {
        return Err(DocumentError::Version);
    }
    let entries = members.get("issuers").and_then(Json::as_array).ok_or(DocumentError::NoIssuers)?;
    if entries.len() > MAX_ENTRIES {
        return Err(DocumentError::TooMany(entries.len()));
    }
    entries.iter().map(|entry| entry.as_object().map(parse_entry).ok_or(DocumentError::NoIssuers)).collect()
}

fn parse_entry(entry: &Object) -> Result<Statement, StatementError> {
    let text = |name: &'static str| match entry.get(name) {
        None => Err(StatementError::Missing(name)),
        Some(Json::String(text)) => Ok(text.as_str()),
        Some(_) => Err(StatementError::Type(name)),
    };
    for name in ["sub", "enforce"] {
        if entry.contains_key(name) {
            return Err(StatementError::DnsOnly(name));
        }
    }
    let kinds = entry.get("kinds").ok_or(StatementError::Missing("kinds"))?;
    let kinds = kinds.as_array().ok_or(StatementError::Type("kinds"))?;
    let until = match entry.get("until") {
        None => None,
        Some(value) => Some(UnixTime::from_seconds(value.as_u64().ok_or(StatementError::Type("until"))?)),
    };
    Ok(Statement {
        iss: IssuerUrl::parse_or_loopback(text("iss")?)?,
        ca: InstanceName::parse(text("ca")?)?,
        account: Account::parse(text("acct")?)?,
        kinds: statement::kinds(kinds.iter().map(|kind| kind.as_str().unwrap_or_default()))?,
        subdomains: false,
        enforce: false,
        until,
    })
}

/// The document that a host publishes to prove a claim to the instance.
pub fn write(claim: &Claim, instance: &InstanceName) -> String {
    let entry = serde_json::json!({
        "iss": claim.iss.as_str(),
        "ca": instance.as_str(),
        "acct": claim.account.as_str(),
        "kinds": [claim.kind.name()],
    });
    serde_json::json!({ "version": 1, "issuers": [entry] }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCT: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";

    #[test]
    fn a_wrong_entry_leaves_its_neighbours() {
        let good =
            format!(r#"{{"iss":"https://idp.example.com","ca":"seal","acct":"{ACCT}","kinds":["uri"],"until":9}}"#);
        let with_sub = good.replace("\"until\"", "\"sub\":true,\"until\"");
        let document = format!(r#"{{"version":1,"issuers":[{with_sub},{good},{{"iss":1}}]}}"#);
        let entries = parse(document.as_bytes()).expect("is a document");
        assert_eq!(entries[0], Err(StatementError::DnsOnly("sub")));
        assert_eq!(entries[1].as_ref().map(|s| s.until), Ok(Some(UnixTime::from_seconds(9))));
        assert!(entries[2].is_err());
    }

    #[test]
    fn the_document_is_strict() {
        for bad in [
            "[]",
            "{}",
            r#"{"version":1}"#,
            r#"{"version":"1","issuers":[]}"#,
            r#"{"version":1,"version":1,"issuers":[]}"#,
            r#"{"version":1,"issuers":[1]}"#,
            r#"{"version":1,"issuers":{}}"#,
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let many = format!(r#"{{"version":1,"issuers":[{}]}}"#, vec!["{}"; MAX_ENTRIES + 1].join(","));
        assert_eq!(parse(many.as_bytes()), Err(DocumentError::TooMany(MAX_ENTRIES + 1)));
        let long = format!(r#"{{"version":1,"issuers":[],"note":"{}"}}"#, "a".repeat(MAX_DOCUMENT_BYTES));
        assert!(parse(long.as_bytes()).is_err());
    }
}
