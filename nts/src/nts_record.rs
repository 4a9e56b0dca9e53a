//! Records of the key establishment of network time security (RFC 8915 §4): a list that both sides send once.

/// Longest answer that is read: eight cookies of a hundred octets are usual.
pub const MAX_ANSWER: usize = 16 * 1_024;
/// Longest cookie that is accepted: it goes into every packet, and packets must not be fragmented.
pub const MAX_COOKIE: usize = 512;
/// As many cookies as a client may hold (RFC 8915 §5.7).
pub const MAX_COOKIES: usize = 8;
/// NTPv4, the only protocol that there is.
pub const PROTOCOL_NTPV4: u16 = 0;
/// AEAD_AES_SIV_CMAC_256, which every implementation has (RFC 8915 §5.1).
pub const AEAD_AES_SIV_CMAC_256: u16 = 15;

mod kind {
    pub(super) const END: u16 = 0;
    pub(super) const NEXT_PROTOCOL: u16 = 1;
    pub(super) const ERROR: u16 = 2;
    pub(super) const WARNING: u16 = 3;
    pub(super) const AEAD: u16 = 4;
    pub(super) const COOKIE: u16 = 5;
    pub(super) const SERVER: u16 = 6;
    pub(super) const PORT: u16 = 7;
}

const CRITICAL: u16 = 0x8000;

/// What we send: NTPv4, the one algorithm, the end. All critical (RFC 8915 §4.1.1 to §4.1.5).
pub fn offer() -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, body) in [
        (kind::NEXT_PROTOCOL, &PROTOCOL_NTPV4.to_be_bytes()[..]),
        (kind::AEAD, &AEAD_AES_SIV_CMAC_256.to_be_bytes()),
        (kind::END, &[]),
    ] {
        out.extend_from_slice(&(kind | CRITICAL).to_be_bytes());
        out.extend_from_slice(&(body.len() as u16).to_be_bytes());
        out.extend_from_slice(body);
    }
    out
}

/// What the server granted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Agreement {
    /// Each good for one question, the first to be used first.
    pub cookies: Vec<Vec<u8>>,
    /// The time server, where it is another than the one we spoke to.
    pub server: Option<String>,
    /// Its port, where it is not 123.
    pub port: Option<u16>,
}

/// Why an answer is not an agreement.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RecordError {
    /// Over the cap.
    #[error("the answer is longer than {MAX_ANSWER} octets")]
    TooLong,
    /// The octets end before the end record does.
    #[error("the answer is cut short")]
    Short,
    /// An error record, with its code.
    #[error("the server refuses: error {0} (RFC 8915 section 4.1.3)")]
    Refused(u16),
    /// A warning record, with its code: none is defined yet, and unknown ones count as errors (RFC 8915 §4.1.4).
    #[error("the server sent the unknown warning {0}")]
    Warned(u16),
    /// A record that must be understood and is not.
    #[error("the answer has a critical record of the unknown type {0}")]
    UnknownCritical(u16),
    /// A record whose body is too short, too long or not of its form.
    #[error("a record of type {0} has a malformed body")]
    Body(u16),
    /// A record that may be there once.
    #[error("the answer has two records of type {0}")]
    Twice(u16),
    /// No common protocol.
    #[error("the server does not offer NTPv4")]
    Protocol,
    /// No common algorithm.
    #[error("the server does not offer AEAD_AES_SIV_CMAC_256")]
    Algorithm,
    /// No cookie that is accepted.
    #[error("the answer has no cookie, or one longer than {MAX_COOKIE} octets")]
    Cookies,
    /// Octets after the end record.
    #[error("the answer has octets after its end record")]
    Trailing,
}

/// Whether `octets` reach the end record: no more is to be read then. `None` as long as they do not.
pub fn end_of(octets: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let head = octets.get(at..)?.first_chunk::<4>()?;
        let next = at + 4 + usize::from(u16::from_be_bytes([head[2], head[3]]));
        if u16::from_be_bytes([head[0], head[1]]) & !CRITICAL == kind::END {
            return (next <= octets.len()).then_some(next);
        }
        at = next;
    }
}

impl Agreement {
    /// Reads a whole answer, from the first record to the end record.
    pub fn parse(octets: &[u8]) -> Result<Self, RecordError> {
        if octets.len() > MAX_ANSWER {
            return Err(RecordError::TooLong);
        }
        let (mut agreement, mut protocol, mut algorithm) = (Self::default(), None, None);
        let mut rest = octets;
        loop {
            let head = rest.first_chunk::<4>().ok_or(RecordError::Short)?;
            let (kind, is_critical) = split(u16::from_be_bytes([head[0], head[1]]));
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let body = rest.get(4..4 + length).ok_or(RecordError::Short)?;
            rest = &rest[4 + length..];
            match kind {
                kind::END if body.is_empty() => break,
                kind::NEXT_PROTOCOL => once(&mut protocol, kind, number(kind, body)?)?,
                kind::AEAD => once(&mut algorithm, kind, number(kind, body)?)?,
                kind::ERROR => return Err(RecordError::Refused(number(kind, body)?)),
                kind::WARNING => return Err(RecordError::Warned(number(kind, body)?)),
                kind::COOKIE if body.is_empty() || body.len() > MAX_COOKIE => return Err(RecordError::Cookies),
                kind::COOKIE if agreement.cookies.len() < MAX_COOKIES => agreement.cookies.push(body.to_vec()),
                kind::COOKIE => {}
                kind::SERVER => once(&mut agreement.server, kind, host(body)?)?,
                kind::PORT => once(&mut agreement.port, kind, number(kind, body)?)?,
                kind::END => return Err(RecordError::Body(kind)),
                other if is_critical => return Err(RecordError::UnknownCritical(other)),
                _ => {}
            }
        }
        match (protocol, algorithm) {
            _ if !rest.is_empty() => Err(RecordError::Trailing),
            (None | Some(1..), _) => Err(RecordError::Protocol),
            (_, Some(AEAD_AES_SIV_CMAC_256)) if agreement.cookies.is_empty() => Err(RecordError::Cookies),
            (_, Some(AEAD_AES_SIV_CMAC_256)) => Ok(agreement),
            _ => Err(RecordError::Algorithm),
        }
    }
}

fn split(word: u16) -> (u16, bool) {
    (word & !CRITICAL, word & CRITICAL != 0)
}

fn once<T>(slot: &mut Option<T>, kind: u16, value: T) -> Result<(), RecordError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(RecordError::Twice(kind)),
    }
}

/// A body that is one number. A server answers with one protocol and one algorithm; an empty list means that it has
/// none of ours.
fn number(kind: u16, body: &[u8]) -> Result<u16, RecordError> {
    match (kind, body) {
        (_, &[high, low]) => Ok(u16::from_be_bytes([high, low])),
        (kind::NEXT_PROTOCOL, []) => Err(RecordError::Protocol),
        (kind::AEAD, []) => Err(RecordError::Algorithm),
        _ => Err(RecordError::Body(kind)),
    }
}

/// A host name or an address in ASCII, without a dot at its end (RFC 8915 §4.1.7).
fn host(body: &[u8]) -> Result<String, RecordError> {
    let is_plain = |octet: &u8| octet.is_ascii_alphanumeric() || b".-:".contains(octet);
    match std::str::from_utf8(body) {
        Ok(text) if (1..=253).contains(&body.len()) && body.iter().all(is_plain) => Ok(text.to_owned()),
        _ => Err(RecordError::Body(kind::SERVER)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(records: &[(u16, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (kind, body) in records {
            out.extend_from_slice(&kind.to_be_bytes());
            out.extend_from_slice(&(body.len() as u16).to_be_bytes());
            out.extend_from_slice(body);
        }
        out
    }

    const PROTOCOL: (u16, &[u8]) = (0x8001, &[0, 0]);
    const AEAD: (u16, &[u8]) = (0x8004, &[0, 15]);
    const COOKIE: (u16, &[u8]) = (5, b"cookie");
    const END: (u16, &[u8]) = (0x8000, &[]);

    #[test]
    fn our_offer_is_three_critical_records() {
        assert_eq!(offer(), records(&[(0x8001, &[0, 0]), (0x8004, &[0, 15]), (0x8000, &[])]));
        assert_eq!(end_of(&offer()), Some(offer().len()));
    }

    #[test]
    fn an_agreement_is_understood() {
        let whole = records(&[
            PROTOCOL,
            AEAD,
            COOKIE,
            (5, b"another"),
            (6, b"ntp.example.com"),
            (7, &[1, 2]),
            (0x4000, b"?"),
            END,
        ]);
        let agreement = Agreement::parse(&whole).expect("parses");
        assert_eq!(agreement.cookies, [b"cookie".to_vec(), b"another".to_vec()]);
        assert_eq!((agreement.server.as_deref(), agreement.port), (Some("ntp.example.com"), Some(258)));
        for cut in 0..whole.len() {
            assert_eq!(end_of(&whole[..cut]), None);
            assert_eq!(Agreement::parse(&whole[..cut]), Err(RecordError::Short), "{cut}");
        }
    }

    #[test]
    fn what_is_no_agreement_says_why() {
        let long = [0; MAX_COOKIE + 1];
        for (list, expected) in [
            (&[AEAD, COOKIE, END][..], RecordError::Protocol),
            (&[(0x8001, &[]), AEAD, COOKIE, END], RecordError::Protocol),
            (&[(0x8001, &[0, 1]), AEAD, COOKIE, END], RecordError::Protocol),
            (&[PROTOCOL, COOKIE, END], RecordError::Algorithm),
            (&[PROTOCOL, (4, &[]), COOKIE, END], RecordError::Algorithm),
            (&[PROTOCOL, (4, &[0, 30]), COOKIE, END], RecordError::Algorithm),
            (&[PROTOCOL, AEAD, END], RecordError::Cookies),
            (&[PROTOCOL, AEAD, (5, &long), END], RecordError::Cookies),
            (&[PROTOCOL, PROTOCOL, AEAD, COOKIE, END], RecordError::Twice(1)),
            (&[(2, &[0, 1]), END], RecordError::Refused(1)),
            (&[(3, &[0, 1]), END], RecordError::Warned(1)),
            (&[(2, &[0]), END], RecordError::Body(2)),
            (&[PROTOCOL, AEAD, COOKIE, (0xc000, &[]), END], RecordError::UnknownCritical(0x4000)),
            (&[PROTOCOL, AEAD, COOKIE, (6, b"a/b"), END], RecordError::Body(6)),
            (&[PROTOCOL, AEAD, COOKIE, END, COOKIE], RecordError::Trailing),
            (&[PROTOCOL, AEAD, COOKIE, (0x8000, b"x")], RecordError::Body(0)),
        ] {
            assert_eq!(Agreement::parse(&records(list)), Err(expected), "{list:?}");
        }
    }
}
