//! Refused names.

use super::Rule;

/// Why a text is not a name. Each variant is one rule of the rule set; [`NameError::rule`] says which.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameError {
    /// I1: an issuer is reached by `https` only.
    #[error("{0:?} is not an https URL")]
    NotHttps(String),
    /// I1, and for other names the same limit.
    #[error("the name has {length} bytes; at most {limit} are accepted")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The longest accepted, in bytes.
        limit: usize,
    },
    /// U1: printable ASCII without backslash, quotation mark, angle brackets, caret, backtick, braces and bar.
    #[error("the character at byte {at} is not allowed in a URI name")]
    UriCharacter {
        /// Byte offset of the character.
        at: usize,
    },
    /// U2: a lower-case scheme, then `://`.
    #[error("{0:?} does not begin with a lower-case scheme and \"://\"")]
    UriScheme(String),
    /// U3.
    #[error("a URI name has no query")]
    UriQuery,
    /// U4.
    #[error("a URI name has no fragment")]
    UriFragment,
    /// U5.
    #[error("a URI name has no user information before the host")]
    UriUserinfo,
    /// U6: a port is written in digits, without leading zero, and is not the scheme's default.
    #[error("the port {0:?} is not a number from 1 to 65535 in its one spelling, or is the scheme's default")]
    UriPort(String),
    /// H1.
    #[error("the host has a character that is not ASCII")]
    HostNotAscii,
    /// H2.
    #[error("the host {0:?} has upper-case letters")]
    HostUpperCase(String),
    /// H3: a host has 1 to 253 bytes, a label at most 63 (RFC 1035 §2.3.4).
    #[error("a host or label of {length} bytes; hosts have 1 to 253, labels at most 63")]
    HostLength {
        /// Its length in bytes.
        length: usize,
    },
    /// H4.
    #[error("the host {0:?} ends in a dot")]
    HostTrailingDot(String),
    /// H5.
    #[error("the host {0:?} has a single label")]
    HostSingleLabel(String),
    /// H6.
    #[error("the host {0:?} has an empty label")]
    HostEmptyLabel(String),
    /// H7: letters, digits and inner hyphens (RFC 1123 §2.1); so no `*`, no `_`, no `[`.
    #[error("the label {0:?} is not made of letters, digits and inner hyphens")]
    HostCharacter(String),
    /// H8: `xn--` labels must survive the way through IDNA unchanged; any other `??--` label is reserved.
    #[error("the label {0:?} is not a valid internationalised label")]
    HostIdna(String),
    /// H9.
    #[error("{0:?} is an IP address or ends in a numeric label")]
    HostNumeric(String),
    /// P2.
    #[error("the path has an empty segment")]
    PathEmptySegment,
    /// P3.
    #[error("the path has a dot segment")]
    PathDotSegment,
    /// P4: the characters of RFC 3986 §3.3 without percent-encoding.
    #[error("the character {0:?} is not allowed in the path of a name")]
    PathCharacter(char),
    /// E2: printable ASCII without space.
    #[error("the e-mail address has a character that is not printable ASCII at byte {at}")]
    EmailCharacter {
        /// Byte offset of the character.
        at: usize,
    },
    /// E3: at most 254 bytes (RFC 5321 §4.5.3.1.3, less the angle brackets).
    #[error("the e-mail address has {length} bytes; at most 254 are accepted")]
    EmailLength {
        /// Its length in bytes.
        length: usize,
    },
    /// E4.
    #[error("the e-mail address has {count} \"@\" instead of one")]
    EmailAt {
        /// The number of `@`.
        count: usize,
    },
    /// E5: a dot-atom of 1 to 64 bytes (RFC 5322 §3.2.3): no quoting, no comment, no dot at an end or beside another.
    #[error("the local part {0:?} is not a dot-atom of 1 to 64 bytes")]
    EmailLocal(String),
    /// G1: a pattern, and a value that one is asked about, has at most 2048 bytes and is not empty.
    #[error("the pattern or the value has {length} bytes; they have 1 to 2048")]
    PatternLength {
        /// Its length in bytes.
        length: usize,
    },
    /// G2.
    #[error("the pattern {0:?} has a wildcard inside a segment; `*` stands for one whole segment")]
    PatternPartial(String),
    /// G3.
    #[error("the pattern {0:?} has `**` elsewhere than in its last segment, or consists of it")]
    PatternDoubleStar(String),
    /// G4.
    #[error("the pattern {0:?} begins with a wildcard")]
    PatternLeading(String),
    /// G5: printable ASCII without space.
    #[error("a segment of the pattern or the value has a character that is not printable ASCII at byte {at}")]
    PatternCharacter {
        /// Byte offset in the segment.
        at: usize,
    },
    /// G6.
    #[error("{0:?} is not allowed as a segment of a pattern or a value")]
    PatternSegment(String),
    /// G7.
    #[error("the value does not fit the pattern {pattern:?}")]
    PatternMismatch {
        /// The pattern, shortened.
        pattern: String,
    },
    /// K1: a cluster and a namespace are DNS-1123 labels, a service account is a DNS-1123 subdomain.
    #[error("{0:?} is not a Kubernetes name: lower-case letters, digits and inner hyphens")]
    Kubernetes(String),
    /// N2.
    #[error("{0:?} is not a user name of 1 to 64 letters, digits, dots, hyphens and underscores")]
    Username(String),
    /// S0: at most 2048 bytes (SPIFFE-ID §2.3).
    #[error("the SPIFFE ID has {length} bytes; at most 2048 are accepted")]
    SpiffeLength {
        /// Its length in bytes.
        length: usize,
    },
    /// S1.
    #[error("{0:?} does not begin with \"spiffe://\" in lower case")]
    SpiffeScheme(String),
    /// S2: the ID of a workload has a path; without one it names the trust domain itself.
    #[error("the SPIFFE ID has no path")]
    SpiffePathMissing,
    /// S3.
    #[error("{0:?} is not a trust domain: 1 to 255 lower-case letters, digits, dots, hyphens and underscores")]
    TrustDomain(String),
    /// S5.
    #[error("the path of the SPIFFE ID ends in a slash")]
    SpiffeTrailingSlash,
    /// S6.
    #[error("the path of the SPIFFE ID has an empty segment")]
    SpiffeEmptySegment,
    /// S7.
    #[error("the path of the SPIFFE ID has a dot segment")]
    SpiffeDotSegment,
    /// S8: no percent-encoding, no query, no fragment.
    #[error("the character {0:?} is not allowed in the path of a SPIFFE ID")]
    SpiffeCharacter(char),
    /// T3: an audience is 1 to 255 bytes of printable ASCII without space.
    #[error("{0:?} is not an audience of 1 to 255 printable ASCII characters")]
    Audience(String),
}

impl NameError {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        match self {
            Self::NotHttps(_) | Self::TooLong { .. } => Rule::I1,
            Self::UriCharacter { .. } => Rule::U1,
            Self::UriScheme(_) => Rule::U2,
            Self::UriQuery => Rule::U3,
            Self::UriFragment => Rule::U4,
            Self::UriUserinfo => Rule::U5,
            Self::UriPort(_) => Rule::U6,
            Self::HostNotAscii => Rule::H1,
            Self::HostUpperCase(_) => Rule::H2,
            Self::HostLength { .. } => Rule::H3,
            Self::HostTrailingDot(_) => Rule::H4,
            Self::HostSingleLabel(_) => Rule::H5,
            Self::HostEmptyLabel(_) => Rule::H6,
            Self::HostCharacter(_) => Rule::H7,
            Self::HostIdna(_) => Rule::H8,
            Self::HostNumeric(_) => Rule::H9,
            Self::PathEmptySegment => Rule::P2,
            Self::PathDotSegment => Rule::P3,
            Self::PathCharacter(_) => Rule::P4,
            Self::EmailCharacter { .. } => Rule::E2,
            Self::EmailLength { .. } => Rule::E3,
            Self::EmailAt { .. } => Rule::E4,
            Self::EmailLocal(_) => Rule::E5,
            Self::PatternLength { .. } => Rule::G1,
            Self::PatternPartial(_) => Rule::G2,
            Self::PatternDoubleStar(_) => Rule::G3,
            Self::PatternLeading(_) => Rule::G4,
            Self::PatternCharacter { .. } => Rule::G5,
            Self::PatternSegment(_) => Rule::G6,
            Self::PatternMismatch { .. } => Rule::G7,
            Self::Kubernetes(_) => Rule::K1,
            Self::Username(_) => Rule::N2,
            Self::SpiffeLength { .. } => Rule::S0,
            Self::SpiffeScheme(_) => Rule::S1,
            Self::SpiffePathMissing => Rule::S2,
            Self::TrustDomain(_) => Rule::S3,
            Self::SpiffeTrailingSlash => Rule::S5,
            Self::SpiffeEmptySegment => Rule::S6,
            Self::SpiffeDotSegment => Rule::S7,
            Self::SpiffeCharacter(_) => Rule::S8,
            Self::Audience(_) => Rule::T3,
        }
    }
}

/// The part of a refused text that an error repeats: at most 80 characters.
pub(super) fn excerpt(text: &str) -> String {
    shared::excerpt::excerpt(text, 80)
}
