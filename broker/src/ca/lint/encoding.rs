//! DER, of a bounded length, that encodes to the same octets again (ITU-T X.690 §10).

use der::{Decode as _, Encode as _};
use x509_cert::TbsCertificate;

use super::error::{LintError, MAX_LEN};

pub(super) fn check(octets: &[u8]) -> Result<TbsCertificate, LintError> {
    if octets.len() > MAX_LEN {
        return Err(LintError::Size(octets.len()));
    }
    let tbs = TbsCertificate::from_der(octets).map_err(LintError::Malformed)?;
    if tbs.to_der().map_err(LintError::Malformed)? != octets {
        return Err(LintError::NotCanonical);
    }
    Ok(tbs)
}

/// The same of the value of an extension.
pub(super) fn is_canonical(parsed: &impl der::Encode, octets: &[u8]) -> bool {
    parsed.to_der().is_ok_and(|again| again == octets)
}
