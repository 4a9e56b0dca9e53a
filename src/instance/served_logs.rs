//! Which logs are served, and who may write to the signature log.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use privyseal_sigstore::Writers;
use shared::log::Log;

use crate::instance::signature_log::IssuedLately;

/// The logs that are served.
pub(crate) struct ServedLogs {
    /// The signature log and who may write to it; none in the profile without logs.
    pub(crate) signatures: Option<SignatureLog>,
    /// The certificate log; none in the profile without logs.
    pub(crate) certificates: Option<Log>,
    /// The audit log, if it is served. It names people and what they logged in to, so it is off by default.
    pub(crate) audit: Option<Log>,
}

/// The signature log, ready to be written to.
pub(crate) struct SignatureLog {
    pub(crate) log: Log,
    pub(crate) writers: Writers,
    /// Recently issued certificates, whose signature need not be verified again.
    pub(crate) issued_lately: Arc<IssuedLately>,
    /// SHA-256 of the key's `SubjectPublicKeyInfo`, in base64: the log's id in every entry.
    pub(crate) id: String,
}

impl SignatureLog {
    pub(crate) fn new(log: Log, writers: Writers, issued_lately: Arc<IssuedLately>) -> Self {
        let id = STANDARD.encode(log.signer().public_key().spki_sha256());
        Self { log, writers, issued_lately, id }
    }
}
