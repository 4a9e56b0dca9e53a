//! No unique identifiers (RFC 5280 §4.1.2.8).

use x509_cert::TbsCertificate;

use super::error::LintError;

pub(super) fn check(tbs: &TbsCertificate) -> Result<(), LintError> {
    if tbs.issuer_unique_id().is_some() || tbs.subject_unique_id().is_some() {
        return Err(LintError::UniqueIdentifier);
    }
    Ok(())
}
