//! Nothing on a list is revoked only after it was made (RFC 5280 §5.1.2.4, §5.1.2.6).

use x509_cert::crl::TbsCertList;

use super::error::CrlLintError;

pub(super) fn check(list: &TbsCertList) -> Result<(), CrlLintError> {
    let this_update = list.this_update.to_unix_duration();
    for entry in list.revoked_certificates.iter().flatten() {
        if entry.revocation_date.to_unix_duration() > this_update {
            return Err(CrlLintError::RevocationDate(hex::encode(entry.serial_number.as_bytes())));
        }
    }
    Ok(())
}
