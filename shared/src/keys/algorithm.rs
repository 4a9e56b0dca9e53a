//! The signature algorithms of the house's own keys.

use aws_lc_rs::signature;
use const_oid::ObjectIdentifier;

/// What a key of ours signs with. The digest is fixed by the key, never by the caller.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SignatureAlgorithm {
    /// ECDSA on P-256 over SHA-256, `ecdsa-with-SHA256` (RFC 5758 §3.2).
    EcdsaP256Sha256,
    /// ECDSA on P-384 over SHA-384, `ecdsa-with-SHA384` (RFC 5758 §3.2).
    EcdsaP384Sha384,
    /// RSASSA-PKCS1-v1_5 over SHA-256, `sha256WithRSAEncryption` (RFC 4055 §5); RS256 in JOSE.
    RsaPkcs1Sha256,
}

impl SignatureAlgorithm {
    /// The DER of the X.509 `AlgorithmIdentifier`: no parameters for ECDSA (RFC 5758 §3.2), NULL for RSA (RFC 4055 §5).
    pub const fn identifier_der(self) -> &'static [u8] {
        match self {
            Self::EcdsaP256Sha256 => &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
            Self::EcdsaP384Sha384 => &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03],
            Self::RsaPkcs1Sha256 => {
                &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00]
            }
        }
    }

    /// The algorithm's object identifier.
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::EcdsaP256Sha256 => const_oid::db::rfc5912::ECDSA_WITH_SHA_256,
            Self::EcdsaP384Sha384 => const_oid::db::rfc5912::ECDSA_WITH_SHA_384,
            Self::RsaPkcs1Sha256 => const_oid::db::rfc5912::SHA_256_WITH_RSA_ENCRYPTION,
        }
    }

    /// The digest that goes with it.
    pub fn digest(self) -> &'static aws_lc_rs::digest::Algorithm {
        match self {
            Self::EcdsaP256Sha256 | Self::RsaPkcs1Sha256 => &aws_lc_rs::digest::SHA256,
            Self::EcdsaP384Sha384 => &aws_lc_rs::digest::SHA384,
        }
    }

    /// The name in JOSE (RFC 7518 §3.1). P-384 with SHA-384 is ES384; JOSE ECDSA signatures are not DER, see the token room.
    pub const fn jose_name(self) -> &'static str {
        match self {
            Self::EcdsaP256Sha256 => "ES256",
            Self::EcdsaP384Sha384 => "ES384",
            Self::RsaPkcs1Sha256 => "RS256",
        }
    }

    /// The name in Sigstore's documents (`PublicKeyDetails`).
    pub const fn sigstore_name(self) -> &'static str {
        match self {
            Self::EcdsaP256Sha256 => "PKIX_ECDSA_P256_SHA_256",
            Self::EcdsaP384Sha384 => "PKIX_ECDSA_P384_SHA_384",
            Self::RsaPkcs1Sha256 => "PKIX_RSA_PKCS1V15_2048_SHA256",
        }
    }

    pub(crate) fn verification(self) -> &'static dyn signature::VerificationAlgorithm {
        match self {
            Self::EcdsaP256Sha256 => &signature::ECDSA_P256_SHA256_ASN1,
            Self::EcdsaP384Sha384 => &signature::ECDSA_P384_SHA384_ASN1,
            Self::RsaPkcs1Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        }
    }
}
