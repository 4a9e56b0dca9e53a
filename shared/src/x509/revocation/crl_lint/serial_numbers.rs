//! Each serial number is positive and listed once (RFC 5280 §4.1.2.2, §5.1.2.6).

use std::collections::BTreeSet;

use x509_cert::crl::TbsCertList;

use super::error::CrlLintError;

pub(super) fn check(list: &TbsCertList) -> Result<(), CrlLintError> {
    let Some(entries) = &list.revoked_certificates else { return Ok(()) };
    if entries.is_empty() {
        return Err(CrlLintError::EmptyEntries);
    }
    let mut seen = BTreeSet::new();
    for entry in entries {
        let serial = entry.serial_number.as_bytes();
        let is_positive =
            serial.first().is_some_and(|first| first & 0x80 == 0) && serial.iter().any(|&octet| octet != 0);
        if !is_positive {
            return Err(CrlLintError::Serial(hex::encode(serial)));
        }
        if !seen.insert(serial) {
            return Err(CrlLintError::SerialTwice(hex::encode(serial)));
        }
    }
    Ok(())
}
