//! The linter: an independent reading of the exact octets that are about to be signed.
//!
//! It shares no code with the profile. The octets are parsed from scratch by the general X.509 reader, encoded again, and every
//! field is held against the specification and against what was decided about this applicant. A certificate that fails here is
//! our own fault and is never signed; nothing is repaired.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280;
use der::flagset::FlagSet;
use der::{Decode as _, Encode as _};
use shared::time::UnixTime;
use shared::x509::{KeyIdentifier, SerialNumber};
use x509_cert::TbsCertificate;
use x509_cert::certificate::Version;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName, SubjectKeyIdentifier,
};

use super::authority::Authority;
use super::oid;
use super::profile::{Profile, TbsParts, Template};
use super::proof::ProvenKey;
use super::sct::TreeLeaf;
use crate::names::Name;
use crate::principal::Principal;

/// A draft that the linter passed. Only `lint` makes one, and only this can be signed.
#[derive(Debug)]
pub struct LintedTemplate {
    pub(super) tbs: Vec<u8>,
    pub(super) parts: TbsParts,
    pub(super) serial: SerialNumber,
}

/// What was decided, for the draft to be held against.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// Who issues.
    pub authority: &'a Authority,
    /// By which profile.
    pub profile: Profile,
    /// For whom.
    pub principal: &'a Principal,
    /// For which key.
    pub key: &'a ProvenKey,
    /// When.
    pub now: UnixTime,
}

/// The rule that a draft broke.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LintError {
    /// AKI: the authority's key identifier and nothing else (RFC 5280 §4.2.1.1).
    #[error("the authority key identifier is not the authority's")]
    AuthorityKeyIdentifier,
    /// An extension is critical that must not be, or the other way round.
    #[error("extension {0} has the wrong criticality")]
    Criticality(ObjectIdentifier),
    /// An extension occurs twice (RFC 5280 §4.2).
    #[error("extension {0} occurs twice")]
    Duplicate(ObjectIdentifier),
    /// EKU: code signing and nothing else.
    #[error("the extended key usage is not codeSigning alone")]
    ExtendedKeyUsage,
    /// The issuer is not the authority's subject, octet by octet (RFC 5280 §4.1.2.4).
    #[error("the issuer is not the subject of the authority")]
    Issuer,
    /// The key is not the one that was proven.
    #[error("the key is not the proven one")]
    Key,
    /// KU: digitalSignature and nothing else.
    #[error("the key usage is not digitalSignature alone")]
    KeyUsage,
    /// Not a DER `TBSCertificate`.
    #[error("not a well-formed TBSCertificate: {0}")]
    Malformed(der::Error),
    /// An extension that every leaf has is not there.
    #[error("extension {0} is missing")]
    Missing(ObjectIdentifier),
    /// The name is not the one that was permitted, or not alone.
    #[error("the subject alternative name is not the permitted name alone")]
    Name,
    /// The octets are not what their meaning encodes to (ITU-T X.690 §10).
    #[error("the encoding is not canonical DER")]
    NotCanonical,
    /// The serial number is not positive, or not of 9 to 20 octets (RFC 5280 §4.1.2.2), or not the drawn one.
    #[error("the serial number is not the drawn one, or not fit for one")]
    Serial,
    /// The signature algorithm is not that of the authority's key.
    #[error("the signature algorithm is not the authority's")]
    SignatureAlgorithm,
    /// Larger than any certificate of ours.
    #[error("the certificate would be {0} bytes; {limit} are allowed", limit = MAX_LEN)]
    Size(usize),
    /// The subject is not empty.
    #[error("the subject is not empty")]
    Subject,
    /// SKI: SHA-1 of the key's bits (RFC 5280 §4.2.1.2).
    #[error("the subject key identifier is not that of the key")]
    SubjectKeyIdentifier,
    /// An extension that the profile does not have; the log's timestamps among them, they come later.
    #[error("extension {0} does not belong into this certificate")]
    Unexpected(ObjectIdentifier),
    /// issuerUniqueID or subjectUniqueID (RFC 5280 §4.1.2.8 forbids them).
    #[error("unique identifiers must not be used")]
    UniqueIdentifier,
    /// The first or last second is not what profile, clock and authority say.
    #[error("the validity is not the profile's")]
    Validity,
    /// An extension of Fulcio's arc says something else than the principal, or is encoded wrongly.
    #[error("extension {0} does not hold the principal's value")]
    Value(ObjectIdentifier),
    /// Not version 3.
    #[error("not a version 3 certificate")]
    Version,
}

/// A leaf of ours stays well below this: the longest names and CI claims make 2 KiB.
const MAX_LEN: usize = 16 * 1024;

/// Passes `template` when its octets obey every rule.
pub fn lint(template: Template, facts: Facts<'_>) -> Result<LintedTemplate, LintError> {
    let tbs = template.tbs.assemble(&[]);
    check(&tbs, template.serial, facts)?;
    Ok(LintedTemplate { tbs, parts: template.tbs, serial: template.serial })
}

impl LintedTemplate {
    /// The to-be-signed certificate without the log's timestamp.
    pub fn tbs(&self) -> &[u8] {
        &self.tbs
    }

    /// The serial number.
    pub fn serial(&self) -> SerialNumber {
        self.serial
    }

    /// Its entry in the certificate log.
    pub fn tree_leaf(&self, authority: &Authority, now: UnixTime) -> TreeLeaf {
        TreeLeaf::new(authority, &self.tbs, now)
    }
}

fn check(octets: &[u8], serial: SerialNumber, facts: Facts<'_>) -> Result<(), LintError> {
    if octets.len() > MAX_LEN {
        return Err(LintError::Size(octets.len()));
    }
    let tbs = TbsCertificate::from_der(octets).map_err(LintError::Malformed)?;
    if tbs.to_der().map_err(LintError::Malformed)? != octets {
        return Err(LintError::NotCanonical);
    }
    check_fields(&tbs, serial, facts)?;
    check_extensions(tbs.extensions().map_or(&[][..], Vec::as_slice), facts)
}

fn check_fields(tbs: &TbsCertificate, serial: SerialNumber, facts: Facts<'_>) -> Result<(), LintError> {
    if tbs.version() != Version::V3 {
        return Err(LintError::Version);
    }
    let number = tbs.serial_number().as_bytes();
    if number != serial.as_bytes() || !(9..=20).contains(&number.len()) || !(1..=0x7f).contains(&number[0]) {
        return Err(LintError::Serial);
    }
    if tbs.signature().to_der().map_err(LintError::Malformed)? != facts.authority.algorithm_der() {
        return Err(LintError::SignatureAlgorithm);
    }
    if tbs.issuer() != facts.authority.certificate().tbs().subject() {
        return Err(LintError::Issuer);
    }
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
    if !tbs.subject().is_empty() {
        return Err(LintError::Subject);
    }
    if tbs.subject_public_key_info().to_der().map_err(LintError::Malformed)? != facts.key.key().spki_der() {
        return Err(LintError::Key);
    }
    if tbs.issuer_unique_id().is_some() || tbs.subject_unique_id().is_some() {
        return Err(LintError::UniqueIdentifier);
    }
    Ok(())
}

/// The extensions that every leaf has, with their criticality.
const REQUIRED: [(ObjectIdentifier, bool); 5] = [
    (rfc5280::ID_CE_KEY_USAGE, true),
    (rfc5280::ID_CE_EXT_KEY_USAGE, false),
    (rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER, false),
    (rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER, false),
    (rfc5280::ID_CE_SUBJECT_ALT_NAME, true),
];

fn check_extensions(extensions: &[Extension], facts: Facts<'_>) -> Result<(), LintError> {
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
        let missing = facts.principal.extensions().map(|(number, _)| fulcio(number)).find(|id| !present(*id));
        return Err(LintError::Missing(missing.unwrap_or(oid::FULCIO_ARC)));
    }
    Ok(())
}

fn check_value(id: ObjectIdentifier, value: &[u8], facts: Facts<'_>) -> Result<(), LintError> {
    match id {
        rfc5280::ID_CE_KEY_USAGE => {
            let usage = KeyUsage::from_der(value).map_err(LintError::Malformed)?;
            let is_ours = usage.0 == FlagSet::from(KeyUsages::DigitalSignature) && is_canonical(&usage, value);
            is_ours.then_some(()).ok_or(LintError::KeyUsage)
        }
        rfc5280::ID_CE_EXT_KEY_USAGE => {
            let usage = ExtendedKeyUsage::from_der(value).map_err(LintError::Malformed)?;
            let is_ours = usage.0 == [rfc5280::ID_KP_CODE_SIGNING] && is_canonical(&usage, value);
            is_ours.then_some(()).ok_or(LintError::ExtendedKeyUsage)
        }
        rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER => {
            let identifier = SubjectKeyIdentifier::from_der(value).map_err(LintError::Malformed)?;
            let is_ours = identifier.0.as_bytes() == KeyIdentifier::of(facts.key.key()).0;
            is_ours.then_some(()).ok_or(LintError::SubjectKeyIdentifier)
        }
        rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER => {
            let identifier = AuthorityKeyIdentifier::from_der(value).map_err(LintError::Malformed)?;
            let is_ours =
                identifier.key_identifier.as_ref().is_some_and(|id| id.as_bytes() == facts.authority.key_identifier())
                    && identifier.authority_cert_issuer.is_none()
                    && identifier.authority_cert_serial_number.is_none();
            is_ours.then_some(()).ok_or(LintError::AuthorityKeyIdentifier)
        }
        rfc5280::ID_CE_SUBJECT_ALT_NAME => check_name(value, facts.principal),
        id => check_fulcio(id, value, facts.principal),
    }
}

fn check_name(value: &[u8], principal: &Principal) -> Result<(), LintError> {
    let names = SubjectAltName::from_der(value).map_err(LintError::Malformed)?;
    let is_ours = match (names.0.as_slice(), principal.name()) {
        ([GeneralName::Rfc822Name(found)], Name::Email(wanted)) => found.as_str() == wanted.as_str(),
        ([GeneralName::UniformResourceIdentifier(found)], Name::SpiffeId(_) | Name::Uri(_)) => {
            found.as_str() == principal.name().as_str()
        }
        ([GeneralName::OtherName(found)], Name::Username(wanted)) => {
            found.type_id == fulcio(oid::USER_NAME)
                && found.value.decode_as::<String>().is_ok_and(|name| name == wanted.as_str())
        }
        _ => false,
    };
    (is_ours && is_canonical(&names, value)).then_some(()).ok_or(LintError::Name)
}

fn check_fulcio(id: ObjectIdentifier, value: &[u8], principal: &Principal) -> Result<(), LintError> {
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

fn is_canonical(parsed: &impl der::Encode, octets: &[u8]) -> bool {
    parsed.to_der().is_ok_and(|again| again == octets)
}

fn fulcio(number: u8) -> ObjectIdentifier {
    ObjectIdentifier::from_bytes(&oid::fulcio(number)).unwrap_or(oid::FULCIO_ARC)
}

#[cfg(test)]
mod tests;
