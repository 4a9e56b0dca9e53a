//! Each lint fails on a list that breaks its rule alone.

use std::time::Duration;

use der::asn1::{GeneralizedTime, OctetString};
use der::{DateTime, Decode as _, Encode as _};
use x509_cert::Version;
use x509_cert::crl::TbsCertList;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Time;

use super::*;
use crate::keys::{SignatureAlgorithm, Signer as _, SigningKey};
use crate::random::SystemRandom;
use crate::time::UnixTime;
use crate::x509::revocation::{CrlPlan, RevocationReason, Revoked};
use crate::x509::{CaSetup, Certificate};

const NOW: UnixTime = UnixTime::from_seconds(1_795_258_320);

struct TestAuthority {
    key: SigningKey,
    root: Certificate,
}

impl TestAuthority {
    fn new() -> Self {
        let key = SigningKey::generate(SignatureAlgorithm::EcdsaP384Sha384).expect("a key");
        let setup = CaSetup { instance: "h.example", root_key: &key, now: NOW, random: &SystemRandom };
        let root = setup.root().expect("a root");
        Self { key, root }
    }

    fn draft(&self) -> TbsCertList {
        let reason = RevocationReason::KeyCompromise;
        let revoked = [1, 2].map(|serial| Revoked { serial: vec![serial, 7], at: NOW, reason });
        let next_update = NOW.plus(Duration::from_secs(86_400));
        let plan = CrlPlan { number: 300, this_update: NOW, next_update, since: NOW, revoked: &revoked };
        let tbs = plan.to_be_signed(&self.root, &self.key).expect("passes");
        TbsCertList::from_der(&tbs).expect("parses")
    }

    fn lint(&self, octets: &[u8]) -> Result<(), CrlLintError> {
        lint(octets, CrlFacts { issuer: &self.root, algorithm: self.key.algorithm() })
    }

    fn broken(&self, mutate: impl FnOnce(&mut TbsCertList)) -> CrlLintError {
        let mut list = self.draft();
        mutate(&mut list);
        let octets = list.to_der().expect("encodes");
        self.lint(&octets).expect_err("breaks a rule")
    }
}

fn at(moment: UnixTime) -> Time {
    let date = DateTime::from_unix_duration(Duration::from_secs(moment.seconds())).expect("a date");
    Time::try_from(date.to_system_time()).expect("a time")
}

fn value(list: &mut TbsCertList, extension: usize, octets: &[u8]) {
    let extensions = list.crl_extensions.as_mut().expect("there are some");
    extensions[extension].extn_value = OctetString::new(octets).expect("short");
}

#[test]
fn every_broken_rule_is_found() {
    type Case = (&'static str, fn(&mut TbsCertList), CrlLintError);
    let key_identifier = const_oid::db::rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER;
    let reasons = const_oid::db::rfc5280::ID_CE_CRL_REASONS;
    // Extensions: 0 authority key identifier, 1 CRL number, 2 expiredCertsOnCRL.
    let table: Vec<Case> = vec![
        ("version 1", |l| l.version = Version::V1, CrlLintError::Version),
        ("version 3", |l| l.version = Version::V3, CrlLintError::Version),
        (
            "another algorithm",
            |l| l.signature.oid = const_oid::db::rfc5912::ECDSA_WITH_SHA_256,
            CrlLintError::SignatureAlgorithm,
        ),
        ("no issuer", |l| l.issuer = Default::default(), CrlLintError::Issuer),
        ("no next update", |l| l.next_update = None, CrlLintError::NextUpdate),
        ("over before it begins", |l| l.next_update = Some(at(UnixTime::from_seconds(1))), CrlLintError::NextUpdate),
        (
            "a time in the wrong form",
            |l| {
                let now = DateTime::from_unix_duration(l.this_update.to_unix_duration()).expect("a date");
                l.this_update = Time::GeneralTime(GeneralizedTime::from_date_time(now));
            },
            CrlLintError::TimeForm,
        ),
        ("nothing in the list", |l| l.revoked_certificates = Some(Vec::new()), CrlLintError::EmptyEntries),
        (
            "serial zero",
            |l| l.revoked_certificates.as_mut().unwrap()[0].serial_number = SerialNumber::new(&[0]).unwrap(),
            CrlLintError::Serial("00".to_owned()),
        ),
        (
            "a serial twice",
            |l| {
                let entries = l.revoked_certificates.as_mut().unwrap();
                entries[1].serial_number = entries[0].serial_number.clone();
            },
            CrlLintError::SerialTwice("0107".to_owned()),
        ),
        (
            "no reason",
            |l| l.revoked_certificates.as_mut().unwrap()[0].crl_entry_extensions = None,
            CrlLintError::Reason("0107".to_owned()),
        ),
        (
            "an unknown reason",
            |l| {
                let extensions = l.revoked_certificates.as_mut().unwrap()[0].crl_entry_extensions.as_mut().unwrap();
                extensions[0].extn_value = OctetString::new([0x0a, 1, 7]).unwrap();
            },
            CrlLintError::Reason("0107".to_owned()),
        ),
        (
            "a critical reason",
            |l| {
                let extensions = l.revoked_certificates.as_mut().unwrap()[0].crl_entry_extensions.as_mut().unwrap();
                extensions[0].critical = true;
            },
            CrlLintError::Criticality(reasons),
        ),
        (
            "an extension twice",
            |l| {
                let extensions = l.crl_extensions.as_mut().unwrap();
                extensions.push(extensions[0].clone());
            },
            CrlLintError::Duplicate(key_identifier),
        ),
        (
            "a critical extension",
            |l| l.crl_extensions.as_mut().unwrap()[0].critical = true,
            CrlLintError::Criticality(key_identifier),
        ),
        ("no number", |l| drop(l.crl_extensions.as_mut().unwrap().remove(1)), CrlLintError::CrlNumber),
        ("a negative number", |l| value(l, 1, &[2, 1, 0x80]), CrlLintError::CrlNumber),
        ("a number of 21 octets", |l| value(l, 1, &[&[2, 21][..], &[1; 21]].concat()), CrlLintError::CrlNumber),
        (
            "no key identifier",
            |l| drop(l.crl_extensions.as_mut().unwrap().remove(0)),
            CrlLintError::AuthorityKeyIdentifier,
        ),
        (
            "another key identifier",
            |l| value(l, 0, &[&[0x30, 22, 0x80, 20][..], &[1; 20]].concat()),
            CrlLintError::AuthorityKeyIdentifier,
        ),
    ];
    let authority = TestAuthority::new();
    for (case, mutate, expected) in table {
        assert_eq!(authority.broken(mutate), expected, "{case}");
    }
}

#[test]
fn the_octets_themselves_are_read() {
    let authority = TestAuthority::new();
    let good = authority.draft().to_der().expect("encodes");
    assert_eq!(authority.lint(&good), Ok(()));
    let mut longer = good.clone();
    longer.push(0);
    assert!(matches!(authority.lint(&longer), Err(CrlLintError::Malformed(_))));
    assert!(matches!(authority.lint(&good[..good.len() - 1]), Err(CrlLintError::Malformed(_))));
    let other = TestAuthority::new();
    let by_another = lint(&good, CrlFacts { issuer: &other.root, algorithm: other.key.algorithm() });
    // Both roots have the same name, so the key tells them apart.
    assert_eq!(by_another, Err(CrlLintError::AuthorityKeyIdentifier));
}
