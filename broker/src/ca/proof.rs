//! Proof of possession: the applicant proves that it has the private key of the key to be certified.

use shared::keys::{KeyKind, PublicKey};

use super::armor;
use super::csr;
use super::proof_error::ProofError;

/// What an applicant submits: a key and a signature over its own name, or a certification request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Submission {
    /// A public key, and a signature by it over the name that the token gives its holder.
    PublicKey {
        /// PEM `PUBLIC KEY` or `RSA PUBLIC KEY`, or the DER of either.
        content: Vec<u8>,
        /// The signature over the name, as DER (ECDSA) or raw bytes.
        proof: Vec<u8>,
    },
    /// PKCS#10, PEM or DER.
    CertificationRequest(Vec<u8>),
}

/// Both or neither of the two ways to present a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SubmissionError {
    /// A key and a request: they could name different keys.
    #[error("the request has a public key and a certificate signing request; send one of them")]
    Both,
    /// No key to certify.
    #[error("the request has neither a public key nor a certificate signing request")]
    Neither,
}

/// A public key whose holder has proven possession of the private key. Only `Submission::verify` makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProvenKey(PublicKey);

impl Submission {
    /// Exactly one of the two ways must have been taken.
    pub fn parse(
        public_key: Option<(Vec<u8>, Vec<u8>)>,
        certification_request: Option<Vec<u8>>,
    ) -> Result<Self, SubmissionError> {
        match (public_key, certification_request) {
            (Some((content, proof)), None) => Ok(Self::PublicKey { content, proof }),
            (None, Some(request)) => Ok(Self::CertificationRequest(request)),
            (Some(_), Some(_)) => Err(SubmissionError::Both),
            (None, None) => Err(SubmissionError::Neither),
        }
    }

    /// Checks the proof. `name` is what the token calls its holder: the signed message of a bare key, unused with a
    /// request.
    pub fn verify(&self, name: &str) -> Result<ProvenKey, ProofError> {
        let key = match self {
            Self::PublicKey { content, proof } => {
                let key = read_key(content)?;
                check_encoding(&key)?;
                key.verify(name.as_bytes(), proof).map_err(|_| ProofError::Signature)?;
                key
            }
            Self::CertificationRequest(request) => {
                let labels = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];
                let key = match read_pem(request) {
                    Some(text) => csr::verify(&armor::open(text, &labels).map_err(ProofError::RequestArmor)?.1),
                    None => csr::verify(request),
                }?;
                check_encoding(&key)?;
                key
            }
        };
        Ok(ProvenKey(key))
    }
}

impl ProvenKey {
    /// The proven public key.
    pub fn key(&self) -> &PublicKey {
        &self.0
    }
}

fn read_key(content: &[u8]) -> Result<PublicKey, ProofError> {
    match read_pem(content) {
        Some(text) => match armor::open(text, &["PUBLIC KEY", "RSA PUBLIC KEY"]).map_err(ProofError::KeyArmor)? {
            ("RSA PUBLIC KEY", der) => Ok(PublicKey::from_pkcs1(&der)?),
            (_, der) => Ok(PublicKey::from_spki(&der)?),
        },
        None => Ok(PublicKey::from_spki(content)?),
    }
}

/// The text of a PEM, or `None` for DER: a SEQUENCE starts with 0x30, and no PEM with the digit `0`. What is neither is
/// no PEM.
fn read_pem(content: &[u8]) -> Option<&str> {
    (content.first() != Some(&0x30)).then(|| std::str::from_utf8(content).unwrap_or_default())
}

/// The key goes into the certificate octet by octet, so its encoding must be the one that every verifier reads.
fn check_encoding(key: &PublicKey) -> Result<(), ProofError> {
    const P256: &[u8] =
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04";
    const P384: &[u8] =
        b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00\x04";
    const P521: &[u8] =
        b"\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x03\x81\x86\x00\x04";
    const ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
    /// rsaEncryption with NULL parameters (RFC 3279 §2.3.1), after a SEQUENCE header of four octets.
    const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82";
    let spki = key.spki_der();
    let is_usual = match key.kind() {
        KeyKind::P256 => spki.starts_with(P256) && spki.len() == P256.len() + 64,
        KeyKind::P384 => spki.starts_with(P384) && spki.len() == P384.len() + 96,
        KeyKind::P521 => spki.starts_with(P521) && spki.len() == P521.len() + 132,
        KeyKind::Ed25519 => spki.starts_with(ED25519) && spki.len() == ED25519.len() + 32,
        KeyKind::Rsa { .. } => spki.get(4..).is_some_and(|rest| rest.starts_with(RSA)),
    };
    if is_usual { Ok(()) } else { Err(ProofError::Encoding) }
}

#[cfg(test)]
mod tests;
