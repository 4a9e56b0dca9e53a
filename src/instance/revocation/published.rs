//! The published revocation list and OCSP answers.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use shared::time::{Clock, UnixTime};
use shared::x509::Certificate;
use shared::x509::revocation::{CertId, CertStatus, Responder, Revoked};

use super::register::SignedList;

/// What is published now: the list (RFC 5280 §5) and what the responder answers by (RFC 6960). The state is swapped
/// whole.
pub(crate) struct PublishedRevocations {
    pub(crate) state: ArcSwap<RevocationState>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long an OCSP answer is valid.
    pub(crate) ocsp: Duration,
}

/// What is published at a moment.
pub(crate) struct RevocationState {
    /// The authority.
    pub(crate) root: Certificate,
    /// Serial numbers of what it issued.
    pub(crate) issued: Vec<Vec<u8>>,
    /// The revoked certificates among them.
    pub(crate) revoked: Vec<Revoked>,
    /// The list in DER, and its number and times.
    pub(crate) list: Option<(Vec<u8>, SignedList)>,
    /// The OCSP responder; `None` before it has a certificate.
    pub(crate) responder: Option<Responder>,
    /// The archive cutoff: the first moment that answers cover.
    pub(crate) since: UnixTime,
}

impl RevocationState {
    /// The status of one certificate (RFC 6960 §2.2).
    pub(crate) fn status(&self, certificate: &CertId) -> CertStatus {
        if !certificate.is_issued_by(&self.root) {
            return CertStatus::Unknown;
        }
        match self.revoked.iter().find(|revoked| revoked.serial == certificate.serial()) {
            Some(revoked) => CertStatus::Revoked { at: revoked.at, reason: revoked.reason },
            None if self.issued.iter().any(|serial| serial == certificate.serial()) => CertStatus::Good,
            None => CertStatus::Unknown,
        }
    }
}
