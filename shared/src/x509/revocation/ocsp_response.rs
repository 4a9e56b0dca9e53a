//! `OCSPResponse` (RFC 6960 §4.2).

use std::sync::Arc;

use const_oid::ObjectIdentifier;

use super::ocsp_request::{CertId, NONCE, OcspRequest};
use super::revoked::RevocationReason;
use crate::keys::{SignError, Signer};
use crate::time::UnixTime;
use crate::x509::certificate::Certificate;
use crate::x509::der_writer::{DerWriter, tag};
use crate::x509::key_identifier::KeyIdentifier;

/// `id-pkix-ocsp-basic`.
const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
/// `id-pkix-ocsp-archive-cutoff` (RFC 6960 §4.4.4): answers are given past a certificate's last day.
const ARCHIVE_CUTOFF: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.6");

/// The status of a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CertStatus {
    /// Issued, and not revoked.
    Good,
    /// Revoked.
    Revoked {
        /// The time of the revocation.
        at: UnixTime,
        /// The reason of the revocation.
        reason: RevocationReason,
    },
    /// Never issued by this authority.
    Unknown,
}

/// The answers that carry nothing (RFC 6960 §4.2.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OcspFault {
    /// The request does not parse.
    MalformedRequest = 1,
    /// Our own fault.
    InternalError = 2,
    /// No answer is possible now.
    TryLater = 3,
    /// This responder does not answer for that authority.
    Unauthorized = 6,
}

impl OcspFault {
    /// The answer's DER.
    pub fn to_der(self) -> Vec<u8> {
        vec![tag::SEQUENCE, 3, 0x0a, 1, self as u8]
    }
}

/// The validity of an answer.
#[derive(Clone, Copy, Debug)]
pub struct AnswerPlan {
    /// `producedAt` and `thisUpdate`.
    pub produced_at: UnixTime,
    /// `nextUpdate`: a newer answer can be had by then.
    pub next_update: UnixTime,
    /// `archiveCutoff`: since when answers are given.
    pub archive_from: UnixTime,
}

/// A signed answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OcspAnswer(pub Vec<u8>);

/// A key that an authority delegated its answers to (RFC 6960 §4.2.2.2), so that the authority's own key rests.
#[derive(Clone)]
pub struct Responder {
    key: Arc<dyn Signer>,
    certificate: Certificate,
}

impl Responder {
    /// A responder with this key and certificate; `None` if the certificate is for another key.
    pub fn new(key: Arc<dyn Signer>, certificate: Certificate) -> Option<Self> {
        (certificate.public_key() == key.public_key()).then_some(Self { key, certificate })
    }

    /// The responder's certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Answers `request` with what `status` says of each certificate.
    pub fn answer(
        &self,
        request: &OcspRequest,
        plan: AnswerPlan,
        status: impl Fn(&CertId) -> CertStatus,
    ) -> Result<OcspAnswer, SignError> {
        // A moment after the year 9999 is the one thing that could go wrong, and certificates end before.
        let data = self.response_data(request, plan, status).map_err(|_| SignError)?;
        let signature = self.key.sign(&data)?;
        let mut basic = DerWriter::with_capacity(data.len() + 1024);
        basic.nested(tag::SEQUENCE, |basic| {
            basic.raw(&data);
            basic.raw(self.key.algorithm().identifier_der());
            basic.bit_string(&signature);
            basic.nested(tag::context_constructed(0), |certificates| {
                certificates.nested(tag::SEQUENCE, |certificates| certificates.raw(self.certificate.der()));
            });
        });
        let basic = basic.finish();
        let mut out = DerWriter::with_capacity(basic.len() + 64);
        out.nested(tag::SEQUENCE, |response| {
            response.enumerated(0);
            response.nested(tag::context_constructed(0), |bytes| {
                bytes.nested(tag::SEQUENCE, |bytes| {
                    bytes.oid(BASIC);
                    bytes.value(tag::OCTET_STRING, &basic);
                });
            });
        });
        Ok(OcspAnswer(out.finish()))
    }

    fn response_data(
        &self,
        request: &OcspRequest,
        plan: AnswerPlan,
        status: impl Fn(&CertId) -> CertStatus,
    ) -> Result<Vec<u8>, der::Error> {
        let mut produced = DerWriter::default();
        produced.generalized_time(plan.produced_at)?;
        let mut singles = DerWriter::default();
        for certificate in &request.certificates {
            single(&mut singles, certificate, status(certificate), plan)?;
        }
        let identifier = KeyIdentifier::of(self.key.public_key());
        let mut data = DerWriter::with_capacity(512);
        data.nested(tag::SEQUENCE, |data| {
            // byKey [2]: the name could be any other responder's.
            data.nested(tag::context_constructed(2), |id| id.value(tag::OCTET_STRING, &identifier.0));
            data.raw(&produced.finish());
            data.value(tag::SEQUENCE, &singles.finish());
            if let Some(nonce) = &request.nonce {
                data.nested(tag::context_constructed(1), |extensions| {
                    extensions.nested(tag::SEQUENCE, |extensions| {
                        extensions.nested(tag::SEQUENCE, |extension| {
                            extension.oid(NONCE);
                            extension.value(tag::OCTET_STRING, nonce);
                        });
                    });
                });
            }
        });
        Ok(data.finish())
    }
}

fn single(out: &mut DerWriter, id: &CertId, status: CertStatus, plan: AnswerPlan) -> Result<(), der::Error> {
    let time = |at| -> Result<Vec<u8>, der::Error> {
        let mut writer = DerWriter::default();
        writer.generalized_time(at)?;
        Ok(writer.finish())
    };
    let (this, next, cutoff) = (time(plan.produced_at)?, time(plan.next_update)?, time(plan.archive_from)?);
    let mut said = DerWriter::default();
    match status {
        CertStatus::Good => said.value(tag::context(0), &[]),
        CertStatus::Unknown => said.value(tag::context(2), &[]),
        CertStatus::Revoked { at, reason } => {
            let at = time(at)?;
            said.nested(tag::context_constructed(1), |info| {
                info.raw(&at);
                info.nested(tag::context_constructed(0), |code| code.enumerated(reason.code()));
            });
        }
    }
    out.nested(tag::SEQUENCE, |single| {
        single.raw(&id.der);
        single.raw(&said.finish());
        single.raw(&this);
        single.value(tag::context_constructed(0), &next);
        single.nested(tag::context_constructed(1), |extensions| {
            extensions.nested(tag::SEQUENCE, |extensions| {
                extensions.nested(tag::SEQUENCE, |extension| {
                    extension.oid(ARCHIVE_CUTOFF);
                    extension.value(tag::OCTET_STRING, &cutoff);
                });
            });
        });
    });
    Ok(())
}
