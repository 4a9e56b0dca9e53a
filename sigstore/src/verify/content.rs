//! The signature, and the bytes that it covers.

use aws_lc_rs::digest;
use serde::Deserialize;
use shared::digest::sha256_hex;
use shared::keys::{KeyKind, PublicKey};

use super::error::VerifyError;
use crate::bundle::{Content, Envelope, MessageSignature};
use crate::dsse::{IN_TOTO, pre_authentication_encoding};

/// A signature that verified.
#[derive(Debug)]
pub(super) struct Signed {
    /// The bytes of the signature.
    pub(super) signature: Vec<u8>,
    /// The digest of the bytes signed, by the algorithm that goes with the key.
    pub(super) digest: Vec<u8>,
    /// The digest's name in Sigstore's documents.
    pub(super) algorithm: &'static str,
    /// The predicate type of an attestation.
    pub(super) predicate_type: Option<String>,
}

/// The digest that goes with a key, and its name (sigstore's algorithm registry).
fn digest_of(key: &PublicKey) -> (&'static digest::Algorithm, &'static str) {
    match key.kind() {
        KeyKind::P256 | KeyKind::Rsa { .. } => (&digest::SHA256, "SHA2_256"),
        KeyKind::P384 => (&digest::SHA384, "SHA2_384"),
        KeyKind::P521 | KeyKind::Ed25519 => (&digest::SHA512, "SHA2_512"),
    }
}

/// Checks the signature and that it is about `artifact`.
pub(super) fn check(content: &Content, key: &PublicKey, artifact: &[u8]) -> Result<Signed, VerifyError> {
    match content {
        Content::Message(message) => check_message(message, key, artifact),
        Content::Envelope(envelope) => check_envelope(envelope, key, artifact),
    }
}

fn check_message(message: &MessageSignature, key: &PublicKey, artifact: &[u8]) -> Result<Signed, VerifyError> {
    let (algorithm, name) = digest_of(key);
    let computed = digest::digest(algorithm, artifact);
    // The digest in the bundle is a hint for those who look bundles up. A wrong one is a sign that something is off.
    if let Some(claimed) = &message.message_digest {
        let algorithm = match claimed.algorithm.as_str() {
            "SHA2_256" => &digest::SHA256,
            "SHA2_384" => &digest::SHA384,
            "SHA2_512" => &digest::SHA512,
            _ => return Err(VerifyError::Digest),
        };
        if digest::digest(algorithm, artifact).as_ref() != claimed.digest.0 {
            return Err(VerifyError::Digest);
        }
    }
    key.verify(artifact, &message.signature.0).map_err(|_| VerifyError::Signature)?;
    let signature = message.signature.0.clone();
    Ok(Signed { signature, digest: computed.as_ref().to_vec(), algorithm: name, predicate_type: None })
}

fn check_envelope(envelope: &Envelope, key: &PublicKey, artifact: &[u8]) -> Result<Signed, VerifyError> {
    if envelope.payload_type != IN_TOTO {
        return Err(VerifyError::Statement(format!("payload type {:?} is not {IN_TOTO}", envelope.payload_type)));
    }
    let (algorithm, name) = digest_of(key);
    let encoded = pre_authentication_encoding(&envelope.payload_type, &envelope.payload.0);
    let signature = envelope.signatures.first().map(|signature| signature.sig.0.clone()).unwrap_or_default();
    key.verify(&encoded, &signature).map_err(|_| VerifyError::Signature)?;
    let predicate_type = Some(check_statement(&envelope.payload.0, artifact)?);
    let digest = digest::digest(algorithm, &encoded).as_ref().to_vec();
    Ok(Signed { signature, digest, algorithm: name, predicate_type })
}

/// An in-toto statement, of which other members may be present: it is signed, not parsed into decisions.
#[derive(Deserialize)]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: std::collections::BTreeMap<String, String>,
}

fn check_statement(payload: &[u8], artifact: &[u8]) -> Result<String, VerifyError> {
    let statement: Statement =
        serde_json::from_slice(payload).map_err(|error| VerifyError::Statement(error.to_string()))?;
    if !matches!(statement.kind.as_str(), "https://in-toto.io/Statement/v0.1" | "https://in-toto.io/Statement/v1") {
        return Err(VerifyError::Statement(format!("{:?} is not an in-toto statement", statement.kind)));
    }
    let digest = sha256_hex(artifact);
    let names_it = |subject: &Subject| subject.digest.get("sha256").is_some_and(|claimed| *claimed == digest);
    if !statement.subject.iter().any(names_it) {
        return Err(VerifyError::StatementSubject);
    }
    Ok(statement.predicate_type)
}
