//! A `TSTInfo` (RFC 3161 §2.4.2) read from the token of any TSA.

use std::time::Duration;

use shared::time::UnixTime;
use shared::x509::der_writer::tag;

use crate::der_reader::{DerFault, DerReader};
use crate::policy::PolicyOid;
use crate::qualified;
use crate::rejection::Rejection;
use crate::request::Imprint;

/// What a token says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TstInfo<'a> {
    /// The policy it was issued under.
    pub policy: PolicyOid,
    /// What was timestamped.
    pub imprint: Imprint<'a>,
    /// Contents octets of the serial number.
    pub serial: &'a [u8],
    /// The time, cut to milliseconds.
    pub gen_time: UnixTime,
    /// How exact it is, when the token says so.
    pub accuracy: Option<Duration>,
    /// Whether all tokens of this authority can be ordered by genTime alone.
    pub is_ordered: bool,
    /// The nonce's whole encoding.
    pub nonce: Option<&'a [u8]>,
    /// The `GeneralName` of the authority, its whole encoding.
    pub tsa: Option<&'a [u8]>,
    /// Whether it states that it is a qualified electronic timestamp (ETSI EN 319 422 §9.1).
    pub is_qualified: bool,
}

/// Why bytes are not a TSTInfo that we read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TstInfoError {
    /// Not DER of the right shape.
    #[error("{field}: {fault}")]
    NotDer {
        /// The field, as the specification spells it.
        field: &'static str,
        /// What is wrong there.
        fault: DerFault,
    },
    /// A version other than 1.
    #[error("the version is not 1")]
    Version,
    /// The policy has more arcs than we read.
    #[error("the policy is beyond our limits")]
    Policy,
    /// The imprint breaks a rule that requests follow too.
    #[error("messageImprint: {0}")]
    Imprint(Box<Rejection>),
    /// genTime is not a GeneralizedTime in UTC with seconds (RFC 3161 §2.4.2).
    #[error("genTime is not of the form YYYYMMDDhhmmss[.f]Z")]
    GenTime,
    /// A part of the accuracy is out of its range.
    #[error("accuracy is out of range")]
    Accuracy,
    /// An extension that must be understood: we know none.
    #[error("it has a critical extension, and none is understood")]
    CriticalExtension,
}

impl<'a> TstInfo<'a> {
    /// Reads a TSTInfo that fills `der`.
    pub fn parse(der: &'a [u8]) -> Result<Self, TstInfoError> {
        let mut fields = DerReader::new(DerReader::single(der, tag::SEQUENCE).map_err(at("TSTInfo"))?);
        if fields.integer().map_err(at("version"))?.contents != [1] {
            return Err(TstInfoError::Version);
        }
        let policy = fields.object_identifier().map_err(at("policy"))?;
        let policy = PolicyOid::from_contents(policy.contents).ok_or(TstInfoError::Policy)?;
        let imprint = Imprint::read(fields.read(tag::SEQUENCE).map_err(at("messageImprint"))?)
            .map_err(|rejection| TstInfoError::Imprint(Box::new(rejection)))?;
        let serial = fields.integer().map_err(at("serialNumber"))?.contents;
        let gen_time = fields.read(tag::GENERALIZED_TIME).map_err(at("genTime"))?.contents;
        let gen_time = parse_gen_time(gen_time).ok_or(TstInfoError::GenTime)?;
        let accuracy = fields.optional(tag::SEQUENCE).map_err(at("accuracy"))?;
        let accuracy = accuracy.map(|accuracy| parse_accuracy(accuracy.contents)).transpose()?;
        let is_ordered = fields.default_false().map_err(at("ordering"))?;
        let nonce = match fields.peek() {
            Some(tag::INTEGER) => Some(fields.integer().map_err(at("nonce"))?.whole),
            _ => None,
        };
        let tsa = fields.optional(tag::context_constructed(0)).map_err(at("tsa"))?;
        let tsa = tsa.map(|tsa| single_value(tsa.contents)).transpose().map_err(at("tsa"))?;
        let extensions = fields.optional(tag::context_constructed(1)).map_err(at("extensions"))?;
        fields.finish().map_err(at("TSTInfo"))?;
        let is_qualified = match extensions {
            Some(extensions) => states_qualified(extensions.contents)?,
            None => false,
        };
        Ok(Self { policy, imprint, serial, gen_time, accuracy, is_ordered, nonce, tsa, is_qualified })
    }
}

fn at(field: &'static str) -> impl Fn(DerFault) -> TstInfoError {
    move |fault| TstInfoError::NotDer { field, fault }
}

/// `bytes` when they are one value.
fn single_value(bytes: &[u8]) -> Result<&[u8], DerFault> {
    let mut reader = DerReader::new(bytes);
    let value = reader.any()?;
    reader.finish()?;
    Ok(value.whole)
}

/// `YYYYMMDDhhmmss[.f…]Z`, the fraction without trailing zeros. Digits after the milliseconds are dropped.
fn parse_gen_time(text: &[u8]) -> Option<UnixTime> {
    let (digits, rest) = text.split_at_checked(14)?;
    let fraction = match rest {
        b"Z" => &[][..],
        [b'.', fraction @ .., b'Z'] if fraction.last().is_some_and(|last| *last != b'0') => fraction,
        _ => return None,
    };
    if !digits.iter().chain(fraction).all(u8::is_ascii_digit) {
        return None;
    }
    let number = |from: usize, to: usize| digits[from..to].iter().fold(0_u16, |n, d| n * 10 + u16::from(d - b'0'));
    let part = |from: usize| number(from, from + 2) as u8;
    let date = der::DateTime::new(number(0, 4), part(4), part(6), part(8), part(10), part(12)).ok()?;
    let millis = (0..3)
        .fold(0_u64, |millis, place| millis * 10 + fraction.get(place).map_or(0, |digit| u64::from(digit - b'0')));
    Some(UnixTime::from_millis(date.unix_duration().as_secs() * 1_000 + millis))
}

fn parse_accuracy(contents: &[u8]) -> Result<Duration, TstInfoError> {
    let mut parts = DerReader::new(contents);
    let seconds = match parts.peek() {
        Some(tag::INTEGER) => small(parts.integer().map_err(at("accuracy"))?.contents)?,
        _ => 0,
    };
    let mut part = |number: u8| {
        let value = parts.optional(tag::context(number)).map_err(at("accuracy"))?;
        let Some(value) = value else { return Ok(0) };
        let part = small(value.contents)?;
        if (1..=999).contains(&part) { Ok(part) } else { Err(TstInfoError::Accuracy) }
    };
    let (millis, micros) = (part(0)?, part(1)?);
    parts.finish().map_err(at("accuracy"))?;
    Ok(Duration::from_secs(seconds) + Duration::from_millis(millis) + Duration::from_micros(micros))
}

/// A non-negative INTEGER of at most four octets, minimal.
fn small(contents: &[u8]) -> Result<u64, TstInfoError> {
    match contents {
        [] | [0x00, 0x00..=0x7f, ..] | [0x80..=0xff, ..] => Err(TstInfoError::Accuracy),
        octets if octets.len() > 4 => Err(TstInfoError::Accuracy),
        octets => Ok(octets.iter().fold(0, |number, &octet| number << 8 | u64::from(octet))),
    }
}

/// Reads all extensions: none may be critical, and the one that we know may be there.
fn states_qualified(contents: &[u8]) -> Result<bool, TstInfoError> {
    let not_der = at("extensions");
    let mut list = DerReader::new(contents);
    let mut is_qualified = false;
    while !list.is_empty() {
        let mut extension = DerReader::new(list.read(tag::SEQUENCE).map_err(&not_der)?.contents);
        let oid = extension.object_identifier().map_err(&not_der)?.contents;
        let is_critical = extension.default_false().map_err(&not_der)?;
        let value = extension.read(tag::OCTET_STRING).map_err(&not_der)?.contents;
        is_qualified |= oid == qualified::QC_STATEMENTS && value == qualified::STATEMENTS;
        extension.finish().map_err(&not_der)?;
        if is_critical {
            return Err(TstInfoError::CriticalExtension);
        }
    }
    Ok(is_qualified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gen_times_have_one_form() {
        for (text, millis) in [
            (&b"20261121105200Z"[..], Some(1_795_258_320_000)),
            (b"20261121105200.5Z", Some(1_795_258_320_500)),
            (b"20261121105200.1239Z", Some(1_795_258_320_123)),
            (b"20261121105200.50Z", None),
            (b"20261121105200.Z", None),
            (b"20261121105200", None),
            (b"20261121105200+0000", None),
            (b"202611211052Z", None),
            (b"20261321105200Z", None),
            (b"20261121105260Z", None),
            (b"2026112110520aZ", None),
            (b"", None),
        ] {
            assert_eq!(parse_gen_time(text).map(UnixTime::millis), millis, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn accuracies_stay_in_their_ranges() {
        for (contents, micros) in [
            (&[][..], Some(0)),
            (&[2, 1, 1], Some(1_000_000)),
            (&[2, 1, 1, 0x80, 2, 1, 0xf4, 0x81, 1, 5], Some(1_500_005)),
            (&[0x81, 2, 3, 0xe7], Some(999)),
            (&[0x80, 1, 0], None),
            (&[0x80, 2, 3, 0xe8], None),
            (&[2, 1, 0xff], None),
            (&[0x81, 1, 1, 0x80, 1, 1], None),
        ] {
            assert_eq!(parse_accuracy(contents).ok().map(|span| span.as_micros()), micros, "{contents:02x?}");
        }
    }
}
