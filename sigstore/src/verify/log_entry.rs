//! The entry in a signature log: what it records, and the proof that the log holds it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shared::keys::{KeyKind, PublicKey};
use shared::log::merkle::{leaf_hash, verify_inclusion};
use shared::log::{Hash, SignedCheckpoint};
use shared::time::UnixTime;
use shared::trust_root::trusted_root::LogInstance;
use shared::x509::Certificate;

use super::content::Signed;
use super::error::VerifyError;
use crate::bundle::{InclusionProof, LogEntry};

/// Longest audit path: a tree has fewer than 2^63 leaves.
const MAX_PATH: usize = 63;

/// Checks every entry; answers each one's log and index. At least one is demanded if the trusted root names logs.
pub(super) fn check(
    entries: &[LogEntry],
    logs: &[LogInstance],
    certificate: &Certificate,
    signed: &Signed,
    times: &[UnixTime],
) -> Result<Vec<(String, u64)>, VerifyError> {
    if entries.is_empty() && !logs.is_empty() {
        return Err(VerifyError::EntryMissing);
    }
    entries.iter().map(|entry| check_one(entry, logs, certificate, signed, times)).collect()
}

fn check_one(
    entry: &LogEntry,
    logs: &[LogInstance],
    certificate: &Certificate,
    signed: &Signed,
    times: &[UnixTime],
) -> Result<(String, u64), VerifyError> {
    let (kind, version) = (&entry.kind_version.kind, &entry.kind_version.version);
    if kind != "hashedrekord" || version != "0.0.2" {
        return Err(VerifyError::EntryKind(format!("{kind} {version}")));
    }
    if let Some(time) = entry.integrated_time.filter(|time| time.0 != 0) {
        return Err(VerifyError::EntryClaimedTime(time.0));
    }
    let id = &entry.log_id.key_id.0;
    let log = logs.iter().find(|log| log.log_id.key_id.0 == *id);
    let log = log.ok_or_else(|| VerifyError::EntryLog(hex::encode(id)))?;
    if let Some(time) = times.iter().find(|time| !log.public_key.valid_for.covers(**time)) {
        return Err(VerifyError::EntryTime(*time));
    }
    if entry.canonicalized_body.0 != expected_body(certificate, signed).into_bytes() {
        return Err(VerifyError::EntryBody);
    }
    let proof = entry.inclusion_proof.as_ref().ok_or(VerifyError::ProofMissing)?;
    let origin = origin(log)?;
    check_inclusion(entry, proof, &origin, &log_key(log)?)?;
    Ok((origin, entry.log_index.0))
}

/// The leaf that a log makes for this signature: RFC 8785 JSON of a hashedrekord. All its strings are base64 or plain
/// names, so members in alphabetical order without spaces are canonical already.
fn expected_body(certificate: &Certificate, signed: &Signed) -> String {
    format!(
        concat!(
            r#"{{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{{"hashedRekordV002":{{"#,
            r#""data":{{"algorithm":"{}","digest":"{}"}},"signature":{{"content":"{}","verifier":{{"#,
            r#""keyDetails":"{}","x509Certificate":{{"rawBytes":"{}"}}}}}}}}}}}}"#
        ),
        signed.algorithm,
        STANDARD.encode(&signed.digest),
        STANDARD.encode(&signed.signature),
        key_details(certificate.public_key()),
        STANDARD.encode(certificate.der()),
    )
}

/// The name of a client's key in `PublicKeyDetails`.
fn key_details(key: &PublicKey) -> &'static str {
    match key.kind() {
        KeyKind::Ed25519 => "PKIX_ED25519",
        KeyKind::P256 => "PKIX_ECDSA_P256_SHA_256",
        KeyKind::P384 => "PKIX_ECDSA_P384_SHA_384",
        KeyKind::P521 => "PKIX_ECDSA_P521_SHA_512",
        KeyKind::Rsa { bits: ..=2048 } => "PKIX_RSA_PKCS1V15_2048_SHA256",
        KeyKind::Rsa { bits: ..=3072 } => "PKIX_RSA_PKCS1V15_3072_SHA256",
        KeyKind::Rsa { .. } => "PKIX_RSA_PKCS1V15_4096_SHA256",
    }
}

fn check_inclusion(entry: &LogEntry, proof: &InclusionProof, origin: &str, key: &PublicKey) -> Result<(), VerifyError> {
    let envelope = &proof.checkpoint.as_ref().ok_or(VerifyError::ProofMissing)?.envelope;
    let checkpoint = SignedCheckpoint::parse(envelope)?;
    if checkpoint.claimed_origin().as_str() != origin {
        let found = checkpoint.claimed_origin().to_string();
        return Err(VerifyError::CheckpointOrigin { found, expected: origin.to_owned() });
    }
    let checkpoint = checkpoint.verify(key)?;
    if entry.log_index != proof.log_index {
        return Err(VerifyError::ProofMismatch("the index"));
    }
    if proof.tree_size.0 != checkpoint.size {
        return Err(VerifyError::ProofMismatch("the tree size"));
    }
    if proof.root_hash.0 != checkpoint.root {
        return Err(VerifyError::ProofMismatch("the root hash"));
    }
    let path: Option<Vec<Hash>> = proof.hashes.iter().map(|hash| hash.0.as_slice().try_into().ok()).collect();
    let path =
        path.filter(|path| path.len() <= MAX_PATH).ok_or(VerifyError::ProofMismatch("the length of the path"))?;
    let leaf = leaf_hash(&entry.canonicalized_body.0);
    verify_inclusion(&leaf, entry.log_index.0, checkpoint.size, &path, &checkpoint.root).map_err(VerifyError::Proof)
}

/// The log's origin: the host name of its base URL, which sigstore-go and sigstore-java compare with the checkpoint's.
fn origin(log: &LogInstance) -> Result<String, VerifyError> {
    let url = url::Url::parse(&log.base_url).ok();
    let host = url.as_ref().and_then(url::Url::host_str).map(str::to_owned);
    host.ok_or_else(|| VerifyError::Trust(format!("{:?} is not the URL of a log", log.base_url)))
}

/// The key of a log in the trusted root, which must be the one that its id names.
pub(super) fn log_key(log: &LogInstance) -> Result<PublicKey, VerifyError> {
    let key =
        PublicKey::from_spki(&log.public_key.raw_bytes.0).map_err(|error| VerifyError::Trust(error.to_string()))?;
    let is_known = matches!(key.kind(), KeyKind::P256 | KeyKind::P384 | KeyKind::P521 | KeyKind::Rsa { .. });
    if !is_known || key.spki_sha256().as_slice() != log.log_id.key_id.0 {
        return Err(VerifyError::Trust(format!("the log {} has another id than its key", log.base_url)));
    }
    Ok(key)
}
