//! The disclosure statement of the timestamp authority, generated from its current settings (RFC 3628 §7.1.2; the order
//! is that of ETSI EN 319 421 annex B). The operator adds the rest in `[disclosure]`.

use std::time::Duration;

use privyseal_config::{DisclosureSection, TimestampRecords};
use serde::Serialize;
use shared::keys::KeyKind;
use tsa::nonce::MAX_NONCE;
use tsa::request::MAX_REQUEST;
use tsa::{HashAlgorithm, Precision, SigningUnit};

/// The statement.
#[derive(Debug, Serialize)]
pub(crate) struct Disclosure {
    pub(crate) software: &'static str,
    pub(crate) origin: String,
    pub(crate) operator: Operator,
    pub(crate) units: Vec<DisclosedUnit>,
    pub(crate) hash_algorithms: Vec<DisclosedHash>,
    pub(crate) clock: DisclosedClock,
    pub(crate) limits: Limits,
    pub(crate) records: DisclosedRecords,
    pub(crate) verification: Verification,
    pub(crate) obligations: Obligations,
}

/// What the operator states.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Operator {
    pub(crate) name: String,
    pub(crate) contact: String,
    pub(crate) practice_statement: String,
    pub(crate) liability: String,
    pub(crate) law: String,
    pub(crate) audits: String,
}

/// A unit: what its tokens promise, and how to know them.
#[derive(Debug, Serialize)]
pub(crate) struct DisclosedUnit {
    pub(crate) name: String,
    pub(crate) urls: Vec<String>,
    pub(crate) policies: Vec<String>,
    pub(crate) accuracy_ms: u64,
    pub(crate) gen_time: &'static str,
    pub(crate) ordering: bool,
    pub(crate) qualified: bool,
    pub(crate) signature: String,
    pub(crate) certificate: String,
    pub(crate) certificate_sha256: String,
    pub(crate) certificate_not_after: String,
    pub(crate) root: String,
    pub(crate) root_sha256: String,
    pub(crate) chain_url: String,
}

/// A digest that imprints may be made with.
#[derive(Debug, Serialize)]
pub(crate) struct DisclosedHash {
    pub(crate) name: String,
    pub(crate) oid: String,
}

/// Where the time comes from, and when it is trusted.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DisclosedClock {
    pub(crate) mode: String,
    pub(crate) source: String,
    pub(crate) threshold_ms: u64,
    pub(crate) trusted_now: bool,
    pub(crate) trouble: Option<String>,
    pub(crate) otherwise: &'static str,
}

/// What a request may be.
#[derive(Debug, Serialize)]
pub(crate) struct Limits {
    pub(crate) request_octets: usize,
    pub(crate) nonce_octets: usize,
    pub(crate) extensions: &'static str,
    pub(crate) caller: &'static str,
}

/// What the audit log keeps of each timestamp.
#[derive(Debug, Serialize)]
pub(crate) struct DisclosedRecords {
    pub(crate) each_timestamp: bool,
    pub(crate) contents: &'static str,
    pub(crate) retention: String,
}

/// How a relying party verifies a timestamp.
#[derive(Debug, Serialize)]
pub(crate) struct Verification {
    pub(crate) checks: &'static [&'static str],
    pub(crate) commands: Vec<String>,
}

/// Who has to do what.
#[derive(Debug, Serialize)]
pub(crate) struct Obligations {
    pub(crate) authority: &'static [&'static str],
    pub(crate) subscribers: &'static [&'static str],
    pub(crate) relying_parties: &'static [&'static str],
}

/// What the statement is generated from.
pub(crate) struct DisclosureFacts<'a> {
    pub(crate) origin: &'a str,
    pub(crate) section: &'a DisclosureSection,
    pub(crate) records: TimestampRecords,
    pub(crate) clock: DisclosedClock,
    pub(crate) units: Vec<DisclosedUnit>,
}

const OTHERWISE: &str =
    "Requests are refused with timeNotAvailable, and nothing is signed, until the clock is trusted again.";

const CHECKS: &[&str] = &[
    "the signature of the token, with the certificate that its signed attribute signingCertificateV2 names by SHA-256",
    "the chain of that certificate to a root that was obtained through another channel, valid at the time in the token",
    "the certificate's only purpose, id-kp-timeStamping, critical",
    "that the imprint is the digest of the data, and the nonce the one that was sent",
    "that the policy is one that is relied on, and the digest algorithm is still strong",
    "that the certificate had not been revoked for keyCompromise, or without a reason, at any time (RFC 3161 section \
     4)",
];

const OBLIGATIONS: Obligations = Obligations {
    authority: &[
        "to sign a time only while its clock is trusted, within the stated accuracy of UTC",
        "to give each token a serial number that no other has, and to examine nothing of what is timestamped except \
         the length of its digest",
        "to use the keys of its units for timestamps alone, and only within their certificates' validity",
        "to keep nothing about the requester in the token",
    ],
    subscribers: &[
        "to verify each token when it is received, with the nonce that was sent",
        "to compute digests with one of the algorithms below, over exactly the data that is meant",
    ],
    relying_parties: &[
        "to verify the token as below, and to take account of the policy and of the limits stated here",
        "to renew timestamps before the algorithms or the certificate that protect them lose their strength",
    ],
};

impl Disclosure {
    pub(crate) fn of(facts: DisclosureFacts<'_>) -> Self {
        let DisclosureFacts { origin, section, records, clock, units } = facts;
        Self {
            software: concat!("Privy Seal ", env!("CARGO_PKG_VERSION")),
            origin: origin.to_owned(),
            operator: Operator {
                name: stated(&section.operator),
                contact: stated(&section.contact),
                practice_statement: stated(&section.practice_statement),
                liability: stated(&section.liability),
                law: stated(&section.law),
                audits: stated(&section.audits),
            },
            verification: Verification { checks: CHECKS, commands: commands(origin, &units) },
            units,
            hash_algorithms: HashAlgorithm::ALL.into_iter().map(DisclosedHash::of).collect(),
            clock,
            limits: Limits {
                request_octets: MAX_REQUEST,
                nonce_octets: MAX_NONCE,
                extensions: "none but qcStatements with esi4-qtstStatement-1; any other is refused",
                caller: "anyone who reaches the addresses below; callers are not authenticated",
            },
            records: DisclosedRecords {
                each_timestamp: records == TimestampRecords::Durable,
                contents: match records {
                    TimestampRecords::Durable => {
                        "of each timestamp its unit, serial number, time, policy, imprint and the state of the clock \
                         guard, in an append-only log, on disk before the token leaves; nothing about the requester"
                    }
                    TimestampRecords::Off => "only the number of timestamps, every minute",
                },
                retention: stated(&section.retention),
            },
            obligations: OBLIGATIONS,
        }
    }
}

impl DisclosedUnit {
    /// The facts of `unit`, which answers at `urls`; its chain is at `chain_url`.
    pub(crate) fn of(unit: &SigningUnit, urls: Vec<String>, chain_url: String) -> Self {
        let (leaf, root) = (unit.chain().leaf(), unit.chain().root());
        let sha256 = |der: &[u8]| hex::encode(HashAlgorithm::Sha256.digest(der));
        Self {
            name: unit.name().to_owned(),
            urls,
            policies: unit.policies().iter().map(ToString::to_string).collect(),
            accuracy_ms: millis(unit.accuracy().span()),
            gen_time: match unit.form().precision {
                Precision::Seconds => "whole seconds, the nearest",
                Precision::Milliseconds => "up to three decimals of a second",
            },
            ordering: false,
            qualified: unit.form().is_qualified,
            signature: format!("{}, {}", key(leaf.public_key().kind()), unit.signature_digest()),
            certificate: leaf.subject(),
            certificate_sha256: sha256(leaf.der()),
            certificate_not_after: leaf.not_after().rfc3339().unwrap_or_default(),
            root: root.subject(),
            root_sha256: sha256(root.der()),
            chain_url,
        }
    }
}

impl DisclosedHash {
    fn of(algorithm: HashAlgorithm) -> Self {
        let oid = tsa::PolicyOid::from_contents(algorithm.oid_contents());
        Self { name: algorithm.to_string(), oid: oid.map(|oid| oid.to_string()).unwrap_or_default() }
    }
}

impl DisclosedClock {
    pub(crate) fn new(mode: &str, source: String, threshold: Duration, trouble: Option<String>) -> Self {
        Self {
            mode: mode.to_owned(),
            source,
            threshold_ms: millis(threshold),
            trusted_now: trouble.is_none(),
            trouble,
            otherwise: OTHERWISE,
        }
    }
}

fn commands(origin: &str, units: &[DisclosedUnit]) -> Vec<String> {
    let Some(unit) = units.first() else { return Vec::new() };
    vec![
        format!("curl -fsSo tsa-chain.pem {}", unit.chain_url),
        "openssl ts -query -data FILE -sha256 -cert -out query.tsq".to_owned(),
        format!(
            "curl -fsS -H 'Content-Type: application/timestamp-query' --data-binary @query.tsq -o reply.tsr \
             {origin}/tsa"
        ),
        "openssl ts -verify -in reply.tsr -queryfile query.tsq -CAfile tsa-chain.pem".to_owned(),
        "privyseal tsa verify reply.tsr --query query.tsq --root tsa-chain.pem".to_owned(),
    ]
}

fn key(kind: KeyKind) -> String {
    match kind {
        KeyKind::P256 => "ECDSA on P-256".to_owned(),
        KeyKind::P384 => "ECDSA on P-384".to_owned(),
        KeyKind::P521 => "ECDSA on P-521".to_owned(),
        KeyKind::Rsa { bits } => format!("RSA of {bits} bits, PKCS #1 v1.5"),
        KeyKind::Ed25519 => "Ed25519".to_owned(),
    }
}

fn stated(text: &str) -> String {
    if text.is_empty() { "not stated".to_owned() } else { text.to_owned() }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
