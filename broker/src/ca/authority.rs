//! The issuing authority: its chain, its key, and what is the same in every certificate that it signs.

use std::sync::Arc;

use const_oid::db::rfc5280;
use der::flagset::FlagSet;
use shared::keys::{SignError, Signer};
use shared::time::UnixTime;
use shared::x509::{Certificate, Chain};
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};

/// The instance's issuing CA. Its key is used by `crate::ca::issue` alone.
pub struct Authority {
    chain: Chain,
    key: Arc<dyn Signer>,
    key_identifier: Vec<u8>,
    key_hash: [u8; 32],
    chain_pem: Vec<String>,
}

/// Why a chain and a key are not an issuing authority.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AuthorityError {
    /// The key is not the one in the chain's first certificate.
    #[error("the key does not belong to the issuing certificate {0}")]
    Key(String),
    /// The chain is a root alone: sigstore-python wants the issuing certificate apart from the root.
    #[error("the chain must have an issuing certificate and its root")]
    RootAlone,
    /// The first certificate cannot issue.
    #[error("the certificate {0} is not a CA with the key usage keyCertSign")]
    NotAuthority(String),
    /// The first certificate may issue, but not for code signing.
    #[error("the certificate {0} does not have the extended key usage codeSigning")]
    NotCodeSigning(String),
    /// The first certificate has no subject key identifier to point at.
    #[error("the certificate {0} has no subject key identifier")]
    NoKeyIdentifier(String),
}

/// The authority is not valid at this moment, so its certificates would not be valid either.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "the certificate {subject} is valid from {} to {}, not at {}",
    utc(.not_before),
    utc(.not_after),
    utc(.now)
)]
pub struct AuthorityNotValid {
    /// The subject of the certificate that is not valid.
    pub subject: String,
    /// First valid moment.
    pub not_before: UnixTime,
    /// Last valid moment.
    pub not_after: UnixTime,
    /// The present moment.
    pub now: UnixTime,
}

impl Authority {
    /// Checks that `key` and `chain` (issuing certificate first, root last) can issue code-signing certificates.
    pub fn new(chain: Chain, key: Arc<dyn Signer>) -> Result<Self, AuthorityError> {
        let issuing = chain.leaf();
        let subject = || issuing.subject();
        if issuing.public_key() != key.public_key() {
            return Err(AuthorityError::Key(subject()));
        }
        if chain.certificates().len() < 2 {
            return Err(AuthorityError::RootAlone);
        }
        if !issuing.is_ca() || !may_sign_certificates(issuing) {
            return Err(AuthorityError::NotAuthority(subject()));
        }
        if !issuing.extended_key_usage().contains(&rfc5280::ID_KP_CODE_SIGNING) {
            return Err(AuthorityError::NotCodeSigning(subject()));
        }
        let key_identifier =
            issuing.subject_key_identifier().ok_or_else(|| AuthorityError::NoKeyIdentifier(subject()))?;
        let key_hash = issuing.public_key().spki_sha256();
        let chain_pem = chain.certificates().iter().map(|each| each.to_pem().trim_end().to_owned()).collect();
        Ok(Self { chain, key, key_identifier, key_hash, chain_pem })
    }

    /// The chain: issuing certificate first, root last.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The chain as PEM, one certificate each, no line feed at the end.
    pub fn chain_pem(&self) -> &[String] {
        &self.chain_pem
    }

    /// The issuing CA's certificate, the first of the chain.
    pub fn certificate(&self) -> &Certificate {
        self.chain.leaf()
    }

    /// Its subject key identifier.
    pub fn key_identifier(&self) -> &[u8] {
        &self.key_identifier
    }

    /// SHA-256 of its public key, `issuer_key_hash` (RFC 6962 §3.2).
    pub fn key_hash(&self) -> &[u8; 32] {
        &self.key_hash
    }

    /// DER of the algorithm identifier that its signatures carry.
    pub fn algorithm_der(&self) -> &'static [u8] {
        self.key.algorithm().identifier_der()
    }

    /// Refuses to work outside the validity of any certificate of the chain.
    pub fn check_valid_at(&self, now: UnixTime) -> Result<(), AuthorityNotValid> {
        match self.chain.certificates().iter().find(|each| !each.is_valid_at(now)) {
            None => Ok(()),
            Some(invalid) => Err(AuthorityNotValid {
                subject: invalid.subject(),
                not_before: invalid.not_before(),
                not_after: invalid.not_after(),
                now,
            }),
        }
    }

    /// The last moment up to which the whole chain is valid.
    pub fn not_after(&self) -> UnixTime {
        let ends = self.chain.certificates().iter().map(Certificate::not_after).min();
        ends.expect("a chain is not empty")
    }

    pub(super) fn sign(&self, tbs: &[u8]) -> Result<Vec<u8>, SignError> {
        self.key.sign(tbs)
    }
}

fn may_sign_certificates(certificate: &Certificate) -> bool {
    let usage = certificate.tbs().get_extension::<KeyUsage>();
    matches!(usage, Ok(Some((_, usage))) if usage.0.contains(FlagSet::from(KeyUsages::KeyCertSign)))
}

/// A moment as RFC 3339, for messages.
fn utc(at: &UnixTime) -> String {
    at.rfc3339().unwrap_or_else(|_| format!("{} seconds after 1970", at.seconds()))
}
