//! The serial number: the drawn one, positive, of 9 to 20 octets (RFC 5280 §4.1.2.2; 64 random bits are the least that
//! the baseline requirements §7.1 take).

use shared::x509::SerialNumber;
use x509_cert::TbsCertificate;

use super::error::LintError;

pub(super) fn check(tbs: &TbsCertificate, serial: SerialNumber) -> Result<(), LintError> {
    let number = tbs.serial_number().as_bytes();
    if number != serial.as_bytes() || !(9..=20).contains(&number.len()) || !(1..=0x7f).contains(&number[0]) {
        return Err(LintError::Serial);
    }
    Ok(())
}
