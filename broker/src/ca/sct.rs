//! Signed certificate timestamps from the instance's own certificate log (RFC 6962 §3.2 to §3.4).
//!
//! No precertificate with a poison extension is ever signed: authority and log are one program, so the log signs over
//! the linted bytes themselves, before the certificate exists.

use std::sync::Arc;

use shared::keys::{SignError, SignatureAlgorithm, Signer};
use shared::time::UnixTime;
use shared::x509::der_writer::{DerWriter, tag};

use super::authority::Authority;
use super::oid;

/// The key of the certificate log.
pub struct CertificateLogKey {
    signer: Arc<dyn Signer>,
    log_id: [u8; 32],
}

/// A log key that clients would not take.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the certificate log signs with ECDSA P-256 and SHA-256, not with {0:?}: sigstore-python takes SHA-256 only")]
pub struct CertificateLogKeyError(SignatureAlgorithm);

/// `MerkleTreeLeaf` of a precertificate entry: version v1, leaf_type timestamped_entry, timestamp, entry_type
/// precert_entry, issuer_key_hash, TBSCertificate, no extensions. The struct that the log signs (§3.2: version v1,
/// signature_type certificate_timestamp, then the same) has the same octets, both types being zero.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TreeLeaf {
    octets: Vec<u8>,
    timestamp: UnixTime,
}

impl TreeLeaf {
    /// The leaf for the linted `tbs`, which has neither a poison nor an SCT extension.
    pub(super) fn new(authority: &Authority, tbs: &[u8], now: UnixTime) -> Self {
        let mut octets = Vec::with_capacity(tbs.len() + 47);
        octets.extend_from_slice(&[0, 0]);
        octets.extend_from_slice(&now.millis().to_be_bytes());
        octets.extend_from_slice(&[0, 1]);
        octets.extend_from_slice(authority.key_hash());
        // opaque TBSCertificate<1..2^24-1>; the linter has capped it.
        octets.extend_from_slice(&(tbs.len() as u32).to_be_bytes()[1..]);
        octets.extend_from_slice(tbs);
        octets.extend_from_slice(&[0, 0]);
        Self { octets, timestamp: now }
    }

    /// The leaf's octets, as the log keeps and hashes them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.octets
    }
}

impl CertificateLogKey {
    /// The log that signs with `signer`.
    pub fn new(signer: Arc<dyn Signer>) -> Result<Self, CertificateLogKeyError> {
        if signer.algorithm() != SignatureAlgorithm::EcdsaP256Sha256 {
            return Err(CertificateLogKeyError(signer.algorithm()));
        }
        let log_id = signer.public_key().spki_sha256();
        Ok(Self { signer, log_id })
    }

    /// The log's identifier: SHA-256 of its public key (§3.2).
    pub fn log_id(&self) -> &[u8; 32] {
        &self.log_id
    }

    /// The extension that carries the one timestamp for `leaf`: an OCTET STRING of a `SignedCertificateTimestampList`
    /// (§3.3). One and no more: sigstore-python refuses any other number.
    pub(super) fn extension(&self, leaf: &TreeLeaf) -> Result<Vec<u8>, SignError> {
        let signature = self.signer.sign(leaf.as_bytes())?;
        let mut sct = Vec::with_capacity(128);
        sct.push(0);
        sct.extend_from_slice(&self.log_id);
        sct.extend_from_slice(&leaf.timestamp.millis().to_be_bytes());
        // No extensions; sha256 (4), ecdsa (3), RFC 5246 §7.4.1.4.1.
        sct.extend_from_slice(&[0, 0, 4, 3]);
        sct.extend_from_slice(&(signature.len() as u16).to_be_bytes());
        sct.extend_from_slice(&signature);
        let length = sct.len() as u16;

        let mut out = DerWriter::with_capacity(160);
        out.nested(tag::SEQUENCE, |out| {
            out.oid(oid::SCT_LIST);
            out.nested(tag::OCTET_STRING, |out| {
                out.nested(tag::OCTET_STRING, |out| {
                    out.raw(&(length + 2).to_be_bytes());
                    out.raw(&length.to_be_bytes());
                    out.raw(&sct);
                });
            });
        });
        Ok(out.finish())
    }
}
