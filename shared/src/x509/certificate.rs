//! One certificate, read once.

use std::sync::Arc;

use aws_lc_rs::signature::{self, VerificationAlgorithm};
use der::{Decode as _, Encode as _, Reader as _, SliceReader};
use x509_cert::TbsCertificate;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, SubjectKeyIdentifier};

use crate::keys::public_key::BadSignature;
use crate::keys::{KeyKind, PublicKey, PublicKeyError};
use crate::time::UnixTime;

/// A certificate that parsed as canonical DER, with the facts that the instance needs. Clones share the bytes.
#[derive(Clone)]
pub struct Certificate(Arc<Parsed>);

struct Parsed {
    der: Vec<u8>,
    tbs: TbsCertificate,
    tbs_der: Vec<u8>,
    subject_der: Vec<u8>,
    issuer_der: Vec<u8>,
    public_key: PublicKey,
    signature_algorithm: der::asn1::ObjectIdentifier,
    signature: Vec<u8>,
}

/// Why bytes are not a certificate that we read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CertificateError {
    /// It is larger than we accept.
    #[error("a certificate of {0} bytes is too large; at most {max} are accepted", max = Certificate::MAX_LEN)]
    Size(usize),
    /// Not a DER `Certificate` (RFC 5280 §4.1), or not its canonical encoding.
    #[error("not a well-formed certificate: {0}")]
    Malformed(der::Error),
    /// The DER is not canonical, so that what was read is not what would be compared.
    #[error("the certificate is not canonical DER")]
    NotCanonical,
    /// The key in it is not of a kind that we take.
    #[error(transparent)]
    Key(#[from] PublicKeyError),
}

impl From<der::Error> for CertificateError {
    fn from(error: der::Error) -> Self {
        Self::Malformed(error)
    }
}

impl Certificate {
    /// The largest certificate read, in bytes.
    pub const MAX_LEN: usize = 16 * 1024;

    /// Reads one certificate from DER.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > Self::MAX_LEN {
            return Err(CertificateError::Size(der.len()));
        }
        let certificate = x509_cert::Certificate::from_der(der)?;
        if certificate.to_der()? != der {
            return Err(CertificateError::NotCanonical);
        }
        let tbs = certificate.tbs_certificate();
        let tbs_der = SliceReader::new(der)?.sequence(|inner| {
            let tbs = inner.tlv_bytes()?.to_vec();
            inner.tlv_bytes()?;
            inner.tlv_bytes()?;
            Ok::<_, der::Error>(tbs)
        })?;
        Ok(Self(Arc::new(Parsed {
            tbs_der,
            subject_der: tbs.subject().to_der()?,
            issuer_der: tbs.issuer().to_der()?,
            public_key: PublicKey::from_spki(&tbs.subject_public_key_info().to_der()?)?,
            signature_algorithm: certificate.signature_algorithm().oid,
            signature: certificate.signature().raw_bytes().to_vec(),
            tbs: tbs.clone(),
            der: der.to_vec(),
        })))
    }

    /// The whole certificate.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The signed part.
    pub fn tbs_der(&self) -> &[u8] {
        &self.0.tbs_der
    }

    /// The signed part, parsed.
    pub fn tbs(&self) -> &TbsCertificate {
        &self.0.tbs
    }

    /// PEM `CERTIFICATE` (RFC 7468 §5), ends with a line feed.
    pub fn to_pem(&self) -> String {
        to_pem(self.der())
    }

    /// DER of the subject's `Name`.
    pub fn subject_der(&self) -> &[u8] {
        &self.0.subject_der
    }

    /// The subject as RFC 4514 writes it, for people.
    pub fn subject(&self) -> String {
        self.0.tbs.subject().to_string()
    }

    /// The attribute `oid` of the subject when it is there as text: `2.5.4.3` common name, `2.5.4.10` organization.
    pub fn subject_attribute(&self, oid: der::asn1::ObjectIdentifier) -> Option<String> {
        let attribute = self.0.tbs.subject().iter().find(|attribute| attribute.oid == oid)?;
        std::str::from_utf8(attribute.value.value()).ok().map(str::to_owned)
    }

    /// The issuer as RFC 4514 writes it, for people.
    pub fn issuer(&self) -> String {
        self.0.tbs.issuer().to_string()
    }

    /// DER of the issuer's `Name`.
    pub fn issuer_der(&self) -> &[u8] {
        &self.0.issuer_der
    }

    /// The octets of the serial number as they stand in the INTEGER.
    pub fn serial(&self) -> &[u8] {
        self.0.tbs.serial_number().as_bytes()
    }

    /// The key certified.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }

    /// First moment of validity.
    pub fn not_before(&self) -> UnixTime {
        UnixTime::from_seconds(self.0.tbs.validity().not_before.to_unix_duration().as_secs())
    }

    /// Last moment of validity, itself included (RFC 5280 §4.1.2.5).
    pub fn not_after(&self) -> UnixTime {
        UnixTime::from_seconds(self.0.tbs.validity().not_after.to_unix_duration().as_secs())
    }

    /// Whether `at` is inside the validity, both ends included, in whole seconds.
    pub fn is_valid_at(&self, at: UnixTime) -> bool {
        (self.not_before()..=self.not_after()).contains(&at.floor_to_second())
    }

    /// The subject key identifier, when there is one.
    pub fn subject_key_identifier(&self) -> Option<Vec<u8>> {
        let (_, extension) = self.0.tbs.get_extension::<SubjectKeyIdentifier>().ok()??;
        Some(extension.0.into_bytes().into())
    }

    /// The authority key identifier, when there is one.
    pub fn authority_key_identifier(&self) -> Option<Vec<u8>> {
        let (_, extension) = self.0.tbs.get_extension::<AuthorityKeyIdentifier>().ok()??;
        extension.key_identifier.map(|identifier| identifier.into_bytes().into())
    }

    /// Whether basic constraints say that it may certify others.
    pub fn is_ca(&self) -> bool {
        matches!(self.0.tbs.get_extension::<BasicConstraints>(), Ok(Some((_, constraints))) if constraints.ca)
    }

    /// The purposes in the extended key usage; empty when the extension is absent.
    pub fn extended_key_usage(&self) -> Vec<der::asn1::ObjectIdentifier> {
        self.0.tbs.get_extension::<ExtendedKeyUsage>().ok().flatten().map_or_else(Vec::new, |(_, usage)| usage.0)
    }

    /// Whether `issuer` is named as the issuer here and its key signed this. Validity and purposes are for the caller.
    pub fn is_issued_by(&self, issuer: &Self) -> bool {
        self.issuer_der() == issuer.subject_der() && self.verify_signature(issuer.public_key()).is_ok()
    }

    /// Verifies the signature with `key`, under any of the algorithms that authorities sign certificates with.
    pub fn verify_signature(&self, key: &PublicKey) -> Result<(), BadSignature> {
        let algorithm = verification(self.0.signature_algorithm, key.kind()).ok_or(BadSignature)?;
        key.verify_with(algorithm, self.tbs_der(), &self.0.signature)
    }
}

/// ECDSA says its digest only; the curve is the key's (RFC 5758 §3.2).
fn verification(oid: der::asn1::ObjectIdentifier, kind: KeyKind) -> Option<&'static dyn VerificationAlgorithm> {
    use const_oid::db::rfc5912 as oids;
    Some(match (oid, kind) {
        (oids::ECDSA_WITH_SHA_256, KeyKind::P256) => &signature::ECDSA_P256_SHA256_ASN1,
        (oids::ECDSA_WITH_SHA_384, KeyKind::P256) => &signature::ECDSA_P256_SHA384_ASN1,
        (oids::ECDSA_WITH_SHA_512, KeyKind::P256) => &signature::ECDSA_P256_SHA512_ASN1,
        (oids::ECDSA_WITH_SHA_256, KeyKind::P384) => &signature::ECDSA_P384_SHA256_ASN1,
        (oids::ECDSA_WITH_SHA_384, KeyKind::P384) => &signature::ECDSA_P384_SHA384_ASN1,
        (oids::ECDSA_WITH_SHA_512, KeyKind::P384) => &signature::ECDSA_P384_SHA512_ASN1,
        (oids::ECDSA_WITH_SHA_256, KeyKind::P521) => &signature::ECDSA_P521_SHA256_ASN1,
        (oids::ECDSA_WITH_SHA_384, KeyKind::P521) => &signature::ECDSA_P521_SHA384_ASN1,
        (oids::ECDSA_WITH_SHA_512, KeyKind::P521) => &signature::ECDSA_P521_SHA512_ASN1,
        (oids::SHA_256_WITH_RSA_ENCRYPTION, KeyKind::Rsa { .. }) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (oids::SHA_384_WITH_RSA_ENCRYPTION, KeyKind::Rsa { .. }) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (oids::SHA_512_WITH_RSA_ENCRYPTION, KeyKind::Rsa { .. }) => &signature::RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    })
}

/// PEM `CERTIFICATE` of `der`, ends with a line feed.
pub fn to_pem(der: &[u8]) -> String {
    pem::encode_config(
        &pem::Pem::new("CERTIFICATE", der),
        pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
    )
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Certificate {}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({}, serial {})", self.subject(), hex::encode(self.serial()))
    }
}
