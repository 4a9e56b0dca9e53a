//! The CRL number: there, not negative, of at most 20 octets (RFC 5280 §5.2.3).

use const_oid::db::rfc5280;
use der::asn1::IntRef;
use der::{Decode as _, Encode as _};
use x509_cert::ext::Extension;

use super::error::CrlLintError;

const MAX_OCTETS: usize = 20;

pub(super) fn check(extensions: &[Extension]) -> Result<(), CrlLintError> {
    let found = extensions.iter().find(|extension| extension.extn_id == rfc5280::ID_CE_CRL_NUMBER);
    let value = found.ok_or(CrlLintError::CrlNumber)?.extn_value.as_bytes();
    let number = IntRef::from_der(value).map_err(|_| CrlLintError::CrlNumber)?;
    let octets = number.as_bytes();
    let is_negative = octets.first().is_some_and(|first| first & 0x80 != 0);
    let is_canonical = number.to_der().is_ok_and(|again| again == value);
    if is_negative || !is_canonical || octets.len() > MAX_OCTETS { Err(CrlLintError::CrlNumber) } else { Ok(()) }
}
