//! `CertificateList`, version 2 (RFC 5280 §5.1).

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280;

use super::crl_lint::{CrlFacts, CrlLintError, lint};
use super::revoked::Revoked;
use crate::keys::{SignError, Signer};
use crate::time::UnixTime;
use crate::x509::certificate::Certificate;
use crate::x509::der_writer::{DerWriter, tag};
use crate::x509::key_identifier::KeyIdentifier;

/// `id-ce-expiredCertsOnCRL` (ITU-T X.509 §9.5.2.8): revoked certificates stay on the list past their last day.
const EXPIRED_CERTS_ON_CRL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.60");

/// The content of a list.
pub struct CrlPlan<'a> {
    /// Its number, one that no list before had (RFC 5280 §5.2.3).
    pub number: u64,
    /// `thisUpdate`.
    pub this_update: UnixTime,
    /// `nextUpdate`: the next list follows by then.
    pub next_update: UnixTime,
    /// Revoked certificates that ended since then are on it.
    pub since: UnixTime,
    /// The revoked certificates.
    pub revoked: &'a [Revoked],
}

/// Why no list was made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CrlError {
    /// The key is not the authority's.
    #[error("the key is not that of the authority's certificate")]
    Key,
    /// The draft breaks a rule of RFC 5280: our own fault.
    #[error("the revocation list to be signed breaks a rule: {0}")]
    Lint(#[from] CrlLintError),
    /// A moment that DER cannot say.
    #[error("a time in the revocation list cannot be written: {0}")]
    Time(der::Error),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl CrlPlan<'_> {
    /// What is to be signed, as `issuer`'s key will sign it, and as the linter passed it.
    pub fn to_be_signed(&self, issuer: &Certificate, key: &dyn Signer) -> Result<Vec<u8>, CrlError> {
        if issuer.public_key() != key.public_key() {
            return Err(CrlError::Key);
        }
        let mut head = DerWriter::with_capacity(512);
        head.value(tag::INTEGER, &[1]);
        head.raw(key.algorithm().identifier_der());
        head.raw(issuer.subject_der());
        head.time(self.this_update).and_then(|()| head.time(self.next_update)).map_err(CrlError::Time)?;
        let mut entries = DerWriter::default();
        for revoked in self.revoked {
            entry(&mut entries, revoked).map_err(CrlError::Time)?;
        }
        let mut since = DerWriter::default();
        since.generalized_time(self.since).map_err(CrlError::Time)?;
        let since = since.finish();
        let mut list = DerWriter::with_capacity(1024);
        list.nested(tag::SEQUENCE, |list| {
            list.raw(&head.finish());
            // An empty list has no revokedCertificates at all (RFC 5280 §5.1.2.6).
            if !entries.is_empty() {
                list.value(tag::SEQUENCE, &entries.finish());
            }
            list.nested(tag::context_constructed(0), |list| {
                list.nested(tag::SEQUENCE, |list| {
                    let identifier = KeyIdentifier::of(issuer.public_key());
                    extension(list, rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER, |value| {
                        value.nested(tag::SEQUENCE, |value| value.value(tag::context(0), &identifier.0));
                    });
                    extension(list, rfc5280::ID_CE_CRL_NUMBER, |value| value.unsigned(&self.number.to_be_bytes()));
                    extension(list, EXPIRED_CERTS_ON_CRL, |value| value.raw(&since));
                });
            });
        });
        let tbs = list.finish();
        lint(&tbs, CrlFacts { issuer, algorithm: key.algorithm() })?;
        Ok(tbs)
    }

    /// The list, signed.
    pub fn sign(&self, issuer: &Certificate, key: &dyn Signer) -> Result<Vec<u8>, CrlError> {
        let tbs = self.to_be_signed(issuer, key)?;
        let signature = key.sign(&tbs)?;
        let mut list = DerWriter::with_capacity(tbs.len() + 160);
        list.nested(tag::SEQUENCE, |list| {
            list.raw(&tbs);
            list.raw(key.algorithm().identifier_der());
            list.bit_string(&signature);
        });
        Ok(list.finish())
    }
}

/// The reason is always there, `unspecified` too: RFC 5280 §5.3.1 would leave that one out, but RFC 3161 §4 takes a
/// timestamp unit's revocation without a reason for one that makes all its tokens invalid.
fn entry(out: &mut DerWriter, revoked: &Revoked) -> Result<(), der::Error> {
    let mut time = DerWriter::default();
    time.time(revoked.at)?;
    out.nested(tag::SEQUENCE, |entry| {
        entry.value(tag::INTEGER, &revoked.serial);
        entry.raw(&time.finish());
        entry.nested(tag::SEQUENCE, |extensions| {
            extension(extensions, rfc5280::ID_CE_CRL_REASONS, |value| value.enumerated(revoked.reason.code()));
        });
    });
    Ok(())
}

fn extension(out: &mut DerWriter, oid: ObjectIdentifier, value: impl FnOnce(&mut DerWriter)) {
    out.nested(tag::SEQUENCE, |out| {
        out.oid(oid);
        out.nested(tag::OCTET_STRING, value);
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use der::{Decode as _, Encode as _};
    use x509_cert::crl::CertificateList;

    use super::super::RevocationReason;
    use super::*;
    use crate::keys::{SignatureAlgorithm, SigningKey};
    use crate::random::SystemRandom;
    use crate::x509::CaSetup;

    #[test]
    fn another_reader_finds_in_a_list_what_was_put_in() {
        let key = SigningKey::generate(SignatureAlgorithm::EcdsaP384Sha384).expect("a key");
        let now = UnixTime::from_seconds(1_795_258_320);
        let root =
            CaSetup { instance: "h.example", root_key: &key, now, random: &SystemRandom }.root().expect("a root");
        let all = RevocationReason::ALL.map(|reason| Revoked { serial: vec![1, reason.code()], at: now, reason });
        for count in [0, all.len()] {
            let plan = CrlPlan {
                number: 300,
                this_update: now,
                next_update: now.plus(Duration::from_secs(86_400)),
                since: now,
                revoked: &all[..count],
            };
            let der = plan.sign(&root, &key).expect("a list");
            let list: CertificateList = CertificateList::from_der(&der).expect("parses");
            assert_eq!(list.to_der().expect("writes"), der);
            let entries = list.tbs_cert_list.revoked_certificates.unwrap_or_default();
            assert_eq!(entries.len(), count);
            for (entry, revoked) in entries.iter().zip(&all) {
                assert_eq!(entry.serial_number.as_bytes(), revoked.serial);
                let extensions = entry.crl_entry_extensions.as_ref().expect("a reason");
                assert_eq!(extensions[0].extn_value.as_bytes(), [0x0a, 1, revoked.reason.code()]);
            }
            let tbs = plan.to_be_signed(&root, &key).expect("encodes");
            let signature = list.signature.raw_bytes();
            assert!(root.public_key().verify_as(key.algorithm(), &tbs, signature).is_ok());
        }
        let other = SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("a key");
        let plan = CrlPlan { number: 1, this_update: now, next_update: now, since: now, revoked: &[] };
        assert_eq!(plan.sign(&root, &other), Err(CrlError::Key));
    }
}
