//! SKI: SHA-1 of the key's bits (RFC 5280 §4.2.1.2).

use der::Decode as _;
use shared::x509::KeyIdentifier;
use x509_cert::ext::pkix::SubjectKeyIdentifier;

use super::error::LintError;
use super::facts::Facts;

pub(super) fn check(value: &[u8], facts: Facts<'_>) -> Result<(), LintError> {
    let identifier = SubjectKeyIdentifier::from_der(value).map_err(LintError::Malformed)?;
    let is_ours = identifier.0.as_bytes() == KeyIdentifier::of(facts.key.key()).0;
    is_ours.then_some(()).ok_or(LintError::SubjectKeyIdentifier)
}
