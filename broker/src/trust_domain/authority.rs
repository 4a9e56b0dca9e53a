//! Certificate authorities of a trust domain.

use shared::time::UnixTime;
use shared::x509::Certificate;
use x509_cert::ext::pkix::KeyUsage;

/// A certificate at which paths may end, with what a trust anchor (RFC 5280 §6.1.1) leaves out of it.
#[derive(Debug)]
pub(super) struct BundleAuthority {
    pub(super) certificate: Certificate,
    pub(super) path_length: Option<u8>,
}

impl BundleAuthority {
    /// Whether a path with this many intermediates may end here at `now`. No other certificate limits an authority of a
    /// bundle, so its own validity and `pathLenConstraint` are all that limits it; other SPIFFE validators heed both.
    pub(super) fn allows_end(&self, intermediates: usize, now: UnixTime) -> bool {
        let fits = self.path_length.is_none_or(|length| intermediates <= usize::from(length));
        fits && self.certificate.is_valid_at(now)
    }
}

/// X509-SVID §4.2, §4.3: an authority says that it is one, and that its key signs certificates.
pub(super) fn may_issue_svids(certificate: &Certificate) -> bool {
    certificate.is_ca() && has_key_cert_sign(certificate.tbs())
}

/// X509-SVID §4.3.
pub(crate) fn has_key_cert_sign(tbs: &x509_cert::TbsCertificate) -> bool {
    tbs.get_extension::<KeyUsage>().ok().flatten().is_some_and(|(_, usage)| usage.key_cert_sign())
}
