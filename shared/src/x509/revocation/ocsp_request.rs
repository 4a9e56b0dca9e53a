//! `OCSPRequest` (RFC 6960 §4.1), from outside.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912;
use der::asn1::{AnyRef, BitStringRef, IntRef, OctetStringRef};
use der::{Decode as _, Encode as _, Sequence};
use spki::AlgorithmIdentifierRef;
use x509_cert::ext::Extension;

use crate::x509::certificate::Certificate;

/// Longest request read, in bytes. One for a single certificate has about 80, and a nonce at most 128 more.
pub const MAX_OCSP_REQUEST: usize = 2048;
/// Most certificates in one request.
const MAX_CERTIFICATES: usize = 8;
/// `id-pkix-ocsp-nonce` (RFC 9654).
pub(super) const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");
/// Longest nonce that is sent back (RFC 9654 §2.1).
const MAX_NONCE: usize = 128;

/// Why a request is not answered.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OcspRequestError {
    /// Over the cap.
    #[error("the OCSP request has {0} bytes; at most {MAX_OCSP_REQUEST} are accepted")]
    Long(usize),
    /// Not DER, or not the structure.
    #[error("not a DER OCSPRequest (RFC 6960 section 4.1.1): {0}")]
    Malformed(der::Error),
    /// Another version.
    #[error("the version must be 1")]
    Version,
    /// No certificate, or too many.
    #[error("the OCSP request names {0} certificates; 1 to {MAX_CERTIFICATES} are accepted")]
    Count(usize),
    /// A critical extension that we do not know (RFC 6960 §4.4).
    #[error("the critical extension {0} is not understood")]
    Extension(ObjectIdentifier),
    /// A nonce of no or too many octets (RFC 9654 §2.1).
    #[error("the nonce has {0} octets; 1 to {MAX_NONCE} are accepted")]
    Nonce(usize),
}

impl From<der::Error> for OcspRequestError {
    fn from(error: der::Error) -> Self {
        Self::Malformed(error)
    }
}

/// The certificate in question: its issuer by two digests, and its serial number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertId {
    /// The whole `CertID`, as it came: it goes back unchanged.
    pub(super) der: Vec<u8>,
    digest: Option<&'static aws_lc_rs::digest::Algorithm>,
    name_hash: Vec<u8>,
    key_hash: Vec<u8>,
    serial: Vec<u8>,
}

impl CertId {
    /// Whether `issuer` is meant. SHA-1 is a name here, as the protocol's lightweight profile wants it (RFC 5019
    /// §2.1.1).
    pub fn is_issued_by(&self, issuer: &Certificate) -> bool {
        self.digest.is_some_and(|algorithm| {
            let is = |hash: &[u8], bytes| aws_lc_rs::digest::digest(algorithm, bytes).as_ref() == hash;
            is(&self.name_hash, issuer.subject_der()) && is(&self.key_hash, issuer.public_key().key_bits())
        })
    }

    /// The contents of the serial number's INTEGER.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }
}

/// A request that parsed. Its signature, if it has one, is not looked at: anyone may ask.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OcspRequest {
    pub(super) certificates: Vec<CertId>,
    /// The whole value of the nonce extension, as it came.
    pub(super) nonce: Option<Vec<u8>>,
}

#[derive(Sequence)]
struct RawRequest<'a> {
    tbs: RawTbs<'a>,
    #[asn1(context_specific = "0", optional = "true", tag_mode = "EXPLICIT")]
    signature: Option<RawSignature<'a>>,
}

#[derive(Sequence)]
struct RawTbs<'a> {
    #[asn1(context_specific = "0", default = "Default::default", tag_mode = "EXPLICIT")]
    version: u8,
    #[asn1(context_specific = "1", optional = "true", tag_mode = "EXPLICIT")]
    requestor: Option<AnyRef<'a>>,
    requests: Vec<RawSingle<'a>>,
    #[asn1(context_specific = "2", optional = "true", tag_mode = "EXPLICIT")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct RawSingle<'a> {
    certificate: RawCertId<'a>,
    #[asn1(context_specific = "0", optional = "true", tag_mode = "EXPLICIT")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct RawCertId<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    name_hash: &'a OctetStringRef,
    key_hash: &'a OctetStringRef,
    serial: IntRef<'a>,
}

#[derive(Sequence)]
struct RawSignature<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    signature: BitStringRef<'a>,
    #[asn1(context_specific = "0", optional = "true", tag_mode = "EXPLICIT")]
    certificates: Option<Vec<AnyRef<'a>>>,
}

impl OcspRequest {
    /// Reads a request.
    pub fn parse(der: &[u8]) -> Result<Self, OcspRequestError> {
        if der.len() > MAX_OCSP_REQUEST {
            return Err(OcspRequestError::Long(der.len()));
        }
        let RawRequest { tbs, .. } = RawRequest::from_der(der)?;
        if tbs.version != 0 {
            return Err(OcspRequestError::Version);
        }
        if !(1..=MAX_CERTIFICATES).contains(&tbs.requests.len()) {
            return Err(OcspRequestError::Count(tbs.requests.len()));
        }
        let mut nonce = None;
        for extension in tbs.extensions.unwrap_or_default() {
            if extension.extn_id == NONCE {
                let length = <&OctetStringRef>::from_der(extension.extn_value.as_bytes())?.as_bytes().len();
                if !(1..=MAX_NONCE).contains(&length) {
                    return Err(OcspRequestError::Nonce(length));
                }
                nonce = Some(extension.extn_value.as_bytes().to_vec());
            } else if extension.critical {
                return Err(OcspRequestError::Extension(extension.extn_id));
            }
        }
        let mut certificates = Vec::with_capacity(tbs.requests.len());
        for single in tbs.requests {
            if let Some(extension) = single.extensions.iter().flatten().find(|extension| extension.critical) {
                return Err(OcspRequestError::Extension(extension.extn_id));
            }
            certificates.push(cert_id(&single.certificate)?);
        }
        Ok(Self { certificates, nonce })
    }

    /// The certificates in question.
    pub fn certificates(&self) -> &[CertId] {
        &self.certificates
    }

    /// Whether the answer is for this request alone and must not be cached.
    pub fn has_nonce(&self) -> bool {
        self.nonce.is_some()
    }
}

fn cert_id(raw: &RawCertId<'_>) -> Result<CertId, OcspRequestError> {
    let digest = match raw.algorithm.oid {
        rfc5912::ID_SHA_1 => Some(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY),
        rfc5912::ID_SHA_256 => Some(&aws_lc_rs::digest::SHA256),
        rfc5912::ID_SHA_384 => Some(&aws_lc_rs::digest::SHA384),
        rfc5912::ID_SHA_512 => Some(&aws_lc_rs::digest::SHA512),
        _ => None,
    };
    Ok(CertId {
        der: raw.to_der()?,
        digest,
        name_hash: raw.name_hash.as_bytes().to_vec(),
        key_hash: raw.key_hash.as_bytes().to_vec(),
        serial: raw.serial.as_bytes().to_vec(),
    })
}
