//! The CMS around a TSTInfo (RFC 5652 §5), as RFC 3161 §2.4.2 narrows it.

use aws_lc_rs::signature::{self, VerificationAlgorithm};
use cms::content_info::CmsVersion;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5911, rfc5912};
use der::asn1::{OctetString, SetOfVec};
use der::{Decode as _, Encode as _};
use shared::keys::KeyKind;
use shared::x509::der_writer::tag;
use shared::x509::{Certificate, Chain, DerWriter};
use spki::AlgorithmIdentifierOwned;

use super::error::VerifyError;
use crate::der_reader::{DerFault, DerReader};
use crate::hash_algorithm::HashAlgorithm;
use crate::signing_unit::template::{ID_CT_TST_INFO, ID_SIGNING_CERTIFICATE_V2};

/// A token whose structure holds; nothing about its signature is known yet.
pub(super) struct SignedToken {
    content: Vec<u8>,
    certificates: Vec<Certificate>,
    signer: SignerInfo,
    /// The signed attributes as they are signed: a SET OF in DER.
    attributes: Vec<u8>,
    digest: HashAlgorithm,
}

impl SignedToken {
    pub(super) fn parse(token: &[u8]) -> Result<Self, VerifyError> {
        let fields = Fields::split(token).map_err(|_| VerifyError::Token("ContentInfo or SignedData"))?;
        if fields.content_type != rfc5911::ID_SIGNED_DATA.as_bytes() {
            return Err(VerifyError::Structure("the content is not signed data"));
        }
        let rest = fields.without_certificates();
        let data = SignedData::from_der(&rest).map_err(|_| VerifyError::Token("SignedData"))?;
        // What was read must be all there is: no second encoding, no unsorted set, no forgotten field.
        if data.to_der().ok() != Some(rest) {
            return Err(VerifyError::Token("the encoding is not canonical"));
        }
        let certificates = read_certificates(fields.certificates)?;
        Self::check(data, certificates)
    }

    fn check(data: SignedData, certificates: Vec<Certificate>) -> Result<Self, VerifyError> {
        if data.version != CmsVersion::V3 {
            return Err(VerifyError::Structure("the version of SignedData is not 3 (RFC 5652 section 5.1)"));
        }
        if data.encap_content_info.econtent_type != ID_CT_TST_INFO {
            return Err(VerifyError::Structure("the signed content is not a TSTInfo"));
        }
        let content = data.encap_content_info.econtent.ok_or(VerifyError::Structure("the TSTInfo is detached"))?;
        let content: OctetString = content.decode_as().map_err(|_| VerifyError::Token("eContent"))?;
        let [signer] = data.signer_infos.0.as_slice() else {
            return Err(VerifyError::Structure("there is not exactly one signer (RFC 3161 section 2.4.2)"));
        };
        let digest = digest_algorithm(&signer.digest_alg)?;
        if !data.digest_algorithms.iter().any(|algorithm| algorithm.oid == signer.digest_alg.oid) {
            return Err(VerifyError::Structure("the signer's digest is not among the digest algorithms"));
        }
        if signer.version != CmsVersion::V1 {
            return Err(VerifyError::Structure("the version of SignerInfo is not 1"));
        }
        let attributes = signer.signed_attrs.as_ref().ok_or(VerifyError::Structure("nothing is signed"))?;
        let attributes = attributes.to_der().map_err(|_| VerifyError::Token("signedAttrs"))?;
        let signer = signer.clone();
        Ok(Self { content: content.into_bytes().into(), certificates, signer, attributes, digest })
    }

    /// The TSTInfo.
    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }

    /// The certificates in the token that we can read.
    pub(super) fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The one certificate that the signer identifier names.
    pub(super) fn signer_certificate(
        &self,
        unit: Option<&Certificate>,
        known: &[Certificate],
    ) -> Result<Certificate, VerifyError> {
        let SignerIdentifier::IssuerAndSerialNumber(sid) = &self.signer.sid else {
            return Err(VerifyError::Structure("the signer is not named by issuer and serial number"));
        };
        let issuer = sid.issuer.to_der().map_err(|_| VerifyError::Token("sid"))?;
        let is_named = |certificate: &&Certificate| {
            certificate.issuer_der() == issuer && certificate.serial() == sid.serial_number.as_bytes()
        };
        let mut all = unit.into_iter().chain(&self.certificates).chain(known);
        all.find(is_named).cloned().ok_or(VerifyError::NoCertificate)
    }

    /// Binds content, attributes, signature and `certificate` together.
    pub(super) fn verify(&self, certificate: &Certificate) -> Result<(), VerifyError> {
        let content_type = self.attribute(rfc5911::ID_CONTENT_TYPE)?;
        if DerReader::single(&content_type, tag::OBJECT_IDENTIFIER) != Ok(ID_CT_TST_INFO.as_bytes()) {
            return Err(VerifyError::Structure("attribute contentType is not TSTInfo"));
        }
        let message_digest = self.attribute(rfc5911::ID_MESSAGE_DIGEST)?;
        let digest = self.digest.digest(&self.content);
        if DerReader::single(&message_digest, tag::OCTET_STRING) != Ok(digest.as_ref()) {
            return Err(VerifyError::MessageDigest);
        }
        check_certificate_identifier(&self.attribute(ID_SIGNING_CERTIFICATE_V2)?, certificate)?;
        let algorithm = verification(&self.signer.signature_algorithm, self.digest, certificate)?;
        certificate
            .public_key()
            .verify_with(algorithm, &self.attributes, self.signer.signature.as_bytes())
            .map_err(|_| VerifyError::Signature)
    }

    /// The only value of the only signed attribute of this type.
    fn attribute(&self, oid: ObjectIdentifier) -> Result<Vec<u8>, VerifyError> {
        let attributes = self.signer.signed_attrs.as_ref().map_or(&[][..], SetOfVec::as_slice);
        let mut of_type = attributes.iter().filter(|attribute| attribute.oid == oid);
        let (Some(attribute), None) = (of_type.next(), of_type.next()) else {
            return Err(VerifyError::Structure("a mandatory signed attribute is missing or occurs twice"));
        };
        match attribute.values.as_slice() {
            [value] => value.to_der().map_err(|_| VerifyError::Token("signedAttrs")),
            _ => Err(VerifyError::Structure("a signed attribute has not exactly one value")),
        }
    }
}

/// A `ContentInfo` with a `SignedData` in it, cut into fields. The certificates are read apart from the rest: the `cms`
/// crate compares two of the same length by a wrong rule, and would find a sorted set unsorted.
pub(crate) struct Fields<'a> {
    content_type: &'a [u8],
    before: [&'a [u8]; 3],
    /// Contents of `[0] IMPLICIT CertificateSet`.
    pub(crate) certificates: Option<&'a [u8]>,
    after: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn split(token: &'a [u8]) -> Result<Self, DerFault> {
        let mut info = DerReader::new(DerReader::single(token, tag::SEQUENCE)?);
        let content_type = info.object_identifier()?.contents;
        let content = info.read(tag::context_constructed(0))?.contents;
        info.finish()?;
        let mut data = DerReader::new(DerReader::single(content, tag::SEQUENCE)?);
        let before = [data.integer()?.whole, data.read(tag::SET)?.whole, data.read(tag::SEQUENCE)?.whole];
        let certificates = data.optional(tag::context_constructed(0))?.map(|set| set.contents);
        Ok(Self { content_type, before, certificates, after: data.rest() })
    }

    pub(crate) fn without_certificates(&self) -> Vec<u8> {
        let mut writer = DerWriter::with_capacity(1024);
        writer.nested(tag::SEQUENCE, |data| {
            self.before.iter().for_each(|field| data.raw(field));
            data.raw(self.after);
        });
        writer.finish()
    }
}

/// The certificates that we can read, of a set that must be sorted (X.690 §11.6) and may hold nothing but certificates.
fn read_certificates(set: Option<&[u8]>) -> Result<Vec<Certificate>, VerifyError> {
    let malformed = |_| VerifyError::Token("certificates");
    let mut certificates = Vec::new();
    let Some(set) = set else { return Ok(certificates) };
    let mut reader = DerReader::new(set);
    let mut before: &[u8] = &[];
    while !reader.is_empty() {
        let der = reader.read(tag::SEQUENCE).map_err(malformed)?.whole;
        if der <= before {
            return Err(VerifyError::Token("the certificates are not sorted"));
        }
        before = der;
        // One with a kind of key that we do not take cannot be on our path; it does no harm.
        certificates.extend(Certificate::from_der(der));
        if certificates.len() > Chain::MAX_CERTIFICATES {
            return Err(VerifyError::Structure("there are more certificates than a chain has"));
        }
    }
    if before.is_empty() { Err(VerifyError::Token("an empty set of certificates")) } else { Ok(certificates) }
}

/// `SigningCertificateV2 ::= SEQUENCE { certs SEQUENCE OF ESSCertIDv2, policies … OPTIONAL }`; the first one is the
/// signer's (RFC 5035 §3): `ESSCertIDv2 ::= SEQUENCE { hashAlgorithm DEFAULT sha256, certHash OCTET STRING,
/// issuerSerial IssuerSerial OPTIONAL }`.
fn check_certificate_identifier(value: &[u8], certificate: &Certificate) -> Result<(), VerifyError> {
    let malformed = |_| VerifyError::Structure("attribute signingCertificateV2 is malformed");
    let mut signing_certificate = DerReader::new(DerReader::single(value, tag::SEQUENCE).map_err(malformed)?);
    let mut identifiers = DerReader::new(signing_certificate.read(tag::SEQUENCE).map_err(malformed)?.contents);
    let mut identifier = DerReader::new(identifiers.read(tag::SEQUENCE).map_err(malformed)?.contents);
    let algorithm = match identifier.optional(tag::SEQUENCE).map_err(malformed)? {
        None => HashAlgorithm::Sha256,
        Some(algorithm) => {
            let algorithm = AlgorithmIdentifierOwned::from_der(algorithm.whole)
                .map_err(|_| VerifyError::Structure("attribute signingCertificateV2 is malformed"))?;
            digest_algorithm(&algorithm)?
        }
    };
    let hash = identifier.read(tag::OCTET_STRING).map_err(malformed)?.contents;
    if hash != algorithm.digest(certificate.der()).as_ref() {
        return Err(VerifyError::CertificateHash);
    }
    if let Some(issuer_serial) = identifier.optional(tag::SEQUENCE).map_err(malformed)? {
        let mut issuer_serial = DerReader::new(issuer_serial.contents);
        let names = issuer_serial.read(tag::SEQUENCE).map_err(malformed)?.contents;
        let name = DerReader::single(names, tag::context_constructed(4)).map_err(malformed)?;
        let serial = issuer_serial.integer().map_err(malformed)?.contents;
        issuer_serial.finish().map_err(malformed)?;
        if name != certificate.issuer_der() || serial != certificate.serial() {
            return Err(VerifyError::CertificateHash);
        }
    }
    identifier.finish().map_err(malformed)?;
    // Further identifiers are of certificates in the chain, which is checked by itself; so are policies.
    signing_certificate.optional(tag::SEQUENCE).map_err(malformed)?;
    signing_certificate.finish().map_err(malformed)
}

/// SHA-2 or SHA-3; parameters absent or NULL (RFC 5754 §2).
fn digest_algorithm(algorithm: &AlgorithmIdentifierOwned) -> Result<HashAlgorithm, VerifyError> {
    if algorithm.parameters.as_ref().is_some_and(|parameters| !parameters.is_null()) {
        return Err(VerifyError::Algorithm);
    }
    HashAlgorithm::from_oid(algorithm.oid).ok_or(VerifyError::Algorithm)
}

/// The verification that signature algorithm, digest and key agree on; RFC 8933: the signature's digest is the signer's
/// digest.
fn verification(
    algorithm: &AlgorithmIdentifierOwned,
    digest: HashAlgorithm,
    certificate: &Certificate,
) -> Result<&'static dyn VerificationAlgorithm, VerifyError> {
    use HashAlgorithm::{Sha256, Sha384, Sha512};
    let is_rsa = matches!(certificate.public_key().kind(), KeyKind::Rsa { .. });
    let parameters_fit = match &algorithm.parameters {
        None => true,
        Some(parameters) => is_rsa && parameters.is_null(),
    };
    let named = match algorithm.oid {
        rfc5912::ECDSA_WITH_SHA_256 | rfc5912::SHA_256_WITH_RSA_ENCRYPTION => Sha256,
        rfc5912::ECDSA_WITH_SHA_384 | rfc5912::SHA_384_WITH_RSA_ENCRYPTION => Sha384,
        rfc5912::ECDSA_WITH_SHA_512 | rfc5912::SHA_512_WITH_RSA_ENCRYPTION => Sha512,
        rfc5912::RSA_ENCRYPTION => digest,
        _ => return Err(VerifyError::Algorithm),
    };
    let names_rsa = !matches!(
        algorithm.oid,
        rfc5912::ECDSA_WITH_SHA_256 | rfc5912::ECDSA_WITH_SHA_384 | rfc5912::ECDSA_WITH_SHA_512
    );
    if !parameters_fit || named != digest || names_rsa != is_rsa {
        return Err(VerifyError::Algorithm);
    }
    Ok(match (certificate.public_key().kind(), digest) {
        (KeyKind::P256, Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
        (KeyKind::P256, Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
        (KeyKind::P256, Sha512) => &signature::ECDSA_P256_SHA512_ASN1,
        (KeyKind::P384, Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
        (KeyKind::P384, Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
        (KeyKind::P384, Sha512) => &signature::ECDSA_P384_SHA512_ASN1,
        (KeyKind::P521, Sha256) => &signature::ECDSA_P521_SHA256_ASN1,
        (KeyKind::P521, Sha384) => &signature::ECDSA_P521_SHA384_ASN1,
        (KeyKind::P521, Sha512) => &signature::ECDSA_P521_SHA512_ASN1,
        (KeyKind::Rsa { .. }, Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (KeyKind::Rsa { .. }, Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (KeyKind::Rsa { .. }, Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        _ => return Err(VerifyError::Algorithm),
    })
}
