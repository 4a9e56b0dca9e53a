//! The strict verifier: does this Sigstore bundle prove that this identity signed this artifact?
//!
//! It takes what a client would have (the bundle, a trusted root, the identity expected, the artifact) and nothing from
//! the instance's inside. What the trusted root names is demanded: if it names certificate logs, the certificate must
//! carry an SCT of one; if it names signature logs, the bundle must carry an entry of one. A timestamp is always
//! demanded, and everything that the bundle carries must verify, not just enough of it.
//!
//! Does not check revocation (certificates live for ten minutes) and does not read Rekor v1 entries, whose time only
//! the log asserts. Knows no file, no clock and no network.

mod certificate;
mod content;
mod error;
mod identity;
mod log_entry;
mod sct;
pub mod timestamps;

use shared::time::UnixTime;
use shared::trust_root::TrustedRoot;

use crate::bundle::Bundle;
pub use error::VerifyError;
pub use identity::ExpectedIdentity;

/// What the bundle proves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified {
    /// The time of each timestamp.
    pub times: Vec<UnixTime>,
    /// The log and index of each log entry.
    pub entries: Vec<(String, u64)>,
    /// The time of each SCT.
    pub sct_times: Vec<UnixTime>,
    /// The serial number of the certificate, hex.
    pub serial: String,
    /// The predicate type, when the bundle holds an attestation.
    pub predicate_type: Option<String>,
}

/// Verifies `bundle` for `artifact`.
pub fn verify(
    bundle: &Bundle,
    trust: &TrustedRoot,
    identity: &ExpectedIdentity,
    artifact: &[u8],
) -> Result<Verified, VerifyError> {
    let certificate = certificate::read(&bundle.certificate)?;
    certificate::check_profile(&certificate)?;
    certificate::check_identity(&certificate, identity)?;

    let signed = content::check(&bundle.content, certificate.public_key(), artifact)?;
    let times = timestamps::check(&bundle.timestamps, &trust.timestamp_authorities, &signed.signature)?;
    let mut sct_times = Vec::new();
    for time in &times {
        let issuer = certificate::check_path(&certificate, &trust.certificate_authorities, *time)?;
        sct_times = sct::check(&certificate, &issuer, &trust.ctlogs)?;
    }
    let entries = log_entry::check(&bundle.entries, &trust.tlogs, &certificate, &signed, &times)?;
    Ok(Verified {
        times,
        entries,
        sct_times,
        serial: hex::encode(certificate.serial()),
        predicate_type: signed.predicate_type,
    })
}

#[cfg(test)]
mod tests;
