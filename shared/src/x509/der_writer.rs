//! DER written front to back into one buffer (ITU-T X.690 §10, §11).
//!
//! The general encoders measure a tree before they write it. What we write on hot paths is a dozen fields between
//! constant pieces, so a buffer and lengths filled in afterwards are enough, and the bytes can be read off the code.

use std::time::Duration;

use const_oid::ObjectIdentifier;

use crate::time::UnixTime;

/// The universal tags that certificates use (ITU-T X.680 §8.6).
pub mod tag {
    /// BOOLEAN
    pub const BOOLEAN: u8 = 0x01;
    /// INTEGER
    pub const INTEGER: u8 = 0x02;
    /// BIT STRING
    pub const BIT_STRING: u8 = 0x03;
    /// OCTET STRING
    pub const OCTET_STRING: u8 = 0x04;
    /// NULL
    pub const NULL: u8 = 0x05;
    /// OBJECT IDENTIFIER
    pub const OBJECT_IDENTIFIER: u8 = 0x06;
    /// UTF8String
    pub const UTF8_STRING: u8 = 0x0c;
    /// ENUMERATED
    pub const ENUMERATED: u8 = 0x0a;
    /// SEQUENCE
    pub const SEQUENCE: u8 = 0x30;
    /// SET
    pub const SET: u8 = 0x31;
    /// UTCTime
    pub const UTC_TIME: u8 = 0x17;
    /// GeneralizedTime
    pub const GENERALIZED_TIME: u8 = 0x18;

    /// `[number]`, primitive, context-specific: IMPLICIT tagging of a string.
    pub const fn context(number: u8) -> u8 {
        0x80 | number
    }

    /// `[number]`, constructed, context-specific: EXPLICIT tagging, or IMPLICIT tagging of a SEQUENCE.
    pub const fn context_constructed(number: u8) -> u8 {
        0xa0 | number
    }
}

/// A buffer that takes DER values one after the other.
#[derive(Debug, Default)]
pub struct DerWriter {
    out: Vec<u8>,
}

impl DerWriter {
    /// An empty buffer with room for `capacity` octets.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { out: Vec::with_capacity(capacity) }
    }

    /// Appends bytes that are DER already.
    pub fn raw(&mut self, der: &[u8]) {
        self.out.extend_from_slice(der);
    }

    /// Appends one primitive value.
    pub fn value(&mut self, tag: u8, contents: &[u8]) {
        self.out.push(tag);
        self.length(contents.len());
        self.out.extend_from_slice(contents);
    }

    /// Appends a value whose contents `write` appends.
    pub fn nested(&mut self, tag: u8, write: impl FnOnce(&mut Self)) {
        self.out.push(tag);
        // One octet is enough up to 127; a longer length moves what was written. Certificates nest five deep and are
        // short.
        let at = self.out.len();
        self.out.push(0);
        write(self);
        let length = self.out.len() - at - 1;
        if length < 0x80 {
            self.out[at] = length as u8;
        } else {
            let octets = length.to_be_bytes();
            let significant = &octets[(length.leading_zeros() / 8) as usize..];
            self.out[at] = 0x80 | significant.len() as u8;
            self.out.splice(at + 1..at + 1, significant.iter().copied());
        }
    }

    /// Appends an OBJECT IDENTIFIER.
    pub fn oid(&mut self, oid: ObjectIdentifier) {
        self.value(tag::OBJECT_IDENTIFIER, oid.as_bytes());
    }

    /// Appends a non-negative INTEGER, given as big-endian octets: leading zeros go, a sign octet comes when it is
    /// needed.
    pub fn unsigned(&mut self, big_endian: &[u8]) {
        let start = big_endian.iter().position(|&octet| octet != 0).unwrap_or(big_endian.len());
        let magnitude = &big_endian[start..];
        let needs_sign = magnitude.first().is_none_or(|octet| octet & 0x80 != 0);
        self.out.push(tag::INTEGER);
        self.length(magnitude.len() + usize::from(needs_sign));
        if needs_sign {
            self.out.push(0);
        }
        self.out.extend_from_slice(magnitude);
    }

    /// Appends a BIT STRING of whole octets.
    pub fn bit_string(&mut self, octets: &[u8]) {
        self.out.push(tag::BIT_STRING);
        self.length(octets.len() + 1);
        self.out.push(0);
        self.out.extend_from_slice(octets);
    }

    /// Appends a `GeneralizedTime` in whole seconds. Fails after the year 9999.
    pub fn generalized_time(&mut self, at: UnixTime) -> Result<(), der::Error> {
        let text = at.rfc3339()?;
        let digits: String = text.chars().take(19).filter(char::is_ascii_digit).collect();
        self.value(tag::GENERALIZED_TIME, format!("{digits}Z").as_bytes());
        Ok(())
    }

    /// Appends an `ENUMERATED` of one octet.
    pub fn enumerated(&mut self, value: u8) {
        self.value(tag::ENUMERATED, &[value]);
    }

    /// Appends a `Time`: UTCTime through 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). Fails after the year 9999.
    pub fn time(&mut self, at: UnixTime) -> Result<(), der::Error> {
        let date = der::DateTime::from_unix_duration(Duration::from_secs(at.seconds()))?;
        let year = date.year();
        if year <= 2049 {
            self.out.extend_from_slice(&[tag::UTC_TIME, 13]);
        } else {
            self.out.extend_from_slice(&[tag::GENERALIZED_TIME, 15]);
            self.two_digits((year / 100) as u8);
        }
        for pair in [(year % 100) as u8, date.month(), date.day(), date.hour(), date.minutes(), date.seconds()] {
            self.two_digits(pair);
        }
        self.out.push(b'Z');
        Ok(())
    }

    /// How much has been written.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The bytes written.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    fn two_digits(&mut self, number: u8) {
        self.out.extend_from_slice(&[b'0' + number / 10, b'0' + number % 10]);
    }

    fn length(&mut self, length: usize) {
        if length < 0x80 {
            self.out.push(length as u8);
        } else {
            let octets = length.to_be_bytes();
            let significant = &octets[(length.leading_zeros() / 8) as usize..];
            self.out.push(0x80 | significant.len() as u8);
            self.out.extend_from_slice(significant);
        }
    }
}

#[cfg(test)]
mod tests {
    use der::Encode as _;
    use der::asn1::{OctetStringRef, UintRef};

    use super::*;

    fn written(write: impl FnOnce(&mut DerWriter)) -> Vec<u8> {
        let mut writer = DerWriter::default();
        write(&mut writer);
        writer.finish()
    }

    #[test]
    fn lengths_are_minimal_at_every_step() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let contents = vec![7; length];
            let expected = OctetStringRef::new(&contents).unwrap().to_der().unwrap();
            assert_eq!(written(|w| w.value(tag::OCTET_STRING, &contents)), expected, "{length}");
            assert_eq!(written(|w| w.nested(tag::OCTET_STRING, |w| w.raw(&contents))), expected, "{length} nested");
        }
    }

    #[test]
    fn integers_are_positive_and_minimal() {
        for octets in [&[0][..], &[1], &[0x7f], &[0x80], &[0, 0, 0x80, 1], &[0xff; 20]] {
            assert_eq!(written(|w| w.unsigned(octets)), UintRef::new(octets).unwrap().to_der().unwrap(), "{octets:?}");
        }
        assert_eq!(written(|w| w.unsigned(&[])), [2, 1, 0]);
    }

    #[test]
    fn times_change_their_type_with_the_year_2050() {
        let last = UnixTime::from_seconds(2_524_607_999);
        assert_eq!(written(|w| w.time(last).unwrap())[2..], *b"491231235959Z");
        let first = last.plus(Duration::from_secs(1));
        assert_eq!(written(|w| w.time(first).unwrap())[..], *b"\x18\x0f20500101000000Z");
        assert!(DerWriter::default().time(UnixTime::from_seconds(253_402_300_800)).is_err());
    }
}
