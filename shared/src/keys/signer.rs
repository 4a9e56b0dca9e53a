//! The interface to a private key, and keys in this process's memory.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use super::key_file::KeyFile;
use super::key_kind::KeyKind;
use super::public_key::{PublicKey, PublicKeyError};
use crate::random::Random;

/// Something that signs with one private key: a key in memory, a token, a remote service.
pub trait Signer: Send + Sync {
    /// The algorithm, fixed for the key's life.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// Signs `message`, which is hashed here. ECDSA answers a DER `ECDSA-Sig-Value` (RFC 3279 §2.2.3), RSA the octets.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;

    /// Whether a signature takes so long, in computation or waiting for a device, that it does not belong on a thread
    /// that serves connections.
    fn is_slow(&self) -> bool {
        matches!(self.public_key().kind(), KeyKind::Rsa { .. })
    }
}

/// The key did not sign. This is our fault, never the caller's.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the signing key did not sign")]
pub struct SignError;

/// Why a private key could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// AWS-LC would not make a key.
    #[error("no key could be generated")]
    Generate,
    /// The PEM is not an `ENCRYPTED PRIVATE KEY`, or its bytes are damaged.
    #[error("this is not an encrypted PKCS#8 private key: {0}")]
    Format(pkcs8::Error),
    /// The key file is not the one that this key was encrypted under, or the key is damaged.
    #[error("the private key cannot be decrypted with this key file or passphrase: {0}")]
    Decrypt(pkcs8::Error),
    /// The decrypted key is not one of the kinds that we sign with.
    #[error("the private key is not P-256, P-384 or RSA of at least 2048 bits")]
    Kind,
    /// The key cannot sign with the requested algorithm.
    #[error("a key of the kind {kind} cannot sign with {algorithm}")]
    Algorithm {
        /// The requested algorithm.
        algorithm: SignatureAlgorithm,
        /// The kind of the key.
        kind: KeyKind,
    },
    /// Its public half does not parse.
    #[error(transparent)]
    Public(#[from] PublicKeyError),
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

/// A private key held in this process, parsed once.
pub struct SigningKey {
    algorithm: SignatureAlgorithm,
    pair: Pair,
    public_key: PublicKey,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl SigningKey {
    /// A fresh key: P-256, P-384 or RSA of 2048 bits by `algorithm`.
    pub fn generate(algorithm: SignatureAlgorithm) -> Result<Self, KeyError> {
        let rng = SystemRandom::new();
        let pkcs8 = match algorithm {
            SignatureAlgorithm::EcdsaP256Sha256 => {
                EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &rng)
                    .map(|d| d.as_ref().to_vec())
            }
            SignatureAlgorithm::EcdsaP384Sha384 => {
                EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, &rng)
                    .map(|d| d.as_ref().to_vec())
            }
            SignatureAlgorithm::RsaPkcs1Sha256
            | SignatureAlgorithm::RsaPkcs1Sha384
            | SignatureAlgorithm::RsaPkcs1Sha512 => return Self::generate_rsa(KeySize::Rsa2048, algorithm),
        }
        .map_err(|_| KeyError::Generate)?;
        Self::from_pkcs8(Zeroizing::new(pkcs8))
    }

    /// A fresh key of the kind that an operator named.
    pub fn generate_as(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        match algorithm.rsa_bits {
            None => Self::generate(algorithm.signature()),
            Some(4096) => Self::generate_rsa(KeySize::Rsa4096, algorithm.signature()),
            Some(_) => Self::generate_rsa(KeySize::Rsa3072, algorithm.signature()),
        }
    }

    fn generate_rsa(size: KeySize, algorithm: SignatureAlgorithm) -> Result<Self, KeyError> {
        let pkcs8 = RsaKeyPair::generate(size)
            .and_then(|pair| pair.as_der())
            .map(|d: aws_lc_rs::encoding::Pkcs8V1Der<'_>| d.as_ref().to_vec())
            .map_err(|_| KeyError::Generate)?;
        Self::from_pkcs8(Zeroizing::new(pkcs8))?.signing_with(algorithm)
    }

    /// The same key, signing with `algorithm`. Only an RSA key has a choice, that of the digest, which its file does
    /// not say.
    pub fn signing_with(self, algorithm: SignatureAlgorithm) -> Result<Self, KeyError> {
        use SignatureAlgorithm::{RsaPkcs1Sha256, RsaPkcs1Sha384, RsaPkcs1Sha512};
        let is_rsa = matches!(algorithm, RsaPkcs1Sha256 | RsaPkcs1Sha384 | RsaPkcs1Sha512);
        match self.pair {
            Pair::Rsa(_) if is_rsa => Ok(Self { algorithm, ..self }),
            Pair::Ecdsa(_) if algorithm == self.algorithm => Ok(self),
            Pair::Ecdsa(_) | Pair::Rsa(_) => Err(KeyError::Algorithm { algorithm, kind: self.public_key.kind() }),
        }
    }

    /// Reads an unencrypted PKCS#8 key; the algorithm follows from the kind of key.
    pub fn from_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        let (algorithm, pair) = parse_pair(&pkcs8)?;
        let spki = match &pair {
            Pair::Ecdsa(pair) => {
                pair.public_key().as_der().map(|d: aws_lc_rs::encoding::PublicKeyX509Der<'_>| d.as_ref().to_vec())
            }
            Pair::Rsa(pair) => {
                pair.public_key().as_der().map(|d: aws_lc_rs::encoding::PublicKeyX509Der<'_>| d.as_ref().to_vec())
            }
        }
        .map_err(|_| KeyError::Kind)?;
        Ok(Self { algorithm, pair, public_key: PublicKey::from_spki(&spki)?, pkcs8 })
    }

    /// Reads a PEM `ENCRYPTED PRIVATE KEY` (RFC 5958 §3) under the instance's key file.
    pub fn from_encrypted_pem(pem: &str, key_file: &KeyFile) -> Result<Self, KeyError> {
        Self::from_encrypted_pem_with(pem, key_file.passphrase())
    }

    /// Reads a PEM `ENCRYPTED PRIVATE KEY` from elsewhere, under its own passphrase.
    pub fn from_encrypted_pem_with(pem: &str, passphrase: &[u8]) -> Result<Self, KeyError> {
        let (_, document) = der::SecretDocument::from_pem(pem).map_err(|e| KeyError::Format(e.into()))?;
        let encrypted = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(KeyError::Format)?;
        let opened = encrypted.decrypt(passphrase).map_err(KeyError::Decrypt)?;
        Self::from_pkcs8(Zeroizing::new(opened.as_bytes().to_vec()))
    }

    /// The key as a PEM `ENCRYPTED PRIVATE KEY`: PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC, which `openssl pkcs8`
    /// reads. Few iterations are enough: the passphrase is 256 random bits, not something that a person chose.
    pub fn to_encrypted_pem(&self, key_file: &KeyFile, random: &dyn Random) -> Result<Zeroizing<String>, KeyError> {
        const ITERATIONS: u32 = 2048;
        let salt = random.bytes::<16>();
        let iv = random.bytes::<16>();
        let parameters = pkcs8::pkcs5::pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS, &salt, iv)
            .map_err(|e| KeyError::Format(e.into()))?;
        let info = PrivateKeyInfoRef::try_from(self.pkcs8.as_slice()).map_err(KeyError::Format)?;
        let document = info.encrypt_with_params(parameters, key_file.passphrase()).map_err(KeyError::Format)?;
        document.to_pem("ENCRYPTED PRIVATE KEY", der::pem::LineEnding::LF).map_err(|e| KeyError::Format(e.into()))
    }
}

fn parse_pair(pkcs8: &[u8]) -> Result<(SignatureAlgorithm, Pair), KeyError> {
    if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8) {
        return Ok((SignatureAlgorithm::EcdsaP256Sha256, Pair::Ecdsa(pair)));
    }
    if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, pkcs8) {
        return Ok((SignatureAlgorithm::EcdsaP384Sha384, Pair::Ecdsa(pair)));
    }
    let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Kind)?;
    Ok((SignatureAlgorithm::RsaPkcs1Sha256, Pair::Rsa(pair)))
}

impl Signer for SigningKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.pair {
            Pair::Ecdsa(pair) => {
                pair.sign(&SystemRandom::new(), message).map(|s| s.as_ref().to_vec()).map_err(|_| SignError)
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding = match self.algorithm {
                    SignatureAlgorithm::RsaPkcs1Sha384 => &signature::RSA_PKCS1_SHA384,
                    SignatureAlgorithm::RsaPkcs1Sha512 => &signature::RSA_PKCS1_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                pair.sign(padding, &SystemRandom::new(), message, &mut signature).map_err(|_| SignError)?;
                Ok(signature)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom as Os;

    #[test]
    fn every_kind_signs_survives_the_disk_and_opens_only_with_its_key_file() {
        let key_file = KeyFile::generate(&Os);
        for algorithm in [
            SignatureAlgorithm::EcdsaP256Sha256,
            SignatureAlgorithm::EcdsaP384Sha384,
            SignatureAlgorithm::RsaPkcs1Sha256,
        ] {
            let key = SigningKey::generate(algorithm).expect("generates");
            let pem = key.to_encrypted_pem(&key_file, &Os).expect("encrypts");
            let again = SigningKey::from_encrypted_pem(&pem, &key_file).expect("decrypts");
            assert_eq!(again.algorithm(), algorithm);
            assert_eq!(again.public_key(), key.public_key());
            let signature = again.sign(b"message").expect("signs");
            assert!(key.public_key().verify_as(algorithm, b"message", &signature).is_ok());
            assert!(key.public_key().verify_as(algorithm, b"massage", &signature).is_err());
            assert!(SigningKey::from_encrypted_pem(&pem, &KeyFile::generate(&Os)).is_err());
        }
    }
    #[test]
    fn the_digest_of_an_rsa_key_is_a_choice_and_no_other_keys() {
        for algorithm in
            [SignatureAlgorithm::RsaPkcs1Sha256, SignatureAlgorithm::RsaPkcs1Sha384, SignatureAlgorithm::RsaPkcs1Sha512]
        {
            let key = SigningKey::generate(algorithm).expect("generates");
            assert_eq!(key.algorithm(), algorithm);
            let signature = key.sign(b"message").expect("signs");
            assert!(key.public_key().verify_as(algorithm, b"message", &signature).is_ok());
        }
        let key = SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("generates");
        assert!(key.signing_with(SignatureAlgorithm::RsaPkcs1Sha256).is_err());
        let key = SigningKey::generate_as(KeyAlgorithm::RSA3072).expect("generates");
        assert_eq!(key.public_key().kind(), KeyKind::Rsa { bits: 3072 });
        assert!(key.signing_with(SignatureAlgorithm::EcdsaP384Sha384).is_err());
        assert_eq!(KeyAlgorithm::parse("rsa3072"), Ok(KeyAlgorithm::RSA3072));
        assert!(KeyAlgorithm::parse("rsa1024").is_err());
    }
}
