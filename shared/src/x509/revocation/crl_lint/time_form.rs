//! UTCTime through 2049, GeneralizedTime after (RFC 5280 §5.1.2.4 to §5.1.2.6).

use x509_cert::crl::TbsCertList;
use x509_cert::time::Time;

use super::error::CrlLintError;

pub(super) fn check(list: &TbsCertList) -> Result<(), CrlLintError> {
    let entries = list.revoked_certificates.iter().flatten().map(|entry| &entry.revocation_date);
    let mut times = std::iter::once(&list.this_update).chain(&list.next_update).chain(entries);
    let is_right = |time: &Time| match time {
        Time::UtcTime(_) => true,
        // UTCTime ends with 2049, so only this form can be wrong.
        Time::GeneralTime(time) => time.to_date_time().year() >= 2050,
    };
    if times.all(is_right) { Ok(()) } else { Err(CrlLintError::TimeForm) }
}
