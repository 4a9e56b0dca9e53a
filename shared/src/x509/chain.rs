//! A chain of certificates, leaf first, root last.

use super::certificate::{Certificate, CertificateError};
use crate::time::UnixTime;

/// Certificates of which each is issued by the next, the last one by itself. Signatures and names were checked when it
/// was made; validity and purposes depend on when and what for, and are for the user of the chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chain(Vec<Certificate>);

/// Why certificates are not a chain.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChainError {
    /// No certificate in it.
    #[error("the chain is empty")]
    Empty,
    /// More certificates than we follow.
    #[error("the chain has {0} certificates; at most {max} are accepted", max = Chain::MAX_CERTIFICATES)]
    Long(usize),
    /// The text is not PEM.
    #[error("the chain is not PEM")]
    Pem,
    /// A PEM block is not a certificate.
    #[error("the chain has a PEM block `{0}`; only CERTIFICATE blocks are accepted")]
    Label(String),
    /// One certificate does not parse.
    #[error("certificate {index} of the chain: {error}")]
    Certificate {
        /// Its place, from zero.
        index: usize,
        /// What is wrong with it.
        error: CertificateError,
    },
    /// A certificate was not issued by the one after it.
    #[error("certificate {0} of the chain is not issued by the next one")]
    Unlinked(usize),
    /// An issuer in it is not a certificate authority.
    #[error("certificate {0} of the chain issues another but is not a certificate authority")]
    NotAuthority(usize),
    /// The last certificate is not a root.
    #[error("the last certificate of the chain is not self-signed")]
    NoRoot,
}

impl Chain {
    /// The longest chain read.
    pub const MAX_CERTIFICATES: usize = 8;

    /// Checks that `certificates`, leaf first, are a chain up to a self-signed root.
    pub fn new(certificates: Vec<Certificate>) -> Result<Self, ChainError> {
        let last = certificates.last().ok_or(ChainError::Empty)?;
        if certificates.len() > Self::MAX_CERTIFICATES {
            return Err(ChainError::Long(certificates.len()));
        }
        if !last.is_issued_by(last) {
            return Err(ChainError::NoRoot);
        }
        for (index, pair) in certificates.windows(2).enumerate() {
            if !pair[1].is_ca() {
                return Err(ChainError::NotAuthority(index + 1));
            }
            if !pair[0].is_issued_by(&pair[1]) {
                return Err(ChainError::Unlinked(index));
            }
        }
        Ok(Self(certificates))
    }

    /// Reads a chain from concatenated PEM, leaf first.
    pub fn from_pem(text: &str) -> Result<Self, ChainError> {
        Self::new(read_pem(text, Self::MAX_CERTIFICATES)?)
    }

    /// All certificates, leaf first.
    pub fn certificates(&self) -> &[Certificate] {
        &self.0
    }

    /// The first certificate: the one that the chain is about.
    pub fn leaf(&self) -> &Certificate {
        &self.0[0]
    }

    /// The last certificate.
    pub fn root(&self) -> &Certificate {
        &self.0[self.0.len() - 1]
    }

    /// The intermediates, between leaf and root.
    pub fn intermediates(&self) -> &[Certificate] {
        self.0.get(1..self.0.len() - 1).unwrap_or_default()
    }

    /// The chain without its root, as protocols embed it; a chain of the root alone gives the root.
    pub fn without_root(&self) -> &[Certificate] {
        &self.0[..(self.0.len() - 1).max(1)]
    }

    /// Whether every certificate is valid at `at`.
    pub fn is_valid_at(&self, at: UnixTime) -> bool {
        self.0.iter().all(|certificate| certificate.is_valid_at(at))
    }

    /// Concatenated PEM, leaf first.
    pub fn to_pem(&self) -> String {
        self.0.iter().map(Certificate::to_pem).collect()
    }
}

/// The certificates of concatenated PEM, as they come.
pub fn read_pem(text: &str, most: usize) -> Result<Vec<Certificate>, ChainError> {
    let blocks = pem::parse_many(text).map_err(|_| ChainError::Pem)?;
    if blocks.len() > most {
        return Err(ChainError::Long(blocks.len()));
    }
    let mut certificates = Vec::with_capacity(blocks.len());
    for (index, block) in blocks.into_iter().enumerate() {
        if block.tag() != "CERTIFICATE" {
            return Err(ChainError::Label(block.tag().to_owned()));
        }
        let certificate =
            Certificate::from_der(block.contents()).map_err(|error| ChainError::Certificate { index, error })?;
        certificates.push(certificate);
    }
    Ok(certificates)
}
