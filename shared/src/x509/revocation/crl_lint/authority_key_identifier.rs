//! The authority key identifier is that of the issuer's key (RFC 5280 §5.2.1).

use const_oid::db::rfc5280;
use der::Decode as _;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::AuthorityKeyIdentifier;

use super::error::CrlLintError;
use super::facts::CrlFacts;
use crate::x509::key_identifier::KeyIdentifier;

pub(super) fn check(extensions: &[Extension], facts: CrlFacts<'_>) -> Result<(), CrlLintError> {
    let wanted = CrlLintError::AuthorityKeyIdentifier;
    let found = extensions.iter().find(|extension| extension.extn_id == rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER);
    let value = found.ok_or_else(|| wanted.clone())?.extn_value.as_bytes();
    let identifier = AuthorityKeyIdentifier::from_der(value).map_err(CrlLintError::Malformed)?;
    let ours = KeyIdentifier::of(facts.issuer.public_key()).0;
    let is_ours = identifier.key_identifier.as_ref().is_some_and(|id| id.as_bytes() == ours)
        && identifier.authority_cert_issuer.is_none()
        && identifier.authority_cert_serial_number.is_none();
    if is_ours { Ok(()) } else { Err(wanted) }
}
