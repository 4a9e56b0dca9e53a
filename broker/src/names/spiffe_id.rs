//! SPIFFE IDs: the S rules.

use super::name_error::excerpt;
use super::uri_name::MAX_LENGTH;
use super::{NameError, TrustDomain};

/// `spiffe://<trust domain>/<path>` in its one spelling (SPIFFE-ID §2): a workload's, so with a path.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SpiffeId {
    text: Box<str>,
    trust_domain: TrustDomain,
}

const SCHEME: &str = "spiffe://";

impl SpiffeId {
    /// Reads an ID that satisfies S0 to S3 and S5 to S8.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.len() > MAX_LENGTH {
            return Err(NameError::SpiffeLength { length: text.len() });
        }
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| NameError::SpiffeScheme(excerpt(text)))?;
        let (trust_domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let trust_domain = TrustDomain::parse(trust_domain)?;
        check_path(path)?;
        Ok(Self { text: text.into(), trust_domain })
    }

    /// The ID.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The trust domain, which alone decides whose keys may sign for the ID.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// The path, which begins with a slash.
    pub fn path(&self) -> &str {
        &self.text[SCHEME.len() + self.trust_domain.as_str().len()..]
    }
}

impl std::fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// SPIFFE-ID §2.2: segments of `[a-zA-Z0-9.-_]`, none of them empty, `.` or `..`, and no slash at the end. There is no
/// percent-encoding, no query and no fragment, so `%`, `?` and `#` are not allowed.
fn check_path(path: &str) -> Result<(), NameError> {
    let segments = path.strip_prefix('/').ok_or(NameError::SpiffePathMissing)?;
    if segments.is_empty() || segments.ends_with('/') {
        return Err(NameError::SpiffeTrailingSlash);
    }
    for segment in segments.split('/') {
        match segment {
            "" => return Err(NameError::SpiffeEmptySegment),
            "." | ".." => return Err(NameError::SpiffeDotSegment),
            _ => {}
        }
        if let Some(bad) = segment.chars().find(|c| !c.is_ascii_alphanumeric() && !".-_".contains(*c)) {
            return Err(NameError::SpiffeCharacter(bad));
        }
    }
    Ok(())
}

/// The IDs of a trust domain, or those at and below a path of it, by whole segments.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct SpiffePrefix {
    trust_domain: TrustDomain,
    path: Box<str>,
}

impl SpiffePrefix {
    /// All IDs of a trust domain.
    pub fn whole(trust_domain: TrustDomain) -> Self {
        Self { trust_domain, path: "".into() }
    }

    /// Reads `spiffe://<trust domain>` or `spiffe://<trust domain>/<path>`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match text.strip_prefix(SCHEME).map(TrustDomain::parse) {
            Some(Ok(trust_domain)) => Ok(Self::whole(trust_domain)),
            // With a path it is an ID; without one, what is wrong with the trust domain is what is wrong.
            Some(Err(error)) if !text[SCHEME.len()..].contains('/') => Err(error),
            _ => SpiffeId::parse(text).map(|id| Self { path: id.path().into(), trust_domain: id.trust_domain }),
        }
    }

    /// The trust domain.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// The path: empty, or beginning with a slash and not ending in one.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl std::fmt::Display for SpiffePrefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{SCHEME}{}{}", self.trust_domain, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Rule;

    #[test]
    fn parts() {
        let id = SpiffeId::parse("spiffe://prod.example.org/ns/a.b_c-D/...").expect("is an ID");
        assert_eq!((id.trust_domain().as_str(), id.path()), ("prod.example.org", "/ns/a.b_c-D/..."));
        assert_eq!(id.to_string(), "spiffe://prod.example.org/ns/a.b_c-D/...");
        let longest = format!("spiffe://a/{}", "b".repeat(MAX_LENGTH - 11));
        assert_eq!(SpiffeId::parse(&longest).expect("is an ID").as_str().len(), MAX_LENGTH);
    }

    #[test]
    fn refusals_name_their_rule() {
        let long = format!("spiffe://a/{}", "b".repeat(MAX_LENGTH - 10));
        let cases = [
            (&*long, Rule::S0),
            ("", Rule::S1),
            ("SPIFFE://example.org/a", Rule::S1),
            ("spiffe:/example.org/a", Rule::S1),
            ("https://example.org/a", Rule::S1),
            ("spiffe://example.org", Rule::S2),
            ("spiffe://", Rule::S3),
            ("spiffe:///a", Rule::S3),
            ("spiffe://EXAMPLE.org/a", Rule::S3),
            ("spiffe://ex\u{430}mple.org/a", Rule::S3),
            ("spiffe://example.org:443/a", Rule::S3),
            ("spiffe://u@example.org/a", Rule::S3),
            ("spiffe://[::1]/a", Rule::S3),
            ("spiffe://example.org?a", Rule::S3),
            ("spiffe://example.org\\a/b", Rule::S3),
            ("spiffe://example.org/", Rule::S5),
            ("spiffe://example.org/a/", Rule::S5),
            ("spiffe://example.org/a//b", Rule::S6),
            ("spiffe://example.org//a", Rule::S6),
            ("spiffe://example.org/a/../b", Rule::S7),
            ("spiffe://example.org/.", Rule::S7),
            ("spiffe://example.org/%61", Rule::S8),
            ("spiffe://example.org/a?b", Rule::S8),
            ("spiffe://example.org/a#b", Rule::S8),
            ("spiffe://example.org/a b", Rule::S8),
            ("spiffe://example.org/\u{e9}", Rule::S8),
            ("spiffe://example.org/a\0", Rule::S8),
            ("spiffe://example.org/a:b", Rule::S8),
        ];
        for (bad, rule) in cases {
            assert_eq!(SpiffeId::parse(bad).map_err(|error| error.rule()), Err(rule), "{bad:?}");
        }
    }

    #[test]
    fn prefixes_read_back() {
        for text in ["spiffe://example.org", "spiffe://example.org/ci", "spiffe://example.org/ci/x"] {
            assert_eq!(SpiffePrefix::parse(text).expect("is a prefix").to_string(), text);
        }
        for (bad, rule) in [
            ("example.org", Rule::S1),
            ("spiffe://", Rule::S3),
            ("spiffe://EXAMPLE.org", Rule::S3),
            ("spiffe://EXAMPLE.org/a", Rule::S3),
            ("spiffe://example.org/", Rule::S5),
            ("spiffe://example.org/ci/", Rule::S5),
            ("spiffe://example.org/*", Rule::S8),
        ] {
            assert_eq!(SpiffePrefix::parse(bad).map_err(|error| error.rule()), Err(rule), "{bad:?}");
        }
    }
}
