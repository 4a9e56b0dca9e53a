//! The algorithm inside the to-be-signed part is the one outside it, that of the key (RFC 5280 §5.1.2.2).

use der::Encode as _;
use x509_cert::crl::TbsCertList;

use super::error::CrlLintError;
use super::facts::CrlFacts;

pub(super) fn check(list: &TbsCertList, facts: CrlFacts<'_>) -> Result<(), CrlLintError> {
    let found = list.signature.to_der().map_err(CrlLintError::Malformed)?;
    if found == facts.algorithm.identifier_der() { Ok(()) } else { Err(CrlLintError::SignatureAlgorithm) }
}
