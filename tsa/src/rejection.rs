//! Refusals: why a request gets no token, in the words and bits of RFC 3161 §2.4.2.

use shared::keys::SignError;
use shared::log::AppendError;
use shared::strict_json::JsonError;
use shared::x509::DerWriter;
use shared::x509::der_writer::tag;

use crate::clock_guard::ClockTrouble;
use crate::der_reader::DerFault;
use crate::hash_algorithm::{ACCEPTED, HashAlgorithm};
use crate::nonce::MAX_NONCE;
use crate::policy::{MAX_ARCS, PolicyOidError};
use crate::signing_unit::UnitTrouble;

/// The bits of `PKIFailureInfo` that a timestamp authority may set; it sets exactly one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PkiFailureInfo {
    /// Unrecognized or unsupported algorithm identifier.
    BadAlg = 0,
    /// Transaction not permitted or supported.
    BadRequest = 2,
    /// The data submitted has the wrong format.
    BadDataFormat = 5,
    /// The authority's time source is not available.
    TimeNotAvailable = 14,
    /// The requested policy is not supported.
    UnacceptedPolicy = 15,
    /// The requested extension is not supported.
    UnacceptedExtension = 16,
    /// The additional information requested could not be understood or is not available.
    AddInfoNotAvailable = 17,
    /// The request cannot be handled due to system failure.
    SystemFailure = 25,
}

impl PkiFailureInfo {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::BadAlg,
        Self::BadRequest,
        Self::BadDataFormat,
        Self::TimeNotAvailable,
        Self::UnacceptedPolicy,
        Self::UnacceptedExtension,
        Self::AddInfoNotAvailable,
        Self::SystemFailure,
    ];

    /// Its name in RFC 3161 §2.4.2.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadAlg => "badAlg",
            Self::BadRequest => "badRequest",
            Self::BadDataFormat => "badDataFormat",
            Self::TimeNotAvailable => "timeNotAvailable",
            Self::UnacceptedPolicy => "unacceptedPolicy",
            Self::UnacceptedExtension => "unacceptedExtension",
            Self::AddInfoNotAvailable => "addInfoNotAvailable",
            Self::SystemFailure => "systemFailure",
        }
    }

    /// Contents of the BIT STRING: unused bits first, trailing zero bits dropped (X.690 §11.2.2).
    fn bit_string_contents(self) -> Vec<u8> {
        let bit = self as usize;
        let mut contents = vec![0; bit / 8 + 2];
        contents[0] = 7 - (bit % 8) as u8;
        contents[bit / 8 + 1] = 0x80 >> (bit % 8);
        contents
    }
}

/// Why a request gets no token. The text of a caller's fault goes out as the status string; that of ours does not.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// The body is longer than any request that we read.
    #[error("the request is longer than the {limit} bytes that are accepted")]
    TooLong {
        /// The limit of its kind.
        limit: usize,
    },
    /// Not one DER `TimeStampReq` (RFC 3161 §2.4.1).
    #[error("the request is not a DER TimeStampReq (RFC 3161 section 2.4.1): {field}: {fault}")]
    NotDer {
        /// The field, as the specification spells it.
        field: &'static str,
        /// What is wrong there.
        fault: DerFault,
    },
    /// Not the JSON that Sigstore's clients send.
    #[error("the request is not the JSON of a timestamp request: {0}")]
    NotJson(JsonError),
    /// `artifactHash` is not base64.
    #[error("artifactHash is not padded standard base64 (RFC 4648 section 4)")]
    ArtifactHash,
    /// `nonce` is not a whole number.
    #[error("nonce is not a whole decimal number")]
    NonceText,
    /// `tsaPolicyOID` is not a dotted object identifier.
    #[error("tsaPolicyOID: {0}")]
    PolicyText(PolicyOidError),
    /// A version other than 1.
    #[error("the version must be 1 (RFC 3161 section 2.4.1)")]
    Version,
    /// An object identifier beyond our limits.
    #[error("{0}: an object identifier may have {MAX_ARCS} arcs of 63 bits")]
    IdentifierTooLong(&'static str),
    /// A digest that we do not know, or that is too weak to be timestamped (RFC 3161 §2.1 item 3).
    #[error("the hash algorithm {0} is unknown or too weak; {ACCEPTED} accepted (RFC 3161 section 2.1)")]
    HashUnsupported(String),
    /// Parameters with a digest that has none (RFC 5754 §2).
    #[error("the hash algorithm's parameters must be absent or NULL (RFC 5754 section 2)")]
    HashParameters,
    /// The imprint's length is not the digest's (RFC 3161 §2.1 item 7).
    #[error("hashedMessage has {found} bytes, {algorithm} has {expected} (RFC 3161 section 2.1)", expected = algorithm.length())]
    ImprintLength {
        /// The digest named.
        algorithm: HashAlgorithm,
        /// The length sent.
        found: usize,
    },
    /// A nonce beyond our limit.
    #[error("the nonce has {0} bytes, at most {MAX_NONCE} are accepted")]
    NonceTooLong(usize),
    /// An extension other than qcStatements (RFC 3161 §2.4.1: then no token SHALL be issued, critical or not).
    #[error("the extension {0} is not supported (RFC 3161 section 2.4.1)")]
    ExtensionUnsupported(String),
    /// A qualified timestamp of a unit that makes none, or a statement that we cannot make (RFC 3161 §2.4.2,
    /// addInfoNotAvailable).
    #[error("this unit does not make the statement that qcStatements asks for (ETSI EN 319 422 section 9.1)")]
    NotQualified,
    /// A policy that this unit does not issue under; `None` when none was requested and the unit has none.
    #[error("{}", policy_text(.0.as_deref()))]
    PolicyUnaccepted(Option<String>),
    /// No such unit, or not for this caller.
    #[error("this server has no timestamp unit `{0}`")]
    NoSuchUnit(String),
    /// Our clock cannot be trusted now.
    #[error("no trusted time: {0}")]
    Clock(#[from] ClockTrouble),
    /// The clock may be off by more than what the unit promises.
    #[error("the clock may be off by {uncertainty_ms} ms, more than the published accuracy of {accuracy_ms} ms allows")]
    Accuracy {
        /// The clock guard's bound and the rounding of genTime, in milliseconds.
        uncertainty_ms: u64,
        /// The accuracy in the tokens, in milliseconds.
        accuracy_ms: u64,
    },
    /// The unit's certificates or its key's period of use are not valid now.
    #[error("the unit may not sign: {0}")]
    UnitNotValid(UnitTrouble),
    /// The audit log did not take the record, so nothing may be signed.
    #[error("the audit log did not take the record: {0}")]
    NotRecorded(#[from] AppendError),
    /// The receipt is for another record.
    #[error("the receipt is not for this timestamp")]
    WrongReceipt,
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

fn policy_text(policy: Option<&str>) -> String {
    match policy {
        Some(policy) => format!("the policy {policy} is not one of this unit (RFC 3161 section 2.4.1)"),
        None => "this unit has no policy to issue under".to_owned(),
    }
}

impl Rejection {
    /// The one bit that says it (RFC 3161 §2.4.2).
    pub fn failure_info(&self) -> PkiFailureInfo {
        match self {
            Self::HashUnsupported(_) | Self::HashParameters => PkiFailureInfo::BadAlg,
            Self::TooLong { .. }
            | Self::PolicyText(PolicyOidError::Long)
            | Self::Version
            | Self::IdentifierTooLong(_)
            | Self::NonceTooLong(_)
            | Self::NoSuchUnit(_) => PkiFailureInfo::BadRequest,
            Self::NotDer { .. }
            | Self::NotJson(_)
            | Self::ArtifactHash
            | Self::NonceText
            | Self::PolicyText(_)
            | Self::ImprintLength { .. } => PkiFailureInfo::BadDataFormat,
            Self::Clock(_) | Self::Accuracy { .. } => PkiFailureInfo::TimeNotAvailable,
            Self::PolicyUnaccepted(_) => PkiFailureInfo::UnacceptedPolicy,
            Self::ExtensionUnsupported(_) => PkiFailureInfo::UnacceptedExtension,
            Self::NotQualified => PkiFailureInfo::AddInfoNotAvailable,
            Self::UnitNotValid(_) | Self::NotRecorded(_) | Self::WrongReceipt | Self::Sign(_) => {
                PkiFailureInfo::SystemFailure
            }
        }
    }

    /// Whether the fault is ours. Then the caller gets its kind and a request id, and no details.
    pub fn is_ours(&self) -> bool {
        matches!(self.failure_info(), PkiFailureInfo::TimeNotAvailable | PkiFailureInfo::SystemFailure)
    }

    /// The text for the caller.
    pub fn status_string(&self, request_id: &str) -> String {
        let ours = match self.failure_info() {
            PkiFailureInfo::TimeNotAvailable => "there is no trusted time now",
            PkiFailureInfo::SystemFailure => "the timestamp authority cannot answer now",
            _ => return self.to_string(),
        };
        if request_id.is_empty() { ours.to_owned() } else { format!("{ours} (request {request_id})") }
    }

    /// The DER `TimeStampResp`: status 2 (rejection), the rule as status string, one failure bit, no token.
    pub fn to_response(&self, request_id: &str) -> Vec<u8> {
        let text = self.status_string(request_id);
        let mut response = DerWriter::with_capacity(text.len() + 32);
        response.nested(tag::SEQUENCE, |response| {
            response.nested(tag::SEQUENCE, |info| {
                info.value(tag::INTEGER, &[2]);
                info.nested(tag::SEQUENCE, |texts| texts.value(tag::UTF8_STRING, text.as_bytes()));
                info.value(tag::BIT_STRING, &self.failure_info().bit_string_contents());
            });
        });
        response.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_bits_are_byte_exact() {
        use PkiFailureInfo as F;
        for (info, der) in [
            (F::BadAlg, &[0x03, 0x02, 0x07, 0x80][..]),
            (F::BadRequest, &[0x03, 0x02, 0x05, 0x20]),
            (F::BadDataFormat, &[0x03, 0x02, 0x02, 0x04]),
            (F::TimeNotAvailable, &[0x03, 0x03, 0x01, 0x00, 0x02]),
            (F::UnacceptedPolicy, &[0x03, 0x03, 0x00, 0x00, 0x01]),
            (F::UnacceptedExtension, &[0x03, 0x04, 0x07, 0x00, 0x00, 0x80]),
            (F::AddInfoNotAvailable, &[0x03, 0x04, 0x06, 0x00, 0x00, 0x40]),
            (F::SystemFailure, &[0x03, 0x05, 0x06, 0x00, 0x00, 0x00, 0x40]),
        ] {
            let mut writer = DerWriter::default();
            writer.value(tag::BIT_STRING, &info.bit_string_contents());
            assert_eq!(writer.finish(), der, "{info:?}");
        }
    }

    #[test]
    fn a_rejection_is_a_whole_response() {
        let response = Rejection::Version.to_response("r1");
        let text = "the version must be 1 (RFC 3161 section 2.4.1)";
        let mut expected = vec![0x30, (text.len() + 13) as u8, 0x30, (text.len() + 11) as u8, 0x02, 0x01, 0x02];
        expected.extend([0x30, (text.len() + 2) as u8, 0x0c, text.len() as u8]);
        expected.extend(text.as_bytes());
        expected.extend([0x03, 0x02, 0x05, 0x20]);
        assert_eq!(response, expected);
    }

    #[test]
    fn our_own_faults_say_only_the_request() {
        let rejection = Rejection::from(AppendError::Closed);
        assert_eq!(rejection.status_string("r7"), "the timestamp authority cannot answer now (request r7)");
        assert_eq!(Rejection::Sign(SignError).status_string(""), "the timestamp authority cannot answer now");
    }
}
