//! The one place where the authority's key is used, and the one way out for what it signed.

use der::asn1::OctetStringRef;
use der::{Decode as _, Reader as _, SliceReader};
use shared::keys::SignError;
use shared::log::{LeafHash, Receipt};
use shared::x509::SerialNumber;
use shared::x509::der_writer::{DerWriter, tag};

use super::authority::Authority;
use super::lint::LintedTemplate;
use super::oid;
use super::sct::{CertificateLogKey, TreeLeaf};

/// A signed certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IssuedCertificate {
    der: Vec<u8>,
    serial: SerialNumber,
}

/// Why no certificate was made of a linted draft. All of these are our own faults.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IssueError {
    /// A key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The signed octets, without the timestamp, are not the linted ones: what was checked is not what was signed.
    #[error("the signed certificate is not the linted one")]
    NotAsLinted,
}

impl IssuedCertificate {
    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// PEM `CERTIFICATE`, ends with a line feed.
    pub fn to_pem(&self) -> String {
        shared::x509::certificate::to_pem(&self.der)
    }

    /// The certificate's serial number.
    pub fn serial(&self) -> SerialNumber {
        self.serial
    }
}

/// Embeds the timestamp of `log` for `leaf`, signs, and compares the result with what was linted.
pub(crate) fn issue(
    linted: &LintedTemplate,
    leaf: &TreeLeaf,
    authority: &Authority,
    log: &CertificateLogKey,
) -> Result<IssuedCertificate, IssueError> {
    // RFC 6962 §3.3 lets the list stand anywhere; last is where a verifier that cuts it out gets our leaf octets back.
    let tbs = linted.parts.assemble(&log.extension(leaf)?);
    let signature = authority.sign(&tbs)?;
    let mut out = DerWriter::with_capacity(tbs.len() + 160);
    out.nested(tag::SEQUENCE, |out| {
        out.raw(&tbs);
        out.raw(authority.algorithm_der());
        out.bit_string(&signature);
    });
    let der = out.finish();
    match without_timestamps(&der) {
        Ok(signed) if signed == linted.tbs => Ok(IssuedCertificate { der, serial: linted.serial }),
        _ => Err(IssueError::NotAsLinted),
    }
}

/// The to-be-signed part of the certificate `der` as the log saw it: read from the finished octets, the list of
/// timestamps cut out (RFC 6962 §3.2).
fn without_timestamps(der: &[u8]) -> der::Result<Vec<u8>> {
    let mut outer = SliceReader::new(der)?;
    let tbs = outer.sequence(|certificate| {
        let tbs = certificate.tlv_bytes()?;
        certificate.tlv_bytes()?;
        certificate.tlv_bytes()?;
        Ok::<_, der::Error>(tbs)
    })?;
    outer.finish()?;
    let mut reader = SliceReader::new(tbs)?;
    let mut fields = DerWriter::with_capacity(tbs.len());
    let mut kept = DerWriter::with_capacity(tbs.len());
    reader.sequence(|tbs| {
        while !tbs.is_finished() {
            let field = tbs.tlv_bytes()?;
            if field[0] != tag::context_constructed(3) {
                fields.raw(field);
                continue;
            }
            let mut extensions = SliceReader::new(contents(contents(field)?)?)?;
            while !extensions.is_finished() {
                let extension = extensions.tlv_bytes()?;
                if !is_timestamp_list(extension)? {
                    kept.raw(extension);
                }
            }
        }
        Ok::<_, der::Error>(())
    })?;
    let (fields, kept) = (fields.finish(), kept.finish());
    let mut again = DerWriter::with_capacity(tbs.len());
    again.nested(tag::SEQUENCE, |again| {
        again.raw(&fields);
        again.nested(tag::context_constructed(3), |again| again.nested(tag::SEQUENCE, |again| again.raw(&kept)));
    });
    Ok(again.finish())
}

fn contents(tlv: &[u8]) -> der::Result<&[u8]> {
    der::asn1::AnyRef::from_der(tlv).map(|any| any.value())
}

fn is_timestamp_list(extension: &[u8]) -> der::Result<bool> {
    let mut reader = SliceReader::new(contents(extension)?)?;
    let id = der::asn1::ObjectIdentifier::decode(&mut reader)?;
    let is_list = id == oid::SCT_LIST;
    if is_list {
        <&OctetStringRef>::decode(&mut reader)?;
        reader.finish()?;
    }
    Ok(is_list)
}

/// Something signed that must not leave yet: the log entry that accounts for it is not durable. Only `release` gives it
/// out.
#[derive(Debug)]
pub struct Unreleased<T> {
    value: T,
    leaf: Vec<u8>,
}

/// The receipt was for another leaf.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the receipt is not for this entry")]
pub struct WrongReceipt;

impl<T> Unreleased<T> {
    pub(crate) fn new(value: T, leaf: Vec<u8>) -> Self {
        Self { value, leaf }
    }

    /// The audit entry that must be durable first.
    pub fn leaf(&self) -> &[u8] {
        &self.leaf
    }

    /// Lets the value go, against the receipt for its entry.
    pub fn release(self, receipt: Receipt) -> Result<T, WrongReceipt> {
        if receipt.leaf_hash() != LeafHash::of(&self.leaf) {
            return Err(WrongReceipt);
        }
        Ok(self.value)
    }
}
