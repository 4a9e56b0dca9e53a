//! KU: digitalSignature and nothing else (RFC 5280 §4.2.1.3).

use der::Decode as _;
use der::flagset::FlagSet;
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};

use super::encoding::is_canonical;
use super::error::LintError;

pub(super) fn check(value: &[u8]) -> Result<(), LintError> {
    let usage = KeyUsage::from_der(value).map_err(LintError::Malformed)?;
    let is_ours = usage.0 == FlagSet::from(KeyUsages::DigitalSignature) && is_canonical(&usage, value);
    is_ours.then_some(()).ok_or(LintError::KeyUsage)
}
