//! Patterns over the values of claims: the G rules.

use super::NameError;
use super::name_error::excerpt;

/// Whole segments between slashes: each is exact, or `*` for any one segment; `**` at the end stands for one segment or
/// more.
///
/// There is no wildcard inside a segment and none at the beginning: `release-*` and `*/repo` would admit `release-evil`
/// and `evil/repo`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Pattern {
    text: Box<str>,
    segments: Box<[Segment]>,
    /// Ends in `**`.
    is_open: bool,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Segment {
    Any,
    Exact(Box<str>),
}

/// The longest pattern and the longest value that one is asked about.
const MAX_LENGTH: usize = 2048;

impl Pattern {
    /// Reads a pattern that satisfies G1 to G6.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if !(1..=MAX_LENGTH).contains(&text.len()) {
            return Err(NameError::PatternLength { length: text.len() });
        }
        let parts: Vec<&str> = text.split('/').collect();
        let last = parts.len() - 1;
        let mut segments = Vec::with_capacity(parts.len());
        for (at, part) in parts.into_iter().enumerate() {
            match part {
                // Alone it would be a pattern that every value matches.
                "**" if at == 0 || at != last => return Err(NameError::PatternDoubleStar(excerpt(text))),
                "**" => {}
                "*" if at == 0 => return Err(NameError::PatternLeading(excerpt(text))),
                "*" => segments.push(Segment::Any),
                part if part.contains('*') => return Err(NameError::PatternPartial(excerpt(text))),
                part => {
                    check_segment(part)?;
                    segments.push(Segment::Exact(part.into()));
                }
            }
        }
        Ok(Self { text: text.into(), segments: segments.into(), is_open: text.ends_with("/**") })
    }

    /// Whether the value fits: G5 and G6 are checked on the value itself, so that no wildcard stands for `..` or a line
    /// break.
    pub fn check(&self, value: &str) -> Result<(), NameError> {
        if value.len() > MAX_LENGTH {
            return Err(NameError::PatternLength { length: value.len() });
        }
        value.split('/').try_for_each(check_segment)?;
        let count = value.split('/').count();
        let is_count_right = if self.is_open { count > self.segments.len() } else { count == self.segments.len() };
        let fits = |(segment, part): (&Segment, &str)| match segment {
            Segment::Any => true,
            Segment::Exact(exact) => **exact == *part,
        };
        if !is_count_right || !self.segments.iter().zip(value.split('/')).all(fits) {
            return Err(NameError::PatternMismatch { pattern: self.text.to_string() });
        }
        Ok(())
    }

    /// True if only one value fits.
    pub fn is_exact(&self) -> bool {
        !self.is_open && self.segments.iter().all(|segment| matches!(segment, Segment::Exact(_)))
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

fn check_segment(segment: &str) -> Result<(), NameError> {
    if let Some(at) = segment.bytes().position(|byte| !byte.is_ascii_graphic()) {
        return Err(NameError::PatternCharacter { at });
    }
    match segment {
        "" | "." | ".." => Err(NameError::PatternSegment(segment.to_owned())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Rule;

    fn check(pattern: &str, value: &str) -> Result<(), Rule> {
        Pattern::parse(pattern).and_then(|pattern| pattern.check(value)).map_err(|error| error.rule())
    }

    #[test]
    fn whole_segments_only() {
        for (pattern, value) in [
            ("refs/heads/main", "refs/heads/main"),
            ("refs/tags/*", "refs/tags/v1.2.3"),
            ("a/*/c", "a/b/c"),
            ("a/*/**", "a/b/c/d"),
            ("refs/heads/release/**", "refs/heads/release/1.x"),
            ("refs/heads/release/**", "refs/heads/release/1.x/hotfix"),
            ("github-hosted", "github-hosted"),
        ] {
            assert_eq!(check(pattern, value), Ok(()), "{pattern} {value}");
        }
        for (pattern, value, rule) in [
            ("", "a", Rule::G1),
            (&"a".repeat(2049), "a", Rule::G1),
            ("refs/tags/v*", "refs/tags/v1", Rule::G2),
            ("a/***", "a/b", Rule::G2),
            ("*a", "a", Rule::G2),
            ("**", "a", Rule::G3),
            ("**/a", "a", Rule::G3),
            ("a/**/b", "a/x/b", Rule::G3),
            ("*", "a", Rule::G4),
            ("*/repo", "evil/repo", Rule::G4),
            ("a b", "a b", Rule::G5),
            ("acme/*", "acme/a\nb", Rule::G5),
            ("acme/*", "acme/\u{ff41}", Rule::G5),
            ("acme/*", "acme/a\0", Rule::G5),
            ("a//b", "a//b", Rule::G6),
            ("a/../b", "a/../b", Rule::G6),
            ("/a", "/a", Rule::G6),
            ("acme/*", "acme/..", Rule::G6),
            ("acme/*", "acme/", Rule::G6),
            ("acme/**", "acme//x", Rule::G6),
            ("acme/**", "acme/x/..", Rule::G6),
            ("acme/*", "", Rule::G6),
            ("acme/*", "acme-evil/x", Rule::G7),
            ("acme/*", "acme", Rule::G7),
            ("acme/*", "acme/a/b", Rule::G7),
            ("acme/**", "acme", Rule::G7),
            ("acme", "ACME", Rule::G7),
            ("refs/heads/main", "refs/heads/main/evil", Rule::G7),
        ] {
            assert_eq!(check(pattern, value), Err(rule), "{pattern} {value:?}");
        }
        assert!(Pattern::parse("a/b").expect("is one").is_exact());
        assert!(!Pattern::parse("a/*").expect("is one").is_exact());
        assert!(!Pattern::parse("a/**").expect("is one").is_exact());
    }
}
