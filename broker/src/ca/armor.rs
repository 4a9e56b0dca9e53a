//! PEM as clients really send it.
//!
//! RFC 7468 wants lines of 64 characters and line feeds. sigstore-java sends the base64 on one line, sigstore-rust ends
//! lines with CRLF, and some add text before the block. What the block says is strict again: one block, one known
//! label, base64 without stray characters.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use shared::excerpt::excerpt;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a text is not the expected PEM block.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ArmorError {
    /// No `-----BEGIN …-----` line with its end.
    #[error("no PEM block was found")]
    Missing,
    /// A block of another kind.
    #[error("a PEM block `{0}` is not accepted here")]
    Label(String),
    /// A second block: it is not clear which one is meant.
    #[error("more than one PEM block was found")]
    Several,
    /// The content of the block is not base64.
    #[error("the PEM block is not base64")]
    Base64,
}

/// The contents of the one PEM block in `text`, whose label is one of `labels`; says which.
pub fn open<'l>(text: &str, labels: &[&'l str]) -> Result<(&'l str, Vec<u8>), ArmorError> {
    // Counted over the whole text: the line that ends one boundary can begin another, `-----BEGIN X-----BEGIN Y`.
    if text.matches("-----BEGIN ").nth(1).is_some() {
        return Err(ArmorError::Several);
    }
    let (_, after) = text.split_once("-----BEGIN ").ok_or(ArmorError::Missing)?;
    let (label, after) = after.split_once("-----").ok_or(ArmorError::Missing)?;
    let (body, after) = after.split_once("-----END ").ok_or(ArmorError::Missing)?;
    if !after.strip_prefix(label).is_some_and(|end| end.starts_with("-----")) {
        return Err(ArmorError::Missing);
    }
    let Some(&known) = labels.iter().find(|&&known| known == label) else {
        return Err(ArmorError::Label(excerpt(label, 64)));
    };
    let packed: Vec<u8> = body.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
    Ok((known, BASE64.decode(packed).map_err(|_| ArmorError::Base64)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_send_opens_and_the_rest_says_why() {
        let good: [(&str, &[u8]); 6] = [
            ("-----BEGIN PUBLIC KEY-----\nAQID\n-----END PUBLIC KEY-----\n", &[1, 2, 3]),
            ("-----BEGIN PUBLIC KEY-----\r\nAQ\r\nID\r\n-----END PUBLIC KEY-----\r\n", &[1, 2, 3]),
            ("-----BEGIN PUBLIC KEY-----AQID-----END PUBLIC KEY-----", &[1, 2, 3]),
            ("the key:\n-----BEGIN PUBLIC KEY-----\nAQ==\n-----END PUBLIC KEY-----", &[1]),
            ("-----BEGIN PUBLIC KEY-----\nAQ\n-----END PUBLIC KEY-----", &[1]),
            ("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", &[]),
        ];
        for (text, contents) in good {
            assert_eq!(open(text, &["PUBLIC KEY"]), Ok(("PUBLIC KEY", contents.to_vec())), "{text:?}");
        }
        let bad = [
            ("", ArmorError::Missing),
            ("AQID", ArmorError::Missing),
            ("-----BEGIN PUBLIC KEY-----\nAQID\n", ArmorError::Missing),
            ("-----BEGIN PUBLIC KEY-----\nAQID\n-----END RSA PUBLIC KEY-----\n", ArmorError::Missing),
            ("-----BEGIN PUBLIC KEY-----\nA*ID\n-----END PUBLIC KEY-----\n", ArmorError::Base64),
            ("-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----", ArmorError::Label("CERTIFICATE".into())),
            (
                "-----BEGIN PUBLIC KEY-----\nAQ\n-----END PUBLIC KEY-----\n-----BEGIN PUBLIC KEY-----\nAQ\n-----END PUBLIC KEY-----",
                ArmorError::Several,
            ),
            ("-----BEGIN PUBLIC KEY-----BEGIN AQI-----END PUBLIC KEY-----", ArmorError::Several),
        ];
        for (text, error) in bad {
            assert_eq!(open(text, &["PUBLIC KEY"]), Err(error), "{text:?}");
        }
    }
}
