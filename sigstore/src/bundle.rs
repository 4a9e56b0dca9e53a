//! The bundle (`dev.sigstore.bundle.v1.Bundle`), read strictly: caps first, no unknown and no doubled members.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use shared::trust_root::encoding::Base64;
use shared::trust_root::trusted_root::{LogId, X509Certificate};

/// The media type that is written.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// What else is read. Version 0.2 may carry a chain, of which only the leaf counts; 0.1 promised too little.
const MEDIA_TYPES_READ: [&str; 3] =
    [MEDIA_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.3", MEDIA_TYPE_V0_2];
const MEDIA_TYPE_V0_2: &str = "application/vnd.dev.sigstore.bundle+json;version=0.2";

/// Longest bundle, in bytes: an attestation may carry a long list of materials.
pub const MAX_BYTES: usize = 16 << 20;
/// Most timestamps and most log entries, as in sigstore-go and sigstore-python.
pub const MAX_PROOFS: usize = 32;

/// Why bytes are not a bundle that we read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Over the cap.
    #[error("it has {0} bytes; at most {MAX_BYTES} are accepted")]
    Size(usize),
    /// Not the JSON of a bundle.
    #[error("it does not parse: {0}")]
    Json(#[from] serde_json::Error),
    /// Another version, or something else.
    #[error("the media type {0:?} is not that of a bundle of version 0.2 or 0.3")]
    MediaType(String),
    /// None, or in a form that this version does not have.
    #[error("version 0.3 carries one certificate and version 0.2 one chain; this has something else")]
    Certificate,
    /// None or both.
    #[error("it must carry either a message signature or an envelope")]
    Content,
    /// More than one, or none.
    #[error("the envelope has {0} signatures; it must have exactly one")]
    Signatures(usize),
    /// Too many.
    #[error("it has {count} {what}; at most {MAX_PROOFS} are accepted")]
    Proofs {
        /// Timestamps or log entries.
        what: &'static str,
        /// How many.
        count: usize,
    },
}

/// A bundle of a shape that can be verified.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The leaf, DER.
    pub certificate: Vec<u8>,
    /// What was signed and the signature.
    pub content: Content,
    /// Timestamps over the signature, DER of `TimeStampResp`.
    pub timestamps: Vec<Vec<u8>>,
    /// Log entries for the signature.
    pub entries: Vec<LogEntry>,
}

/// What was signed.
#[derive(Clone, Debug)]
pub enum Content {
    /// The artifact itself.
    Message(MessageSignature),
    /// A statement about it.
    Envelope(Envelope),
}

impl Bundle {
    /// Reads a bundle.
    pub fn parse(json: &[u8]) -> Result<Self, BundleError> {
        if json.len() > MAX_BYTES {
            return Err(BundleError::Size(json.len()));
        }
        let document: Document = serde_json::from_slice(json)?;
        if !MEDIA_TYPES_READ.contains(&document.media_type.as_str()) {
            return Err(BundleError::MediaType(document.media_type));
        }
        let material = document.verification_material;
        let is_v0_2 = document.media_type == MEDIA_TYPE_V0_2;
        let certificate = match (material.certificate, material.x509_certificate_chain) {
            (Some(certificate), None) => certificate,
            (None, Some(chain)) if is_v0_2 => chain.certificates.into_iter().next().ok_or(BundleError::Certificate)?,
            _ => return Err(BundleError::Certificate),
        };
        let content = match (document.message_signature, document.dsse_envelope) {
            (Some(message), None) => Content::Message(message),
            (None, Some(envelope)) if envelope.signatures.len() == 1 => Content::Envelope(envelope),
            (None, Some(envelope)) => return Err(BundleError::Signatures(envelope.signatures.len())),
            _ => return Err(BundleError::Content),
        };
        let timestamps = material.timestamp_verification_data.unwrap_or_default().rfc3161_timestamps;
        for (what, count) in [("timestamps", timestamps.len()), ("log entries", material.tlog_entries.len())] {
            if count > MAX_PROOFS {
                return Err(BundleError::Proofs { what, count });
            }
        }
        Ok(Self {
            certificate: certificate.raw_bytes.0,
            content,
            timestamps: timestamps.into_iter().map(|timestamp| timestamp.signed_timestamp.0).collect(),
            entries: material.tlog_entries,
        })
    }

    /// Writes a bundle of version 0.3.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let (message_signature, dsse_envelope) = match self.content.clone() {
            Content::Message(message) => (Some(message), None),
            Content::Envelope(envelope) => (None, Some(envelope)),
        };
        let rfc3161_timestamps =
            self.timestamps.iter().cloned().map(|der| Timestamp { signed_timestamp: Base64(der) }).collect();
        serde_json::to_vec_pretty(&Document {
            media_type: MEDIA_TYPE.to_owned(),
            verification_material: Material {
                certificate: Some(X509Certificate { raw_bytes: Base64(self.certificate.clone()) }),
                x509_certificate_chain: None,
                tlog_entries: self.entries.clone(),
                timestamp_verification_data: Some(Timestamps { rfc3161_timestamps }),
            },
            message_signature,
            dsse_envelope,
        })
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Document {
    media_type: String,
    verification_material: Material,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_signature: Option<MessageSignature>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dsse_envelope: Option<Envelope>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Material {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<X509Certificate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x509_certificate_chain: Option<shared::trust_root::trusted_root::X509CertificateChain>,
    #[serde(default)]
    tlog_entries: Vec<LogEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp_verification_data: Option<Timestamps>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Timestamps {
    #[serde(default)]
    rfc3161_timestamps: Vec<Timestamp>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Timestamp {
    signed_timestamp: Base64,
}

/// `MessageSignature`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MessageSignature {
    /// The digest, as the signer states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_digest: Option<MessageDigest>,
    /// The signature.
    pub signature: Base64,
}

/// `HashOutput`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MessageDigest {
    /// `SHA2_256`, `SHA2_384` or `SHA2_512`.
    pub algorithm: String,
    /// The digest.
    pub digest: Base64,
}

/// A DSSE envelope.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Envelope {
    /// The bytes signed, but for their type and length.
    pub payload: Base64,
    /// Their type.
    pub payload_type: String,
    /// The signatures.
    pub signatures: Vec<EnvelopeSignature>,
}

/// A signature of an envelope.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeSignature {
    /// The signature.
    pub sig: Base64,
    /// A hint that nothing depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyid: Option<String>,
}

/// `TransparencyLogEntry`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LogEntry {
    /// Its place in the log. protojson leaves out what is zero: the first entry of a log has none.
    #[serde(default)]
    pub log_index: Number,
    /// Which log.
    pub log_id: LogId,
    /// What kind of entry.
    pub kind_version: KindVersion,
    /// The time as the log asserts it; zero in Rekor v2, where timestamps prove the time.
    #[serde(default)]
    pub integrated_time: Option<Number>,
    /// Rekor v1 only; never looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inclusion_promise: Option<InclusionPromise>,
    /// The proof that the log holds it.
    #[serde(default)]
    pub inclusion_proof: Option<InclusionProof>,
    /// The leaf.
    pub canonicalized_body: Base64,
}

/// `KindVersion`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KindVersion {
    /// `hashedrekord`.
    pub kind: String,
    /// `0.0.2`.
    pub version: String,
}

/// `InclusionPromise`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InclusionPromise {
    /// Rekor v1's.
    #[serde(default)]
    pub signed_entry_timestamp: Option<Base64>,
}

/// `InclusionProof`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InclusionProof {
    /// The leaf's place in the tree.
    #[serde(default)]
    pub log_index: Number,
    /// The tree's root.
    pub root_hash: Base64,
    /// The tree's size.
    pub tree_size: Number,
    /// The audit path.
    #[serde(default)]
    pub hashes: Vec<Base64>,
    /// The tree head, signed.
    #[serde(default)]
    pub checkpoint: Option<LogCheckpoint>,
}

/// `Checkpoint`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LogCheckpoint {
    /// A signed note.
    pub envelope: String,
}

/// A 64-bit number, which the JSON mapping of protocol buffers writes as a string and reads as either.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Number(pub u64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(u64),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(number) => Ok(Self(number)),
            Either::Text(text) => {
                let is_plain = text.bytes().all(|b| b.is_ascii_digit());
                let number = text.parse().ok().filter(|_| is_plain).map(Self);
                number.ok_or_else(|| de::Error::custom(format_args!("{text:?} is not a number")))
            }
        }
    }
}
