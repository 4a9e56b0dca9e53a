//! The key is the proven one, octet by octet (RFC 5280 §4.1.2.7).

use der::Encode as _;
use x509_cert::TbsCertificate;

use super::error::LintError;
use super::facts::Facts;

pub(super) fn check(tbs: &TbsCertificate, facts: Facts<'_>) -> Result<(), LintError> {
    if tbs.subject_public_key_info().to_der().map_err(LintError::Malformed)? != facts.key.key().spki_der() {
        return Err(LintError::Key);
    }
    Ok(())
}
