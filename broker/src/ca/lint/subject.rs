//! The subject is empty: the name is in the alternative name (RFC 5280 §4.1.2.6).

use x509_cert::TbsCertificate;

use super::error::LintError;

pub(super) fn check(tbs: &TbsCertificate) -> Result<(), LintError> {
    if !tbs.subject().is_empty() {
        return Err(LintError::Subject);
    }
    Ok(())
}
