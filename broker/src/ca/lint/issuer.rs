//! The issuer is the subject of the authority (RFC 5280 §4.1.2.4).

use x509_cert::TbsCertificate;

use super::error::LintError;
use super::facts::Facts;

pub(super) fn check(tbs: &TbsCertificate, facts: Facts<'_>) -> Result<(), LintError> {
    if tbs.issuer() != facts.authority.certificate().tbs().subject() {
        return Err(LintError::Issuer);
    }
    Ok(())
}
