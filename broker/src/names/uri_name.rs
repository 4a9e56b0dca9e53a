//! Hierarchical URIs as names: the U and P rules around the H rules.

use super::name_error::excerpt;
use super::{DomainName, NameError, domain_name};

/// The longest URI name, the same as the longest SPIFFE ID that every implementation must take.
pub(super) const MAX_LENGTH: usize = 2048;

/// `scheme://host[:port][/path]` in its one spelling. A trailing slash is significant; there is no query, no fragment,
/// no user information, no percent-encoding, no dot segment and no default port.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UriName {
    text: Box<str>,
    parts: UriParts,
}

/// Where the parts end in the text; all of them lie within [`MAX_LENGTH`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct UriParts {
    scheme_end: u16,
    host_end: u16,
    port: Option<u16>,
    path_start: u16,
}

impl UriName {
    /// Reads a name that satisfies U1 to U6, H1 to H9 and P1 to P4.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let parts = split(text)?;
        domain_name::check(parts.host(text))?;
        Ok(Self { text: text.into(), parts })
    }

    /// The same, but one empty segment may stand inside the path. GitLab writes one between a project and a file in it:
    /// `https://gitlab.com/group/project//.gitlab-ci.yml@refs/heads/main`.
    pub(crate) fn parse_with_double_slash(text: &str) -> Result<Self, NameError> {
        let parts = split_allowing(text, 1)?;
        domain_name::check(parts.host(text))?;
        Ok(Self { text: text.into(), parts })
    }

    /// The whole URI.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The scheme, without `://`.
    pub fn scheme(&self) -> &str {
        &self.text[..usize::from(self.parts.scheme_end)]
    }

    /// The host, without a port.
    pub fn host(&self) -> &str {
        self.parts.host(&self.text)
    }

    /// The host as a domain.
    pub fn domain(&self) -> DomainName {
        DomainName::parse(self.host()).expect("the host was checked when the name was read")
    }

    /// The port, if it is not the scheme's default.
    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// Scheme, host and port as they stand in the name.
    pub fn authority(&self) -> &str {
        &self.text[..usize::from(self.parts.path_start)]
    }

    /// The path: empty, or beginning with a slash.
    pub fn path(&self) -> &str {
        &self.text[usize::from(self.parts.path_start)..]
    }
}

impl std::fmt::Display for UriName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl UriParts {
    pub(super) fn scheme(self, text: &str) -> &str {
        &text[..usize::from(self.scheme_end)]
    }

    pub(super) fn host(self, text: &str) -> &str {
        &text[usize::from(self.scheme_end) + "://".len()..usize::from(self.host_end)]
    }

    pub(super) fn port(self) -> Option<u16> {
        self.port
    }
}

/// Finds the parts, and checks everything but the host.
pub(super) fn split(text: &str) -> Result<UriParts, NameError> {
    split_allowing(text, 0)
}

fn split_allowing(text: &str, empty_segments: usize) -> Result<UriParts, NameError> {
    if text.len() > MAX_LENGTH {
        return Err(NameError::TooLong { length: text.len(), limit: MAX_LENGTH });
    }
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte);
    if let Some(at) = text.bytes().position(|byte| !is_allowed(byte)) {
        return Err(NameError::UriCharacter { at });
    }
    let (scheme, rest) = text.split_once("://").ok_or_else(|| NameError::UriScheme(excerpt(text)))?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte));
    if !is_scheme {
        return Err(NameError::UriScheme(excerpt(text)));
    }
    if rest.contains('#') {
        return Err(NameError::UriFragment);
    }
    if rest.contains('?') {
        return Err(NameError::UriQuery);
    }
    // An `@` in the path is an ordinary character (a workflow's `…yml@refs/heads/main`); before it, it ends user
    // information.
    let authority = rest.find('/').map_or(rest, |slash| &rest[..slash]);
    if authority.contains('@') {
        return Err(NameError::UriUserinfo);
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(parse_port(port, scheme)?)),
        None => (authority, None),
    };
    check_path(&rest[authority.len()..], empty_segments)?;
    let offset = |length: usize| u16::try_from(length).expect("a name is at most 2048 bytes long");
    let authority_start = scheme.len() + "://".len();
    Ok(UriParts {
        scheme_end: offset(scheme.len()),
        host_end: offset(authority_start + host.len()),
        port,
        path_start: offset(authority_start + authority.len()),
    })
}

fn parse_port(port: &str, scheme: &str) -> Result<u16, NameError> {
    let fault = || NameError::UriPort(excerpt(port));
    if port.starts_with('0') || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fault());
    }
    let number = port.parse().map_err(|_| fault())?;
    match (scheme, number) {
        ("https" | "wss", 443) | ("http" | "ws", 80) => Err(fault()),
        _ => Ok(number),
    }
}

/// P1 is given by construction: a path is empty or begins with the slash that ended the authority.
fn check_path(path: &str, mut empty_segments: usize) -> Result<(), NameError> {
    let Some(segments) = path.strip_prefix('/') else { return Ok(()) };
    let mut segments = segments.split('/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            // The last segment may be empty: that is the trailing slash.
            "" if segments.peek().is_some() => {
                empty_segments = empty_segments.checked_sub(1).ok_or(NameError::PathEmptySegment)?;
            }
            "." | ".." => return Err(NameError::PathDotSegment),
            _ => {}
        }
        // pchar without pct-encoded (RFC 3986 §3.3).
        let is_pchar = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@".contains(c);
        if let Some(bad) = segment.chars().find(|&c| !is_pchar(c)) {
            return Err(NameError::PathCharacter(bad));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Rule;

    #[test]
    fn parts() {
        let name = UriName::parse("https://github.com:8443/acme/app/.github/workflows/ci.yml@refs/heads/main")
            .expect("a name");
        assert_eq!(name.scheme(), "https");
        assert_eq!(name.host(), "github.com");
        assert_eq!(name.port(), Some(8443));
        assert_eq!(name.authority(), "https://github.com:8443");
        assert_eq!(name.path(), "/acme/app/.github/workflows/ci.yml@refs/heads/main");
        for good in
            ["https://example.com", "https://example.com/", "http://example.com/a/", "https://example.com/.../a"]
        {
            assert_eq!(UriName::parse(good).expect("a name").as_str(), good);
        }
        assert_ne!(UriName::parse("https://example.com"), UriName::parse("https://example.com/"));
    }

    #[test]
    fn one_double_slash_for_gitlab() {
        let text = "https://gitlab.com/g/p//.gitlab-ci.yml@refs/heads/main";
        assert_eq!(UriName::parse(text), Err(NameError::PathEmptySegment));
        assert_eq!(UriName::parse_with_double_slash(text).expect("a name").as_str(), text);
        for bad in ["https://gitlab.com/g//p//x", "https://gitlab.com/g///x", "https://gitlab.com/g//../x"] {
            assert!(UriName::parse_with_double_slash(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn refusals_name_their_rule() {
        let long = format!("https://example.com/{}", "a".repeat(2048));
        let cases = [
            (&*long, Rule::I1),
            ("https://example.com\\.evil.net/", Rule::U1),
            ("https://example.com/a b", Rule::U1),
            ("https://example.com\t.evil.net/", Rule::U1),
            ("https://example.com/a|b", Rule::U1),
            ("https://b\u{fc}cher.example", Rule::U1),
            ("//example.com/a", Rule::U2),
            ("https:/example.com/a", Rule::U2),
            ("https:example.com", Rule::U2),
            ("HTTPS://example.com", Rule::U2),
            ("://example.com", Rule::U2),
            ("1a://example.com", Rule::U2),
            ("", Rule::U2),
            ("https://example.com/a?b", Rule::U3),
            ("https://example.com?", Rule::U3),
            ("https://example.com/a#b", Rule::U4),
            ("https://user@example.com", Rule::U5),
            ("https://example.com@evil.net/", Rule::U5),
            ("https://user:pw@example.com", Rule::U5),
            ("https://example.com:443", Rule::U6),
            ("http://example.com:80", Rule::U6),
            ("https://example.com:", Rule::U6),
            ("https://example.com:08443", Rule::U6),
            ("https://example.com:65536", Rule::U6),
            ("https://example.com:+1", Rule::U6),
            ("https://[::1]", Rule::U6),
            ("https://", Rule::H3),
            ("https:///a", Rule::H3),
            ("https://EXAMPLE.com/", Rule::H2),
            ("https://example.com./", Rule::H4),
            ("https://127.1", Rule::H9),
            ("https://example.com//a", Rule::P2),
            ("https://example.com//", Rule::P2),
            ("https://example.com/a/../b", Rule::P3),
            ("https://example.com/.", Rule::P3),
            ("https://example.com/%61", Rule::P4),
            ("https://example.com/[a]", Rule::P4),
        ];
        for (bad, rule) in cases {
            assert_eq!(UriName::parse(bad).map_err(|error| error.rule()), Err(rule), "{bad:?}");
        }
    }
}
