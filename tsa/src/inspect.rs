//! What a timestamp of any TSA says, valid or not.
//!
//! Reads what the verifier refuses (SHA-1, ESSCertID of version 1, other signer identifiers, unsorted certificates,
//! refusals) and shows it; nothing that it says has been checked. It must be DER: who writes BER cannot be sure of what
//! a hash covers.

use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use const_oid::ObjectIdentifier;
use const_oid::db::DB;
use der::Decode as _;
use serde::Serialize;
use shared::x509::Certificate;
use shared::x509::der_writer::tag;
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::Attribute;
use x509_cert::name::Name;

use crate::der_reader::{DerFault, DerReader};
use crate::qualified;
use crate::rejection::PkiFailureInfo;
use crate::verify::MAX_RESPONSE;
use crate::verify::signed_data::Fields;

/// The longest text from the file that is shown.
const MAX_TEXT: usize = 500;
/// The most values of one kind that are shown.
const MAX_ITEMS: usize = 32;

/// What a file says.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Inspection {
    /// The status, when the file is a whole response.
    pub status: Option<Status>,
    /// The token, when there is one.
    pub token: Option<Token>,
}

/// `PKIStatusInfo` (RFC 3161 §2.4.2).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Status {
    /// `PKIStatus` as a number.
    pub status: u8,
    /// `PKIStatus` by its name in RFC 3161 §2.4.2.
    pub name: &'static str,
    /// The strings of the authority.
    pub text: Vec<String>,
    /// The failures that it names.
    pub failures: Vec<String>,
}

/// A `TimeStampToken`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Token {
    /// What was signed.
    pub info: Info,
    /// `CMSVersion`.
    pub cms_version: u8,
    /// The digest of the content.
    pub digest_algorithm: String,
    /// How it was signed.
    pub signature_algorithm: String,
    /// Issuer and serial number, or key identifier, of the signer's certificate.
    pub signer: String,
    /// Kinds of the signed attributes.
    pub signed_attributes: Vec<String>,
    /// Kinds of the unsigned attributes, which anyone may have added.
    pub unsigned_attributes: Vec<String>,
    /// The certificates, in their order in the token.
    pub certificates: Vec<EmbeddedCertificate>,
}

/// A `TSTInfo`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Info {
    /// Policy, dotted.
    pub policy: String,
    /// Digest of the imprint.
    pub hash_algorithm: String,
    /// The imprint, hex.
    pub imprint: String,
    /// Serial number, hex.
    pub serial: String,
    /// genTime as it is written.
    pub gen_time: String,
    /// The parts of the accuracy in microseconds, added.
    pub accuracy_us: Option<u64>,
    /// Whether all tokens of this authority can be ordered by genTime.
    pub ordering: bool,
    /// The nonce, hex.
    pub nonce: Option<String>,
    /// The authority's name.
    pub tsa: Option<String>,
    /// Identifiers of the extensions, the critical ones marked.
    pub extensions: Vec<String>,
    /// Whether it states that it is a qualified electronic timestamp (ETSI EN 319 422 §9.1).
    pub qualified: bool,
}

/// A certificate in a token.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct EmbeddedCertificate {
    /// Its subject; empty when the certificate has a kind of key that we do not read.
    pub subject: String,
    /// First moment, RFC 3339.
    pub not_before: String,
    /// Last moment.
    pub not_after: String,
    /// Kind of key.
    pub key: String,
    /// SHA-256 of its encoding, hex.
    pub sha256: String,
}

/// Why a file shows nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InspectError {
    /// Longer than we read.
    #[error("the file has {0} bytes; at most {MAX_RESPONSE} are read")]
    TooLong(usize),
    /// Neither a response nor a token.
    #[error("the file is neither a DER TimeStampResp nor a TimeStampToken: {field}: {fault}")]
    NotDer {
        /// The field, as the specification spells it.
        field: &'static str,
        /// What is wrong there.
        fault: DerFault,
    },
    /// A part that only the CMS reader understands does not read.
    #[error("the file is not a TimeStampToken: {0}")]
    Cms(&'static str),
}

fn at(field: &'static str) -> impl Fn(DerFault) -> InspectError + Copy {
    move |fault| InspectError::NotDer { field, fault }
}

impl Inspection {
    /// Reads a `TimeStampResp`, or a token alone.
    pub fn parse(file: &[u8]) -> Result<Self, InspectError> {
        if file.len() > MAX_RESPONSE {
            return Err(InspectError::TooLong(file.len()));
        }
        let mut fields = DerReader::new(DerReader::single(file, tag::SEQUENCE).map_err(at("the file"))?);
        if fields.peek() == Some(tag::OBJECT_IDENTIFIER) {
            return Ok(Self { status: None, token: Some(Token::parse(file)?) });
        }
        let status = Status::read(fields.read(tag::SEQUENCE).map_err(at("status"))?.contents)?;
        let token = match fields.is_empty() {
            true => None,
            false => Some(Token::parse(fields.read(tag::SEQUENCE).map_err(at("timeStampToken"))?.whole)?),
        };
        fields.finish().map_err(at("TimeStampResp"))?;
        Ok(Self { status: Some(status), token })
    }
}

/// The token in a file that is a response or a token alone: what the verifier of tokens takes.
pub fn token_of(file: &[u8]) -> Result<&[u8], InspectError> {
    let mut fields = DerReader::new(DerReader::single(file, tag::SEQUENCE).map_err(at("the file"))?);
    if fields.peek() == Some(tag::OBJECT_IDENTIFIER) {
        return Ok(file);
    }
    fields.read(tag::SEQUENCE).map_err(at("status"))?;
    Ok(fields.read(tag::SEQUENCE).map_err(at("timeStampToken"))?.whole)
}

impl Status {
    fn read(contents: &[u8]) -> Result<Self, InspectError> {
        let at = at("status");
        let mut info = DerReader::new(contents);
        let status = info.integer().map_err(at)?.contents;
        let (number, name) = match status {
            [0] => (0, "granted"),
            [1] => (1, "grantedWithMods"),
            [2] => (2, "rejection"),
            [3] => (3, "waiting"),
            [4] => (4, "revocationWarning"),
            [5] => (5, "revocationNotification"),
            other => (*other.last().unwrap_or(&u8::MAX), "unknown"),
        };
        let mut text = Vec::new();
        if let Some(strings) = info.optional(tag::SEQUENCE).map_err(at)? {
            let mut strings = DerReader::new(strings.contents);
            while !strings.is_empty() && text.len() < MAX_ITEMS {
                text.push(shown(strings.read(tag::UTF8_STRING).map_err(at)?.contents));
            }
        }
        let bits = info.optional(tag::BIT_STRING).map_err(at)?;
        let failures = bits.map_or_else(Vec::new, |bits| failures(bits.contents));
        info.finish().map_err(at)?;
        Ok(Self { status: number, name, text, failures })
    }
}

fn failures(bit_string: &[u8]) -> Vec<String> {
    let Some((_, octets)) = bit_string.split_first() else { return Vec::new() };
    let bits = octets.iter().take(8).enumerate().flat_map(|(index, octet)| {
        (0..8).filter(move |bit| octet >> (7 - bit) & 1 == 1).map(move |bit| index * 8 + bit)
    });
    let name = |bit: usize| PkiFailureInfo::ALL.into_iter().find(|info| *info as usize == bit);
    bits.map(|bit| name(bit).map_or_else(|| format!("bit {bit}"), |info| info.name().to_owned())).collect()
}

impl Token {
    fn parse(token: &[u8]) -> Result<Self, InspectError> {
        let fields = Fields::split(token).map_err(at("SignedData"))?;
        let data = SignedData::from_der(&fields.without_certificates()).map_err(|_| InspectError::Cms("SignedData"))?;
        let content = data.encap_content_info.econtent.as_ref().ok_or(InspectError::Cms("there is no content"))?;
        let [signer] = data.signer_infos.0.as_slice() else {
            return Err(InspectError::Cms("there is not exactly one signer"));
        };
        Ok(Self {
            info: Info::parse(content.value())?,
            cms_version: data.version as u8,
            digest_algorithm: algorithm(&signer.digest_alg),
            signature_algorithm: algorithm(&signer.signature_algorithm),
            signer: signer_name(signer),
            signed_attributes: attributes(signer.signed_attrs.as_ref().map_or(&[], |set| set.as_slice())),
            unsigned_attributes: attributes(signer.unsigned_attrs.as_ref().map_or(&[], |set| set.as_slice())),
            certificates: certificates(fields.certificates.unwrap_or_default())?,
        })
    }
}

fn signer_name(signer: &SignerInfo) -> String {
    match &signer.sid {
        SignerIdentifier::IssuerAndSerialNumber(sid) => {
            let serial = hex::encode(sid.serial_number.as_bytes());
            shown(format!("issuer {}, serial number {serial}", sid.issuer).as_bytes())
        }
        SignerIdentifier::SubjectKeyIdentifier(id) => format!("key identifier {}", hex::encode(id.0.as_bytes())),
    }
}

fn attributes(attributes: &[Attribute]) -> Vec<String> {
    attributes.iter().take(MAX_ITEMS).map(|attribute| named(attribute.oid)).collect()
}

fn certificates(set: &[u8]) -> Result<Vec<EmbeddedCertificate>, InspectError> {
    let mut reader = DerReader::new(set);
    let mut certificates = Vec::new();
    while !reader.is_empty() && certificates.len() < MAX_ITEMS {
        let der = reader.any().map_err(at("certificates"))?.whole;
        let sha256 = hex::encode(crate::HashAlgorithm::Sha256.digest(der));
        let none = EmbeddedCertificate {
            subject: String::new(),
            not_before: String::new(),
            not_after: String::new(),
            key: String::new(),
            sha256,
        };
        certificates.push(match Certificate::from_der(der) {
            Err(_) => none,
            Ok(certificate) => EmbeddedCertificate {
                subject: shown(certificate.subject().as_bytes()),
                not_before: certificate.not_before().rfc3339().unwrap_or_default(),
                not_after: certificate.not_after().rfc3339().unwrap_or_default(),
                key: certificate.public_key().kind().to_string(),
                ..none
            },
        });
    }
    Ok(certificates)
}

impl Info {
    fn parse(der: &[u8]) -> Result<Self, InspectError> {
        let mut fields = DerReader::new(DerReader::single(der, tag::SEQUENCE).map_err(at("TSTInfo"))?);
        fields.integer().map_err(at("version"))?;
        let policy = oid(fields.object_identifier().map_err(at("policy"))?.contents);
        let mut imprint = DerReader::new(fields.read(tag::SEQUENCE).map_err(at("messageImprint"))?.contents);
        let mut hash = DerReader::new(imprint.read(tag::SEQUENCE).map_err(at("hashAlgorithm"))?.contents);
        let hash = hash.object_identifier().map_err(at("hashAlgorithm"))?.contents;
        let digest = imprint.read(tag::OCTET_STRING).map_err(at("hashedMessage"))?.contents;
        let serial = fields.integer().map_err(at("serialNumber"))?.contents;
        let gen_time = fields.read(tag::GENERALIZED_TIME).map_err(at("genTime"))?.contents;
        let accuracy = fields.optional(tag::SEQUENCE).map_err(at("accuracy"))?;
        let ordering = fields.default_false().map_err(at("ordering"))?;
        let nonce = fields.optional(tag::INTEGER).map_err(at("nonce"))?;
        let tsa = fields.optional(tag::context_constructed(0)).map_err(at("tsa"))?;
        let extensions = fields.optional(tag::context_constructed(1)).map_err(at("extensions"))?;
        fields.finish().map_err(at("TSTInfo"))?;
        let (extensions, qualified) = read_extensions(extensions.map_or(&[], |list| list.contents))?;
        Ok(Self {
            policy: dotted(policy),
            hash_algorithm: ObjectIdentifier::from_bytes(hash).map_or_else(|_| hex::encode(hash), named),
            imprint: hex::encode(digest),
            serial: hex::encode(serial),
            gen_time: shown(gen_time),
            accuracy_us: accuracy.map(|accuracy| accuracy_us(accuracy.contents)).transpose()?,
            ordering,
            nonce: nonce.map(|nonce| hex::encode(nonce.contents)),
            tsa: tsa.map(|tsa| general_name(tsa.contents)),
            extensions,
            qualified,
        })
    }
}

fn accuracy_us(contents: &[u8]) -> Result<u64, InspectError> {
    let at = at("accuracy");
    let number = |octets: &[u8]| octets.iter().take(5).fold(0_u64, |number, octet| number << 8 | u64::from(*octet));
    let mut parts = DerReader::new(contents);
    let mut sum = 0;
    for (identifier, unit) in [(tag::INTEGER, 1_000_000), (tag::context(0), 1_000), (tag::context(1), 1)] {
        let part = parts.optional(identifier).map_err(at)?;
        sum += part.map_or(0, |part| number(part.contents) * unit);
    }
    parts.finish().map_err(at)?;
    Ok(sum)
}

fn read_extensions(contents: &[u8]) -> Result<(Vec<String>, bool), InspectError> {
    let at = at("extensions");
    let mut list = DerReader::new(contents);
    let (mut names, mut is_qualified) = (Vec::new(), false);
    while !list.is_empty() && names.len() < MAX_ITEMS {
        let mut extension = DerReader::new(list.read(tag::SEQUENCE).map_err(at)?.contents);
        let identifier = extension.object_identifier().map_err(at)?.contents;
        let is_critical = extension.default_false().map_err(at)?;
        let value = extension.read(tag::OCTET_STRING).map_err(at)?.contents;
        is_qualified |= identifier == qualified::QC_STATEMENTS && value == qualified::STATEMENTS;
        let name = ObjectIdentifier::from_bytes(identifier).map_or_else(|_| hex::encode(identifier), named);
        names.push(if is_critical { format!("{name}, critical") } else { name });
    }
    Ok((names, is_qualified))
}

fn oid(contents: &[u8]) -> Result<ObjectIdentifier, String> {
    ObjectIdentifier::from_bytes(contents).map_err(|_| hex::encode(contents))
}

fn dotted(oid: Result<ObjectIdentifier, String>) -> String {
    oid.map_or_else(|octets| octets, |oid| oid.to_string())
}

/// The directory name in a GeneralName, as RFC 4514 writes it; the octets of another kind.
fn general_name(der: &[u8]) -> String {
    let name = DerReader::single(der, tag::context_constructed(4)).ok().and_then(|name| Name::from_der(name).ok());
    name.map_or_else(|| hex::encode(&der[..der.len().min(MAX_TEXT)]), |name| shown(name.to_string().as_bytes()))
}

fn algorithm(algorithm: &AlgorithmIdentifierOwned) -> String {
    let parameters = match &algorithm.parameters {
        None => "",
        Some(parameters) if parameters.is_null() => "",
        Some(_) => " with parameters",
    };
    format!("{}{parameters}", named(algorithm.oid))
}

/// The name of an identifier in the registers that we know, and its numbers.
fn named(oid: ObjectIdentifier) -> String {
    DB.by_oid(&oid).map_or_else(|| oid.to_string(), |name| format!("{name} ({oid})"))
}

/// Text from outside on its way to a terminal.
fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().filter(|character| !character.is_control()).take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use shared::keys::SignatureAlgorithm;

    use super::*;
    use crate::fixture::{ALGORITHMS, DATA, POLICY, RequestParts, deep_unit, respond};
    use crate::rejection::Rejection;

    #[test]
    fn our_own_tokens_are_shown_in_full() {
        for algorithm in ALGORITHMS {
            let unit = deep_unit(algorithm);
            let response = respond(&unit, &RequestParts::full().der());
            let seen = Inspection::parse(response.der()).unwrap();
            assert_eq!(seen.status.as_ref().map(|status| (status.status, status.name)), Some((0, "granted")));
            let token = seen.token.clone().unwrap();
            let info = &token.info;
            assert_eq!((info.policy.as_str(), info.nonce.as_deref()), (POLICY, Some("00fe01020304050607")));
            assert_eq!(info.imprint, hex::encode(crate::HashAlgorithm::Sha256.digest(DATA)));
            assert_eq!((info.gen_time.as_str(), info.accuracy_us), ("20261121105200Z", Some(1_000_000)));
            assert_eq!(info.hash_algorithm, "id-sha256 (2.16.840.1.101.3.4.2.1)");
            assert!(info.tsa.as_ref().unwrap().contains("a unit far below the root"));
            assert_eq!((token.cms_version, token.certificates.len(), token.signed_attributes.len()), (3, 3, 3));
            let alone = Inspection::parse(token_of(response.der()).unwrap()).unwrap();
            assert_eq!((alone.status, alone.token), (None, Some(token)));
        }
    }

    #[test]
    fn refusals_are_shown_with_their_reason() {
        let seen = Inspection::parse(&Rejection::Version.to_response("r1")).unwrap();
        let status = seen.status.unwrap();
        assert_eq!((status.name, status.failures), ("rejection", vec!["badRequest".to_owned()]));
        assert_eq!(status.text, ["the version must be 1 (RFC 3161 section 2.4.1)"]);
        assert_eq!(seen.token, None);
    }

    #[test]
    fn tokens_of_openssl_are_shown() {
        let response = include_bytes!("../../tests/vectors/tsa/openssl/rsa2048-sha512-cert.tsr");
        let token = Inspection::parse(response).unwrap().token.unwrap();
        assert_eq!(token.info.accuracy_us, Some(1_500_000));
        assert!(token.info.ordering);
        assert!(token.signed_attributes.iter().any(|name| name.contains("1.2.840.113549.1.9.5")));
    }

    #[test]
    fn what_is_cut_short_is_an_error() {
        let response = respond(&deep_unit(SignatureAlgorithm::EcdsaP256Sha256), &RequestParts::full().der()).into_der();
        for length in 0..response.len() {
            assert!(Inspection::parse(&response[..length]).is_err(), "{length}");
        }
        assert_eq!(Inspection::parse(&vec![0; MAX_RESPONSE + 1]), Err(InspectError::TooLong(MAX_RESPONSE + 1)));
    }
}
