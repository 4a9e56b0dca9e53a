//! The object identifiers of a Sigstore certificate that no standard library knows.

use const_oid::ObjectIdentifier;

/// `1.3.6.1.4.1.57264.1`, the arc of Fulcio's extensions.
pub const FULCIO_ARC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1");

/// Contents of an OBJECT IDENTIFIER in Fulcio's arc: `1.3.6.1.4.1.57264.1.<number>`, number below 128.
pub const fn fulcio(number: u8) -> [u8; 10] {
    assert!(number < 0x80, "one octet");
    [0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01, number]
}

/// Issuer, raw bytes (deprecated, but cosign's older paths still read it).
pub const ISSUER_RAW: u8 = 1;
/// The type-id of an `otherName` that contains a user name: not an extension.
pub const USER_NAME: u8 = 7;
/// Issuer as UTF8String.
pub const ISSUER: u8 = 8;
/// The token's subject, unchanged.
pub const TOKEN_SUBJECT: u8 = 24;

/// `1.3.6.1.4.1.11129.2.4.2`: the list of embedded signed certificate timestamps (RFC 6962 §3.3).
pub const SCT_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_is_the_arc_and_the_number() {
        for number in [1, 8, 24, 127] {
            let long = ObjectIdentifier::new_unwrap(&format!("{FULCIO_ARC}.{number}"));
            assert_eq!(fulcio(number), long.as_bytes());
        }
    }
}
