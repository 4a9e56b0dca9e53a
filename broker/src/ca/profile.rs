//! The profile of a leaf certificate: what the instance puts into it, octet by octet (RFC 5280 §4.1; Fulcio's
//! certificate specification).

use std::time::Duration;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280;
use shared::time::UnixTime;
use shared::x509::der_writer::{DerWriter, tag};
use shared::x509::{KeyIdentifier, SerialNumber};

use super::authority::{Authority, AuthorityNotValid};
use super::oid;
use super::proof::ProvenKey;
use crate::names::Name;
use crate::principal::Principal;

/// The instance's settings for leaf certificates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Profile {
    lifetime: Duration,
}

/// Why a profile is not accepted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProfileError {
    /// Too short to sign anything with, or no longer short-lived.
    #[error("a certificate lifetime of {} seconds is outside one minute to one day", .0.as_secs())]
    Lifetime(Duration),
}

/// Why no certificate can be drafted at this moment.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CertificateTemplateError {
    /// The authority has expired, or is not valid yet.
    #[error(transparent)]
    Authority(#[from] AuthorityNotValid),
    /// The moment cannot be written in DER.
    #[error("the validity ends after the year 9999")]
    Time,
}

/// A drafted certificate: everything but the timestamp of the log and the signature. Nothing is signed until it is
/// linted.
#[derive(Debug)]
pub struct CertificateTemplate {
    pub(super) tbs: TbsParts,
    pub(super) serial: SerialNumber,
}

/// The to-be-signed part, in two pieces so that one more extension can be put at the end.
#[derive(Debug)]
pub(super) struct TbsParts {
    /// From the version to the key.
    pub(super) fields: Vec<u8>,
    /// The extensions, one after the other, without the SEQUENCE around them.
    pub(super) extensions: Vec<u8>,
}

impl Profile {
    /// Ten minutes, as every Sigstore client expects.
    pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(600);

    /// A profile whose leaves are valid for `lifetime`.
    pub fn parse(lifetime: Duration) -> Result<Self, ProfileError> {
        let whole_seconds = Duration::from_secs(lifetime.as_secs());
        if !(Duration::from_secs(60)..=Duration::from_secs(86_400)).contains(&lifetime) || whole_seconds != lifetime {
            return Err(ProfileError::Lifetime(lifetime));
        }
        Ok(Self { lifetime })
    }

    /// The validity of a leaf certificate.
    pub fn lifetime(self) -> Duration {
        self.lifetime
    }

    /// First and last second of a certificate issued now. Never backdated: sigstore-java builds the chain at notBefore,
    /// and an earlier one could lie before the trust root knew this authority.
    pub fn validity(self, authority: &Authority, now: UnixTime) -> Result<(UnixTime, UnixTime), AuthorityNotValid> {
        authority.check_valid_at(now)?;
        let not_before = now.floor_to_second();
        Ok((not_before, not_before.plus(self.lifetime).min(authority.not_after())))
    }

    /// Drafts the certificate of `principal` for `key`.
    pub fn template(
        self,
        authority: &Authority,
        principal: &Principal,
        key: &ProvenKey,
        serial: SerialNumber,
        now: UnixTime,
    ) -> Result<CertificateTemplate, CertificateTemplateError> {
        let (not_before, not_after) = self.validity(authority, now)?;
        let mut dates = DerWriter::with_capacity(32);
        dates.time(not_before).and_then(|()| dates.time(not_after)).map_err(|_| CertificateTemplateError::Time)?;

        let mut fields = DerWriter::with_capacity(1024);
        // [0] EXPLICIT Version, v3.
        fields.raw(&[0xa0, 0x03, 0x02, 0x01, 0x02]);
        fields.value(tag::INTEGER, serial.as_bytes());
        fields.raw(authority.algorithm_der());
        fields.raw(authority.certificate().subject_der());
        fields.value(tag::SEQUENCE, &dates.finish());
        // Empty subject: the name is in the (then critical) subject alternative name, RFC 5280 §4.1.2.6.
        fields.raw(&[tag::SEQUENCE, 0]);
        fields.raw(key.key().spki_der());

        let extensions = extensions(authority, principal, key);
        Ok(CertificateTemplate { tbs: TbsParts { fields: fields.finish(), extensions }, serial })
    }
}

fn extensions(authority: &Authority, principal: &Principal, key: &ProvenKey) -> Vec<u8> {
    let mut out = DerWriter::with_capacity(1024);
    // digitalSignature alone: bit 0, seven bits unused.
    extension(&mut out, rfc5280::ID_CE_KEY_USAGE, true, |w| w.value(tag::BIT_STRING, &[7, 0x80]));
    extension(&mut out, rfc5280::ID_CE_EXT_KEY_USAGE, false, |w| {
        w.nested(tag::SEQUENCE, |w| w.oid(rfc5280::ID_KP_CODE_SIGNING));
    });
    extension(&mut out, rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER, false, |w| {
        w.value(tag::OCTET_STRING, &KeyIdentifier::of(key.key()).0);
    });
    extension(&mut out, rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER, false, |w| {
        w.nested(tag::SEQUENCE, |w| w.value(tag::context(0), authority.key_identifier()));
    });
    extension(&mut out, rfc5280::ID_CE_SUBJECT_ALT_NAME, true, |w| {
        w.nested(tag::SEQUENCE, |w| match principal.name() {
            Name::Email(address) => w.value(tag::context(1), address.as_str().as_bytes()),
            Name::SpiffeId(id) => w.value(tag::context(6), id.as_str().as_bytes()),
            Name::Uri(uri) => w.value(tag::context(6), uri.as_str().as_bytes()),
            Name::Username(name) => user_name(w, name.as_str()),
        });
    });
    for (number, text) in principal.extensions() {
        out.nested(tag::SEQUENCE, |out| {
            out.value(tag::OBJECT_IDENTIFIER, &oid::fulcio(number));
            out.nested(tag::OCTET_STRING, |out| {
                // .1 to .6 are bare text and no DER at all; clients read them that way.
                if number < oid::USER_NAME {
                    out.raw(text.as_bytes());
                } else {
                    out.value(tag::UTF8_STRING, text.as_bytes());
                }
            });
        });
    }
    out.finish()
}

/// `[0] OtherName { type-id 1.3.6.1.4.1.57264.1.7, [0] EXPLICIT UTF8String }` (RFC 5280 §4.2.1.6): X.509 has no name of
/// its own for a user.
fn user_name(out: &mut DerWriter, name: &str) {
    out.nested(tag::context_constructed(0), |out| {
        out.value(tag::OBJECT_IDENTIFIER, &oid::fulcio(oid::USER_NAME));
        out.nested(tag::context_constructed(0), |out| out.value(tag::UTF8_STRING, name.as_bytes()));
    });
}

fn extension(out: &mut DerWriter, oid: ObjectIdentifier, is_critical: bool, value: impl FnOnce(&mut DerWriter)) {
    out.nested(tag::SEQUENCE, |out| {
        out.oid(oid);
        if is_critical {
            out.value(tag::BOOLEAN, &[0xff]);
        }
        out.nested(tag::OCTET_STRING, value);
    });
}

impl TbsParts {
    /// The to-be-signed certificate, with `last` as one more extension at the end.
    pub(super) fn assemble(&self, last: &[u8]) -> Vec<u8> {
        let mut out = DerWriter::with_capacity(self.fields.len() + self.extensions.len() + last.len() + 16);
        out.nested(tag::SEQUENCE, |out| {
            out.raw(&self.fields);
            out.nested(tag::context_constructed(3), |out| {
                out.nested(tag::SEQUENCE, |out| {
                    out.raw(&self.extensions);
                    out.raw(last);
                });
            });
        });
        out.finish()
    }
}
