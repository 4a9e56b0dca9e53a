//! The issuer is the authority's subject and not empty (RFC 5280 §5.1.2.3).

use der::Encode as _;
use x509_cert::crl::TbsCertList;

use super::error::CrlLintError;
use super::facts::CrlFacts;

pub(super) fn check(list: &TbsCertList, facts: CrlFacts<'_>) -> Result<(), CrlLintError> {
    let found = list.issuer.to_der().map_err(CrlLintError::Malformed)?;
    if !list.issuer.is_empty() && found == facts.issuer.subject_der() { Ok(()) } else { Err(CrlLintError::Issuer) }
}
