//! How Sigstore's documents write bytes and times: the JSON mapping of protocol buffers, read strictly.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::time::UnixTime;

/// Bytes, in standard base64 with padding.
#[derive(Clone, Eq, PartialEq)]
pub struct Base64(pub Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(de::Error::custom)
    }
}

impl std::fmt::Debug for Base64 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Base64({} bytes)", self.0.len())
    }
}

/// A moment, written as RFC 3339 in UTC with whole seconds; a fraction or an offset is understood.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Moment(pub UnixTime);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.rfc3339().map_err(ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_rfc3339(&text)
            .map(Self)
            .ok_or_else(|| de::Error::custom(format_args!("{text:?} is not an RFC 3339 time")))
    }
}

/// Reads an RFC 3339 `date-time` (§5.6) after 1970: upper-case `T` and `Z`, fractions cut to milliseconds.
pub fn parse_rfc3339(text: &str) -> Option<UnixTime> {
    let (date_time, rest) = text.split_at_checked(19)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            (1..=9).contains(&digits).then_some(rest.split_at(digits))?
        }
        None => ("", rest),
    };
    let utc: der::DateTime = format!("{date_time}Z").parse().ok()?;
    let millis: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let local = UnixTime::from_millis(utc.unix_duration().as_secs() * 1_000 + millis);
    match zone.split_at_checked(1)? {
        ("Z", "") => Some(local),
        (sign @ ("+" | "-"), offset) => {
            let (hours, minutes) = offset.split_once(':')?;
            let number = |part: &str, below: u64| {
                let is_two_digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
                if is_two_digits { part.parse::<u64>().ok().filter(|n| *n < below) } else { None }
            };
            let span = Duration::from_secs(number(hours, 24)? * 3_600 + number(minutes, 60)? * 60);
            Some(if sign == "+" { local.minus(span) } else { local.plus(span) })
        }
        _ => None,
    }
}

/// From when until when something counts. The end is inclusive; without one it is still in use.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ValidFor {
    /// The first moment. A verifier that finds none must not take the key (it would count for all of the past).
    pub start: Moment,
    /// The last moment, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Moment>,
}

impl ValidFor {
    /// Whether `time` lies within, both ends included, at the documents' precision of whole seconds.
    pub fn covers(&self, time: UnixTime) -> bool {
        self.start.0.seconds() <= time.seconds() && self.end.is_none_or(|end| time.seconds() <= end.0.seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_is_read_as_clients_write_it() {
        let table = [
            ("2026-11-21T10:52:00Z", Some(1_795_258_320_000)),
            ("2026-11-21T10:52:00.5Z", Some(1_795_258_320_500)),
            ("2026-11-21T10:52:00.123456789Z", Some(1_795_258_320_123)),
            ("2026-11-21T12:52:00+02:00", Some(1_795_258_320_000)),
            ("2026-11-21T09:22:00-01:30", Some(1_795_258_320_000)),
            ("2026-11-21T10:52:00", None),
            ("2026-11-21T10:52:00.Z", None),
            ("2026-11-21T10:52:00ZZ", None),
            ("2026-11-21T10:52:00+2:00", None),
            ("2026-13-21T10:52:00Z", None),
            ("2026-11-21", None),
            ("2026-11-21T10:52:0é", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_rfc3339(text).map(UnixTime::millis), expected, "{text}");
        }
    }

    #[test]
    fn both_ends_are_included() {
        let window =
            ValidFor { start: Moment(UnixTime::from_millis(10_900)), end: Some(Moment(UnixTime::from_seconds(20))) };
        for (millis, expected) in [(9_999, false), (10_000, true), (20_999, true), (21_000, false)] {
            assert_eq!(window.covers(UnixTime::from_millis(millis)), expected, "{millis}");
        }
    }
}
