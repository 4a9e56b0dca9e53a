//! This update and the next one, in their order (RFC 5280 §5.1.2.4, §5.1.2.5).

use x509_cert::crl::TbsCertList;

use super::error::CrlLintError;

pub(super) fn check(list: &TbsCertList) -> Result<(), CrlLintError> {
    let this_update = list.this_update.to_unix_duration();
    match list.next_update {
        Some(next_update) if this_update <= next_update.to_unix_duration() => Ok(()),
        Some(_) | None => Err(CrlLintError::NextUpdate),
    }
}
