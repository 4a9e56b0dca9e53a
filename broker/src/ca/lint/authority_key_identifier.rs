//! AKI: the authority's key identifier and nothing else (RFC 5280 §4.2.1.1).

use der::Decode as _;
use x509_cert::ext::pkix::AuthorityKeyIdentifier;

use super::error::LintError;
use super::facts::Facts;

pub(super) fn check(value: &[u8], facts: Facts<'_>) -> Result<(), LintError> {
    let identifier = AuthorityKeyIdentifier::from_der(value).map_err(LintError::Malformed)?;
    let is_ours =
        identifier.key_identifier.as_ref().is_some_and(|id| id.as_bytes() == facts.authority.key_identifier())
            && identifier.authority_cert_issuer.is_none()
            && identifier.authority_cert_serial_number.is_none();
    is_ours.then_some(()).ok_or(LintError::AuthorityKeyIdentifier)
}
