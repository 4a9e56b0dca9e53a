//! genTime and how exact it is.

use std::time::Duration;

use shared::time::UnixTime;

use crate::clock_guard::TrustedNow;

/// The time in a token: whole seconds of UTC, `YYYYMMDDhhmmssZ` (RFC 3161 §2.4.2). No fraction is written: it would promise
/// nothing that `Accuracy` does not say, and some parsers refuse it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct GenTime(UnixTime);

/// How far a whole-second genTime may be from the clock's reading because of its rounding.
pub const ROUNDING: Duration = Duration::from_millis(500);

impl GenTime {
    /// The nearest second. Rounding down would be off by up to a whole second and use up an accuracy of one second alone; to
    /// the nearest, it is off by half a second and leaves the other half for the clock.
    pub fn nearest(now: TrustedNow) -> Self {
        Self(now.time().plus(ROUNDING).floor_to_second())
    }

    /// The moment.
    pub fn time(self) -> UnixTime {
        self.0
    }

    /// `YYYYMMDDhhmmssZ`; `None` after the year 9999.
    pub fn to_text(self) -> Option<[u8; 15]> {
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
        let mut text = [b'Z'; 15];
        for (digits, pair) in text.chunks_exact_mut(2).zip(pairs) {
            digits.copy_from_slice(&[b'0' + pair / 10, b'0' + pair % 10]);
        }
        Some(text)
    }
}

/// What the tokens promise: the true time is within genTime ± accuracy. Whole milliseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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

    /// `Accuracy ::= SEQUENCE { seconds INTEGER OPT, millis [0] INTEGER (1..999) OPT, micros [1] … }`; zero parts are left out,
    /// since zero is outside their range.
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
            assert_eq!(GenTime::nearest(trusted(millis)).to_text().as_ref(), Some(text));
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
