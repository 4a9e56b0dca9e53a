//! The names of one grant, as verifiers match them.

use broker::grants::Scope;
use serde::Serialize;

/// One name, or an anchored pattern in the syntax of Go's `regexp` package (RE2), which cosign and policy-controller
/// have.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) enum SignerIdentity {
    #[serde(rename = "identity")]
    Exact(String),
    #[serde(rename = "identityRegexp")]
    Pattern(String),
}

impl SignerIdentity {
    /// Exactly the names that the scope grants.
    pub(crate) fn of(scope: &Scope) -> Self {
        match scope {
            Scope::EmailAddress(address) => Self::Exact(address.to_string()),
            Scope::EmailDomain { domain, subdomains } => {
                // Rule E5 leaves no second @ in an address, and H7 no other letters in a label.
                let below = if *subdomains { r"([a-z0-9-]+\.)*" } else { "" };
                Self::Pattern(format!("^[^@]+@{below}{}$", escape(domain.as_str())))
            }
            Scope::UriPrefix(prefix) => {
                // By whole segments (rule V4); a prefix that ends in a slash leaves out the name without it.
                let rest = if prefix.as_str().ends_with('/') { ".*" } else { "(/.*)?" };
                Self::Pattern(format!("^{}{rest}$", escape(prefix.as_str())))
            }
            Scope::ServiceAccounts { prefix, .. } if prefix.as_str().ends_with('/') => {
                // Every account of a namespace: one more segment (rule K1).
                Self::Pattern(format!("^{}[a-z0-9.-]+$", escape(prefix.as_str())))
            }
            Scope::ServiceAccounts { prefix, .. } => Self::Exact(prefix.to_string()),
            Scope::Spiffe(prefix) => {
                let (domain, path) = (prefix.trust_domain().as_str(), prefix.path());
                // A SPIFFE ID has a path (rule S2), so a whole trust domain is everything below it.
                let rest = if path.is_empty() { "/.+" } else { "(/.*)?" };
                Self::Pattern(format!("^{}{rest}$", escape(&format!("spiffe://{domain}{path}"))))
            }
            // Rule N2.
            Scope::Usernames(domain) => Self::Pattern(format!("^[A-Za-z0-9._-]+!{}$", escape(domain.as_str()))),
            // The set of local users changes while the instance runs, so the caller of the export lists them.
            Scope::LocalAccounts => Self::Pattern("^$".to_owned()),
        }
    }
}

/// The text, literally.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
