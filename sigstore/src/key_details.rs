//! `PublicKeyDetails` of Sigstore's documents: the pairs of key and digest that the log accepts.

use shared::keys::{KeyKind, PublicKey};

/// A kind of key with its digest. Signatures over a digest only: plain Ed25519 signs messages and is left out, as in
/// Rekor v2; Ed25519ph is left out because our cryptographic library does not verify it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyDetails {
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384.
    EcdsaP384Sha384,
    /// ECDSA on P-521 with SHA-512.
    EcdsaP521Sha512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1v15Sha256 {
        /// Bits of the modulus: 2048, 3072 or 4096.
        bits: u16,
    },
}

impl KeyDetails {
    /// By name, or by number as protobuf's JSON also allows.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "PKIX_ECDSA_P256_SHA_256" | "5" => Self::EcdsaP256Sha256,
            "PKIX_ECDSA_P384_SHA_384" | "12" => Self::EcdsaP384Sha384,
            "PKIX_ECDSA_P521_SHA_512" | "13" => Self::EcdsaP521Sha512,
            "PKIX_RSA_PKCS1V15_2048_SHA256" | "9" => Self::RsaPkcs1v15Sha256 { bits: 2048 },
            "PKIX_RSA_PKCS1V15_3072_SHA256" | "10" => Self::RsaPkcs1v15Sha256 { bits: 3072 },
            "PKIX_RSA_PKCS1V15_4096_SHA256" | "11" => Self::RsaPkcs1v15Sha256 { bits: 4096 },
            _ => return None,
        })
    }

    /// Its name in JSON, as in `PublicKeyDetails`.
    pub fn name(self) -> &'static str {
        match self {
            Self::EcdsaP256Sha256 => "PKIX_ECDSA_P256_SHA_256",
            Self::EcdsaP384Sha384 => "PKIX_ECDSA_P384_SHA_384",
            Self::EcdsaP521Sha512 => "PKIX_ECDSA_P521_SHA_512",
            Self::RsaPkcs1v15Sha256 { bits: 2048 } => "PKIX_RSA_PKCS1V15_2048_SHA256",
            Self::RsaPkcs1v15Sha256 { bits: 3072 } => "PKIX_RSA_PKCS1V15_3072_SHA256",
            Self::RsaPkcs1v15Sha256 { .. } => "PKIX_RSA_PKCS1V15_4096_SHA256",
        }
    }

    /// The digest's name in JSON (`HashAlgorithm`).
    pub fn hash_name(self) -> &'static str {
        match self {
            Self::EcdsaP256Sha256 | Self::RsaPkcs1v15Sha256 { .. } => "SHA2_256",
            Self::EcdsaP384Sha384 => "SHA2_384",
            Self::EcdsaP521Sha512 => "SHA2_512",
        }
    }

    /// The digest.
    pub fn digest(self) -> &'static aws_lc_rs::digest::Algorithm {
        match self {
            Self::EcdsaP256Sha256 | Self::RsaPkcs1v15Sha256 { .. } => &aws_lc_rs::digest::SHA256,
            Self::EcdsaP384Sha384 => &aws_lc_rs::digest::SHA384,
            Self::EcdsaP521Sha512 => &aws_lc_rs::digest::SHA512,
        }
    }

    /// Whether `key` is of this kind. With it, `PublicKey::verify_prehash` verifies under just this pair.
    pub fn fits(self, key: &PublicKey) -> bool {
        match (self, key.kind()) {
            (Self::EcdsaP256Sha256, KeyKind::P256)
            | (Self::EcdsaP384Sha384, KeyKind::P384)
            | (Self::EcdsaP521Sha512, KeyKind::P521) => true,
            (Self::RsaPkcs1v15Sha256 { bits }, KeyKind::Rsa { bits: found }) => bits == found,
            _ => false,
        }
    }
}
