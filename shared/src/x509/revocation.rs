//! Revocation: the list that an authority signs (RFC 5280 §5), and the answers of its responder (RFC 6960).

mod crl;
mod ocsp_request;
mod ocsp_response;

use super::der_writer::{DerWriter, tag};
use crate::time::UnixTime;

pub use crl::{CrlError, CrlPlan};
pub use ocsp_request::{CertId, MAX_OCSP_REQUEST, OcspRequest, OcspRequestError};
pub use ocsp_response::{AnswerPlan, CertStatus, OcspAnswer, OcspFault, Responder};

/// Why a certificate was revoked (RFC 5280 §5.3.1). Hold and its removal are not here: a timestamp that is invalid for a while
/// helps nobody.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RevocationReason {
    /// No reason is told. Tokens made before stay valid, as with those up to `CessationOfOperation` (RFC 3161 §4).
    Unspecified = 0,
    /// The key is, or may be, in other hands: all its signatures lose their worth.
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

    fn code(self) -> u8 {
        self as u8
    }
}

/// A certificate that is revoked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revoked {
    /// The contents of its serial number's INTEGER.
    pub serial: Vec<u8>,
    /// Since when.
    pub at: UnixTime,
    /// Why.
    pub reason: RevocationReason,
}

/// `GeneralizedTime` in whole seconds.
fn generalized_time(out: &mut DerWriter, at: UnixTime) -> Result<(), der::Error> {
    let text = at.rfc3339()?;
    let digits: String = text.chars().take(19).filter(char::is_ascii_digit).collect();
    out.value(tag::GENERALIZED_TIME, format!("{digits}Z").as_bytes());
    Ok(())
}

/// ENUMERATED of one octet.
fn enumerated(out: &mut DerWriter, value: u8) {
    out.value(0x0a, &[value]);
}
