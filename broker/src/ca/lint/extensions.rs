//! The extensions: those of the profile and the principal, each once and with its criticality (RFC 5280 §4.2).

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280;
use x509_cert::ext::Extension;

use super::error::LintError;
use super::facts::Facts;
use super::fulcio::object_identifier;
use super::{
    authority_key_identifier, extended_key_usage, fulcio, key_usage, subject_alt_name, subject_key_identifier,
};
use crate::ca::oid;

/// The extensions that every leaf has, with their criticality.
const REQUIRED: [(ObjectIdentifier, bool); 5] = [
    (rfc5280::ID_CE_KEY_USAGE, true),
    (rfc5280::ID_CE_EXT_KEY_USAGE, false),
    (rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER, false),
    (rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER, false),
    (rfc5280::ID_CE_SUBJECT_ALT_NAME, true),
];

pub(super) fn check(extensions: &[Extension], facts: Facts<'_>) -> Result<(), LintError> {
    for (index, extension) in extensions.iter().enumerate() {
        let id = extension.extn_id;
        if extensions[..index].iter().any(|earlier| earlier.extn_id == id) {
            return Err(LintError::Duplicate(id));
        }
        let must_be_critical = REQUIRED.iter().any(|&(required, is_critical)| required == id && is_critical);
        if extension.critical != must_be_critical {
            return Err(LintError::Criticality(id));
        }
        check_value(id, extension.extn_value.as_bytes(), facts)?;
    }
    let present = |id: ObjectIdentifier| extensions.iter().any(|extension| extension.extn_id == id);
    if let Some(&(missing, _)) = REQUIRED.iter().find(|(required, _)| !present(*required)) {
        return Err(LintError::Missing(missing));
    }
    // All values are the principal's and none occurs twice, so equal numbers mean that none is missing.
    let wanted = facts.principal.extensions().count();
    if extensions.len() != REQUIRED.len() + wanted {
        let missing =
            facts.principal.extensions().map(|(number, _)| object_identifier(number)).find(|id| !present(*id));
        return Err(LintError::Missing(missing.unwrap_or(oid::FULCIO_ARC)));
    }
    Ok(())
}

fn check_value(id: ObjectIdentifier, value: &[u8], facts: Facts<'_>) -> Result<(), LintError> {
    match id {
        rfc5280::ID_CE_KEY_USAGE => key_usage::check(value),
        rfc5280::ID_CE_EXT_KEY_USAGE => extended_key_usage::check(value),
        rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER => subject_key_identifier::check(value, facts),
        rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER => authority_key_identifier::check(value, facts),
        rfc5280::ID_CE_SUBJECT_ALT_NAME => subject_alt_name::check(value, facts.principal),
        id => fulcio::check(id, value, facts.principal),
    }
}
