//! The one way to a private key, and the kind that lives in this process.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::algorithm::SignatureAlgorithm;
use super::key_file::KeyFile;
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
}

/// The key did not sign. Ours, never the caller's, fault.
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
    #[error("not an encrypted PKCS#8 private key: {0}")]
    Format(pkcs8::Error),
    /// The key file is not the one that this key was encrypted under, or the key is damaged.
    #[error("the key does not open with this key file: {0}")]
    Decrypt(pkcs8::Error),
    /// The decrypted key is not one of the kinds that we sign with.
    #[error("the private key is not P-256, P-384 or RSA of at least 2048 bits")]
    Kind,
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
    /// A fresh key: P-256, P-384 or RSA-2048 by `algorithm`.
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
            SignatureAlgorithm::RsaPkcs1Sha256 => RsaKeyPair::generate(KeySize::Rsa2048)
                .and_then(|pair| pair.as_der())
                .map(|d: aws_lc_rs::encoding::Pkcs8V1Der<'_>| d.as_ref().to_vec()),
        }
        .map_err(|_| KeyError::Generate)?;
        Self::from_pkcs8(Zeroizing::new(pkcs8))
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

    /// Reads a PEM `ENCRYPTED PRIVATE KEY` (RFC 5958 §3) under the house's key file.
    pub fn from_encrypted_pem(pem: &str, key_file: &KeyFile) -> Result<Self, KeyError> {
        let (_, document) = der::SecretDocument::from_pem(pem).map_err(|e| KeyError::Format(e.into()))?;
        let encrypted = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(KeyError::Format)?;
        let opened = encrypted.decrypt(key_file.passphrase()).map_err(KeyError::Decrypt)?;
        Self::from_pkcs8(Zeroizing::new(opened.as_bytes().to_vec()))
    }

    /// The key as a PEM `ENCRYPTED PRIVATE KEY`: PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC, which `openssl pkcs8` reads.
    /// Few iterations are enough: the passphrase is 256 random bits, not something that a person chose.
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
                pair.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| SignError)?;
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
}
