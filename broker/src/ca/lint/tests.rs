use std::time::Duration;

use const_oid::db::rfc5280;
use der::{Reader as _, SliceReader};
use shared::x509::NodePrefix;

use super::*;
use crate::ca::fixture::{Constant, FixedKey, NOW, build_job, issuance_p384, key_and_proof, person};
use crate::ca::oid;
use crate::ca::profile::Profile;
use crate::ca::proof::{ProvenKey, Submission};
use crate::principal::Principal;
use crate::signing::Issuance;
use shared::keys::Signer as _;

/// A draft, taken apart.
#[derive(Clone)]
struct CertificateDraft {
    /// Version, serial, algorithm, issuer, validity, subject, key.
    fields: Vec<Vec<u8>>,
    extensions: Vec<Vec<u8>>,
}

fn split(mut octets: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![];
    while !octets.is_empty() {
        let mut reader = SliceReader::new(octets).unwrap();
        let part = reader.tlv_bytes().unwrap();
        parts.push(part.to_vec());
        octets = &octets[part.len()..];
    }
    parts
}

fn proven() -> ProvenKey {
    let (content, proof) = key_and_proof("a name");
    Submission::PublicKey { content, proof }.verify("a name").unwrap()
}

fn linted(
    issuance: &Issuance,
    principal: &Principal,
    mutate: impl FnOnce(&mut CertificateDraft),
) -> Result<LintedTemplate, LintError> {
    let key = proven();
    let serial = SerialNumber::random(NodePrefix::FIRST, &Constant(0x42));
    let template = issuance.profile.template(&issuance.authority, principal, &key, serial, NOW).unwrap();
    let mut draft =
        CertificateDraft { fields: split(&template.tbs.fields), extensions: split(&template.tbs.extensions) };
    mutate(&mut draft);
    let tbs = TbsParts { fields: draft.fields.concat(), extensions: draft.extensions.concat() };
    let facts = Facts { authority: &issuance.authority, profile: issuance.profile, principal, key: &key, now: NOW };
    lint(CertificateTemplate { tbs, serial }, facts)
}

fn replace(part: &mut [u8], old: &[u8], new: &[u8]) {
    assert_eq!(old.len(), new.len(), "lengths stay");
    let at = part.windows(old.len()).position(|window| window == old).expect("is there");
    part[at..at + old.len()].copy_from_slice(new);
}

#[test]
fn what_the_profile_drafts_passes() {
    let issuance = issuance_p384();
    for principal in [person(), build_job()] {
        let linted = linted(&issuance, &principal, |_| ()).expect("passes");
        assert!(linted.tbs().len() < 4096);
    }
}

#[test]
fn every_broken_rule_is_found() {
    type Case = (&'static str, fn(&mut CertificateDraft), LintError);
    let fulcio = super::fulcio::object_identifier;
    // Extensions of a person: 0 KU, 1 EKU, 2 SKI, 3 AKI, 4 SAN, 5 .1, 6 .8, 7 .24.
    let table: Vec<Case> = vec![
        ("version 1", |d| d.fields[0] = vec![], LintError::Version),
        ("version 2", |d| d.fields[0][4] = 1, LintError::Version),
        ("another serial", |d| d.fields[1][10] ^= 1, LintError::Serial),
        ("a short serial", |d| d.fields[1] = vec![2, 1, 1], LintError::Serial),
        ("a negative serial", |d| d.fields[1][2] = 0x81, LintError::Serial),
        ("another algorithm", |d| *d.fields[2].last_mut().unwrap() = 2, LintError::SignatureAlgorithm),
        ("another issuer", |d| replace(&mut d.fields[3], b"Issuing", b"issuing"), LintError::Issuer),
        ("backdated", |d| replace(&mut d.fields[4], b"261121105200Z", b"261121105159Z"), LintError::Validity),
        ("postdated", |d| replace(&mut d.fields[4], b"261121105200Z", b"261121105201Z"), LintError::Validity),
        ("too long", |d| replace(&mut d.fields[4], b"261121110200Z", b"261121110201Z"), LintError::Validity),
        (
            "ends before it begins",
            |d| replace(&mut d.fields[4], b"261121110200Z", b"261121105159Z"),
            LintError::Validity,
        ),
        (
            "beyond the authority",
            |d| replace(&mut d.fields[4], b"261121110200Z", b"361121110200Z"),
            LintError::Validity,
        ),
        (
            "GeneralizedTime before 2050",
            |d| d.fields[4] = [b"\x30\x20\x18\x0f20261121105200Z", &b"\x17\x0d261121110200Z"[..]].concat(),
            LintError::NotCanonical,
        ),
        (
            "a subject",
            |d| d.fields[5] = b"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01x".to_vec(),
            LintError::Subject,
        ),
        ("another key", |d| d.fields[6] = FixedKey::p256(10).public_key().spki_der().to_vec(), LintError::Key),
        ("an issuer unique id", |d| d.fields.push(vec![0x81, 2, 0, 1]), LintError::UniqueIdentifier),
        ("a subject unique id", |d| d.fields.push(vec![0x82, 2, 0, 1]), LintError::UniqueIdentifier),
        ("no key usage", |d| drop(d.extensions.remove(0)), LintError::Missing(rfc5280::ID_CE_KEY_USAGE)),
        ("no extended key usage", |d| drop(d.extensions.remove(1)), LintError::Missing(rfc5280::ID_CE_EXT_KEY_USAGE)),
        ("no SKI", |d| drop(d.extensions.remove(2)), LintError::Missing(rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER)),
        ("no AKI", |d| drop(d.extensions.remove(3)), LintError::Missing(rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER)),
        ("no name", |d| drop(d.extensions.remove(4)), LintError::Missing(rfc5280::ID_CE_SUBJECT_ALT_NAME)),
        ("no raw issuer", |d| drop(d.extensions.remove(5)), LintError::Missing(fulcio(1))),
        ("no issuer", |d| drop(d.extensions.remove(6)), LintError::Missing(fulcio(8))),
        ("no token subject", |d| drop(d.extensions.remove(7)), LintError::Missing(fulcio(24))),
        ("certificate signing", |d| d.extensions[0] = ku(&[3, 2, 2, 0x84]), LintError::KeyUsage),
        ("key usage with a zero bit at its end", |d| d.extensions[0] = ku(&[3, 2, 6, 0x80]), LintError::KeyUsage),
        (
            "non-critical key usage",
            |d| not_critical(&mut d.extensions[0]),
            LintError::Criticality(rfc5280::ID_CE_KEY_USAGE),
        ),
        ("two purposes", |d| d.extensions[1] = two_purposes(), LintError::ExtendedKeyUsage),
        ("timestamping", |d| *d.extensions[1].last_mut().unwrap() = 8, LintError::ExtendedKeyUsage),
        ("another SKI", |d| *d.extensions[2].last_mut().unwrap() ^= 1, LintError::SubjectKeyIdentifier),
        ("another AKI", |d| *d.extensions[3].last_mut().unwrap() ^= 1, LintError::AuthorityKeyIdentifier),
        ("another name", |d| replace(&mut d.extensions[4], b"alice@", b"Alice@"), LintError::Name),
        (
            "a URI for an address",
            |d| replace(&mut d.extensions[4], b"\x81\x11alice", b"\x86\x11alice"),
            LintError::Name,
        ),
        ("a second name", |d| d.extensions[4] = two_names(), LintError::Name),
        (
            "non-critical name",
            |d| not_critical(&mut d.extensions[4]),
            LintError::Criticality(rfc5280::ID_CE_SUBJECT_ALT_NAME),
        ),
        ("another raw issuer", |d| replace(&mut d.extensions[5], b"https", b"HTTPS"), LintError::Value(fulcio(1))),
        ("another issuer", |d| replace(&mut d.extensions[6], b"https", b"HTTPS"), LintError::Value(fulcio(8))),
        ("the issuer as IA5String", |d| replace(&mut d.extensions[6], b"\x0c", b"\x16"), LintError::Value(fulcio(8))),
        ("another token subject", |d| replace(&mut d.extensions[7], b"CgV", b"CgW"), LintError::Value(fulcio(24))),
        ("an extension twice", |d| d.extensions.push(d.extensions[7].clone()), LintError::Duplicate(fulcio(24))),
        (
            "a claim that nobody permitted",
            |d| {
                d.extensions
                    .push(b"\x30\x11\x06\x0a\x2b\x06\x01\x04\x01\x83\xbf\x30\x01\x09\x04\x03\x0c\x01x"[..].into())
            },
            LintError::Unexpected(fulcio(9)),
        ),
        (
            "basic constraints",
            |d| d.extensions.push(b"\x30\x09\x06\x03\x55\x1d\x13\x04\x02\x30\x00"[..].into()),
            LintError::Unexpected(rfc5280::ID_CE_BASIC_CONSTRAINTS),
        ),
        (
            "name constraints",
            |d| d.extensions.push(b"\x30\x09\x06\x03\x55\x1d\x1e\x04\x02\x30\x00"[..].into()),
            LintError::Unexpected(rfc5280::ID_CE_NAME_CONSTRAINTS),
        ),
        (
            "a timestamp list",
            |d| {
                d.extensions
                    .push(b"\x30\x10\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02\x04\x02\x04\x00"[..].into())
            },
            LintError::Unexpected(oid::SCT_LIST),
        ),
        (
            "criticality written though default",
            |d| d.extensions[1] = explicit_false(&d.extensions[1]),
            LintError::NotCanonical,
        ),
        ("too large", |d| d.extensions.push(vec![0; 20_000]), LintError::Size(0)),
    ];
    let issuance = issuance_p384();
    for (name, mutate, expected) in table {
        let found = linted(&issuance, &person(), mutate).expect_err(name);
        assert_eq!(std::mem::discriminant(&found), std::mem::discriminant(&expected), "{name}: {found}");
        if !matches!(found, LintError::Size(_)) {
            assert_eq!(found, expected, "{name}");
        }
    }
}

fn ku(value: &[u8]) -> Vec<u8> {
    [b"\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04", value].concat()
}

fn two_purposes() -> Vec<u8> {
    let code_signing = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x03";
    let server_auth = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01";
    [&b"\x30\x1d\x06\x03\x55\x1d\x25\x04\x16\x30\x14"[..], code_signing, server_auth].concat()
}

fn two_names() -> Vec<u8> {
    b"\x30\x24\x06\x03\x55\x1d\x11\x01\x01\xff\x04\x1a\x30\x18\x81\x11alice@example.com\x81\x03b@c".to_vec()
}

fn not_critical(extension: &mut Vec<u8>) {
    let at = extension.windows(3).position(|window| window == [1, 1, 0xff]).expect("critical");
    extension.drain(at..at + 3);
    extension[1] -= 3;
}

fn explicit_false(extension: &[u8]) -> Vec<u8> {
    let id_end = 4 + extension[3] as usize;
    let mut longer = extension.to_vec();
    longer.splice(id_end..id_end, [1, 1, 0]);
    longer[1] += 3;
    longer
}

#[test]
fn any_changed_octet_is_found() {
    let issuance = issuance_p384();
    let good = linted(&issuance, &build_job(), |_| ()).expect("passes");
    let (fields, extensions) = (good.parts.fields, good.parts.extensions);
    let key = proven();
    let principal = build_job();
    let facts =
        Facts { authority: &issuance.authority, profile: issuance.profile, principal: &principal, key: &key, now: NOW };
    for at in 0..fields.len() + extensions.len() {
        let (mut fields, mut extensions) = (fields.clone(), extensions.clone());
        match fields.get_mut(at) {
            Some(octet) => *octet ^= 0x20,
            None => extensions[at - fields.len()] ^= 0x20,
        }
        let template = CertificateTemplate { tbs: TbsParts { fields, extensions }, serial: good.serial };
        assert!(lint(template, facts).is_err(), "octet {at}");
    }
}

#[test]
fn a_leaf_ends_with_its_authority_and_is_refused_outside_it() {
    let issuance = issuance_p384();
    let end = issuance.authority.not_after();
    let late = end.minus(Duration::from_secs(60));
    let (_, not_after) = issuance.profile.validity(&issuance.authority, late).expect("still valid");
    assert_eq!(not_after, end);
    assert!(issuance.profile.validity(&issuance.authority, end.plus(Duration::from_secs(1))).is_err());
    assert!(issuance.profile.validity(&issuance.authority, NOW.minus(Duration::from_secs(1))).is_err());
    for lifetime in [0, 59, 86_401] {
        assert!(Profile::parse(Duration::from_secs(lifetime)).is_err());
    }
    assert!(Profile::parse(Duration::from_millis(60_500)).is_err());
}
