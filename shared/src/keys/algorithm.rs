//! The signature algorithms of the instance's own keys.

use std::fmt;

use aws_lc_rs::signature;
use const_oid::ObjectIdentifier;

use super::key_kind::KeyKind;

/// What a key of ours signs with. The digest is fixed by the key, never by the caller.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SignatureAlgorithm {
    /// ECDSA on P-256 over SHA-256, `ecdsa-with-SHA256` (RFC 5758 §3.2).
    EcdsaP256Sha256,
    /// ECDSA on P-384 over SHA-384, `ecdsa-with-SHA384` (RFC 5758 §3.2).
    EcdsaP384Sha384,
    /// RSASSA-PKCS1-v1_5 over SHA-256, `sha256WithRSAEncryption` (RFC 4055 §5); RS256 in JOSE.
    RsaPkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 over SHA-384, `sha384WithRSAEncryption` (RFC 4055 §5).
    RsaPkcs1Sha384,
    /// RSASSA-PKCS1-v1_5 over SHA-512, `sha512WithRSAEncryption` (RFC 4055 §5).
    RsaPkcs1Sha512,
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
            Self::RsaPkcs1Sha384 => {
                &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c, 0x05, 0x00]
            }
            Self::RsaPkcs1Sha512 => {
                &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d, 0x05, 0x00]
            }
        }
    }

    /// The algorithm's object identifier.
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::EcdsaP256Sha256 => const_oid::db::rfc5912::ECDSA_WITH_SHA_256,
            Self::EcdsaP384Sha384 => const_oid::db::rfc5912::ECDSA_WITH_SHA_384,
            Self::RsaPkcs1Sha256 => const_oid::db::rfc5912::SHA_256_WITH_RSA_ENCRYPTION,
            Self::RsaPkcs1Sha384 => const_oid::db::rfc5912::SHA_384_WITH_RSA_ENCRYPTION,
            Self::RsaPkcs1Sha512 => const_oid::db::rfc5912::SHA_512_WITH_RSA_ENCRYPTION,
        }
    }

    /// The digest that goes with it.
    pub fn digest(self) -> &'static aws_lc_rs::digest::Algorithm {
        match self {
            Self::EcdsaP256Sha256 | Self::RsaPkcs1Sha256 => &aws_lc_rs::digest::SHA256,
            Self::EcdsaP384Sha384 | Self::RsaPkcs1Sha384 => &aws_lc_rs::digest::SHA384,
            Self::RsaPkcs1Sha512 => &aws_lc_rs::digest::SHA512,
        }
    }

    /// The name in JOSE (RFC 7518 §3.1). P-384 with SHA-384 is ES384; JOSE ECDSA signatures are not DER, see
    /// `broker::jose`.
    pub const fn jose_name(self) -> &'static str {
        match self {
            Self::EcdsaP256Sha256 => "ES256",
            Self::EcdsaP384Sha384 => "ES384",
            Self::RsaPkcs1Sha256 => "RS256",
            Self::RsaPkcs1Sha384 => "RS384",
            Self::RsaPkcs1Sha512 => "RS512",
        }
    }

    /// The name in Sigstore's documents (`PublicKeyDetails`).
    pub const fn sigstore_name(self) -> &'static str {
        match self {
            Self::EcdsaP256Sha256 => "PKIX_ECDSA_P256_SHA_256",
            Self::EcdsaP384Sha384 => "PKIX_ECDSA_P384_SHA_384",
            Self::RsaPkcs1Sha256 => "PKIX_RSA_PKCS1V15_2048_SHA256",
            // Sigstore names RSA with SHA-256 only. No log of ours has such a key, and no other document names one so.
            Self::RsaPkcs1Sha384 | Self::RsaPkcs1Sha512 => "PUBLIC_KEY_DETAILS_UNSPECIFIED",
        }
    }

    pub(crate) fn verification(self) -> &'static dyn signature::VerificationAlgorithm {
        match self {
            Self::EcdsaP256Sha256 => &signature::ECDSA_P256_SHA256_ASN1,
            Self::EcdsaP384Sha384 => &signature::ECDSA_P384_SHA384_ASN1,
            Self::RsaPkcs1Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::RsaPkcs1Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::RsaPkcs1Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcdsaP256Sha256 => "ECDSA P-256 with SHA-256",
            Self::EcdsaP384Sha384 => "ECDSA P-384 with SHA-384",
            Self::RsaPkcs1Sha256 => "RSA with SHA-256",
            Self::RsaPkcs1Sha384 => "RSA with SHA-384",
            Self::RsaPkcs1Sha512 => "RSA with SHA-512",
        })
    }
}

/// A kind of key together with what it signs with, as an operator names it when a key is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyAlgorithm {
    name: &'static str,
    signature: SignatureAlgorithm,
    pub(super) rsa_bits: Option<u16>,
}

/// The text names no supported kind of key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a supported kind of key; use one of {names}", names = KeyAlgorithm::names())]
pub struct KeyAlgorithmError(String);

impl KeyAlgorithm {
    /// P-384 with SHA-384.
    pub const P384: Self = Self::ecdsa("p384", SignatureAlgorithm::EcdsaP384Sha384);
    /// P-256 with SHA-256.
    pub const P256: Self = Self::ecdsa("p256", SignatureAlgorithm::EcdsaP256Sha256);
    /// RSA of 3072 bits with SHA-256, as strong as P-256 (NIST SP 800-57 part 1, table 2).
    pub const RSA3072: Self = Self::rsa("rsa3072", 3072, SignatureAlgorithm::RsaPkcs1Sha256);

    /// All of them. RSA goes with SHA-256 unless another digest is requested: sigstore-js reads no other one there.
    pub const ALL: [Self; 8] = [
        Self::P384,
        Self::P256,
        Self::RSA3072,
        Self::rsa("rsa3072-sha384", 3072, SignatureAlgorithm::RsaPkcs1Sha384),
        Self::rsa("rsa3072-sha512", 3072, SignatureAlgorithm::RsaPkcs1Sha512),
        Self::rsa("rsa4096", 4096, SignatureAlgorithm::RsaPkcs1Sha256),
        Self::rsa("rsa4096-sha384", 4096, SignatureAlgorithm::RsaPkcs1Sha384),
        Self::rsa("rsa4096-sha512", 4096, SignatureAlgorithm::RsaPkcs1Sha512),
    ];

    const fn ecdsa(name: &'static str, signature: SignatureAlgorithm) -> Self {
        Self { name, signature, rsa_bits: None }
    }

    const fn rsa(name: &'static str, bits: u16, signature: SignatureAlgorithm) -> Self {
        Self { name, signature, rsa_bits: Some(bits) }
    }

    /// The kind named `name`.
    pub fn parse(name: &str) -> Result<Self, KeyAlgorithmError> {
        let known = Self::ALL.into_iter().find(|algorithm| algorithm.name == name);
        known.ok_or_else(|| KeyAlgorithmError(name.chars().filter(|c| !c.is_control()).take(32).collect()))
    }

    /// Its name in the command line and configuration.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// What such a key signs with.
    pub fn signature(self) -> SignatureAlgorithm {
        self.signature
    }

    /// Whether a public key is of this kind.
    pub fn is_kind(self, kind: KeyKind) -> bool {
        match kind {
            KeyKind::P256 => self == Self::P256,
            KeyKind::P384 => self == Self::P384,
            KeyKind::Rsa { bits } => self.rsa_bits == Some(bits),
            KeyKind::Ed25519 | KeyKind::P521 => false,
        }
    }

    fn names() -> String {
        Self::ALL.map(|algorithm| algorithm.name).join(", ")
    }
}
