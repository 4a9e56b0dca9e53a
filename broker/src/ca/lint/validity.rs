//! From now, no longer than the profile says, and within the authority's own validity (RFC 5280 §4.1.2.5).

use x509_cert::TbsCertificate;

use super::error::LintError;
use super::facts::Facts;

pub(super) fn check(tbs: &TbsCertificate, facts: Facts<'_>) -> Result<(), LintError> {
    let not_before = tbs.validity().not_before.to_unix_duration().as_secs();
    let not_after = tbs.validity().not_after.to_unix_duration().as_secs();
    let authority = facts.authority.certificate();
    let is_ours = not_before == facts.now.seconds()
        && not_before >= authority.not_before().seconds()
        && not_after >= not_before
        && not_after <= facts.authority.not_after().seconds()
        && not_after - not_before <= facts.profile.lifetime().as_secs();
    if !is_ours {
        return Err(LintError::Validity);
    }
    Ok(())
}
