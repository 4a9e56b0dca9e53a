//! The compact serialisation: `header.claims.signature`, each part base64url.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{JoseError, MAX_TOKEN_BYTES, TokenPart};

/// RFC 7515 §2: no padding, no line breaks; and no stray bits in the last character, or one token would have several
/// spellings and as many hashes.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(false),
);

/// Three parts between exactly two dots, not yet decoded.
pub(crate) struct Compact {
    bytes: Box<[u8]>,
    first_dot: usize,
    second_dot: usize,
}

impl Compact {
    /// Measures first, then scans for dots; nothing is allocated per dot.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, JoseError> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(JoseError::TooLong { length: text.len() });
        }
        let mut dots = text.iter().enumerate().filter(|&(_, &byte)| byte == b'.').map(|(at, _)| at);
        let (Some(first_dot), Some(second_dot), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(JoseError::Segments);
        };
        Ok(Self { bytes: text.into(), first_dot, second_dot })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the signature is over (RFC 7515 §5.1): the encoded header, a dot, the encoded claims.
    pub(crate) fn signing_input(&self) -> &[u8] {
        &self.bytes[..self.second_dot]
    }

    pub(crate) fn decode_header(&self) -> Result<Vec<u8>, JoseError> {
        decode(TokenPart::Header, &self.bytes[..self.first_dot])
    }

    pub(crate) fn decode_claims(&self) -> Result<Vec<u8>, JoseError> {
        decode(TokenPart::Claims, &self.bytes[self.first_dot + 1..self.second_dot])
    }

    pub(crate) fn decode_signature(&self) -> Result<Vec<u8>, JoseError> {
        decode(TokenPart::Signature, &self.bytes[self.second_dot + 1..])
    }
}

fn decode(part: TokenPart, text: &[u8]) -> Result<Vec<u8>, JoseError> {
    BASE64URL.decode(text).map_err(|_| JoseError::Base64(part))
}
