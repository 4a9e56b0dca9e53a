//! `trusted_root.json`: the keys and certificates that a verifier checks a bundle with.
//!
//! The media type is that of version 0.1, which every client reads; the members that version 0.2 added are read and
//! never written (sigstore-go refuses members that it does not know).

use serde::{Deserialize, Serialize};

use super::encoding::{Base64, ValidFor};

/// The media type written.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
const MEDIA_TYPE_V0_2: &str = "application/vnd.dev.sigstore.trustedroot.v0.2+json";
/// Longest document that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Most entries in each list.
pub const MAX_ENTRIES: usize = 64;
/// Most certificates in a chain.
pub const MAX_CHAIN: usize = 8;

/// `dev.sigstore.trustroot.v1.TrustedRoot`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TrustedRoot {
    /// Which version of the document this is.
    pub media_type: String,
    /// Signature logs.
    #[serde(default)]
    pub tlogs: Vec<LogInstance>,
    /// Certificate authorities.
    #[serde(default)]
    pub certificate_authorities: Vec<CertificateAuthority>,
    /// Certificate logs.
    #[serde(default)]
    pub ctlogs: Vec<LogInstance>,
    /// Timestamp authorities.
    #[serde(default)]
    pub timestamp_authorities: Vec<CertificateAuthority>,
}

/// `TransparencyLogInstance`: one log and the key that it signs with.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LogInstance {
    /// A URL whose host name is the log's origin: the key name in its checkpoints. Clients do not connect to it.
    pub base_url: String,
    /// Always `SHA2_256`.
    pub hash_algorithm: String,
    /// The key.
    pub public_key: InstanceKey,
    /// SHA-256 of the key's SubjectPublicKeyInfo for an ECDSA key (RFC 6962 §3.2).
    pub log_id: LogId,
    /// Version 0.2 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_key_id: Option<LogId>,
    /// Version 0.2 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
}

/// `PublicKey`: the key, what it signs with, and when.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InstanceKey {
    /// DER SubjectPublicKeyInfo.
    pub raw_bytes: Base64,
    /// A name of `PublicKeyDetails`, such as `PKIX_ECDSA_P256_SHA_256`.
    pub key_details: String,
    /// When it is in use.
    pub valid_for: ValidFor,
}

/// `LogId`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LogId {
    /// 32 bytes.
    pub key_id: Base64,
}

/// `CertificateAuthority`: a chain, for certificates (without the leaf, root last) or for timestamps (leaf first, root
/// last).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CertificateAuthority {
    /// For people.
    #[serde(default)]
    pub subject: DistinguishedName,
    /// Its address.
    #[serde(default)]
    pub uri: String,
    /// The chain.
    pub cert_chain: X509CertificateChain,
    /// When it is in use.
    pub valid_for: ValidFor,
    /// Version 0.2 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
}

/// `DistinguishedName`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct DistinguishedName {
    /// O.
    pub organization: String,
    /// CN.
    pub common_name: String,
}

/// `X509CertificateChain`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct X509CertificateChain {
    /// In order, root last.
    pub certificates: Vec<X509Certificate>,
}

/// `X509Certificate`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct X509Certificate {
    /// DER.
    pub raw_bytes: Base64,
}

impl X509CertificateChain {
    /// The certificates' DER.
    pub fn der(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.certificates.iter().map(|certificate| certificate.raw_bytes.0.as_slice())
    }
}

/// Why a document is not a trusted root.
#[derive(Debug, thiserror::Error)]
pub enum TrustedRootError {
    /// Over the cap.
    #[error("the trusted root has {0} bytes; at most {MAX_BYTES} are accepted")]
    Size(usize),
    /// Not the document's JSON: a missing, doubled or unknown member, a wrong type, bad base64, a bad time.
    #[error("the trusted root does not parse: {0}")]
    Json(#[from] serde_json::Error),
    /// Another document, or a version that is not known.
    #[error("the trusted root has the unknown media type {0:?}")]
    MediaType(String),
    /// Too many entries in a list.
    #[error("the trusted root has {count} entries in {list}; at most {MAX_ENTRIES} are accepted")]
    Entries {
        /// The list.
        list: &'static str,
        /// How many it has.
        count: usize,
    },
    /// A chain is empty or too long.
    #[error("the trusted root has a chain of {count} certificates in {list}; 1 to {MAX_CHAIN} are accepted")]
    Chain {
        /// The list.
        list: &'static str,
        /// How many it has.
        count: usize,
    },
}

impl TrustedRoot {
    /// Reads a document strictly, caps first.
    pub fn parse(json: &[u8]) -> Result<Self, TrustedRootError> {
        if json.len() > MAX_BYTES {
            return Err(TrustedRootError::Size(json.len()));
        }
        let root: Self = serde_json::from_slice(json)?;
        if root.media_type != MEDIA_TYPE && root.media_type != MEDIA_TYPE_V0_2 {
            return Err(TrustedRootError::MediaType(root.media_type));
        }
        for (list, count) in [
            ("tlogs", root.tlogs.len()),
            ("certificateAuthorities", root.certificate_authorities.len()),
            ("ctlogs", root.ctlogs.len()),
            ("timestampAuthorities", root.timestamp_authorities.len()),
        ] {
            if count > MAX_ENTRIES {
                return Err(TrustedRootError::Entries { list, count });
            }
        }
        for (list, authorities) in [
            ("certificateAuthorities", &root.certificate_authorities),
            ("timestampAuthorities", &root.timestamp_authorities),
        ] {
            for count in authorities.iter().map(|authority| authority.cert_chain.certificates.len()) {
                if !(1..=MAX_CHAIN).contains(&count) {
                    return Err(TrustedRootError::Chain { list, count });
                }
            }
        }
        Ok(root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1","tlogs":[{"baseUrl":"https://log.example","hashAlgorithm":"SHA2_256","publicKey":{"rawBytes":"AA==","keyDetails":"PKIX_ECDSA_P256_SHA_256","validFor":{"start":"2026-11-01T00:00:00Z"}},"logId":{"keyId":"AA=="}}]}"#;

    #[test]
    fn what_is_not_a_trusted_root_is_refused() {
        assert!(TrustedRoot::parse(SMALL.as_bytes()).is_ok());
        let table = [
            ("another media type", SMALL.replace("version=0.1", "version=9")),
            ("an unknown member", SMALL.replace("\"baseUrl\"", "\"surprise\":1,\"baseUrl\"")),
            ("a member twice", SMALL.replace("\"baseUrl\"", "\"baseUrl\":\"x\",\"baseUrl\"")),
            ("a key without a start", SMALL.replace("\"start\":\"2026-11-01T00:00:00Z\"", "")),
            ("base64 without padding", SMALL.replace("AA==", "AA")),
            ("trailing bytes", format!("{SMALL}x")),
            ("truncated", SMALL[..SMALL.len() - 1].to_owned()),
            ("too large", format!("{SMALL}{}", " ".repeat(MAX_BYTES))),
        ];
        for (what, text) in table {
            assert!(TrustedRoot::parse(text.as_bytes()).is_err(), "{what}");
        }
    }
}
