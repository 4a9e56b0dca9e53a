//! The embedded signed certificate timestamps (RFC 6962 §3.2, §3.3).

use der::Decode as _;
use der::asn1::{ObjectIdentifier, OctetStringRef};
use shared::keys::PublicKey;
use shared::time::UnixTime;
use shared::trust_root::trusted_root::LogInstance;
use shared::x509::Certificate;

use super::certificate::{extension, issuer_key_hash, tbs_without};
use super::error::VerifyError;
use super::log_entry::log_key;

const SCT_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");

/// One SCT, version 1.
struct Sct<'a> {
    log_id: [u8; 32],
    timestamp: u64,
    extensions: &'a [u8],
    signature: &'a [u8],
}

/// Checks every SCT in the certificate; answers their times. At least one is demanded if the trusted root names logs.
pub(super) fn check(
    certificate: &Certificate,
    issuer: &Certificate,
    logs: &[LogInstance],
) -> Result<Vec<UnixTime>, VerifyError> {
    let Some(value) = extension(certificate, SCT_LIST) else {
        // Two such extensions read as none.
        return if logs.is_empty() { Ok(Vec::new()) } else { Err(VerifyError::SctMissing) };
    };
    let list = <&OctetStringRef>::from_der(&value).map_err(|_| VerifyError::SctMalformed)?;
    let scts = read_list(list.as_bytes()).ok_or(VerifyError::SctMalformed)?;
    let tbs = tbs_without(certificate, SCT_LIST).ok_or(VerifyError::SctMalformed)?;
    scts.iter().map(|sct| check_one(sct, certificate, issuer, &tbs, logs)).collect()
}

fn check_one(
    sct: &Sct<'_>,
    certificate: &Certificate,
    issuer: &Certificate,
    tbs: &[u8],
    logs: &[LogInstance],
) -> Result<UnixTime, VerifyError> {
    let log = logs.iter().find(|log| log.log_id.key_id.0 == sct.log_id);
    let log = log.ok_or_else(|| VerifyError::SctLog(hex::encode(sct.log_id)))?;
    let key: PublicKey = log_key(log)?;
    let time = UnixTime::from_millis(sct.timestamp);
    if !log.public_key.valid_for.covers(time) || time.seconds() > certificate.not_after().seconds() {
        return Err(VerifyError::SctTime(time));
    }
    key.verify(&signed_bytes(sct, issuer, tbs), sct.signature).map_err(|_| VerifyError::SctSignature)?;
    Ok(time)
}

/// What a log signs for a certificate that is about to be issued: `digitally-signed` of §3.2 with `precert_entry`.
fn signed_bytes(sct: &Sct<'_>, issuer: &Certificate, tbs: &[u8]) -> Vec<u8> {
    // sct_version v1, signature_type certificate_timestamp.
    let mut bytes = vec![0, 0];
    bytes.extend(sct.timestamp.to_be_bytes());
    // entry_type precert_entry.
    bytes.extend([0, 1]);
    bytes.extend(issuer_key_hash(issuer));
    bytes.extend(&(tbs.len() as u32).to_be_bytes()[1..]);
    bytes.extend(tbs);
    bytes.extend((sct.extensions.len() as u16).to_be_bytes());
    bytes.extend(sct.extensions);
    bytes
}

/// `SignedCertificateTimestampList`: not empty, nothing after it.
fn read_list(bytes: &[u8]) -> Option<Vec<Sct<'_>>> {
    let (mut list, rest) = vector(bytes)?;
    let mut scts = Vec::new();
    while !list.is_empty() {
        let (sct, others) = vector(list)?;
        scts.push(read_sct(sct)?);
        list = others;
    }
    (rest.is_empty() && !scts.is_empty()).then_some(scts)
}

fn read_sct(bytes: &[u8]) -> Option<Sct<'_>> {
    let (&[version], rest) = bytes.split_first_chunk::<1>()?;
    let (log_id, rest) = rest.split_first_chunk::<32>()?;
    let (timestamp, rest) = rest.split_first_chunk::<8>()?;
    let (extensions, rest) = vector(rest)?;
    let (algorithm, rest) = rest.split_first_chunk::<2>()?;
    let (signature, rest) = vector(rest)?;
    // sha256 (4) with ecdsa (3) or rsa (1), RFC 5246 §7.4.1.4.1.
    let is_known = version == 0 && matches!(algorithm, [4, 1 | 3]) && rest.is_empty();
    let timestamp = u64::from_be_bytes(*timestamp);
    is_known.then_some(Sct { log_id: *log_id, timestamp, extensions, signature })
}

/// A vector with a two-byte length, and what follows it (RFC 5246 §4.3).
fn vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}
