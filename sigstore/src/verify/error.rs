//! Why a bundle proves nothing: one variant for each thing that can be wrong.

use shared::log::CheckpointError;
use shared::log::merkle::ProofError;
use shared::time::UnixTime;
use shared::x509::CertificateError;

use crate::bundle::BundleError;

/// What failed.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Not a bundle that we read.
    #[error("bundle: {0}")]
    Bundle(#[from] BundleError),

    /// The certificate does not parse.
    #[error("certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// It is not a leaf for signing code.
    #[error("certificate: it is not for signing code ({0})")]
    Profile(&'static str),
    /// It names another identity.
    #[error("certificate: it is for {found:?}, not for {expected:?}")]
    Subject {
        /// The name in the certificate.
        found: String,
        /// The expected name.
        expected: String,
    },
    /// The identity was authenticated by another issuer.
    #[error("certificate: the identity was authenticated by {found:?}, not by {expected:?}")]
    Issuer {
        /// The issuer in the certificate.
        found: String,
        /// The expected issuer.
        expected: String,
    },
    /// No authority of the trusted root issued it, or none that counted at that time, or it was not valid then.
    #[error("certificate: no trusted authority issued it that is valid at {}: {reason}", rfc3339(*time))]
    Path {
        /// The time of a timestamp.
        time: UnixTime,
        /// Why the last path tried failed.
        reason: String,
    },

    /// There must be an SCT and there is none.
    #[error("SCT: the certificate carries none")]
    SctMissing,
    /// The list of SCTs does not parse.
    #[error("SCT: the certificate's list of SCTs is malformed")]
    SctMalformed,
    /// An SCT is of a log that the trusted root does not name.
    #[error("SCT: the log {0} is not in the trusted root")]
    SctLog(String),
    /// It was made when that log's key was not valid, or outside the certificate's validity.
    #[error("SCT: its time {} is outside the validity of the log's key or of the certificate", rfc3339(*.0))]
    SctTime(UnixTime),
    /// Its signature is wrong.
    #[error("SCT: the log's signature does not verify for this certificate")]
    SctSignature,

    /// There is no timestamp.
    #[error("timestamp: the bundle carries none, so nothing proves when the signature was made")]
    TimestampMissing,
    /// One of the timestamps does not verify with any authority of the trusted root.
    #[error("timestamp {place}: {reason}")]
    Timestamp {
        /// Its place in the bundle, from zero.
        place: usize,
        /// Why it does not verify.
        reason: String,
    },

    /// There must be a log entry and there is none.
    #[error("log entry: the bundle carries none")]
    EntryMissing,
    /// The entry is of a log that the trusted root does not name.
    #[error("log entry: the log {0} is not in the trusted root")]
    EntryLog(String),
    /// It was made when that log's key was not valid.
    #[error("log entry: the log's key is not valid at {}", rfc3339(*.0))]
    EntryTime(UnixTime),
    /// It is of a kind that we do not read.
    #[error("log entry: entries of the kind {0} cannot be verified; only hashedrekord 0.0.2 can")]
    EntryKind(String),
    /// It claims a time that nothing proves: Rekor v2's entries have none.
    #[error("log entry: it claims the time {0}, which no signature covers")]
    EntryClaimedTime(u64),
    /// The entry is about another signature, certificate or artifact.
    #[error("log entry: its body is not about this signature, certificate and artifact")]
    EntryBody,
    /// There is no proof that the log holds the entry.
    #[error("log entry: it has no inclusion proof with a checkpoint")]
    ProofMissing,
    /// The proof contradicts the entry or the checkpoint.
    #[error("log entry: {0} in the entry, its proof and its checkpoint do not agree")]
    ProofMismatch(&'static str),
    /// The proof does not lead to the root.
    #[error("log entry: the inclusion proof does not lead to the checkpoint's root: {0}")]
    Proof(ProofError),
    /// The checkpoint does not parse or is not signed by the log.
    #[error("log entry: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is of another log.
    #[error("log entry: the checkpoint is of the log {found:?}, not of {expected:?}")]
    CheckpointOrigin {
        /// The name in the certificate.
        found: String,
        /// The expected name.
        expected: String,
    },

    /// The digest in the bundle is not the artifact's.
    #[error("signature: the bundle's digest is not that of the artifact")]
    Digest,
    /// The signature is not over the artifact by the certificate's key.
    #[error("signature: it does not verify for this artifact with the certificate's key")]
    Signature,
    /// The envelope does not hold an in-toto statement.
    #[error("statement: {0}")]
    Statement(String),
    /// The statement does not name the artifact.
    #[error("statement: none of its subjects has the artifact's SHA-256 digest")]
    StatementSubject,

    /// The trusted root itself is unusable.
    #[error("trusted root: {0}")]
    Trust(String),
}

fn rfc3339(time: UnixTime) -> String {
    time.rfc3339().unwrap_or_else(|_| format!("{} s after the epoch", time.seconds()))
}
