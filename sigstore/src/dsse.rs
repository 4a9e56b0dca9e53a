//! The Dead Simple Signing Envelope (secure-systems-lab/dsse 1.0, protocol.md): what its signature is over.

use aws_lc_rs::digest;

/// The payload type of in-toto statements.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// The pre-authentication encoding: what is signed instead of the payload.
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = head(payload_type, payload).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// The digest of that encoding, without a copy of the payload.
pub fn pre_authentication_digest(algorithm: &'static digest::Algorithm, payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut context = digest::Context::new(algorithm);
    context.update(head(payload_type, payload).as_bytes());
    context.update(payload);
    context.finish().as_ref().to_vec()
}

/// All of the encoding that stands before the payload; lengths are in bytes.
fn head(payload_type: &str, payload: &[u8]) -> String {
    format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len())
}
