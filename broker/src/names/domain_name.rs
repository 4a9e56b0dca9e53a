//! Domain names: the H rules.

use super::NameError;
use super::name_error::excerpt;

/// A fully qualified domain name in its one spelling: lower-case letters, digits and hyphens, two labels or more, no
/// trailing dot, internationalised labels in canonical `xn--` form, never an IP address.
///
/// Whether it is a public suffix (rule D1) is not decided here.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DomainName(Box<str>);

impl DomainName {
    /// Reads a name that satisfies H1 to H9.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check(text)?;
        Ok(Self(text.into()))
    }

    /// The domain in lower case, without a final dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name and each domain above it that still has two labels: `a.b.example.com`, `b.example.com`, `example.com`.
    pub(crate) fn ancestry(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(&*self.0), |name| name.split_once('.').map(|(_, parent)| parent))
            .take_while(|name| name.contains('.'))
    }

    /// The name as people read it, with `xn--` labels decoded, for an administrator to check before granting it.
    pub fn to_unicode(&self) -> String {
        idna::domain_to_unicode(&self.0).0
    }
}

impl std::fmt::Display for DomainName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for DomainName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// H1 to H9, in the order of their numbers, which reports the most obvious fault first.
pub(super) fn check(host: &str) -> Result<(), NameError> {
    if !host.is_ascii() {
        return Err(NameError::HostNotAscii);
    }
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(NameError::HostUpperCase(excerpt(host)));
    }
    if host.is_empty() || host.len() > 253 {
        return Err(NameError::HostLength { length: host.len() });
    }
    if host.ends_with('.') {
        return Err(NameError::HostTrailingDot(excerpt(host)));
    }
    if !host.contains('.') {
        return Err(NameError::HostSingleLabel(excerpt(host)));
    }
    if host.split('.').any(str::is_empty) {
        return Err(NameError::HostEmptyLabel(excerpt(host)));
    }
    for label in host.split('.') {
        check_label(label)?;
    }
    if is_numeric(host) {
        return Err(NameError::HostNumeric(excerpt(host)));
    }
    Ok(())
}

fn check_label(label: &str) -> Result<(), NameError> {
    if label.len() > 63 {
        return Err(NameError::HostLength { length: label.len() });
    }
    let is_ldh = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_ldh || label.starts_with('-') || label.ends_with('-') {
        return Err(NameError::HostCharacter(excerpt(label)));
    }
    // RFC 5891 §4.2.3.1: hyphens in the third and fourth place are reserved; only `xn--` has a meaning.
    if label.as_bytes().get(2..4) == Some(b"--") && !is_canonical_a_label(label) {
        return Err(NameError::HostIdna(excerpt(label)));
    }
    Ok(())
}

/// Decodes the label, encodes the result, and requires the same bytes (RFC 5890 §2.3.2.1).
fn is_canonical_a_label(label: &str) -> bool {
    if !label.starts_with("xn--") {
        return false;
    }
    let (unicode, decoded) = idna::domain_to_unicode(label);
    decoded.is_ok() && !unicode.is_ascii() && idna::domain_to_ascii_strict(&unicode).is_ok_and(|again| again == label)
}

/// Every system resolver reads a host that ends in a number as an IPv4 address, in decimal, octal or hexadecimal.
fn is_numeric(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Rule;

    #[test]
    fn one_spelling_only() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        for good in ["example.com", "eng.example.com", "a-b.c1.example", "xn--bcher-kva.example", "1.example", &longest]
        {
            let name = DomainName::parse(good).expect("is a name");
            assert_eq!(name.as_str(), good);
            assert_eq!(name.to_string(), good);
        }
        assert_eq!(DomainName::parse("xn--bcher-kva.example").expect("is a name").to_unicode(), "bücher.example");
        let cases = [
            ("ex\u{430}mple.com", Rule::H1),
            ("example\u{3002}com", Rule::H1),
            ("Example.com", Rule::H2),
            ("", Rule::H3),
            (&format!("{longest}a"), Rule::H3),
            (&format!("{label}a.com"), Rule::H3),
            ("example.com.", Rule::H4),
            (".", Rule::H4),
            ("localhost", Rule::H5),
            ("com", Rule::H5),
            ("a..b", Rule::H6),
            (".example.com", Rule::H6),
            ("*.example.com", Rule::H7),
            ("a_b.example.com", Rule::H7),
            ("-a.example.com", Rule::H7),
            ("a-.example.com", Rule::H7),
            ("[127.0.0.1]", Rule::H7),
            ("a b.com", Rule::H7),
            ("a\0.com", Rule::H7),
            ("xn--zzzzzz.example", Rule::H8),
            ("xn--a.example", Rule::H8),
            ("xn--.example", Rule::H7),
            ("xn--example-.example", Rule::H7),
            ("ab--c.example", Rule::H8),
            ("127.0.0.1", Rule::H9),
            ("0x7f.0x1", Rule::H9),
            ("2130706433", Rule::H5),
            ("2130706433.0", Rule::H9),
            ("a.0x", Rule::H9),
        ];
        for (bad, rule) in cases {
            assert_eq!(DomainName::parse(bad).map_err(|error| error.rule()), Err(rule), "{bad:?}");
        }
    }

    #[test]
    fn ancestry_stops_at_two_labels() {
        let name = DomainName::parse("a.b.example.com").expect("is a name");
        assert_eq!(name.ancestry().collect::<Vec<_>>(), ["a.b.example.com", "b.example.com", "example.com"]);
    }
}
