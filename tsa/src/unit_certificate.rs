//! What makes a certificate one for timestamps (RFC 3161 §2.3): the same question when we start a unit and when we
//! verify the token of any TSA.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280;
use shared::time::UnixTime;
use shared::x509::{Certificate, Chain};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, PrivateKeyUsagePeriod};

/// Why a certificate cannot stand in a timestamp unit's chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PurposeError {
    /// The unit's certificate may certify others; so may its key, and then it is used for more than timestamps.
    #[error("the unit's certificate is that of a certificate authority")]
    Authority,
    /// Two extensions of one kind, or one that does not parse.
    #[error("an extension of the certificate is malformed or occurs twice")]
    Extension,
    /// An extension that must be understood and is not.
    #[error("the certificate has the critical extension {0}, which is not understood")]
    CriticalExtension(ObjectIdentifier),
    /// No extended key usage.
    #[error("the unit's certificate has no extended key usage (RFC 3161 section 2.3)")]
    NoExtendedKeyUsage,
    /// The extended key usage is not critical.
    #[error("the extended key usage of the unit's certificate is not critical (RFC 3161 section 2.3)")]
    NotCritical,
    /// Other purposes than timestamps, or more.
    #[error("the extended key usage of the unit's certificate is not timeStamping alone (RFC 3161 section 2.3)")]
    OtherPurpose,
    /// The key usage does not allow signatures, or allows more.
    #[error("the key usage of the unit's certificate is not digitalSignature or nonRepudiation alone")]
    KeyUsage,
    /// An issuer may not issue certificates for timestamps, or none at all.
    #[error("an issuer in the chain may not certify a timestamp unit")]
    Issuer,
}

/// When a unit may sign: first and last moment, both included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Window {
    pub(crate) from: UnixTime,
    pub(crate) to: UnixTime,
}

impl Window {
    pub(crate) fn of(certificate: &Certificate) -> Self {
        Self { from: certificate.not_before(), to: certificate.not_after() }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.min(other.to) }
    }

    /// In whole seconds, as the certificates speak.
    pub(crate) fn contains(self, at: UnixTime) -> bool {
        (self.from..=self.to).contains(&at.floor_to_second())
    }
}

/// The last moment at which the key of `chain`'s first certificate may sign: the end of its period of use, or of a
/// certificate.
pub fn last_use(chain: &Chain) -> Result<UnixTime, PurposeError> {
    let key = key_window(chain.leaf())?;
    Ok(chain.certificates().iter().map(Window::of).fold(key, Window::and).to)
}

/// Checks the certificate of a unit.
pub(crate) fn check_unit(certificate: &Certificate) -> Result<(), PurposeError> {
    check_critical_extensions(certificate)?;
    if constraints(certificate)?.is_some_and(|constraints| constraints.ca) {
        return Err(PurposeError::Authority);
    }
    let usage = certificate.tbs().get_extension::<ExtendedKeyUsage>().map_err(|_| PurposeError::Extension)?;
    let (is_critical, ExtendedKeyUsage(purposes)) = usage.ok_or(PurposeError::NoExtendedKeyUsage)?;
    if !is_critical {
        return Err(PurposeError::NotCritical);
    }
    if purposes != [rfc5280::ID_KP_TIME_STAMPING] {
        return Err(PurposeError::OtherPurpose);
    }
    let allowed = KeyUsages::DigitalSignature | KeyUsages::NonRepudiation;
    match key_usage(certificate)? {
        Some(usage) if usage.0.is_empty() || !(usage.0 - allowed).is_empty() => Err(PurposeError::KeyUsage),
        _ => Ok(()),
    }
}

/// Checks a certificate that issues the unit's, or an issuer of it, with `below` authorities between it and the unit.
pub(crate) fn check_issuer(certificate: &Certificate, below: usize) -> Result<(), PurposeError> {
    check_critical_extensions(certificate)?;
    let constraints = constraints(certificate)?.filter(|constraints| constraints.ca).ok_or(PurposeError::Issuer)?;
    if constraints.path_len_constraint.is_some_and(|limit| usize::from(limit) < below) {
        return Err(PurposeError::Issuer);
    }
    if key_usage(certificate)?.is_some_and(|usage| !usage.key_cert_sign()) {
        return Err(PurposeError::Issuer);
    }
    let purposes = certificate.tbs().get_extension::<ExtendedKeyUsage>().map_err(|_| PurposeError::Extension)?;
    let suits =
        |purpose: &ObjectIdentifier| [rfc5280::ID_KP_TIME_STAMPING, rfc5280::ANY_EXTENDED_KEY_USAGE].contains(purpose);
    match purposes {
        Some((_, ExtendedKeyUsage(purposes))) if !purposes.iter().any(suits) => Err(PurposeError::Issuer),
        _ => Ok(()),
    }
}

/// The period in which the key may sign, when the certificate says one shorter than its validity (RFC 3280 §4.2.1.4).
pub(crate) fn key_window(certificate: &Certificate) -> Result<Window, PurposeError> {
    let window = Window::of(certificate);
    let period = certificate.tbs().get_extension::<PrivateKeyUsagePeriod>().map_err(|_| PurposeError::Extension)?;
    let Some((_, period)) = period else { return Ok(window) };
    let moment = |time: der::asn1::GeneralizedTime| UnixTime::from_seconds(time.to_unix_duration().as_secs());
    let from = period.not_before.map_or(window.from, moment);
    let to = period.not_after.map_or(window.to, moment);
    Ok(window.and(Window { from, to }))
}

fn constraints(certificate: &Certificate) -> Result<Option<BasicConstraints>, PurposeError> {
    let extension = certificate.tbs().get_extension::<BasicConstraints>().map_err(|_| PurposeError::Extension)?;
    Ok(extension.map(|(_, constraints)| constraints))
}

fn key_usage(certificate: &Certificate) -> Result<Option<KeyUsage>, PurposeError> {
    let extension = certificate.tbs().get_extension::<KeyUsage>().map_err(|_| PurposeError::Extension)?;
    Ok(extension.map(|(_, usage)| usage))
}

/// RFC 5280 §4.2: a critical extension that is not processed makes the certificate unusable.
fn check_critical_extensions(certificate: &Certificate) -> Result<(), PurposeError> {
    let processed = [
        rfc5280::ID_CE_BASIC_CONSTRAINTS,
        rfc5280::ID_CE_EXT_KEY_USAGE,
        rfc5280::ID_CE_KEY_USAGE,
        rfc5280::ID_CE_PRIVATE_KEY_USAGE_PERIOD,
    ];
    let extensions = certificate.tbs().extensions().map_or(&[][..], Vec::as_slice);
    let unknown = extensions.iter().find(|extension| extension.critical && !processed.contains(&extension.extn_id));
    unknown.map_or(Ok(()), |extension| Err(PurposeError::CriticalExtension(extension.extn_id)))
}
