//! PKCS#10 certification requests (RFC 2986). Only the key and the self-signature count; the subject,
//! attributes and extensions of a request are ignored.

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5912, rfc8410};
use der::asn1::BitStringRef;
use der::{Decode as _, Reader as _, SliceReader, Tag};
use shared::keys::{KeyKind, PublicKey};
use spki::AlgorithmIdentifierRef;

use super::proof_error::ProofError;

/// The key that `der` asks a certificate for, proven by the request's own signature.
pub(super) fn verify(der: &[u8]) -> Result<PublicKey, ProofError> {
    let (signed, algorithm, signature) = split(der).map_err(|_| ProofError::RequestMalformed)?;
    let key = PublicKey::from_spki(subject_public_key_info(signed).map_err(|_| ProofError::RequestMalformed)?)?;
    if algorithm.oid != pair(key.kind()) {
        return Err(ProofError::RequestAlgorithm(algorithm.oid));
    }
    key.verify(signed, signature).map_err(|_| ProofError::RequestSignature)?;
    Ok(key)
}

/// `CertificationRequest ::= SEQUENCE { certificationRequestInfo, signatureAlgorithm, signature BIT STRING }`.
fn split(der: &[u8]) -> der::Result<(&[u8], AlgorithmIdentifierRef<'_>, &[u8])> {
    let mut reader = SliceReader::new(der)?;
    let parts = reader.sequence(|inner| {
        let signed = inner.tlv_bytes()?;
        let algorithm = AlgorithmIdentifierRef::decode(inner)?;
        let signature = BitStringRef::decode(inner)?;
        let octets = signature.as_bytes().ok_or_else(|| Tag::BitString.value_error())?;
        Ok::<_, der::Error>((signed, algorithm, octets))
    })?;
    reader.finish()?;
    Ok(parts)
}

/// `CertificationRequestInfo ::= SEQUENCE { version INTEGER {v1(0)}, subject Name, subjectPKInfo, attributes [0] }`.
/// Clients that leave the attributes out break RFC 2986, but nothing is lost by reading on.
fn subject_public_key_info(info: &[u8]) -> der::Result<&[u8]> {
    let mut reader = SliceReader::new(info)?;
    let spki = reader.sequence(|inner| {
        if u8::decode(inner)? != 0 {
            return Err(Tag::Integer.value_error().into());
        }
        inner.tlv_bytes()?;
        let spki = inner.tlv_bytes()?;
        while !inner.is_finished() {
            inner.tlv_bytes()?;
        }
        Ok::<_, der::Error>(spki)
    })?;
    reader.finish()?;
    Ok(spki)
}

/// The one signature algorithm that we take with each kind of key: the pairs of Fulcio's registry since its version
/// 1.7.
fn pair(kind: KeyKind) -> ObjectIdentifier {
    match kind {
        KeyKind::Ed25519 => rfc8410::ID_ED_25519,
        KeyKind::P256 => rfc5912::ECDSA_WITH_SHA_256,
        KeyKind::P384 => rfc5912::ECDSA_WITH_SHA_384,
        KeyKind::P521 => rfc5912::ECDSA_WITH_SHA_512,
        KeyKind::Rsa { .. } => rfc5912::SHA_256_WITH_RSA_ENCRYPTION,
    }
}
