//! The public half of a key in a token.

use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};
use cryptoki::session::Session;

use super::error::Pkcs11Error;
use super::object::{name_of, one};
use crate::keys::pkcs11_uri::Pkcs11Uri;
use crate::keys::public_key::PublicKey;
use crate::x509::DerWriter;
use crate::x509::der_writer::tag;

/// Reads the public key object beside the private one; tokens keep no public half in the private object of an EC key.
pub(super) fn read(session: &Session, uri: &Pkcs11Uri) -> Result<PublicKey, Pkcs11Error> {
    let object = one(session, uri, ObjectClass::PUBLIC_KEY)?;
    let wrong = |reason: String| Pkcs11Error::Public { wanted: name_of(uri), reason };
    let wanted = [
        AttributeType::KeyType,
        AttributeType::EcParams,
        AttributeType::EcPoint,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
    ];
    let attributes = session.get_attributes(object, &wanted)?;
    let mut parts = PublicKeyParts::default();
    for attribute in attributes {
        match attribute {
            Attribute::KeyType(kind) => parts.kind = Some(kind),
            Attribute::EcParams(params) => parts.params = params,
            Attribute::EcPoint(point) => parts.point = point,
            Attribute::Modulus(modulus) => parts.modulus = modulus,
            Attribute::PublicExponent(exponent) => parts.exponent = exponent,
            _ => {}
        }
    }
    let spki = match parts.kind {
        Some(KeyType::EC) => ec(&parts).ok_or_else(|| wrong("its point is not a DER OCTET STRING".to_owned()))?,
        Some(KeyType::RSA) => rsa(&parts),
        _ => return Err(wrong("neither EC nor RSA".to_owned())),
    };
    PublicKey::from_spki(&spki).map_err(|error| wrong(error.to_string()))
}

#[derive(Default)]
struct PublicKeyParts {
    kind: Option<KeyType>,
    params: Vec<u8>,
    point: Vec<u8>,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// CKA_EC_PARAMS is the curve's DER; CKA_EC_POINT an OCTET STRING around the point (PKCS#11 §2.3.3).
fn ec(parts: &PublicKeyParts) -> Option<Vec<u8>> {
    use der::Decode as _;
    let point = <&der::asn1::OctetStringRef>::from_der(&parts.point).ok()?;
    let mut out = DerWriter::with_capacity(128);
    out.nested(tag::SEQUENCE, |info| {
        info.nested(tag::SEQUENCE, |algorithm| {
            algorithm.oid(const_oid::db::rfc5912::ID_EC_PUBLIC_KEY);
            algorithm.raw(&parts.params);
        });
        info.bit_string(point.as_bytes());
    });
    Some(out.finish())
}

fn rsa(parts: &PublicKeyParts) -> Vec<u8> {
    let mut key = DerWriter::with_capacity(560);
    key.nested(tag::SEQUENCE, |key| {
        key.unsigned(&parts.modulus);
        key.unsigned(&parts.exponent);
    });
    let key = key.finish();
    let mut out = DerWriter::with_capacity(key.len() + 32);
    out.nested(tag::SEQUENCE, |info| {
        info.nested(tag::SEQUENCE, |algorithm| {
            algorithm.oid(const_oid::db::rfc5912::RSA_ENCRYPTION);
            algorithm.value(tag::NULL, &[]);
        });
        info.bit_string(&key);
    });
    out.finish()
}
