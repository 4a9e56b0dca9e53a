//! An NTP packet (RFC 5905 §7.3): the question of a client, and a server's answer.

use crate::extension_field::{ExtensionField, FieldError};

/// Octets before the extension fields.
pub const HEADER: usize = 48;
/// Longest packet that is read: a datagram without fragments, and then some.
pub const MAX_PACKET: usize = 2_048;

/// Version 4, mode 3 (client), no leap warning.
const CLIENT: u8 = 0x23;
const MODE_SERVER: u8 = 4;
/// Seconds from 1900, when NTP's first era began, to 1970.
const EPOCH: u64 = 2_208_988_800;
/// 2025-01-01, since 1970. Timestamps count seconds modulo 2^32; all are within 136 years after this.
const PIVOT: u64 = 1_735_689_600;

/// The header of a question. Everything but the version and the transmit timestamp is zero: a server needs no more, and
/// the timestamp is random, for it is only there to come back.
pub fn question(cookie: [u8; 8]) -> [u8; HEADER] {
    let mut packet = [0; HEADER];
    packet[0] = CLIENT;
    packet[40..].copy_from_slice(&cookie);
    packet
}

/// What the last minute of the month is announced to have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeapIndicator {
    /// 60 seconds.
    None,
    /// 61 seconds.
    Insert,
    /// 59 seconds.
    Delete,
}

/// A server's answer that may be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NtpReply {
    /// The announced leap second.
    pub leap: LeapIndicator,
    /// Microseconds since 1970 when the question reached the server.
    pub received_us: i64,
    /// Microseconds since 1970 when the answer left there.
    pub sent_us: i64,
    /// Microseconds of the way from the server to its own reference clock and back, rounded up.
    pub root_delay_us: i64,
    /// Microseconds that the server may be wrong by, as it says itself, rounded up.
    pub root_dispersion_us: i64,
    /// The server says that it is smearing a leap second now: ntpd and chrony then use reference identifiers of
    /// 254.x.x.x.
    pub is_smearing: bool,
}

/// A server's refusal (RFC 5905 §7.4, RFC 8915 §5.7).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kiss {
    /// `DENY` and `RSTR`: never ask again.
    Deny,
    /// `RATE`: ask less often.
    Rate,
    /// `NTSN`: our cookie is not known any more.
    NtsNak,
    /// Another, which says nothing about us.
    Other([u8; 4]),
}

/// Why a packet is not a usable answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PacketError {
    /// Shorter than a header, or longer than what is read.
    #[error("a packet of {0} octets is not an NTP packet")]
    Length(usize),
    /// Neither version 3 nor 4.
    #[error("NTP version {0} is not supported")]
    Version(u8),
    /// Not mode 4.
    #[error("the packet has mode {0}, which is not that of a server")]
    Mode(u8),
    /// It answers another question: to be dropped, since ours may still be answered.
    #[error("it answers another question")]
    Origin,
    /// It has no time to give.
    #[error("the server itself is not synchronized (leap {leap}, stratum {stratum})")]
    Unsynchronized {
        /// The leap indicator; 3 says so.
        leap: u8,
        /// The stratum; 16 and more say so.
        stratum: u8,
    },
    /// One of the two timestamps of the server is zero, which means that there is none.
    #[error("the server's timestamps are zero")]
    NoTime,
    /// The extension fields do not follow one another to the end.
    #[error("an extension field: {0}")]
    Field(#[from] FieldError),
}

/// A packet that answers our question: the header understood, the extension fields not yet.
#[derive(Debug)]
pub struct Packet<'a> {
    /// The time, or the refusal.
    pub body: Result<NtpReply, Kiss>,
    whole: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads an answer to the question that carried `cookie`.
    pub fn parse(whole: &'a [u8], cookie: [u8; 8]) -> Result<Self, PacketError> {
        let Some(header) = whole.first_chunk::<HEADER>().filter(|_| whole.len() <= MAX_PACKET) else {
            return Err(PacketError::Length(whole.len()));
        };
        let (leap, version, mode) = (header[0] >> 6, header[0] >> 3 & 7, header[0] & 7);
        if mode != MODE_SERVER {
            return Err(PacketError::Mode(mode));
        }
        if !(3..=4).contains(&version) {
            return Err(PacketError::Version(version));
        }
        if header[24..32] != cookie {
            return Err(PacketError::Origin);
        }
        let stratum = header[1];
        let reference = [header[12], header[13], header[14], header[15]];
        if stratum == 0 {
            return Ok(Self { body: Err(Kiss::of(reference)), whole });
        }
        let leap = match leap {
            0 => LeapIndicator::None,
            1 => LeapIndicator::Insert,
            2 => LeapIndicator::Delete,
            _ => return Err(PacketError::Unsynchronized { leap, stratum }),
        };
        if stratum > 15 {
            return Err(PacketError::Unsynchronized { leap: header[0] >> 6, stratum });
        }
        let (Some(received_us), Some(sent_us)) = (timestamp(header, 32), timestamp(header, 40)) else {
            return Err(PacketError::NoTime);
        };
        let reply = NtpReply {
            leap,
            received_us,
            sent_us,
            root_delay_us: short(header, 4),
            root_dispersion_us: short(header, 8),
            is_smearing: reference[0] == 254 && stratum > 1,
        };
        Ok(Self { body: Ok(reply), whole })
    }

    /// Its extension fields, each with the offset at which it begins.
    pub fn fields(&self) -> impl Iterator<Item = Result<(usize, ExtensionField<'a>), PacketError>> + use<'a> {
        let (whole, mut at) = (self.whole, HEADER);
        std::iter::from_fn(move || {
            if at >= whole.len() {
                return None;
            }
            let begin = at;
            match ExtensionField::read(&whole[at..]) {
                Ok(field) => {
                    at += field.length();
                    Some(Ok((begin, field)))
                }
                Err(error) => {
                    at = whole.len();
                    Some(Err(error.into()))
                }
            }
        })
    }

    /// The octets before offset `at`.
    pub fn before(&self, at: usize) -> &'a [u8] {
        &self.whole[..at.min(self.whole.len())]
    }
}

impl Kiss {
    fn of(code: [u8; 4]) -> Self {
        match &code {
            b"DENY" | b"RSTR" => Self::Deny,
            b"RATE" => Self::Rate,
            b"NTSN" => Self::NtsNak,
            _ => Self::Other(code),
        }
    }
}

fn word(header: &[u8; HEADER], at: usize) -> u32 {
    u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

/// A 64-bit timestamp in microseconds since 1970; `None` for zero, which means that there is none.
fn timestamp(header: &[u8; HEADER], at: usize) -> Option<i64> {
    let (seconds, fraction) = (word(header, at), word(header, at + 4));
    if seconds == 0 && fraction == 0 {
        return None;
    }
    let pivot = (PIVOT + EPOCH) as u32;
    let since_1970 = PIVOT + u64::from(seconds.wrapping_sub(pivot));
    let micros = (u64::from(fraction) * 1_000_000) >> 32;
    i64::try_from(since_1970 * 1_000_000 + micros).ok()
}

/// A 32-bit short format, 16 bits of seconds and 16 of their fraction, in microseconds, rounded up.
fn short(header: &[u8; HEADER], at: usize) -> i64 {
    ((i64::from(word(header, at)) * 1_000_000) >> 16) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOKIE: [u8; 8] = *b"cookie!!";

    fn answer() -> [u8; HEADER] {
        let mut packet = [0; HEADER];
        packet[0] = 0x24;
        packet[1] = 2;
        packet[4..8].copy_from_slice(&[0, 1, 0x80, 0]);
        packet[8..12].copy_from_slice(&[0, 0, 0x40, 0]);
        packet[24..32].copy_from_slice(&COOKIE);
        // 2026-11-21T10:52:00.5Z
        let seconds = (1_795_258_320_u64 + EPOCH) as u32;
        packet[32..36].copy_from_slice(&seconds.to_be_bytes());
        packet[36] = 0x80;
        packet[40..44].copy_from_slice(&seconds.to_be_bytes());
        packet[44] = 0xc0;
        packet
    }

    #[test]
    fn a_question_gives_nothing_away() {
        let packet = question(COOKIE);
        assert_eq!(packet[0], 0x23);
        assert!(packet[1..40].iter().all(|octet| *octet == 0));
        assert_eq!(packet[40..], COOKIE);
    }

    #[test]
    fn an_answer_is_understood() {
        let reply = Packet::parse(&answer(), COOKIE).expect("parses").body.expect("no kiss");
        assert_eq!((reply.received_us, reply.sent_us), (1_795_258_320_500_000, 1_795_258_320_750_000));
        assert_eq!((reply.root_delay_us, reply.root_dispersion_us), (1_500_001, 250_001));
        assert_eq!((reply.leap, reply.is_smearing), (LeapIndicator::None, false));
    }

    #[test]
    fn the_second_era_follows_the_first() {
        let mut packet = answer();
        packet[40..48].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0]);
        let reply = Packet::parse(&packet, COOKIE).expect("parses").body.expect("no kiss");
        // 2036-02-07T06:28:17Z, a second after the first era ended.
        assert_eq!(reply.sent_us, 2_085_978_497_000_000);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        type Change = (usize, u8);
        let cases: [(Change, PacketError); 7] = [
            ((0, 0x23), PacketError::Mode(3)),
            ((0, 0x0c), PacketError::Version(1)),
            ((24, 0), PacketError::Origin),
            ((0, 0xe4), PacketError::Unsynchronized { leap: 3, stratum: 2 }),
            ((1, 16), PacketError::Unsynchronized { leap: 0, stratum: 16 }),
            ((1, 255), PacketError::Unsynchronized { leap: 0, stratum: 255 }),
            ((31, 0), PacketError::Origin),
        ];
        for ((at, value), expected) in cases {
            let mut packet = answer();
            packet[at] = value;
            assert_eq!(Packet::parse(&packet, COOKIE).expect_err("refused"), expected);
        }
        let mut packet = answer();
        packet[40..48].fill(0);
        assert_eq!(Packet::parse(&packet, COOKIE).expect_err("refused"), PacketError::NoTime);
        assert_eq!(Packet::parse(&packet[..47], COOKIE).expect_err("refused"), PacketError::Length(47));
    }

    #[test]
    fn kisses_and_smears_are_told_apart() {
        for (code, kiss) in [
            (*b"DENY", Kiss::Deny),
            (*b"RSTR", Kiss::Deny),
            (*b"RATE", Kiss::Rate),
            (*b"NTSN", Kiss::NtsNak),
            (*b"INIT", Kiss::Other(*b"INIT")),
        ] {
            let mut packet = answer();
            packet[1] = 0;
            packet[12..16].copy_from_slice(&code);
            assert_eq!(Packet::parse(&packet, COOKIE).expect("parses").body, Err(kiss));
        }
        let mut packet = answer();
        packet[12..16].copy_from_slice(&[254, 1, 2, 3]);
        assert!(Packet::parse(&packet, COOKIE).expect("parses").body.expect("no kiss").is_smearing);
    }
}
