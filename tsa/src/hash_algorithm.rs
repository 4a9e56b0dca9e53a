//! The digests that an imprint may be made with.

use aws_lc_rs::digest;
use const_oid::ObjectIdentifier;

/// A digest that is strong enough for years (RFC 3161 §2.1 item 3): SHA-2 and SHA-3 of at least 256 bits. MD5, SHA-1
/// and SHA-224 are not here, so a request with one of them is refused like an unknown one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum HashAlgorithm {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// SHA3-256 (FIPS 202).
    Sha3_256,
    /// SHA3-384.
    Sha3_384,
    /// SHA3-512.
    Sha3_512,
}

/// Bytes of a refusal's text that list what would have been taken.
pub(crate) const ACCEPTED: &str = "SHA-256, SHA-384, SHA-512, SHA3-256, SHA3-384 and SHA3-512 are";

impl HashAlgorithm {
    /// All of them, in the order in which we recommend them.
    pub const ALL: [Self; 6] =
        [Self::Sha256, Self::Sha384, Self::Sha512, Self::Sha3_256, Self::Sha3_384, Self::Sha3_512];

    /// The object identifier's contents octets: `2.16.840.1.101.3.4.2.n` (NIST CSOR).
    pub const fn oid_contents(self) -> &'static [u8; 9] {
        match self {
            Self::Sha256 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
            Self::Sha384 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02],
            Self::Sha512 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03],
            Self::Sha3_256 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x08],
            Self::Sha3_384 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x09],
            Self::Sha3_512 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x0a],
        }
    }

    /// The algorithm with these contents octets.
    pub fn from_oid_contents(contents: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.oid_contents() == contents)
    }

    /// The algorithm with this object identifier.
    pub fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::from_oid_contents(oid.as_bytes())
    }

    /// The digest of one of our own signatures: what a token's own attributes are hashed with, whatever the imprint's
    /// is.
    pub(crate) fn of_signature(algorithm: shared::keys::SignatureAlgorithm) -> Self {
        use shared::keys::SignatureAlgorithm as Signature;
        match algorithm {
            Signature::EcdsaP256Sha256 | Signature::RsaPkcs1Sha256 => Self::Sha256,
            Signature::EcdsaP384Sha384 | Signature::RsaPkcs1Sha384 => Self::Sha384,
            Signature::RsaPkcs1Sha512 => Self::Sha512,
        }
    }

    /// The name in the JSON of Sigstore's timestamp authority. Theirs knows the first three.
    pub fn from_json_name(name: &str) -> Option<Self> {
        Some(match name {
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            "sha3-256" => Self::Sha3_256,
            "sha3-384" => Self::Sha3_384,
            "sha3-512" => Self::Sha3_512,
            _ => return None,
        })
    }

    /// Length of a digest, in bytes.
    pub const fn length(self) -> usize {
        match self {
            Self::Sha256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }

    /// The digest of `data`.
    pub fn digest(self, data: &[u8]) -> digest::Digest {
        digest::digest(
            match self {
                Self::Sha256 => &digest::SHA256,
                Self::Sha384 => &digest::SHA384,
                Self::Sha512 => &digest::SHA512,
                Self::Sha3_256 => &digest::SHA3_256,
                Self::Sha3_384 => &digest::SHA3_384,
                Self::Sha3_512 => &digest::SHA3_512,
            },
            data,
        )
    }
}

impl std::fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Sha3_256 => "SHA3-256",
            Self::Sha3_384 => "SHA3-384",
            Self::Sha3_512 => "SHA3-512",
        })
    }
}

#[cfg(test)]
mod tests {
    use const_oid::db::{fips202, rfc5912};

    use super::*;

    #[test]
    fn octets_names_and_lengths_agree() {
        let sha2 = [rfc5912::ID_SHA_256, rfc5912::ID_SHA_384, rfc5912::ID_SHA_512];
        let sha3 = [fips202::ID_SHA_3_256, fips202::ID_SHA_3_384, fips202::ID_SHA_3_512];
        let oids = [sha2, sha3].concat();
        for (algorithm, oid) in HashAlgorithm::ALL.into_iter().zip(oids) {
            assert_eq!(algorithm.oid_contents(), oid.as_bytes());
            assert_eq!(HashAlgorithm::from_oid(oid), Some(algorithm));
            assert_eq!(algorithm.digest(b"").as_ref().len(), algorithm.length());
        }
        for weak in [rfc5912::ID_SHA_1, rfc5912::ID_SHA_224, rfc5912::ID_MD_5] {
            assert_eq!(HashAlgorithm::from_oid(weak), None);
        }
    }
}
