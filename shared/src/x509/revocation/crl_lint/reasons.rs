//! Each entry has its one reason, `unspecified` too (RFC 5280 §5.3.1, RFC 3161 §4; why: `crl`).

use const_oid::db::rfc5280;
use der::Decode as _;
use x509_cert::crl::TbsCertList;
use x509_cert::ext::pkix::CrlReason;

use super::error::CrlLintError;

pub(super) fn check(list: &TbsCertList) -> Result<(), CrlLintError> {
    for entry in list.revoked_certificates.iter().flatten() {
        let serial = || hex::encode(entry.serial_number.as_bytes());
        let [reason] = entry.crl_entry_extensions.as_deref().unwrap_or_default() else {
            return Err(CrlLintError::Reason(serial()));
        };
        if reason.critical {
            return Err(CrlLintError::Criticality(reason.extn_id));
        }
        let is_known = CrlReason::from_der(reason.extn_value.as_bytes()).is_ok();
        if reason.extn_id != rfc5280::ID_CE_CRL_REASONS || !is_known {
            return Err(CrlLintError::Reason(serial()));
        }
    }
    Ok(())
}
