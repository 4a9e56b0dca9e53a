//! The documents made from the material.

use der::Decode as _;
use x509_cert::Certificate;

use super::client_trust_config::{self, ClientTrustConfig};
use super::encoding::Base64;
use super::legacy_targets::{LegacyTarget, legacy_targets};
use super::material::{CertificateChain, LogKey, TrustMaterial, Validity};
use super::signing_config::{self, Service, ServiceSelection, SigningConfig};
use super::trusted_root::{
    self, CertificateAuthority, DistinguishedName, InstanceKey, LogId, LogInstance, TrustedRoot, X509CertificateChain,
};

/// The published documents, as bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustDocuments {
    /// `trusted_root.json`.
    pub trusted_root: Vec<u8>,
    /// `signing_config.v0.2.json`.
    pub signing_config: Vec<u8>,
    /// `client_trust_config.json`.
    pub client_trust_config: Vec<u8>,
    /// The single keys and certificates that cosign 2 and gitsign look up in TUF.
    pub legacy: Vec<LegacyTarget>,
}

/// Why material is not fit to be published.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TrustError {
    /// An address ends in a slash, or has no scheme.
    #[error("the address {0:?} must start with http:// or https:// and must not end with a slash")]
    Address(String),
    /// A log's origin is not a host name, so no client could match its checkpoints.
    #[error("the log origin {0:?} is not a host name")]
    LogOrigin(String),
    /// A chain is too short: sigstore-python wants the unit's certificate and at least its issuer.
    #[error("a {what} chain has {count} certificates; at least {least} are needed")]
    ShortChain {
        /// The kind of chain.
        what: &'static str,
        /// The number of its certificates.
        count: usize,
        /// The number that is needed.
        least: usize,
    },
    /// A list that no client can do without is empty.
    #[error("the instance has no {0} chain")]
    NoChain(&'static str),
    /// A certificate does not parse.
    #[error("a certificate of a {0} chain does not parse")]
    Certificate(&'static str),
    /// A time that RFC 3339 cannot say.
    #[error("the documents cannot be written: {0}")]
    Encode(String),
}

impl TrustMaterial {
    /// Writes the documents.
    pub fn documents(&self) -> Result<TrustDocuments, TrustError> {
        let trusted_root = self.trusted_root()?;
        let signing_config = self.signing_config()?;
        Ok(TrustDocuments {
            legacy: legacy_targets(self),
            trusted_root: to_json(&trusted_root)?,
            signing_config: to_json(&signing_config)?,
            client_trust_config: to_json(&ClientTrustConfig {
                media_type: client_trust_config::MEDIA_TYPE.to_owned(),
                trusted_root,
                signing_config,
            })?,
        })
    }

    /// What verifiers read.
    pub fn trusted_root(&self) -> Result<TrustedRoot, TrustError> {
        for (what, chains) in [("issuing", &self.issuing), ("timestamping", &self.timestamping)] {
            if chains.is_empty() {
                return Err(TrustError::NoChain(what));
            }
        }
        let authorities = |chains: &[CertificateChain], what, least, uri: &str| {
            chains.iter().map(|chain| authority(chain, what, least, uri)).collect::<Result<Vec<_>, _>>()
        };
        let logs = |logs: &[LogKey]| logs.iter().map(log_instance).collect::<Result<Vec<_>, _>>();
        Ok(TrustedRoot {
            media_type: trusted_root::MEDIA_TYPE.to_owned(),
            tlogs: logs(&self.signature_logs)?,
            certificate_authorities: authorities(&self.issuing, "issuing", 1, &self.origin)?,
            ctlogs: logs(&self.certificate_logs)?,
            timestamp_authorities: authorities(&self.timestamping, "timestamping", 2, &self.timestamp_url())?,
        })
    }

    /// What signers read.
    pub fn signing_config(&self) -> Result<SigningConfig, TrustError> {
        for address in [&self.origin, &self.oidc_issuer] {
            let has_scheme = address.starts_with("https://") || address.starts_with("http://");
            if !has_scheme || address.ends_with('/') {
                return Err(TrustError::Address(address.clone()));
            }
        }
        let service = |url: &str, major_api_version| {
            vec![Service {
                url: url.to_owned(),
                major_api_version,
                valid_for: Validity::since(self.offered_since).into(),
                operator: self.instance.clone(),
            }]
        };
        let has_log = !self.signature_logs.is_empty();
        Ok(SigningConfig {
            media_type: signing_config::MEDIA_TYPE.to_owned(),
            ca_urls: service(&self.origin, 1),
            oidc_urls: service(&self.oidc_issuer, 1),
            rekor_tlog_urls: if has_log { service(&self.origin, 2) } else { Vec::new() },
            rekor_tlog_config: has_log.then(ServiceSelection::any),
            tsa_urls: service(&self.timestamp_url(), 1),
            tsa_config: ServiceSelection::any(),
        })
    }

    fn timestamp_url(&self) -> String {
        format!("{}/api/v1/timestamp", self.origin)
    }
}

fn authority(
    chain: &CertificateChain,
    what: &'static str,
    least: usize,
    uri: &str,
) -> Result<CertificateAuthority, TrustError> {
    let count = chain.certificates.len();
    let Some(root) = chain.certificates.last().filter(|_| count >= least) else {
        return Err(TrustError::ShortChain { what, count, least });
    };
    let root = Certificate::from_der(root).map_err(|_| TrustError::Certificate(what))?;
    let certificates = chain.certificates.iter().cloned().map(Base64);
    Ok(CertificateAuthority {
        subject: subject_of(&root),
        uri: uri.to_owned(),
        cert_chain: X509CertificateChain {
            certificates: certificates.map(|raw_bytes| trusted_root::X509Certificate { raw_bytes }).collect(),
        },
        valid_for: chain.validity.into(),
        operator: None,
    })
}

fn subject_of(certificate: &Certificate) -> DistinguishedName {
    let subject = certificate.tbs_certificate().subject();
    let text = |oid| {
        let value = subject.iter().find(|attribute| attribute.oid == oid).map(|attribute| attribute.value.value());
        value.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
    };
    DistinguishedName {
        organization: text(const_oid::db::rfc4519::ORGANIZATION_NAME),
        common_name: text(const_oid::db::rfc4519::COMMON_NAME),
    }
}

fn log_instance(log: &LogKey) -> Result<LogInstance, TrustError> {
    // The origin becomes the host of an URL and must come out of every client's URL parser as it went in.
    let is_host = !log.origin.is_empty()
        && log.origin.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        && log.origin.split('.').all(|label| !label.is_empty());
    if !is_host {
        return Err(TrustError::LogOrigin(log.origin.clone()));
    }
    Ok(LogInstance {
        base_url: format!("https://{}", log.origin),
        hash_algorithm: "SHA2_256".to_owned(),
        public_key: InstanceKey {
            raw_bytes: Base64(log.key.spki_der().to_vec()),
            key_details: log.algorithm.sigstore_name().to_owned(),
            valid_for: log.validity.into(),
        },
        log_id: LogId { key_id: Base64(log.key.spki_sha256().to_vec()) },
        checkpoint_key_id: None,
        operator: None,
    })
}

fn to_json(document: &impl serde::Serialize) -> Result<Vec<u8>, TrustError> {
    let mut json = serde_json::to_vec_pretty(document).map_err(|e| TrustError::Encode(e.to_string()))?;
    json.push(b'\n');
    Ok(json)
}
