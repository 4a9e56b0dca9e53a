//! Version 3 (RFC 5280 §4.1.2.1).

use x509_cert::TbsCertificate;
use x509_cert::certificate::Version;

use super::error::LintError;

pub(super) fn check(tbs: &TbsCertificate) -> Result<(), LintError> {
    if tbs.version() != Version::V3 {
        return Err(LintError::Version);
    }
    Ok(())
}
