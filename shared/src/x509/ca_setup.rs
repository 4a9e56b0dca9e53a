//! The CA setup: the instance's root, its issuing authority, and the certificate of a timestamp unit.
//!
//! ```text
//! root CA (no EKU) ─┬─ issuing CA (pathlen 0, EKU codeSigning) ── ten-minute leaves
//!                   └─ timestamp unit (EKU timeStamping, critical)
//! ```
//!
//! The timestamp unit stands directly under the root. An intermediate for one leaf in several years would ride along in
//! every token (RFC 3161 clients want all intermediates embedded) and gain nothing: the root key is needed as rarely
//! either way, and the issuing CA cannot serve, its EKU being codeSigning alone. Leaf and root are also the two
//! certificates that sigstore-python asks for in a trust root.

use std::time::Duration;

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc4519, rfc5280};

use super::certificate::{Certificate, CertificateError};
use super::der_writer::{DerWriter, tag};
use super::key_identifier::KeyIdentifier;
use super::revocation_addresses::RevocationAddresses;
use crate::keys::{PublicKey, SignError, Signer};
use crate::random::Random;
use crate::time::UnixTime;

const DAY: Duration = Duration::from_secs(86_400);

/// keyCertSign (5) and cRLSign (6), bits counted from the left (RFC 5280 §4.2.1.3).
const KEY_USAGE_AUTHORITY: &[u8] = &[tag::BIT_STRING, 2, 1, 0b0000_0110];
/// `id-kp-OCSPSigning` (RFC 6960 §4.2.2.2).
const OCSP_SIGNING: ObjectIdentifier = rfc5280::ID_KP_OCSP_SIGNING;
/// `id-pkix-ocsp-nocheck` (RFC 6960 §4.2.2.2.1).
const OCSP_NO_CHECK: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.5");
/// digitalSignature (0).
const KEY_USAGE_SIGNATURE: &[u8] = &[tag::BIT_STRING, 2, 7, 0b1000_0000];

/// What all certificates of one CA setup have in common.
pub struct CaSetup<'a> {
    /// The instance's name; it becomes the organization in every subject.
    pub instance: &'a str,
    /// The key of the root.
    pub root_key: &'a dyn Signer,
    /// The present time: certificates are valid from its second on.
    pub now: UnixTime,
    /// The source of the serial numbers.
    pub random: &'a dyn Random,
}

/// The certificate to be made for a timestamp unit.
pub struct UnitPlan<'a> {
    /// The end of its common name, one that no other unit of the instance has.
    pub role: &'a str,
    /// The unit's public key.
    pub key: &'a PublicKey,
    /// How long the certificate is valid, if the root is valid that long.
    pub validity: Duration,
    /// How long the key may sign: shorter than the certificate is valid.
    pub key_use: Duration,
    /// The addresses where its revocation can be looked up.
    pub addresses: Option<&'a RevocationAddresses>,
}

/// Why no certificate was made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CaSetupError {
    /// A name does not fit into a subject (RFC 5280 appendix A.1: 64 characters).
    #[error("`{0}` cannot be a name in a certificate's subject; use 1 to 64 printable characters")]
    Name(String),
    /// A unit's key would outlive its certificate.
    #[error("a timestamp unit's key may not sign for {} days, since its certificate is valid for {}: it must be fewer", .key_use.as_secs() / 86_400, .validity.as_secs() / 86_400)]
    KeyUse {
        /// How long the key would sign.
        key_use: Duration,
        /// How long the certificate would be valid.
        validity: Duration,
    },
    /// The root certificate is not for the key given.
    #[error("the root certificate is not for the key that would sign")]
    RootKey,
    /// The root is past its last day, or before its first.
    #[error("the root certificate is not valid now")]
    RootNotValid,
    /// DER cannot express the time.
    #[error("the validity ends after the year 9999")]
    Time,
    /// The root key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// What we made does not read back: a fault of ours.
    #[error("the new certificate does not read back: {0}")]
    ReadBack(#[from] CertificateError),
}

impl CaSetup<'_> {
    /// How long a root is valid: ten years.
    pub const ROOT_VALIDITY: Duration = DAY.saturating_mul(3652);
    /// How long an issuing CA is valid: five years, never longer than its root.
    pub const ISSUING_VALIDITY: Duration = DAY.saturating_mul(1826);
    /// How long a timestamp unit's certificate is valid. `openssl ts -verify` and others check the chain at the present
    /// moment, not at the token's, so a token is worth no more years than the certificate has: as many as the root has.
    pub const TIMESTAMP_VALIDITY: Duration = Self::ROOT_VALIDITY;
    /// How long a timestamp unit's key may sign, `PrivateKeyUsagePeriod`: a year, so that the last token can still be
    /// verified for nine (ETSI EN 319 421 TIS-7.6.7-04 wants it shorter than the certificate).
    pub const TIMESTAMP_KEY_USE: Duration = DAY.saturating_mul(366);

    /// The self-signed root.
    pub fn root(&self) -> Result<Certificate, CaSetupError> {
        let key = self.root_key.public_key();
        let subject = self.subject("Root CA")?;
        let identifier = KeyIdentifier::of(key);
        self.certify(&subject, &subject, key, Self::ROOT_VALIDITY, None, |extensions| {
            extension(extensions, rfc5280::ID_CE_KEY_USAGE, true, |w| w.raw(KEY_USAGE_AUTHORITY));
            basic_constraints(extensions, None);
            subject_key_identifier(extensions, identifier);
            // RFC 5280 §4.2.1.1 lets a self-signed certificate leave its authority key identifier out.
        })
    }

    /// The issuing CA for `key`, under `root`.
    pub fn issuing_ca(&self, root: &Certificate, key: &PublicKey) -> Result<Certificate, CaSetupError> {
        self.issuing_ca_with(root, key, None)
    }

    /// The issuing CA for `key`, under `root`, that says where its revocation can be looked up.
    pub fn issuing_ca_with(
        &self,
        root: &Certificate,
        key: &PublicKey,
        addresses: Option<&RevocationAddresses>,
    ) -> Result<Certificate, CaSetupError> {
        self.check_root(root)?;
        let subject = self.subject("Issuing CA")?;
        let (own, authority) = (KeyIdentifier::of(key), KeyIdentifier::of(root.public_key()));
        self.certify(root.subject_der(), &subject, key, Self::ISSUING_VALIDITY, Some(root), |extensions| {
            extension(extensions, rfc5280::ID_CE_KEY_USAGE, true, |w| w.raw(KEY_USAGE_AUTHORITY));
            // sigstore-go and webpki apply an authority's EKU to everything below it: code signing, nothing else.
            extended_key_usage(extensions, false, rfc5280::ID_KP_CODE_SIGNING);
            basic_constraints(extensions, Some(0));
            subject_key_identifier(extensions, own);
            authority_key_identifier(extensions, authority);
            if let Some(addresses) = addresses {
                addresses.write(extensions);
            }
        })
    }

    /// The certificate of the timestamp unit named `unit` for `key`, under `root` (RFC 3161 §2.3).
    pub fn timestamp_unit(&self, root: &Certificate, unit: &str, key: &PublicKey) -> Result<Certificate, CaSetupError> {
        let (validity, key_use) = (Self::TIMESTAMP_VALIDITY, Self::TIMESTAMP_KEY_USE);
        self.unit(root, &UnitPlan { role: unit, key, validity, key_use, addresses: None })
    }

    /// The certificate of a timestamp unit as `plan` wants it, under `root` (RFC 3161 §2.3). The root bounds its
    /// validity.
    pub fn unit(&self, root: &Certificate, plan: &UnitPlan<'_>) -> Result<Certificate, CaSetupError> {
        self.check_root(root)?;
        if plan.key_use >= plan.validity {
            return Err(CaSetupError::KeyUse { key_use: plan.key_use, validity: plan.validity });
        }
        let subject = self.subject(plan.role)?;
        let (own, authority) = (KeyIdentifier::of(plan.key), KeyIdentifier::of(root.public_key()));
        let last_use = self.now.plus(plan.key_use).min(root.not_after());
        let key_use = key_usage_period(self.now, last_use)?;
        self.certify(root.subject_der(), &subject, plan.key, plan.validity, Some(root), |extensions| {
            extension(extensions, rfc5280::ID_CE_KEY_USAGE, true, |w| w.raw(KEY_USAGE_SIGNATURE));
            extended_key_usage(extensions, true, rfc5280::ID_KP_TIME_STAMPING);
            extension(extensions, rfc5280::ID_CE_PRIVATE_KEY_USAGE_PERIOD, false, |w| w.raw(&key_use));
            subject_key_identifier(extensions, own);
            authority_key_identifier(extensions, authority);
            if let Some(addresses) = plan.addresses {
                addresses.write(extensions);
            }
        })
    }

    /// The certificate of an OCSP responder for `key`, under `root` (RFC 6960 §4.2.2.2). It says that its own
    /// revocation is not looked up (`id-pkix-ocsp-nocheck`), so it lives no longer than `validity`.
    pub fn ocsp_responder(
        &self,
        root: &Certificate,
        key: &PublicKey,
        validity: Duration,
    ) -> Result<Certificate, CaSetupError> {
        self.check_root(root)?;
        let subject = self.subject("OCSP")?;
        let (own, authority) = (KeyIdentifier::of(key), KeyIdentifier::of(root.public_key()));
        self.certify(root.subject_der(), &subject, key, validity, Some(root), |extensions| {
            extension(extensions, rfc5280::ID_CE_KEY_USAGE, true, |w| w.raw(KEY_USAGE_SIGNATURE));
            extended_key_usage(extensions, false, OCSP_SIGNING);
            extension(extensions, OCSP_NO_CHECK, false, |w| w.value(tag::NULL, &[]));
            subject_key_identifier(extensions, own);
            authority_key_identifier(extensions, authority);
        })
    }

    fn check_root(&self, root: &Certificate) -> Result<(), CaSetupError> {
        if root.public_key() != self.root_key.public_key() {
            return Err(CaSetupError::RootKey);
        }
        if !root.is_valid_at(self.now) {
            return Err(CaSetupError::RootNotValid);
        }
        Ok(())
    }

    /// `O=<instance>, CN=<instance> <role>`: the instance is in the common name too, where it fits, since many viewers
    /// show nothing else.
    fn subject(&self, role: &str) -> Result<Vec<u8>, CaSetupError> {
        let both = format!("{} {role}", self.instance);
        // An instance's name has 44 characters at most.
        let is_long = both.chars().count() > 64 && self.instance.chars().count() <= 44;
        let common_name = if is_long { role.to_owned() } else { both };
        for text in [self.instance, role, &common_name] {
            let is_printable = text.chars().all(|character| !character.is_control());
            if text.is_empty() || text.chars().count() > 64 || !is_printable {
                return Err(CaSetupError::Name(text.to_owned()));
            }
        }
        let mut name = DerWriter::default();
        name.nested(tag::SEQUENCE, |name| {
            attribute(name, rfc4519::ORGANIZATION_NAME, self.instance);
            attribute(name, rfc4519::COMMON_NAME, &common_name);
        });
        Ok(name.finish())
    }

    fn certify(
        &self,
        issuer: &[u8],
        subject: &[u8],
        key: &PublicKey,
        validity: Duration,
        parent: Option<&Certificate>,
        extensions: impl FnOnce(&mut DerWriter),
    ) -> Result<Certificate, CaSetupError> {
        let not_before = self.now.floor_to_second();
        // The last second counts (RFC 5280 §4.1.2.5), so a whole number of days ends one second early.
        let ends = not_before.plus(validity).minus(Duration::from_secs(1));
        let not_after = parent.map_or(ends, |parent| ends.min(parent.not_after()));
        let mut dates = DerWriter::default();
        dates.time(not_before).and_then(|()| dates.time(not_after)).map_err(|_| CaSetupError::Time)?;
        let algorithm = self.root_key.algorithm().identifier_der();
        let mut tbs = DerWriter::with_capacity(1024);
        tbs.nested(tag::SEQUENCE, |tbs| {
            tbs.raw(VERSION_3);
            tbs.value(tag::INTEGER, &self.serial());
            tbs.raw(algorithm);
            tbs.raw(issuer);
            tbs.value(tag::SEQUENCE, &dates.finish());
            tbs.raw(subject);
            tbs.raw(key.spki_der());
            tbs.nested(tag::context_constructed(3), |tbs| tbs.nested(tag::SEQUENCE, extensions));
        });
        let tbs = tbs.finish();
        let signature = self.root_key.sign(&tbs)?;
        let mut certificate = DerWriter::with_capacity(tbs.len() + 160);
        certificate.nested(tag::SEQUENCE, |certificate| {
            certificate.raw(&tbs);
            certificate.raw(algorithm);
            certificate.bit_string(&signature);
        });
        Ok(Certificate::from_der(&certificate.finish())?)
    }

    /// A serial number is positive and has at most 20 octets (RFC 5280 §4.1.2.2), so the top bit is clear. The next bit
    /// is set so that all serial numbers have the same length. The other 158 bits are random.
    fn serial(&self) -> [u8; 20] {
        let mut serial = self.random.bytes::<20>();
        serial[0] = serial[0] & 0x7f | 0x40;
        serial
    }
}

/// `[0] EXPLICIT Version`, v3 (RFC 5280 §4.1.2.1).
const VERSION_3: &[u8] = &[0xa0, 0x03, 0x02, 0x01, 0x02];

fn attribute(name: &mut DerWriter, oid: ObjectIdentifier, text: &str) {
    name.nested(tag::SET, |set| {
        set.nested(tag::SEQUENCE, |pair| {
            pair.oid(oid);
            pair.value(tag::UTF8_STRING, text.as_bytes());
        });
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

fn basic_constraints(out: &mut DerWriter, path_length: Option<u8>) {
    extension(out, rfc5280::ID_CE_BASIC_CONSTRAINTS, true, |out| {
        out.nested(tag::SEQUENCE, |out| {
            out.value(tag::BOOLEAN, &[0xff]);
            if let Some(length) = path_length {
                out.unsigned(&[length]);
            }
        });
    });
}

fn extended_key_usage(out: &mut DerWriter, is_critical: bool, purpose: ObjectIdentifier) {
    extension(out, rfc5280::ID_CE_EXT_KEY_USAGE, is_critical, |out| {
        out.nested(tag::SEQUENCE, |out| out.oid(purpose));
    });
}

fn subject_key_identifier(out: &mut DerWriter, identifier: KeyIdentifier) {
    extension(out, rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER, false, |out| out.value(tag::OCTET_STRING, &identifier.0));
}

fn authority_key_identifier(out: &mut DerWriter, identifier: KeyIdentifier) {
    extension(out, rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER, false, |out| {
        out.nested(tag::SEQUENCE, |out| out.value(tag::context(0), &identifier.0));
    });
}

/// `PrivateKeyUsagePeriod ::= SEQUENCE { notBefore [0] GeneralizedTime, notAfter [1] GeneralizedTime }` (RFC 3280
/// §4.2.1.4).
fn key_usage_period(from: UnixTime, to: UnixTime) -> Result<Vec<u8>, CaSetupError> {
    let mut out = DerWriter::default();
    let (from, to) = (generalized(from)?, generalized(to)?);
    out.nested(tag::SEQUENCE, |out| {
        out.value(tag::context(0), from.as_bytes());
        out.value(tag::context(1), to.as_bytes());
    });
    Ok(out.finish())
}

fn generalized(at: UnixTime) -> Result<String, CaSetupError> {
    let text = at.rfc3339().map_err(|_| CaSetupError::Time)?;
    Ok(text.chars().filter(|character| character.is_ascii_digit() || *character == 'Z').collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{SignatureAlgorithm, SigningKey};
    use crate::random::SystemRandom;
    use crate::x509::{Chain, ChainError};

    fn key(algorithm: SignatureAlgorithm) -> SigningKey {
        SigningKey::generate(algorithm).expect("generates")
    }

    fn at(root_key: &SigningKey, now: u64) -> CaSetup<'_> {
        CaSetup {
            instance: "h-0123abcd.privyseal.internal",
            root_key,
            now: UnixTime::from_millis(now),
            random: &SystemRandom,
        }
    }

    const NOW: u64 = 1_795_258_320_999;

    #[test]
    fn the_three_certificates_are_what_the_specification_asks_for() {
        for algorithm in [SignatureAlgorithm::EcdsaP256Sha256, SignatureAlgorithm::EcdsaP384Sha384] {
            let (root_key, ca_key, unit_key) = (key(algorithm), key(algorithm), key(algorithm));
            let setup = at(&root_key, NOW);
            let root = setup.root().expect("root");
            let issuing = setup.issuing_ca(&root, ca_key.public_key()).expect("issuing CA");
            let unit = setup.timestamp_unit(&root, "Timestamp Unit 1", unit_key.public_key()).expect("unit");

            assert_eq!(root.subject(), "CN=h-0123abcd.privyseal.internal Root CA,O=h-0123abcd.privyseal.internal");
            assert!(root.is_ca() && issuing.is_ca() && !unit.is_ca());
            assert_eq!(root.extended_key_usage(), []);
            assert_eq!(issuing.extended_key_usage(), [rfc5280::ID_KP_CODE_SIGNING]);
            assert_eq!(unit.extended_key_usage(), [rfc5280::ID_KP_TIME_STAMPING]);
            for certificate in [&root, &issuing, &unit] {
                assert_eq!(
                    certificate.subject_key_identifier().as_deref(),
                    Some(&KeyIdentifier::of(certificate.public_key()).0[..])
                );
                assert!(certificate.is_issued_by(&root));
                assert_eq!(certificate.serial().len(), 20);
                assert_eq!(certificate.not_before(), setup.now.floor_to_second());
                assert!(certificate.not_after() <= root.not_after());
            }
            assert_eq!(issuing.authority_key_identifier(), root.subject_key_identifier());
            assert_eq!(unit.authority_key_identifier(), root.subject_key_identifier());

            let chain = Chain::new(vec![issuing, root.clone()]).expect("a chain");
            assert_eq!(Chain::from_pem(&chain.to_pem()), Ok(chain.clone()));
            assert_eq!(chain.without_root(), &chain.certificates()[..1]);
            assert_eq!(chain.root(), &root);
            assert!(chain.intermediates().is_empty());
        }
    }

    #[test]
    fn a_certificate_never_outlives_its_root() {
        let (root_key, unit_key) = (key(SignatureAlgorithm::EcdsaP256Sha256), key(SignatureAlgorithm::EcdsaP256Sha256));
        let root = at(&root_key, NOW).root().expect("root");
        let nine_years = Duration::from_secs(9 * 365 * 86_400);
        let later = CaSetup { now: UnixTime::from_millis(NOW).plus(nine_years), ..at(&root_key, NOW) };
        assert_eq!(later.issuing_ca(&root, unit_key.public_key()).expect("made").not_after(), root.not_after());
        let too_late = CaSetup { now: root.not_after().plus(DAY), ..at(&root_key, NOW) };
        assert_eq!(too_late.issuing_ca(&root, unit_key.public_key()), Err(CaSetupError::RootNotValid));
    }

    #[test]
    fn names_and_keys_that_do_not_fit_are_refused() {
        let (root_key, other) = (key(SignatureAlgorithm::EcdsaP256Sha256), key(SignatureAlgorithm::EcdsaP256Sha256));
        let root = at(&root_key, NOW).root().expect("root");
        assert_eq!(at(&other, NOW).issuing_ca(&root, other.public_key()), Err(CaSetupError::RootKey));
        for instance in ["", "line\nfeed", &"x".repeat(60)] {
            let refused = CaSetup { instance, ..at(&root_key, NOW) }.root();
            assert!(matches!(refused, Err(CaSetupError::Name(_))), "{instance:?}");
        }
    }

    #[test]
    fn what_is_no_chain_is_refused() {
        let (one, two) = (key(SignatureAlgorithm::EcdsaP256Sha256), key(SignatureAlgorithm::EcdsaP256Sha256));
        let (first, second) = (at(&one, NOW).root().expect("root"), at(&two, NOW).root().expect("root"));
        let issuing = at(&one, NOW).issuing_ca(&first, two.public_key()).expect("issuing CA");
        let unit = at(&one, NOW).timestamp_unit(&first, "Unit", two.public_key()).expect("unit");
        assert_eq!(Chain::new(vec![]), Err(ChainError::Empty));
        assert_eq!(Chain::new(vec![issuing.clone()]), Err(ChainError::NoRoot));
        assert_eq!(Chain::new(vec![issuing.clone(), second]), Err(ChainError::Unlinked(0)));
        assert_eq!(Chain::new(vec![issuing, unit, first.clone()]), Err(ChainError::NotAuthority(1)));
        assert_eq!(Chain::new(vec![first; 9]), Err(ChainError::Long(9)));
        assert_eq!(Chain::from_pem("-----BEGIN CERTIFICATE-----\n"), Err(ChainError::Empty));
    }
}
