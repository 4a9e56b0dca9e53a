//! The certificate: which identity it names, what it is for, and which authority issued it at a given time.

use std::time::Duration;

use der::asn1::{ObjectIdentifier, Utf8StringRef};
use der::{Decode as _, Encode as _};
use rustls_pki_types::{CertificateDer, UnixTime as PkiTime};
use shared::time::UnixTime;
use shared::trust_root::trusted_root::CertificateAuthority;
use shared::x509::Certificate;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage as KeyUsageExtension, SubjectAltName};

use super::error::VerifyError;
use super::identity::ExpectedIdentity;

const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
/// The contents of that OBJECT IDENTIFIER, as webpki wants it.
const CODE_SIGNING_CONTENTS: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];
/// Fulcio's issuer extension: an UTF8String.
const ISSUER_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");
/// Its predecessor: bare text.
const ISSUER_V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");
/// The otherName for user names.
const USERNAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.7");

pub(super) fn read(der: &[u8]) -> Result<Certificate, VerifyError> {
    Ok(Certificate::from_der(der)?)
}

/// A leaf for signing code and nothing else that matters: no CA, digitalSignature, codeSigning.
pub(super) fn check_profile(certificate: &Certificate) -> Result<(), VerifyError> {
    let malformed = |_| VerifyError::Profile("an extension is malformed");
    let constraints = certificate.tbs().get_extension::<BasicConstraints>().map_err(malformed)?;
    if constraints.is_some_and(|(_, constraints)| constraints.ca) {
        return Err(VerifyError::Profile("it is a certificate authority"));
    }
    let usage = certificate.tbs().get_extension::<KeyUsageExtension>().map_err(malformed)?;
    if !usage.is_some_and(|(_, usage)| usage.digital_signature()) {
        return Err(VerifyError::Profile("its key usage is not digitalSignature"));
    }
    if !certificate.extended_key_usage().contains(&CODE_SIGNING) {
        return Err(VerifyError::Profile("its extended key usage is not codeSigning"));
    }
    Ok(())
}

/// Compares both halves of the identity as bytes.
pub(super) fn check_identity(certificate: &Certificate, identity: &ExpectedIdentity) -> Result<(), VerifyError> {
    let found = subject(certificate)?;
    if found != identity.subject {
        return Err(VerifyError::Subject { found, expected: identity.subject.clone() });
    }
    let found = issuer(certificate)?;
    if found != identity.issuer {
        return Err(VerifyError::Issuer { found, expected: identity.issuer.clone() });
    }
    Ok(())
}

/// The one subject alternative name.
fn subject(certificate: &Certificate) -> Result<String, VerifyError> {
    let names = certificate.tbs().get_extension::<SubjectAltName>();
    let Ok(Some((_, SubjectAltName(names)))) = names else {
        return Err(VerifyError::Profile("it has no readable subject alternative name"));
    };
    match names.as_slice() {
        [GeneralName::Rfc822Name(name)] => Ok(name.to_string()),
        [GeneralName::UniformResourceIdentifier(name)] => Ok(name.to_string()),
        [GeneralName::OtherName(other)] if other.type_id == USERNAME => {
            let text = other.value.decode_as::<Utf8StringRef<'_>>().map(|text| text.as_str().to_owned());
            text.map_err(|_| VerifyError::Profile("its otherName is malformed"))
        }
        [_] => Err(VerifyError::Profile("its subject alternative name is neither e-mail, URI nor user name")),
        _ => Err(VerifyError::Profile("it has more than one subject alternative name")),
    }
}

/// The issuer of the identity; if both extensions are there, they must say the same.
fn issuer(certificate: &Certificate) -> Result<String, VerifyError> {
    let unreadable = VerifyError::Profile("it has no readable issuer extension");
    let extensions = certificate.tbs().extensions().map_or(&[][..], |extensions| extensions.as_slice());
    let value = |oid| {
        let mut found = extensions.iter().filter(|extension| extension.extn_id == oid);
        let first = found.next().map(|extension| extension.extn_value.as_bytes());
        if found.next().is_some() { None } else { first }
    };
    let new = value(ISSUER_V2).and_then(|der| Utf8StringRef::from_der(der).ok()).map(|text| text.as_str().to_owned());
    let old = value(ISSUER_V1).and_then(|text| String::from_utf8(text.to_vec()).ok());
    match (new, old) {
        (Some(new), Some(old)) if new != old => Err(VerifyError::Profile("its two issuer extensions disagree")),
        (Some(issuer), _) | (None, Some(issuer)) => Ok(issuer),
        (None, None) => Err(unreadable),
    }
}

/// Finds a trusted authority that issued the certificate and is valid at `time`; returns the certificate's issuer.
pub(super) fn check_path(
    certificate: &Certificate,
    authorities: &[CertificateAuthority],
    time: UnixTime,
) -> Result<Certificate, VerifyError> {
    let mut reason = "the trusted root names none that counts then".to_owned();
    for authority in authorities.iter().filter(|authority| authority.valid_for.covers(time)) {
        match check_path_to(certificate, authority, time) {
            Ok(issuer) => return Ok(issuer),
            Err(why) => reason = why,
        }
    }
    Err(VerifyError::Path { time, reason })
}

fn check_path_to(
    certificate: &Certificate,
    authority: &CertificateAuthority,
    time: UnixTime,
) -> Result<Certificate, String> {
    let chain: Vec<CertificateDer<'_>> = authority.cert_chain.der().map(CertificateDer::from).collect();
    let (root, intermediates) = chain.split_last().ok_or("the chain is empty")?;
    let anchor = anchor_from_trusted_cert(root).map_err(|error| error.to_string())?;
    let leaf_der = CertificateDer::from(certificate.der());
    let leaf = EndEntityCert::try_from(&leaf_der).map_err(|error| error.to_string())?;
    leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &[anchor],
        intermediates,
        PkiTime::since_unix_epoch(Duration::from_secs(time.seconds())),
        // An issuing CA may leave the extension out; for the leaf `check_profile` has demanded it.
        KeyUsage::required_if_present(CODE_SIGNING_CONTENTS),
        None,
        None,
    )
    .map_err(|error| error.to_string())?;
    let chain: Vec<Certificate> =
        authority.cert_chain.der().filter_map(|der| Certificate::from_der(der).ok()).collect();
    // A trust anchor has no validity for webpki.
    if !chain.last().is_some_and(|root| root.is_valid_at(time)) {
        return Err("the root certificate is not valid then".to_owned());
    }
    chain.into_iter().find(|issuer| certificate.is_issued_by(issuer)).ok_or_else(|| "no issuer in the chain".to_owned())
}

/// SHA-256 of the issuer's SubjectPublicKeyInfo, by which an SCT names the issuer (RFC 6962 §3.2).
pub(super) fn issuer_key_hash(issuer: &Certificate) -> [u8; 32] {
    issuer.public_key().spki_sha256()
}

/// The value of the extension `oid`, if it is there exactly once.
pub(super) fn extension(certificate: &Certificate, oid: ObjectIdentifier) -> Option<Vec<u8>> {
    let extensions = certificate.tbs().extensions()?;
    let mut found = extensions.iter().filter(|extension| extension.extn_id == oid);
    let first = found.next()?;
    found.next().is_none().then(|| first.extn_value.as_bytes().to_vec())
}

/// The to-be-signed certificate without the extension `oid`, all else byte for byte.
pub(super) fn tbs_without(certificate: &Certificate, oid: ObjectIdentifier) -> Option<Vec<u8>> {
    use shared::x509::DerWriter;
    use shared::x509::der_writer::tag;

    let extensions_tag = tag::context_constructed(3);
    let mut out = DerWriter::with_capacity(certificate.tbs_der().len());
    let mut is_whole = true;
    out.nested(tag::SEQUENCE, |tbs| {
        for field in children(certificate.tbs_der()).unwrap_or_default() {
            if field.first() != Some(&extensions_tag) {
                tbs.raw(field);
                continue;
            }
            let list = children(field).and_then(|wrapped| children(wrapped.first()?));
            is_whole = list.is_some();
            tbs.nested(extensions_tag, |wrapper| {
                wrapper.nested(tag::SEQUENCE, |extensions| {
                    let oid = oid.to_der().unwrap_or_default();
                    let others = list.iter().flatten().filter(|der| {
                        children(der).and_then(|parts| parts.first().copied()).is_none_or(|first| first != oid)
                    });
                    others.for_each(|der| extensions.raw(der));
                });
            });
        }
    });
    is_whole.then(|| out.finish())
}

/// The values inside a constructed value, each with its tag and length.
fn children(der: &[u8]) -> Option<Vec<&[u8]>> {
    use der::Reader as _;
    let mut outer = der::SliceReader::new(der).ok()?;
    let header = der::Header::decode(&mut outer).ok()?;
    let contents = outer.read_slice(header.length()).ok()?;
    outer.finish().ok()?;
    let mut inner = der::SliceReader::new(contents).ok()?;
    let mut values = Vec::new();
    while !inner.is_finished() {
        values.push(inner.tlv_bytes().ok()?);
    }
    Some(values)
}
