//! The records of the audit log: what the instance did with its keys, for whom, by which rule.
//!
//! A record never holds a token, a password, a private key or another secret: hashes stand in for them.

mod actor;
mod bundle_event;
mod clock;
mod credential_kind;
mod registration_event;

use serde::{Deserialize, Serialize};

pub use actor::Actor;
pub use bundle_event::BundleEvent;
pub use clock::ClockEvent;
pub use credential_kind::CredentialKind;
pub use registration_event::RegistrationEvent;

/// One audit leaf. Its JSON, members in the order of declaration, no spaces, is the leaf's bytes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "type")]
pub enum AuditRecord {
    /// The keys of a trust domain change, or a change of them is refused.
    BundleChanged {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// The trust domain.
        trust_domain: String,
        /// What happened.
        event: BundleEvent,
        /// `spiffe_sequence`, if the bundle has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sequence: Option<u64>,
        /// SHA-256 of the SubjectPublicKeyInfo of each key, hex, in ascending order; of a refused bundle none.
        keys: Vec<String>,
        /// Why it is refused, with its rule; empty otherwise.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// A certificate is about to be signed: the issuing key is used only after this is durable.
    CertificateIntent {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// The id of the request, as the client got it.
        request: String,
        /// Serial number, lower-case hex.
        serial: String,
        /// SHA-256 of the to-be-signed certificate without its SCT, hex.
        tbs_sha256: String,
        /// The `iss` of the token.
        issuer: String,
        /// The name in the certificate.
        subject: String,
        /// The rule and grant that permitted it.
        rule: String,
        /// SHA-256 of the token, or of the SVID (of an X.509-SVID the leaf certificate), hex. `token_sha256` in version
        /// 0.1.
        #[serde(alias = "token_sha256")]
        credential_sha256: String,
        /// The kind of credential presented. In version 0.1 absent for an issuer's token.
        #[serde(default)]
        credential: CredentialKind,
    },
    /// A certificate was signed and is about to leave.
    CertificateIssued {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// Serial number, lower-case hex.
        serial: String,
        /// SHA-256 of the certificate, hex.
        certificate_sha256: String,
        /// Index of its leaf in the certificate log.
        log_index: u64,
    },
    /// A certificate of an authority or a timestamp unit is about to be revoked.
    CertificateRevoked {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// Serial number, lower-case hex.
        serial: String,
        /// Why, as RFC 5280 §5.3.1 names it.
        reason: String,
    },
    /// Something happened to the clock that timestamps are made by.
    Clock {
        /// Milliseconds since the epoch, by the machine's clock, right or wrong.
        at_ms: u64,
        /// The guard's mode.
        mode: String,
        /// What happened.
        event: ClockEvent,
    },
    /// An authorization code was used a second time, so someone else may have it. The token issued for it is revoked.
    CodeReplayed {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// The client that used it.
        client: String,
        /// The `sub` that it stood for.
        subject: String,
        /// The `jti` of the token that was issued for it.
        token: String,
    },
    /// The configuration in force from now on.
    ConfigurationLoaded {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// SHA-256 of the file's bytes, hex; empty for the built-in defaults.
        sha256: String,
        /// The origin served.
        origin: String,
        /// Why the instance read it: `start`, `signal`, `file`, or `api` with the caller. Absent in old records.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        cause: String,
    },
    /// A changed configuration was refused; the previous one stays in force.
    ConfigurationRefused {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// SHA-256 of the file's bytes, hex; empty if it could not be read.
        sha256: String,
        /// Why the instance read it.
        cause: String,
        /// The first few problems, each with its place in the file.
        problems: Vec<String>,
    },
    /// The issuers that a domain lists in its own DNS records changed: from now on only these may assert names in it,
    /// or any issuer again.
    IssuerListing {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// The domain.
        domain: String,
        /// True if no other issuer may assert names in it.
        is_enforced: bool,
        /// The issuers that the domain lists.
        issuers: Vec<String>,
        /// What each resolver answered.
        evidence: Vec<String>,
    },
    /// The registration of an issuer changes: this is durable before it takes effect. Together these records hold all
    /// registrations, so the store can be rebuilt from them.
    IssuerRegistration {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// The registration's identifier.
        registration: String,
        /// What happened.
        event: RegistrationEvent,
        /// Who did it: an address of the API's caller, or `system` (`the house` in version 0.1).
        by: Actor,
        /// The state before; empty for a new registration.
        from: String,
        /// The state after the change; `dropped` for a request that was never granted.
        to: String,
        /// What each resolver or host answered, if a check caused this.
        evidence: Vec<String>,
        /// The whole registration after the change, in the form of the store.
        image: serde_json::Value,
    },
    /// A key that answers OCSP requests for the root is about to be certified.
    ResponderCertified {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// SHA-256 of the key's SubjectPublicKeyInfo, hex.
        public_key_sha256: String,
    },
    /// The root is about to sign a revocation list.
    RevocationListSigned {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// The list's number.
        number: u64,
        /// SHA-256 of the to-be-signed list, hex.
        tbs_sha256: String,
    },
    /// The store could not be read at a start and was set aside: sessions, codes and accounts in it are lost, and an
    /// operator should find out why.
    StoreSetAside {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// The folder where it is now.
        path: String,
        /// The engine's error.
        reason: String,
    },
    /// Something is about to happen to a timestamp unit's key or certificate (ETSI EN 319 421 OVR-7.12).
    TimestampUnit {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// The unit.
        unit: String,
        /// The number of the key, from 1.
        generation: u32,
        /// What happens.
        event: UnitEvent,
        /// SHA-256 of the key's SubjectPublicKeyInfo, hex.
        public_key_sha256: String,
        /// Serial number of its certificate, lower-case hex; empty before there is one.
        serial: String,
        /// The time of the event, in seconds since the epoch: the first or last of the key's use; zero if there is
        /// none.
        moment_s: u64,
    },
    /// A timestamp is about to be signed: it is written before the key is used.
    Timestamped {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// The signing unit.
        unit: String,
        /// Serial number, lower-case hex.
        serial: String,
        /// The time in the token, `YYYYMMDDhhmmssZ`.
        gen_time: String,
        /// Policy in the token, dotted.
        policy: String,
        /// SHA-256 of the whole TSTInfo, which binds the imprint, hex.
        tst_info_sha256: String,
        /// The imprint's digest, hex.
        imprint: String,
        /// The clock guard's statement about the time.
        clock: String,
    },
    /// How many timestamps were signed without a record of each (`audit.timestamps = "off"`) since the last such
    /// record, or since the start.
    TimestampsCounted {
        /// The latest of their times, milliseconds since the epoch.
        at_ms: u64,
        /// How many.
        count: u64,
    },
    /// A token is about to be signed for a client.
    TokenIssued {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// The client (audience).
        client: String,
        /// The `sub` claim.
        subject: String,
        /// The connector that the person logged in with; `spiffe://` and the trust domain for a workload.
        connector: String,
        /// SHA-256 of the claims, hex.
        claims_sha256: String,
        /// The credential that a workload presented; absent for a person, who logged in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credential: Option<CredentialKind>,
        /// SHA-256 of that JWT-SVID, or of the leaf certificate, hex; absent for a person. `svid_sha256` in version
        /// 0.1.
        #[serde(alias = "svid_sha256", default, skip_serializing_if = "String::is_empty")]
        credential_sha256: String,
        /// The rule and grant that permitted it; absent for a person, whose login was permitted.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        rule: String,
    },
    /// Metadata of the TUF repository is about to be signed: clients will trust it from now on.
    TrustSigned {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// Role, version and SHA-256 of the to-be-signed bytes in hex, one of each signature.
        metadata: Vec<(String, u64, String)>,
    },
    /// An administrator added a local user over the API.
    UserAdded {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// The user's e-mail address.
        address: String,
        /// The administrator's.
        by: String,
    },
}

/// What happens to a timestamp unit's key.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitEvent {
    /// A certificate is signed for it, or one from elsewhere comes into use.
    Certified,
    /// Its use has ended.
    Closed,
    /// The key is destroyed.
    Destroyed,
    /// The key has no valid certificate, after an interrupted change, and is destroyed.
    Discarded,
    /// The key was made.
    Made,
    /// The trust root names it.
    Published,
    /// The key is in a PKCS#11 token or named by the configuration: the operator destroys it.
    Released,
    /// The key signs from the given time on.
    Switched,
}

/// [`AuditRecord::Timestamped`] from borrowed parts, for the one record that is written tens of thousands of times a
/// second: the same bytes, without a copy of each part. The hexadecimal ones are given as the octets that they stand
/// for.
#[derive(Clone, Copy, Debug)]
pub struct TimestampedLeaf<'a> {
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    /// The signing unit.
    pub unit: &'a str,
    /// Serial number.
    pub serial: &'a [u8],
    /// The time in the token.
    pub gen_time: &'a str,
    /// Policy in the token, dotted.
    pub policy: &'a str,
    /// SHA-256 of the whole TSTInfo.
    pub tst_info_sha256: &'a [u8],
    /// The imprint's digest.
    pub imprint: &'a [u8],
    /// The clock guard's statement about the time.
    pub clock: &'a str,
}

impl TimestampedLeaf<'_> {
    /// The leaf's bytes.
    pub fn to_leaf(&self) -> Vec<u8> {
        #[derive(Serialize)]
        #[serde(tag = "type", rename = "timestamped")]
        struct Members<'a> {
            at_ms: u64,
            unit: &'a str,
            serial: &'a str,
            gen_time: &'a str,
            policy: &'a str,
            tst_info_sha256: &'a str,
            imprint: &'a str,
            clock: &'a str,
        }
        let mut hex = [[0; 128]; 3];
        let [serial, tst_info_sha256, imprint] = &mut hex;
        let members = Members {
            at_ms: self.at_ms,
            unit: self.unit,
            serial: hex_into(serial, self.serial),
            gen_time: self.gen_time,
            policy: self.policy,
            tst_info_sha256: hex_into(tst_info_sha256, self.tst_info_sha256),
            imprint: hex_into(imprint, self.imprint),
            clock: self.clock,
        };
        let mut leaf = Vec::with_capacity(512);
        serde_json::to_writer(&mut leaf, &members).expect("strings and numbers always encode");
        leaf
    }
}

/// The digits of at most 64 octets.
fn hex_into<'a>(buffer: &'a mut [u8; 128], octets: &[u8]) -> &'a str {
    let digits = &mut buffer[..2 * octets.len().min(64)];
    hex::encode_to_slice(&octets[..octets.len().min(64)], digits).expect("two digits an octet");
    std::str::from_utf8(digits).expect("digits are ASCII")
}

impl AuditRecord {
    /// The leaf's bytes.
    pub fn to_leaf(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers always encode")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_tokens_from_before_workloads_still_read() {
        let old = concat!(
            r#"{"type":"token-issued","at_ms":1,"client":"sigstore","subject":"local:17","connector":"local","#,
            r#""claims_sha256":"ab"}"#,
        );
        let record: AuditRecord = serde_json::from_str(old).expect("reads");
        assert_eq!(record.to_leaf(), old.as_bytes(), "and are written as before");
    }

    #[test]
    fn records_of_version_0_1_still_read() {
        let table = [
            (
                r#"{"type":"bundle-changed","at_ms":1,"trust_domain":"a.test","event":"emptied","keys":[]}"#,
                r#"{"type":"bundle-changed","at_ms":1,"trust_domain":"a.test","event":"emptied","keys":[]}"#,
            ),
            (
                concat!(
                    r#"{"type":"certificate-intent","at_ms":1,"request":"r","serial":"01","tbs_sha256":"ab","#,
                    r#""issuer":"https://i","subject":"s","rule":"E6","token_sha256":"cd"}"#,
                ),
                concat!(
                    r#"{"type":"certificate-intent","at_ms":1,"request":"r","serial":"01","tbs_sha256":"ab","#,
                    r#""issuer":"https://i","subject":"s","rule":"E6","credential_sha256":"cd","#,
                    r#""credential":"token"}"#,
                ),
            ),
            (
                concat!(
                    r#"{"type":"certificate-intent","at_ms":1,"request":"r","serial":"01","tbs_sha256":"ab","#,
                    r#""issuer":"https://i","subject":"s","rule":"S9","token_sha256":"cd","#,
                    r#""credential":"x509-svid"}"#,
                ),
                concat!(
                    r#"{"type":"certificate-intent","at_ms":1,"request":"r","serial":"01","tbs_sha256":"ab","#,
                    r#""issuer":"https://i","subject":"s","rule":"S9","credential_sha256":"cd","#,
                    r#""credential":"x509-svid"}"#,
                ),
            ),
            (
                concat!(
                    r#"{"type":"issuer-registration","at_ms":1,"registration":"registered-1","event":"elapsed","#,
                    r#""by":"the house","from":"active","to":"stale","evidence":[],"image":{}}"#,
                ),
                concat!(
                    r#"{"type":"issuer-registration","at_ms":1,"registration":"registered-1","event":"elapsed","#,
                    r#""by":"system","from":"active","to":"stale","evidence":[],"image":{}}"#,
                ),
            ),
            (
                concat!(
                    r#"{"type":"issuer-registration","at_ms":1,"registration":"registered-1","event":"requested","#,
                    r#""by":"a@b.example","from":"","to":"pending","evidence":[],"image":{}}"#,
                ),
                concat!(
                    r#"{"type":"issuer-registration","at_ms":1,"registration":"registered-1","event":"requested","#,
                    r#""by":"a@b.example","from":"","to":"pending","evidence":[],"image":{}}"#,
                ),
            ),
            (
                concat!(
                    r#"{"type":"token-issued","at_ms":1,"client":"sigstore","subject":"spiffe://a.test/ci","#,
                    r#""connector":"spiffe://a.test","claims_sha256":"ab","credential":"jwt-svid","#,
                    r#""svid_sha256":"cd","rule":"S9"}"#,
                ),
                concat!(
                    r#"{"type":"token-issued","at_ms":1,"client":"sigstore","subject":"spiffe://a.test/ci","#,
                    r#""connector":"spiffe://a.test","claims_sha256":"ab","credential":"jwt-svid","#,
                    r#""credential_sha256":"cd","rule":"S9"}"#,
                ),
            ),
        ];
        for (old, new) in table {
            let record: AuditRecord = serde_json::from_str(old).expect(old);
            assert_eq!(record.to_leaf(), new.as_bytes(), "as it is written now");
            let again: AuditRecord = serde_json::from_str(new).expect(new);
            assert_eq!(record, again);
        }
    }

    #[test]
    fn names_of_events_are_what_records_say() {
        let said = |event: &str, name: &str| assert_eq!(event, format!("\"{name}\""));
        for event in [BundleEvent::Emptied, BundleEvent::Fetched, BundleEvent::Refused] {
            said(&serde_json::to_string(&event).expect("encodes"), event.name());
        }
        use RegistrationEvent::{Approved, Denied, Elapsed, Froze, Proved, Released, Requested};
        for event in [Approved, Denied, Elapsed, Froze, Proved, Released, Requested] {
            said(&serde_json::to_string(&event).expect("encodes"), event.name());
        }
    }

    #[test]
    fn a_timestamps_leaf_is_that_of_its_record() {
        let leaf = TimestampedLeaf {
            at_ms: 1_795_258_320_250,
            unit: "unit-1",
            serial: &[1; 17],
            gen_time: "20261121105200Z",
            policy: "0.4.0.2023.1.1",
            tst_info_sha256: &[0xab; 32],
            imprint: &[0xcd; 64],
            clock: "local \"quoted\"",
        };
        let record = AuditRecord::Timestamped {
            at_ms: leaf.at_ms,
            unit: leaf.unit.to_owned(),
            serial: "01".repeat(17),
            gen_time: leaf.gen_time.to_owned(),
            policy: leaf.policy.to_owned(),
            tst_info_sha256: "ab".repeat(32),
            imprint: "cd".repeat(64),
            clock: leaf.clock.to_owned(),
        };
        assert_eq!(leaf.to_leaf(), record.to_leaf());
    }
}
