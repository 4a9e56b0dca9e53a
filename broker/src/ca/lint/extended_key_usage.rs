//! EKU: codeSigning and nothing else (RFC 5280 §4.2.1.12).

use const_oid::db::rfc5280;
use der::Decode as _;
use x509_cert::ext::pkix::ExtendedKeyUsage;

use super::encoding::is_canonical;
use super::error::LintError;

pub(super) fn check(value: &[u8]) -> Result<(), LintError> {
    let usage = ExtendedKeyUsage::from_der(value).map_err(LintError::Malformed)?;
    let is_ours = usage.0 == [rfc5280::ID_KP_CODE_SIGNING] && is_canonical(&usage, value);
    is_ours.then_some(()).ok_or(LintError::ExtendedKeyUsage)
}
