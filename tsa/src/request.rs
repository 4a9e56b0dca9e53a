//! A timestamp request: `TimeStampReq` (RFC 3161 §2.4.1), read strictly; what the token repeats is kept to the byte.

pub mod json;

use shared::x509::der_writer::tag;

use crate::der_reader::{DerFault, DerReader, Tlv};
use crate::hash_algorithm::HashAlgorithm;
use crate::nonce::MAX_NONCE;
use crate::policy::{dotted, is_within_limits};
use crate::qualified;
use crate::rejection::Rejection;

/// The longest request that is read, in bytes; clients send about 70.
pub const MAX_REQUEST: usize = 4 * 1024;

/// A request that follows every rule about its own form. What it is granted depends on the unit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TimestampRequest<'a> {
    imprint: Imprint<'a>,
    policy: Option<&'a [u8]>,
    nonce: Option<&'a [u8]>,
    is_certificate_requested: bool,
    asks_for_qualified: bool,
}

/// `MessageImprint`: what is to be timestamped, as the caller wrote it. The token must repeat it (RFC 3161 §2.4.2), so
/// the bytes are kept: re-encoding would turn absent parameters into NULL or back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Imprint<'a> {
    algorithm: HashAlgorithm,
    digest: &'a [u8],
    der: &'a [u8],
}

impl<'a> Imprint<'a> {
    /// The digest's algorithm.
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// The digest.
    pub fn digest(&self) -> &'a [u8] {
        self.digest
    }

    /// The digest, as a value of its own.
    pub(crate) fn to_digest(self) -> ImprintDigest {
        ImprintDigest::of(self.digest)
    }

    /// The whole encoding, as it came.
    pub fn der(&self) -> &'a [u8] {
        self.der
    }

    /// Reads and checks a `MessageImprint`.
    pub(crate) fn read(value: Tlv<'a>) -> Result<Self, Rejection> {
        let raw = RawImprint::read(value)?;
        let algorithm =
            HashAlgorithm::from_oid_contents(raw.oid).ok_or_else(|| Rejection::HashUnsupported(dotted(raw.oid)))?;
        if !matches!(raw.parameters, None | Some([0x05, 0x00])) {
            return Err(Rejection::HashParameters);
        }
        if raw.digest.len() != algorithm.length() {
            return Err(Rejection::ImprintLength { algorithm, found: raw.digest.len() });
        }
        Ok(Self { algorithm, digest: raw.digest, der: value.whole })
    }
}

/// The digest of an imprint without the request around it: at most 64 octets, no allocation.
#[derive(Clone, Copy)]
pub(crate) struct ImprintDigest {
    octets: [u8; 64],
    length: usize,
}

impl ImprintDigest {
    fn of(digest: &[u8]) -> Self {
        let mut octets = [0; 64];
        octets[..digest.len()].copy_from_slice(digest);
        Self { octets, length: digest.len() }
    }
}

impl AsRef<[u8]> for ImprintDigest {
    fn as_ref(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

struct RawImprint<'a> {
    oid: &'a [u8],
    parameters: Option<&'a [u8]>,
    digest: &'a [u8],
}

impl<'a> RawImprint<'a> {
    fn read(value: Tlv<'a>) -> Result<Self, Rejection> {
        const FIELD: &str = "messageImprint";
        let mut fields = DerReader::new(value.contents);
        let mut algorithm = DerReader::new(fields.read(tag::SEQUENCE).map_err(at("hashAlgorithm"))?.contents);
        let oid = object_identifier(&mut algorithm, "hashAlgorithm")?;
        let parameters = match algorithm.is_empty() {
            true => None,
            false => Some(algorithm.any().map_err(at("hashAlgorithm"))?.whole),
        };
        algorithm.finish().map_err(at("hashAlgorithm"))?;
        let digest = fields.read(tag::OCTET_STRING).map_err(at("hashedMessage"))?.contents;
        fields.finish().map_err(at(FIELD))?;
        Ok(Self { oid, parameters, digest })
    }
}

impl<'a> TimestampRequest<'a> {
    /// Reads a request that fills `der`. First the whole form, then what each field says, in the order of the fields.
    pub fn parse(der: &'a [u8]) -> Result<Self, Rejection> {
        if der.len() > MAX_REQUEST {
            return Err(Rejection::TooLong { limit: MAX_REQUEST });
        }
        let mut fields = DerReader::new(DerReader::single(der, tag::SEQUENCE).map_err(at("TimeStampReq"))?);
        let version = fields.integer().map_err(at("version"))?;
        let imprint = fields.read(tag::SEQUENCE).map_err(at("messageImprint"))?;
        let policy = match fields.peek() {
            Some(tag::OBJECT_IDENTIFIER) => Some(object_identifier(&mut fields, "reqPolicy")?),
            _ => None,
        };
        let nonce = match fields.peek() {
            Some(tag::INTEGER) => Some(fields.integer().map_err(at("nonce"))?),
            _ => None,
        };
        let is_certificate_requested = fields.default_false().map_err(at("certReq"))?;
        let extensions = fields.optional(tag::context_constructed(0)).map_err(at("extensions"))?;
        // Anything left is out of order, twice or unknown: silently dropping it could drop a nonce.
        fields.finish().map_err(at("TimeStampReq"))?;
        let requested = extensions.map(requested_extension).transpose()?;

        if version.contents != [1] {
            return Err(Rejection::Version);
        }
        let imprint = Imprint::read(imprint)?;
        if let Some(nonce) = nonce.filter(|nonce| nonce.contents.len() > MAX_NONCE) {
            return Err(Rejection::NonceTooLong(nonce.contents.len()));
        }
        let asks_for_qualified = match requested {
            None => false,
            Some(RequestedExtension::Qualified) => true,
            Some(RequestedExtension::OtherStatement) => return Err(Rejection::NotQualified),
            Some(RequestedExtension::Unknown(oid)) => return Err(Rejection::ExtensionUnsupported(dotted(oid))),
        };
        let nonce = nonce.map(|nonce| nonce.whole);
        Ok(Self { imprint, policy, nonce, is_certificate_requested, asks_for_qualified })
    }

    /// The digest to be timestamped.
    pub fn imprint(&self) -> Imprint<'a> {
        self.imprint
    }

    /// Contents octets of the requested policy.
    pub fn policy(&self) -> Option<&'a [u8]> {
        self.policy
    }

    /// The nonce's whole encoding. Any INTEGER is one, zero and negative ones too.
    pub fn nonce(&self) -> Option<&'a [u8]> {
        self.nonce
    }

    /// Whether the token shall carry the unit's certificates.
    pub fn is_certificate_requested(&self) -> bool {
        self.is_certificate_requested
    }

    /// Whether the token must say that it is a qualified one.
    pub fn asks_for_qualified(&self) -> bool {
        self.asks_for_qualified
    }
}

/// What the extensions of a request ask for.
enum RequestedExtension<'a> {
    /// The statement of a qualified timestamp.
    Qualified,
    /// A statement that no unit makes.
    OtherStatement,
    /// Something that we do not know.
    Unknown(&'a [u8]),
}

/// Reads all of `Extensions ::= SEQUENCE SIZE (1..MAX) OF SEQUENCE { extnID, critical DEFAULT FALSE, extnValue OCTET
/// STRING }`. The only one that we know is qcStatements; one that is unknown decides, wherever it stands.
fn requested_extension(extensions: Tlv<'_>) -> Result<RequestedExtension<'_>, Rejection> {
    const FIELD: &str = "extensions";
    let mut list = DerReader::new(extensions.contents);
    let mut requested = None;
    while requested.is_none() || !list.is_empty() {
        let mut extension = DerReader::new(list.read(tag::SEQUENCE).map_err(at(FIELD))?.contents);
        let oid = object_identifier(&mut extension, FIELD)?;
        extension.default_false().map_err(at(FIELD))?;
        let value = extension.read(tag::OCTET_STRING).map_err(at(FIELD))?.contents;
        extension.finish().map_err(at(FIELD))?;
        let this = match (oid, value) {
            (qualified::QC_STATEMENTS, qualified::STATEMENTS) => RequestedExtension::Qualified,
            (qualified::QC_STATEMENTS, _) => RequestedExtension::OtherStatement,
            _ => RequestedExtension::Unknown(oid),
        };
        requested = Some(match (requested, this) {
            (None, this) => this,
            (Some(known @ RequestedExtension::Unknown(_)), _) | (_, known @ RequestedExtension::Unknown(_)) => known,
            // RFC 5280 §4.2: an extension stands there once.
            (Some(_), _) => return Err(Rejection::NotDer { field: FIELD, fault: DerFault::Contents }),
        });
    }
    requested.ok_or(Rejection::NotDer { field: FIELD, fault: DerFault::CutShort })
}

fn object_identifier<'a>(reader: &mut DerReader<'a>, field: &'static str) -> Result<&'a [u8], Rejection> {
    let contents = reader.object_identifier().map_err(at(field))?.contents;
    if is_within_limits(contents) { Ok(contents) } else { Err(Rejection::IdentifierTooLong(field)) }
}

fn at(field: &'static str) -> impl Fn(DerFault) -> Rejection {
    move |fault| Rejection::NotDer { field, fault }
}

#[cfg(test)]
mod tests;
