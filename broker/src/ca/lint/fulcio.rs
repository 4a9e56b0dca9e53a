//! The extensions of Fulcio's arc hold what the principal says, each in its own encoding (Fulcio's `docs/oid-info.md`).

use const_oid::ObjectIdentifier;
use der::Decode as _;

use super::error::LintError;
use crate::ca::oid;
use crate::principal::Principal;

pub(super) fn check(id: ObjectIdentifier, value: &[u8], principal: &Principal) -> Result<(), LintError> {
    let (_, wanted) = principal
        .extensions()
        .find(|&(number, _)| oid::fulcio(number) == id.as_bytes())
        .ok_or(LintError::Unexpected(id))?;
    let number = id.as_bytes()[oid::FULCIO_ARC.as_bytes().len()];
    let found = if number < oid::USER_NAME {
        std::str::from_utf8(value).ok()
    } else {
        der::asn1::Utf8StringRef::from_der(value).ok().map(|text| text.as_str())
    };
    // An empty claim is left out, never written as an empty string.
    if found == Some(wanted) && !wanted.is_empty() { Ok(()) } else { Err(LintError::Value(id)) }
}

/// The identifier with this last arc.
pub(super) fn object_identifier(number: u8) -> ObjectIdentifier {
    ObjectIdentifier::from_bytes(&oid::fulcio(number)).unwrap_or(oid::FULCIO_ARC)
}
