//! Version 2 (RFC 5280 §5.1.2.1): a list with extensions must have it.

use x509_cert::Version;
use x509_cert::crl::TbsCertList;

use super::error::CrlLintError;

pub(super) fn check(list: &TbsCertList) -> Result<(), CrlLintError> {
    // The field counts from zero: 1 is v2.
    if list.version == Version::V2 { Ok(()) } else { Err(CrlLintError::Version) }
}
