//! A strict reader of DER (ITU-T X.690 §10): what is not the one encoding of its value is a fault.
//!
//! It walks flat over one buffer that the caller has capped: no recursion, no allocation, nothing skipped silently.

use shared::x509::der_writer::tag;

/// The first thing wrong with an encoding.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DerFault {
    /// It ends before its own length says.
    #[error("it is cut short")]
    CutShort,
    /// A length that is indefinite or not in its shortest form (X.690 §10.1).
    #[error("its length is not in the shortest definite form")]
    Length,
    /// Another type stands there.
    #[error("tag 0x{found:02x} stands where 0x{expected:02x} belongs")]
    Tag {
        /// The identifier octet that belongs there.
        expected: u8,
        /// The one that stands there.
        found: u8,
    },
    /// Something follows where nothing may.
    #[error("{0} bytes follow its end")]
    Trailing(usize),
    /// The contents are not the one form that DER allows.
    #[error("its contents are not in their only form")]
    Contents,
}

/// One value: its contents and its whole encoding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tlv<'a> {
    pub(crate) contents: &'a [u8],
    pub(crate) whole: &'a [u8],
}

/// What has not been read yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DerReader<'a> {
    rest: &'a [u8],
}

impl<'a> DerReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Reads the only value of `bytes`.
    pub(crate) fn single(bytes: &'a [u8], expected: u8) -> Result<&'a [u8], DerFault> {
        let mut reader = Self::new(bytes);
        let value = reader.read(expected)?;
        reader.finish()?;
        Ok(value.contents)
    }

    /// The next identifier octet, if anything is left.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left, unread.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<(), DerFault> {
        if self.rest.is_empty() { Ok(()) } else { Err(DerFault::Trailing(self.rest.len())) }
    }

    /// The next value, which must have the identifier octet `expected`.
    pub(crate) fn read(&mut self, expected: u8) -> Result<Tlv<'a>, DerFault> {
        match self.peek() {
            None => Err(DerFault::CutShort),
            Some(found) if found != expected => Err(DerFault::Tag { expected, found }),
            Some(_) => self.any(),
        }
    }

    /// The next value when it has the identifier octet `expected`.
    pub(crate) fn optional(&mut self, expected: u8) -> Result<Option<Tlv<'a>>, DerFault> {
        if self.peek() == Some(expected) { self.any().map(Some) } else { Ok(None) }
    }

    /// The next value, whatever it is. Tags above 30 need more identifier octets; no structure here has one.
    pub(crate) fn any(&mut self) -> Result<Tlv<'a>, DerFault> {
        let (&tag, after_tag) = self.rest.split_first().ok_or(DerFault::CutShort)?;
        if tag & 0x1f == 0x1f {
            return Err(DerFault::Contents);
        }
        let (length, body) = read_length(after_tag)?;
        if body.len() < length {
            return Err(DerFault::CutShort);
        }
        let (contents, rest) = body.split_at(length);
        let whole = &self.rest[..self.rest.len() - rest.len()];
        self.rest = rest;
        Ok(Tlv { contents, whole })
    }

    /// Contents of an INTEGER, minimal (X.690 §8.3.2).
    pub(crate) fn integer(&mut self) -> Result<Tlv<'a>, DerFault> {
        let value = self.read(tag::INTEGER)?;
        match value.contents {
            [] | [0x00, 0x00..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => Err(DerFault::Contents),
            _ => Ok(value),
        }
    }

    /// An OBJECT IDENTIFIER whose arcs are minimal and complete (X.690 §8.19.2).
    pub(crate) fn object_identifier(&mut self) -> Result<Tlv<'a>, DerFault> {
        let value = self.read(tag::OBJECT_IDENTIFIER)?;
        check_object_identifier(value.contents)?;
        Ok(value)
    }

    /// A BOOLEAN with DEFAULT FALSE: absent is false, and what is present can only be TRUE, as 0xff (X.690 §11.1,
    /// §11.5).
    pub(crate) fn default_false(&mut self) -> Result<bool, DerFault> {
        match self.optional(tag::BOOLEAN)? {
            None => Ok(false),
            Some(Tlv { contents: [0xff], .. }) => Ok(true),
            Some(_) => Err(DerFault::Contents),
        }
    }
}

/// A length of at most two octets after the first: callers cap what they read at far less than 64 KiB, but a verifier
/// may see whole responses, so three are taken.
fn read_length(bytes: &[u8]) -> Result<(usize, &[u8]), DerFault> {
    let (&first, rest) = bytes.split_first().ok_or(DerFault::CutShort)?;
    if first < 0x80 {
        return Ok((usize::from(first), rest));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 3 {
        return Err(DerFault::Length);
    }
    let octets = rest.get(..count).ok_or(DerFault::CutShort)?;
    let length = octets.iter().fold(0, |length, &octet| length << 8 | usize::from(octet));
    let is_shortest = length >= 0x80 && octets[0] != 0;
    if is_shortest { Ok((length, &rest[count..])) } else { Err(DerFault::Length) }
}

/// Whether `contents` are an OBJECT IDENTIFIER's: at least one arc, each minimal, the last one complete.
pub(crate) fn check_object_identifier(contents: &[u8]) -> Result<(), DerFault> {
    let mut starts_arc = true;
    for &octet in contents {
        if starts_arc && octet == 0x80 {
            return Err(DerFault::Contents);
        }
        starts_arc = octet & 0x80 == 0;
    }
    if contents.is_empty() || !starts_arc { Err(DerFault::Contents) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_encoding_is_read() {
        type Case<'a> = (&'a [u8], Result<&'a [u8], DerFault>);
        let cases: &[Case<'_>] = &[
            (&[0x04, 0x00], Ok(&[])),
            (&[0x04, 0x01, 7], Ok(&[7])),
            (&[], Err(DerFault::CutShort)),
            (&[0x04], Err(DerFault::CutShort)),
            (&[0x04, 0x02, 7], Err(DerFault::CutShort)),
            (&[0x04, 0x82, 1], Err(DerFault::CutShort)),
            (&[0x04, 0x80, 0, 0], Err(DerFault::Length)),
            (&[0x04, 0x81, 1, 7], Err(DerFault::Length)),
            (&[0x04, 0x82, 0, 0x80], Err(DerFault::Length)),
            (&[0x04, 0x84, 0, 0, 0, 1, 7], Err(DerFault::Length)),
            (&[0x04, 0x01, 7, 9, 9], Err(DerFault::Trailing(2))),
            (&[0x24, 0x01, 7], Err(DerFault::Tag { expected: 0x04, found: 0x24 })),
        ];
        for (bytes, expected) in cases {
            assert_eq!(DerReader::single(bytes, tag::OCTET_STRING), *expected, "{bytes:02x?}");
        }
        assert_eq!(DerReader::new(&[0x1f, 0x81, 0x01, 0]).any().map(|tlv| tlv.contents), Err(DerFault::Contents));
    }

    #[test]
    fn integers_identifiers_and_booleans_have_one_form() {
        for (contents, is_der) in
            [(&[0u8][..], true), (&[0x80], true), (&[0, 0x80], true), (&[0xff, 0x7f], true), (&[], false)]
                .into_iter()
                .chain([(&[0u8, 0x7f][..], false), (&[0xff, 0x80], false), (&[0, 0], false)])
        {
            let encoded = [&[tag::INTEGER, contents.len() as u8], contents].concat();
            assert_eq!(DerReader::new(&encoded).integer().is_ok(), is_der, "{contents:02x?}");
        }
        for (contents, is_der) in [(&[0x2a, 0x03][..], true), (&[0x2a, 0x86, 0x48], true)].into_iter().chain([
            (&[][..], false),
            (&[0x2a, 0x86][..], false),
            (&[0x2a, 0x80, 0x01][..], false),
            (&[0x80, 0x01][..], false),
        ]) {
            assert_eq!(check_object_identifier(contents).is_ok(), is_der, "{contents:02x?}");
        }
        for (encoded, expected) in [
            (&[][..], Ok(false)),
            (&[1, 1, 0xff], Ok(true)),
            (&[1, 1, 0], Err(DerFault::Contents)),
            (&[1, 1, 1], Err(DerFault::Contents)),
            (&[1, 0], Err(DerFault::Contents)),
        ] {
            assert_eq!(DerReader::new(encoded).default_false(), expected, "{encoded:02x?}");
        }
    }
}
