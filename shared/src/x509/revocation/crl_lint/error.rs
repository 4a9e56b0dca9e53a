//! The rules, one variant for each way to break one.

use const_oid::ObjectIdentifier;

/// The rule that a list broke.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CrlLintError {
    /// The authority key identifier is missing or another key's (RFC 5280 §5.2.1).
    #[error("the authority key identifier is not that of the issuer's key")]
    AuthorityKeyIdentifier,
    /// An extension is critical (RFC 5280 §5.2: none of ours is).
    #[error("extension {0} is critical")]
    Criticality(ObjectIdentifier),
    /// The number is missing, negative, or longer than 20 octets (RFC 5280 §5.2.3).
    #[error("the list has no CRL number of at most 20 octets")]
    CrlNumber,
    /// An extension occurs twice (RFC 5280 §4.2).
    #[error("extension {0} occurs twice")]
    Duplicate(ObjectIdentifier),
    /// A list of revoked certificates that is there and empty (RFC 5280 §5.1.2.6).
    #[error("the list of revoked certificates is present and empty")]
    EmptyEntries,
    /// The issuer is not the authority's subject, or is empty (RFC 5280 §5.1.2.3).
    #[error("the issuer is not the subject of the authority")]
    Issuer,
    /// Not a DER `TBSCertList`.
    #[error("not a well-formed TBSCertList: {0}")]
    Malformed(der::Error),
    /// No next update, or one before this update (RFC 5280 §5.1.2.5).
    #[error("the next update is missing or lies before this update")]
    NextUpdate,
    /// The octets are not what their meaning encodes to (ITU-T X.690 §10).
    #[error("the encoding is not canonical DER")]
    NotCanonical,
    /// An entry has no reason, two, or an unknown one (RFC 5280 §5.3.1).
    #[error("the entry of serial number {0} has no reason that RFC 5280 knows")]
    Reason(String),
    /// A serial number is not positive (RFC 5280 §4.1.2.2).
    #[error("serial number {0} is not positive")]
    Serial(String),
    /// A serial number is listed twice.
    #[error("serial number {0} is listed twice")]
    SerialTwice(String),
    /// The signature algorithm is not that of the authority's key (RFC 5280 §5.1.2.2).
    #[error("the signature algorithm is not the authority's")]
    SignatureAlgorithm,
    /// A time until 2049 that is not UTCTime, or a later one that is not GeneralizedTime (RFC 5280 §5.1.2.4 to
    /// §5.1.2.6).
    #[error("a time is UTCTime from 2050 on, or GeneralizedTime before")]
    TimeForm,
    /// Not version 2 (RFC 5280 §5.1.2.1).
    #[error("not a version 2 list")]
    Version,
}
