//! SAN: the permitted name alone (RFC 5280 §4.2.1.6).

use der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::encoding::is_canonical;
use super::error::LintError;
use super::fulcio::object_identifier;
use crate::ca::oid;
use crate::names::Name;
use crate::principal::Principal;

pub(super) fn check(value: &[u8], principal: &Principal) -> Result<(), LintError> {
    let names = SubjectAltName::from_der(value).map_err(LintError::Malformed)?;
    let is_ours = match (names.0.as_slice(), principal.name()) {
        ([GeneralName::Rfc822Name(found)], Name::Email(wanted)) => found.as_str() == wanted.as_str(),
        ([GeneralName::UniformResourceIdentifier(found)], Name::SpiffeId(_) | Name::Uri(_)) => {
            found.as_str() == principal.name().as_str()
        }
        ([GeneralName::OtherName(found)], Name::Username(wanted)) => {
            found.type_id == object_identifier(oid::USER_NAME)
                && found.value.decode_as::<String>().is_ok_and(|name| name == wanted.as_str())
        }
        _ => false,
    };
    (is_ours && is_canonical(&names, value)).then_some(()).ok_or(LintError::Name)
}
