//! A request as it comes: `TimeStampReq` (RFC 3161 §2.4.1), read strictly, kept to the byte where the token repeats it.

pub mod json;

use shared::x509::der_writer::tag;

use crate::der_reader::{DerFault, DerReader, Tlv};
use crate::hash_algorithm::HashAlgorithm;
use crate::policy::{dotted, is_within_limits};
use crate::rejection::Rejection;

/// The longest request read; clients send about 70 bytes.
pub const MAX_REQUEST: usize = 4 * 1024;
/// The longest nonce read, in octets of its INTEGER; clients send 8 to 20.
pub const MAX_NONCE: usize = 64;

/// A request that follows every rule about its own form. What it may have depends on the unit that is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TimestampRequest<'a> {
    imprint: Imprint<'a>,
    policy: Option<&'a [u8]>,
    nonce: Option<&'a [u8]>,
    is_certificate_requested: bool,
}

/// `MessageImprint`: what is to be timestamped, as the caller wrote it. The token must repeat it (RFC 3161 §2.4.2), so the bytes
/// are kept: re-encoding would turn absent parameters into NULL or back.
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
        let first_extension = extensions.map(first_extension).transpose()?;

        if version.contents != [1] {
            return Err(Rejection::Version);
        }
        let imprint = Imprint::read(imprint)?;
        if let Some(nonce) = nonce.filter(|nonce| nonce.contents.len() > MAX_NONCE) {
            return Err(Rejection::NonceTooLong(nonce.contents.len()));
        }
        if let Some(oid) = first_extension {
            return Err(Rejection::ExtensionUnsupported(dotted(oid)));
        }
        Ok(Self { imprint, policy, nonce: nonce.map(|nonce| nonce.whole), is_certificate_requested })
    }

    /// What is to be timestamped.
    pub fn imprint(&self) -> Imprint<'a> {
        self.imprint
    }

    /// Contents octets of the policy asked for.
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
}

/// Reads all of `Extensions ::= SEQUENCE SIZE (1..MAX) OF SEQUENCE { extnID, critical DEFAULT FALSE, extnValue OCTET STRING }` and gives
/// the first one's identifier.
fn first_extension(extensions: Tlv<'_>) -> Result<&[u8], Rejection> {
    const FIELD: &str = "extensions";
    let mut list = DerReader::new(extensions.contents);
    let mut first = None;
    while first.is_none() || !list.is_empty() {
        let mut extension = DerReader::new(list.read(tag::SEQUENCE).map_err(at(FIELD))?.contents);
        let oid = object_identifier(&mut extension, FIELD)?;
        extension.default_false().map_err(at(FIELD))?;
        extension.read(tag::OCTET_STRING).map_err(at(FIELD))?;
        extension.finish().map_err(at(FIELD))?;
        first.get_or_insert(oid);
    }
    first.ok_or(Rejection::NotDer { field: FIELD, fault: DerFault::CutShort })
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
