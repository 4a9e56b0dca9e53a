//! Where a certificate says that its revocation and its issuer can be looked up.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280;

use super::der_writer::{DerWriter, tag};

/// `id-pe-authorityInfoAccess` (RFC 5280 §4.2.2.1).
const AUTHORITY_INFO_ACCESS: ObjectIdentifier = rfc5280::ID_PE_AUTHORITY_INFO_ACCESS;

/// Plain `http` URLs: those who check a certificate must not need TLS, and so another certificate, to do it (RFC 5280
/// §8).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RevocationAddresses {
    /// The issuer's CRL.
    pub crl: String,
    /// The responder for the issuer's certificates (RFC 6960).
    pub ocsp: String,
    /// The issuer's own certificate, DER.
    pub issuer: String,
}

impl RevocationAddresses {
    /// Those of the authority `authority` at `base`, without a slash at its end.
    pub fn at(base: &str, authority: &str) -> Self {
        Self {
            crl: format!("{base}/crl/{authority}.crl"),
            ocsp: format!("{base}/ocsp"),
            issuer: format!("{base}/ca/{authority}.cer"),
        }
    }

    /// The two extensions, none of them critical (RFC 5280 §4.2.1.13, §4.2.2.1).
    pub(super) fn write(&self, out: &mut DerWriter) {
        extension(out, rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS, |points| {
            points.nested(tag::SEQUENCE, |points| {
                points.nested(tag::SEQUENCE, |point| {
                    point.nested(tag::context_constructed(0), |name| {
                        name.nested(tag::context_constructed(0), |names| uri(names, &self.crl));
                    });
                });
            });
        });
        extension(out, AUTHORITY_INFO_ACCESS, |access| {
            access.nested(tag::SEQUENCE, |access| {
                for (method, address) in [(rfc5280::ID_AD_OCSP, &self.ocsp), (rfc5280::ID_AD_CA_ISSUERS, &self.issuer)]
                {
                    access.nested(tag::SEQUENCE, |description| {
                        description.oid(method);
                        uri(description, address);
                    });
                }
            });
        });
    }
}

/// `uniformResourceIdentifier [6] IA5String`.
fn uri(out: &mut DerWriter, address: &str) {
    out.value(tag::context(6), address.as_bytes());
}

fn extension(out: &mut DerWriter, oid: ObjectIdentifier, value: impl FnOnce(&mut DerWriter)) {
    out.nested(tag::SEQUENCE, |out| {
        out.oid(oid);
        out.nested(tag::OCTET_STRING, value);
    });
}
