//! genTime and how exact it is.

use std::time::Duration;

use shared::time::UnixTime;

use crate::clock_guard::TrustedNow;

/// How fine genTime is written. A finer one promises nothing by itself: `Accuracy` is the promise.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Precision {
    /// Whole seconds, to the nearest: what every client reads (RFC 3161 §2.4.2 wants no more unless it is needed).
    #[default]
    Seconds,
    /// Up to three decimals, for accuracies below half a second. Six are refused by sigstore-js.
    Milliseconds,
}

impl Precision {
    /// How far genTime may be from the clock's reading because of its rounding.
    pub const fn rounding(self) -> Duration {
        match self {
            Self::Seconds => Duration::from_millis(500),
            // The clock is read in whole milliseconds, cut.
            Self::Milliseconds => Duration::from_millis(1),
        }
    }
}

/// The time in a token: `YYYYMMDDhhmmss[.f]Z` in UTC (RFC 3161 §2.4.2).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct GenTime(UnixTime);

impl GenTime {
    /// The moment as it is written. Seconds are rounded to the nearest: rounding down would be off by up to a whole
    /// second and use up an accuracy of one second alone; to the nearest, it is off by half a second and leaves the
    /// other half for the clock.
    pub fn of(now: TrustedNow, precision: Precision) -> Self {
        match precision {
            Precision::Seconds => Self(now.time().plus(precision.rounding()).floor_to_second()),
            Precision::Milliseconds => Self(now.time()),
        }
    }

    /// The moment.
    pub fn time(self) -> UnixTime {
        self.0
    }

    /// Its text; `None` after the year 9999.
    pub fn to_text(self) -> Option<GenTimeText> {
        let date = der::DateTime::from_unix_duration(Duration::from_secs(self.0.seconds())).ok()?;
        let year = date.year();
        let pairs = [
            (year / 100) as u8,
            (year % 100) as u8,
            date.month(),
            date.day(),
            date.hour(),
            date.minutes(),
            date.seconds(),
        ];
        let mut text = GenTimeText { characters: [b'Z'; GenTimeText::LONGEST], length: 14 };
        for (digits, pair) in text.characters.chunks_exact_mut(2).zip(pairs) {
            digits.copy_from_slice(&[b'0' + pair / 10, b'0' + pair % 10]);
        }
        text.push_fraction((self.0.millis() % 1_000) as u16);
        text.push(b'Z');
        Some(text)
    }
}

/// The characters of a genTime.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GenTimeText {
    characters: [u8; Self::LONGEST],
    length: usize,
}

impl GenTimeText {
    const LONGEST: usize = "YYYYMMDDhhmmss.fffZ".len();

    /// The fraction has no trailing zero, and its point does not stand alone.
    fn push_fraction(&mut self, millis: u16) {
        if millis == 0 {
            return;
        }
        self.push(b'.');
        for unit in [100, 10, 1] {
            self.push(b'0' + (millis / unit % 10) as u8);
            if millis.is_multiple_of(unit) {
                return;
            }
        }
    }

    fn push(&mut self, character: u8) {
        self.characters[self.length] = character;
        self.length += 1;
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("digits, a point and a letter")
    }

    /// The characters, all of them ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.characters[..self.length]
    }
}

impl std::fmt::Display for GenTimeText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the tokens promise: the true time is within genTime ± accuracy. Whole milliseconds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Accuracy(Duration);

impl Accuracy {
    /// One second: half for rounding, the rest for the clock. ETSI EN 319 421 TIS-7.7.2-03 allows no more.
    pub const ONE_SECOND: Self = Self(Duration::from_secs(1));

    /// An accuracy of `millis` milliseconds, one at least.
    pub const fn from_millis(millis: u64) -> Option<Self> {
        if millis == 0 { None } else { Some(Self(Duration::from_millis(millis))) }
    }

    /// The span on either side of genTime.
    pub const fn span(self) -> Duration {
        self.0
    }

    /// `Accuracy ::= SEQUENCE { seconds INTEGER OPT, millis [0] INTEGER (1..999) OPT, micros [1] … }`; zero parts are
    /// left out, since zero is outside their range.
    pub(crate) fn to_der(self) -> Vec<u8> {
        use shared::x509::DerWriter;
        use shared::x509::der_writer::tag;
        let (seconds, millis) = (self.0.as_secs(), self.0.subsec_millis());
        let mut writer = DerWriter::default();
        writer.nested(tag::SEQUENCE, |accuracy| {
            if seconds > 0 {
                accuracy.unsigned(&seconds.to_be_bytes());
            }
            if millis > 0 {
                let mut integer = DerWriter::default();
                integer.unsigned(&millis.to_be_bytes());
                accuracy.value(tag::context(0), &integer.finish()[2..]);
            }
        });
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock_guard::tests::trusted;

    #[test]
    fn the_nearest_second_is_written() {
        for (millis, text) in [
            (1_795_258_320_000, b"20261121105200Z"),
            (1_795_258_320_499, b"20261121105200Z"),
            (1_795_258_320_500, b"20261121105201Z"),
            (1_798_761_599_999, b"20270101000000Z"),
        ] {
            let written = GenTime::of(trusted(millis), Precision::Seconds).to_text().expect("a year of four digits");
            assert_eq!(written.as_bytes(), text);
        }
    }

    #[test]
    fn milliseconds_have_no_trailing_zeros() {
        for (millis, text) in [
            (1_795_258_320_000, "20261121105200Z"),
            (1_795_258_320_001, "20261121105200.001Z"),
            (1_795_258_320_010, "20261121105200.01Z"),
            (1_795_258_320_120, "20261121105200.12Z"),
            (1_795_258_320_500, "20261121105200.5Z"),
            (1_795_258_320_999, "20261121105200.999Z"),
        ] {
            let written = GenTime::of(trusted(millis), Precision::Milliseconds).to_text();
            assert_eq!(written.expect("a year of four digits").to_string(), text);
        }
    }

    #[test]
    fn accuracy_leaves_zero_parts_out() {
        for (millis, der) in [
            (1_000, &[0x30, 3, 2, 1, 1][..]),
            (900, &[0x30, 4, 0x80, 2, 0x03, 0x84]),
            (1_100, &[0x30, 6, 2, 1, 1, 0x80, 1, 100]),
            (1_200, &[0x30, 7, 2, 1, 1, 0x80, 2, 0, 200]),
        ] {
            assert_eq!(Accuracy::from_millis(millis).unwrap().to_der(), der);
        }
        assert_eq!(Accuracy::from_millis(0), None);
    }
}
