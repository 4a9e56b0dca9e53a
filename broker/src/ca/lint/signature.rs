//! The algorithm inside the to-be-signed part is that of the authority's key (RFC 5280 §4.1.2.3).

use der::Encode as _;
use x509_cert::TbsCertificate;

use super::error::LintError;
use super::facts::Facts;

pub(super) fn check(tbs: &TbsCertificate, facts: Facts<'_>) -> Result<(), LintError> {
    if tbs.signature().to_der().map_err(LintError::Malformed)? != facts.authority.algorithm_der() {
        return Err(LintError::SignatureAlgorithm);
    }
    Ok(())
}
