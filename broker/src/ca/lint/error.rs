//! The rules, by the ways to break them.

use const_oid::ObjectIdentifier;

/// A leaf of ours stays well below this: the longest names and CI claims make 2 KiB.
pub(super) const MAX_LEN: usize = 16 * 1024;

/// The rule that a draft broke.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LintError {
    /// AKI: the authority's key identifier and nothing else (RFC 5280 §4.2.1.1).
    #[error("the authority key identifier is not the authority's")]
    AuthorityKeyIdentifier,
    /// An extension is critical that must not be, or the other way round.
    #[error("extension {0} has the wrong criticality")]
    Criticality(ObjectIdentifier),
    /// An extension occurs twice (RFC 5280 §4.2).
    #[error("extension {0} occurs twice")]
    Duplicate(ObjectIdentifier),
    /// EKU: code signing and nothing else.
    #[error("the extended key usage is not codeSigning alone")]
    ExtendedKeyUsage,
    /// The issuer is not the authority's subject, octet by octet (RFC 5280 §4.1.2.4).
    #[error("the issuer is not the subject of the authority")]
    Issuer,
    /// The key is not the one that was proven.
    #[error("the key is not the proven one")]
    Key,
    /// KU: digitalSignature and nothing else.
    #[error("the key usage is not digitalSignature alone")]
    KeyUsage,
    /// Not a DER `TBSCertificate`.
    #[error("not a well-formed TBSCertificate: {0}")]
    Malformed(der::Error),
    /// A required extension is missing.
    #[error("extension {0} is missing")]
    Missing(ObjectIdentifier),
    /// The name is not the one that was permitted, or not alone.
    #[error("the subject alternative name is not the permitted name alone")]
    Name,
    /// The octets are not what their meaning encodes to (ITU-T X.690 §10).
    #[error("the encoding is not canonical DER")]
    NotCanonical,
    /// The serial number is not positive, or not of 9 to 20 octets (RFC 5280 §4.1.2.2), or not the drawn one.
    #[error("the serial number is not the generated one, or not a valid one")]
    Serial,
    /// The signature algorithm is not that of the authority's key.
    #[error("the signature algorithm is not the authority's")]
    SignatureAlgorithm,
    /// Larger than any certificate of ours.
    #[error("the certificate would be {0} bytes; {limit} are allowed", limit = MAX_LEN)]
    Size(usize),
    /// The subject is not empty.
    #[error("the subject is not empty")]
    Subject,
    /// SKI: SHA-1 of the key's bits (RFC 5280 §4.2.1.2).
    #[error("the subject key identifier is not that of the key")]
    SubjectKeyIdentifier,
    /// An extension that the profile does not have; the log's timestamps among them, they come later.
    #[error("extension {0} does not belong in this certificate")]
    Unexpected(ObjectIdentifier),
    /// issuerUniqueID or subjectUniqueID (RFC 5280 §4.1.2.8 forbids them).
    #[error("unique identifiers must not be used")]
    UniqueIdentifier,
    /// The first or last second is not what profile, clock and authority say.
    #[error("the validity is not the profile's")]
    Validity,
    /// An extension of Fulcio's arc says something else than the principal, or is encoded wrongly.
    #[error("extension {0} does not have the principal's value")]
    Value(ObjectIdentifier),
    /// Not version 3.
    #[error("not a version 3 certificate")]
    Version,
}
