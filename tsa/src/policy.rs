//! The policies that a unit issues timestamps under, and object identifiers as text.

use shared::x509::der_writer::tag;

use crate::der_reader::check_object_identifier;

/// The identifier of a timestamp policy: a promise that the operator makes in a document, so it is always configured
/// and never assumed. `0.4.0.2023.1.1` is ETSI's best-practices policy (EN 319 421 §5.2); an instance that does not
/// follow that document names one of its own, below its private enterprise number.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct PolicyOid {
    /// Identifier octet, length, contents.
    der: Box<[u8]>,
}

/// Why a text is not an object identifier that we take.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PolicyOidError {
    /// Fewer than two numbers.
    #[error("an object identifier has at least two numbers with dots between them")]
    Short,
    /// More numbers than we take.
    #[error("an object identifier has at most {max} numbers", max = MAX_ARCS)]
    Long,
    /// A part is not a number, has a leading zero, or does not fit into 64 bits.
    #[error("`{0}` is not a number, as the parts of an object identifier must be")]
    Arc(String),
    /// The first is above 2, or the second above 39 below 0 and 1 (X.660).
    #[error("an object identifier starts with 0, 1 or 2, and with at most 39 below 0 and 1")]
    Root,
}

/// The most arcs that we read: splitting longer ones was a denial of service elsewhere (CVE-2025-66564).
pub const MAX_ARCS: usize = 32;

impl PolicyOid {
    /// Reads the dotted form.
    pub fn parse(dotted: &str) -> Result<Self, PolicyOidError> {
        let mut arcs = [0_u64; MAX_ARCS];
        let mut count = 0;
        // `splitn` stops early: a megabyte of dots costs nothing.
        for part in dotted.splitn(MAX_ARCS + 1, '.') {
            let slot = arcs.get_mut(count).ok_or(PolicyOidError::Long)?;
            *slot = parse_arc(part)?;
            count += 1;
        }
        let &[first, second, ref others @ ..] = &arcs[..count] else { return Err(PolicyOidError::Short) };
        if first > 2 || (first < 2 && second > 39) {
            return Err(PolicyOidError::Root);
        }
        let mut contents = Vec::with_capacity(16);
        push_arc(&mut contents, Some(first * 40 + second).filter(|arc| arc >> 63 == 0).ok_or(PolicyOidError::Root)?);
        for &arc in others {
            push_arc(&mut contents, arc);
        }
        Ok(Self::from_valid(&contents))
    }

    /// The identifier with these contents octets, when they are DER within our limits.
    pub fn from_contents(contents: &[u8]) -> Option<Self> {
        let is_valid = check_object_identifier(contents).is_ok() && is_within_limits(contents);
        is_valid.then(|| Self::from_valid(contents))
    }

    fn from_valid(contents: &[u8]) -> Self {
        let mut writer = shared::x509::DerWriter::with_capacity(contents.len() + 4);
        writer.value(tag::OBJECT_IDENTIFIER, contents);
        Self { der: writer.finish().into() }
    }

    /// The whole encoding.
    pub fn der(&self) -> &[u8] {
        &self.der
    }
}

impl std::fmt::Display for PolicyOid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let header = if self.der[1] < 0x80 { 2 } else { 2 + usize::from(self.der[1] & 0x7f) };
        f.write_str(&dotted(&self.der[header..]))
    }
}

impl std::fmt::Debug for PolicyOid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PolicyOid({self})")
    }
}

fn parse_arc(part: &str) -> Result<u64, PolicyOidError> {
    let is_plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_canonical = is_plain && (part.len() == 1 || !part.starts_with('0'));
    let wrong = || PolicyOidError::Arc(part.chars().take(24).collect());
    // As many bits as `is_within_limits` reads, or a configured policy could never be requested.
    let arc = part.parse().ok().filter(|arc: &u64| is_canonical && arc >> 63 == 0);
    arc.ok_or_else(wrong)
}

/// Base 128, most significant group first, the high bit set on all but the last octet (X.690 §8.19.2).
fn push_arc(contents: &mut Vec<u8>, arc: u64) {
    let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let more = if group == 0 { 0 } else { 0x80 };
        contents.push((arc >> (7 * group)) as u8 & 0x7f | more);
    }
}

/// Whether well-formed contents have at most [`MAX_ARCS`] arcs, each of at most 63 bits.
pub(crate) fn is_within_limits(contents: &[u8]) -> bool {
    // The first octets stand for two arcs.
    let arcs = 1 + contents.iter().filter(|octet| **octet & 0x80 == 0).count();
    arcs <= MAX_ARCS && contents.split_inclusive(|octet| octet & 0x80 == 0).all(|arc| arc.len() <= 9)
}

/// The dotted form of contents that are well-formed and within the limits.
pub(crate) fn dotted(contents: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for (index, arc) in contents.split_inclusive(|octet| octet & 0x80 == 0).enumerate() {
        let value = arc.iter().fold(0_u64, |value, octet| value << 7 | u64::from(octet & 0x7f));
        let written = if index == 0 {
            let root = (value / 40).min(2);
            write!(text, "{root}.{}", value - root * 40)
        } else {
            write!(text, ".{value}")
        };
        written.expect("a String takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_octets_agree_with_the_object_identifiers_of_another_library() {
        for text in ["0.4.0.2023.1.1", "1.3.6.1.4.1.57264.2", "2.39.3", "2.16.840.1.101.3.4.2.1", "1.2", "0.39", "2.5"]
        {
            let ours = PolicyOid::parse(text).unwrap();
            let theirs: const_oid::ObjectIdentifier = text.parse().unwrap();
            assert_eq!(&ours.der()[2..], theirs.as_bytes(), "{text}");
            assert_eq!(ours.to_string(), text);
            assert_eq!(PolicyOid::from_contents(theirs.as_bytes()), Some(ours));
        }
    }

    #[test]
    fn other_text_is_refused() {
        let long = vec!["1"; MAX_ARCS + 1].join(".");
        let huge = "1.".repeat(1 << 20);
        for (text, error) in [
            ("", PolicyOidError::Arc(String::new())),
            ("1", PolicyOidError::Short),
            ("1..2", PolicyOidError::Arc(String::new())),
            ("1.02", PolicyOidError::Arc("02".into())),
            ("1.+2", PolicyOidError::Arc("+2".into())),
            ("1.2.18446744073709551616", PolicyOidError::Arc("18446744073709551616".into())),
            ("3.1", PolicyOidError::Root),
            ("1.40", PolicyOidError::Root),
            ("2.9223372036854775807", PolicyOidError::Root),
            ("1.2.9223372036854775808", PolicyOidError::Arc("9223372036854775808".into())),
            (&long, PolicyOidError::Long),
            (&huge, PolicyOidError::Long),
        ] {
            assert_eq!(PolicyOid::parse(text), Err(error));
        }
        assert!(PolicyOid::parse(&vec!["1"; MAX_ARCS].join(".")).is_ok());
    }

    #[test]
    fn octets_beyond_the_limits_are_refused() {
        assert!(PolicyOid::from_contents(&[0x2a; MAX_ARCS - 1]).is_some());
        assert!(PolicyOid::from_contents(&[0x2a; MAX_ARCS]).is_none());
        assert!(PolicyOid::from_contents(&[&[0x2a][..], &[0xff; 8], &[0x7f]].concat()).is_some());
        assert!(PolicyOid::from_contents(&[&[0x2a][..], &[0xff; 9], &[0x7f]].concat()).is_none());
        assert!(PolicyOid::from_contents(&[0x2a, 0x80, 1]).is_none());
        assert!(PolicyOid::from_contents(&[]).is_none());
    }
}
