//! Public keys from outside: the kinds that are accepted, and the verification of signatures.

use std::sync::Arc;

use crate::digest::sha256;
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5912, rfc8410};
use der::asn1::BitStringRef;
use der::{Decode as _, Reader as _, SliceReader};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfo, SubjectPublicKeyInfoRef};

use super::algorithm::SignatureAlgorithm;
use super::key_kind::KeyKind;

/// A public key that parsed, of an accepted kind, strong enough.
#[derive(Clone)]
pub struct PublicKey {
    kind: KeyKind,
    spki: Arc<[u8]>,
}

/// Why a public key is not accepted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PublicKeyError {
    /// Not a DER `SubjectPublicKeyInfo`, or its key bits make no sense.
    #[error("the public key is not a well-formed SubjectPublicKeyInfo")]
    Malformed,
    /// An algorithm or curve that we do not take.
    #[error("public keys of this kind are not accepted ({0}); use ECDSA P-256, P-384, P-521, Ed25519 or RSA")]
    Kind(ObjectIdentifier),
    /// RSA outside 2048 to 4096 bits (NIST SP 800-131A).
    #[error("an RSA key of {0} bits is insecure or unsupported; 2048 to 4096 bits are accepted")]
    RsaSize(u32),
    /// RSA with a public exponent other than 65537 (CA/B baseline requirements §6.1.6).
    #[error("an RSA key must have the public exponent 65537")]
    RsaExponent,
}

/// The signature does not belong to this key and message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

impl PublicKey {
    /// Reads a DER `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    pub fn from_spki(spki: &[u8]) -> Result<Self, PublicKeyError> {
        let info = SubjectPublicKeyInfoRef::from_der(spki).map_err(|_| PublicKeyError::Malformed)?;
        let kind = kind_of(&info)?;
        let key = Self { kind, spki: spki.into() };
        // Parsing in AWS-LC checks that a point is on its curve.
        ParsedPublicKey::new(key.default_verification(), &*key.spki).map_err(|_| PublicKeyError::Malformed)?;
        Ok(key)
    }

    /// Reads a PKCS#1 `RSAPublicKey` (PEM label `RSA PUBLIC KEY`).
    pub fn from_pkcs1(rsa: &[u8]) -> Result<Self, PublicKeyError> {
        use der::Encode as _;
        let algorithm =
            AlgorithmIdentifierRef { oid: rfc5912::RSA_ENCRYPTION, parameters: Some(der::asn1::AnyRef::NULL) };
        let subject_public_key = BitStringRef::from_bytes(rsa).map_err(|_| PublicKeyError::Malformed)?;
        let spki = SubjectPublicKeyInfo { algorithm, subject_public_key };
        Self::from_spki(&spki.to_der().map_err(|_| PublicKeyError::Malformed)?)
    }

    /// What kind of key it is.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The DER `SubjectPublicKeyInfo`, as it came.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The contents of the BIT STRING inside, which RFC 5280 §4.2.1.2 (1) hashes for a key identifier.
    pub fn key_bits(&self) -> &[u8] {
        // Parsed once already; an empty slice is unreachable.
        SubjectPublicKeyInfoRef::from_der(&self.spki)
            .ok()
            .and_then(|i| i.subject_public_key.as_bytes())
            .unwrap_or_default()
    }

    /// SHA-256 of the `SubjectPublicKeyInfo`: a log's identifier (RFC 6962 §3.2), and how documents name a key.
    pub fn spki_sha256(&self) -> [u8; 32] {
        sha256(&self.spki)
    }

    /// The key as PEM `PUBLIC KEY`.
    pub fn to_pem(&self) -> String {
        pem::encode_config(
            &pem::Pem::new("PUBLIC KEY", self.spki.to_vec()),
            pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
        )
    }

    /// The verification that goes with the kind by default: SHA-256 with P-256 and RSA (PKCS#1 v1.5), SHA-384 with
    /// P-384, SHA-512 with P-521, pure Ed25519. The pairs that Fulcio's clients use since 1.7.
    pub fn default_verification(&self) -> &'static dyn VerificationAlgorithm {
        match self.kind {
            KeyKind::Ed25519 => &signature::ED25519,
            KeyKind::P256 => &signature::ECDSA_P256_SHA256_ASN1,
            KeyKind::P384 => &signature::ECDSA_P384_SHA384_ASN1,
            KeyKind::P521 => &signature::ECDSA_P521_SHA512_ASN1,
            KeyKind::Rsa { .. } => &signature::RSA_PKCS1_2048_8192_SHA256,
        }
    }

    /// Verifies by the kind's default pair of scheme and digest.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.verify_with(self.default_verification(), message, signature)
    }

    /// Verifies where the message is known by its digest only, under the kind's default pair. A digest of another
    /// length refuses, and so does Ed25519, which signs messages.
    pub fn verify_prehash(&self, digest: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let algorithm = self.default_digest().ok_or(BadSignature)?;
        let digest = Digest::import_less_safe(digest, algorithm).map_err(|_| BadSignature)?;
        let key = ParsedPublicKey::new(self.default_verification(), &*self.spki).map_err(|_| BadSignature)?;
        key.verify_digest_sig(&digest, signature).map_err(|_| BadSignature)
    }

    /// The digest of the kind's default pair; none for Ed25519.
    pub fn default_digest(&self) -> Option<&'static digest::Algorithm> {
        match self.kind {
            KeyKind::Ed25519 => None,
            KeyKind::P256 | KeyKind::Rsa { .. } => Some(&digest::SHA256),
            KeyKind::P384 => Some(&digest::SHA384),
            KeyKind::P521 => Some(&digest::SHA512),
        }
    }

    /// Verifies under one of the algorithms of our own keys.
    pub fn verify_as(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        self.verify_with(algorithm.verification(), message, signature)
    }

    /// Verifies under any algorithm of AWS-LC. One for another kind of key refuses.
    pub fn verify_with(
        &self,
        algorithm: &'static dyn VerificationAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        let key = ParsedPublicKey::new(algorithm, &*self.spki).map_err(|_| BadSignature)?;
        key.verify_sig(message, signature).map_err(|_| BadSignature)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for PublicKey {}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({:?}, sha256 {})", self.kind, hex::encode(&self.spki_sha256()[..8]))
    }
}

fn kind_of(info: &SubjectPublicKeyInfoRef<'_>) -> Result<KeyKind, PublicKeyError> {
    match info.algorithm.oid {
        rfc8410::ID_ED_25519 => Ok(KeyKind::Ed25519),
        rfc5912::ID_EC_PUBLIC_KEY => match info.algorithm.parameters_oid().map_err(|_| PublicKeyError::Malformed)? {
            rfc5912::SECP_256_R_1 => Ok(KeyKind::P256),
            rfc5912::SECP_384_R_1 => Ok(KeyKind::P384),
            rfc5912::SECP_521_R_1 => Ok(KeyKind::P521),
            curve => Err(PublicKeyError::Kind(curve)),
        },
        rfc5912::RSA_ENCRYPTION => rsa_kind(info.subject_public_key.as_bytes().ok_or(PublicKeyError::Malformed)?),
        other => Err(PublicKeyError::Kind(other)),
    }
}

/// `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }` (RFC 8017 §A.1.1).
fn rsa_kind(key: &[u8]) -> Result<KeyKind, PublicKeyError> {
    let (modulus, exponent) = rsa_numbers(key).map_err(|_| PublicKeyError::Malformed)?;
    let leading = modulus.first().map_or(0, |byte| byte.leading_zeros());
    let bits = (modulus.len() as u32).saturating_mul(8).saturating_sub(leading);
    if !(2048..=4096).contains(&bits) {
        return Err(PublicKeyError::RsaSize(bits));
    }
    if exponent != [1, 0, 1] {
        return Err(PublicKeyError::RsaExponent);
    }
    Ok(KeyKind::Rsa { bits: bits as u16 })
}

fn rsa_numbers(key: &[u8]) -> der::Result<(Vec<u8>, Vec<u8>)> {
    let mut reader = SliceReader::new(key)?;
    let numbers = reader.sequence(|inner| {
        let modulus = der::asn1::UintRef::decode(inner)?;
        let exponent = der::asn1::UintRef::decode(inner)?;
        Ok::<_, der::Error>((modulus.as_bytes().to_vec(), exponent.as_bytes().to_vec()))
    })?;
    reader.finish()?;
    Ok(numbers)
}
