//! A revoked certificate, and why it was revoked.

use crate::time::UnixTime;

/// Why a certificate was revoked (RFC 5280 §5.3.1). Hold and its removal are not here: a timestamp that is invalid only
/// for a while is of no use.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RevocationReason {
    /// No reason is given. Tokens made before stay valid, as with those up to `CessationOfOperation` (RFC 3161 §4).
    Unspecified = 0,
    /// The key is, or may be, in other hands: none of its signatures can be trusted.
    KeyCompromise = 1,
    /// The same of an authority's key.
    CaCompromise = 2,
    /// The subject's name or relation changed.
    AffiliationChanged = 3,
    /// Another certificate took its place.
    Superseded = 4,
    /// It is not needed any more.
    CessationOfOperation = 5,
    /// What the certificate grants was taken back.
    PrivilegeWithdrawn = 9,
}

impl RevocationReason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
    ];

    /// Its name in RFC 5280.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
        }
    }

    /// The reason named `name`, whatever its capitals.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name().eq_ignore_ascii_case(name))
    }

    pub(super) fn code(self) -> u8 {
        self as u8
    }
}

/// A certificate that is revoked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revoked {
    /// The contents of its serial number's INTEGER.
    pub serial: Vec<u8>,
    /// The time of the revocation.
    pub at: UnixTime,
    /// The reason.
    pub reason: RevocationReason,
}
