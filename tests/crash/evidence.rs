//! After the last kill: finds everything that was acknowledged in the logs that the instance serves.

use std::collections::{BTreeSet, HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Client;
use serde_json::Value;
use shared::audit::AuditRecord;
use shared::log::tile::TileKind;
use shared::log::{Entries, TilePath};
use shared::x509::{Certificate, Chain};
use tsa::{Expected, TimestampTrust, verify_response};

use crate::instance::{EMAIL, Instance};
use crate::login::{self, Login};
use crate::registration;

/// What a client received.
#[derive(Debug)]
pub(crate) enum Acknowledged {
    /// DER.
    Certificate(Vec<u8>),
    /// The answer of the signature log.
    Entry(Value),
    Login(Login),
    /// Asked for and approved, with the token that asked.
    Registration {
        id: String,
        api: String,
    },
    Timestamp {
        data: Vec<u8>,
        response: Vec<u8>,
    },
}

type Hash = [u8; 32];

fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    context.finish().as_ref().try_into().unwrap()
}

/// `MTH` of RFC 6962 §2.1, straight from its text: a second opinion on our own tree.
fn tree_hash(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            sha256(&[&[1], &tree_hash(left), &tree_hash(right)])
        }
    }
}

/// A log, fetched whole; its checkpoint's root is the root of its leaves.
struct FetchedLog {
    leaves: Vec<Vec<u8>>,
    hashes: Vec<Hash>,
}

impl FetchedLog {
    async fn all(client: &Client, prefix: &str) -> Self {
        let checkpoint = text(client, &format!("{prefix}/checkpoint")).await;
        let mut lines = checkpoint.lines().skip(1);
        let size: u64 = lines.next().unwrap().parse().unwrap();
        let root = STANDARD.decode(lines.next().unwrap()).unwrap();
        let mut leaves = Vec::new();
        for index in 0..size.div_ceil(256) {
            let width = u8::try_from((size - 256 * index).min(256)).ok();
            let path = TilePath { kind: TileKind::Entries, index, width };
            let bundle = client.get(format!("{prefix}/{path}")).send().await.unwrap().bytes().await.unwrap();
            leaves.extend(Entries(&bundle).map(|entry| entry.expect("a whole entry").to_vec()));
        }
        assert_eq!(leaves.len() as u64, size, "{prefix}");
        let hashes: Vec<Hash> = leaves.iter().map(|leaf| sha256(&[&[0], leaf])).collect();
        assert_eq!(tree_hash(&hashes)[..], root, "{prefix}: the checkpoint is of other leaves");
        Self { leaves, hashes }
    }
}

async fn text(client: &Client, url: &str) -> String {
    let answer = client.get(url).send().await.unwrap();
    assert!(answer.status().is_success(), "{url}: {}", answer.status());
    answer.text().await.unwrap()
}

/// Panics if anything is missing; returns how much was found.
pub(crate) async fn check(instance: &Instance, acknowledged: &[Acknowledged]) -> Evidence {
    let (client, origin) = (instance.client(), instance.origin());
    let certificates = FetchedLog::all(&client, &format!("{origin}/ct")).await;
    let signatures = FetchedLog::all(&client, &format!("{origin}/api/v2")).await;
    let audit = Audit::of(FetchedLog::all(&client, &format!("{origin}/audit")).await);
    let chain = text(&client, &format!("{origin}/api/v1/timestamp/certchain")).await;
    let unit = TimestampTrust::unit(&Chain::from_pem(&chain).unwrap());

    let mut roots = HashMap::new();
    let mut serials = BTreeSet::new();
    let mut counts = [0; 5];
    let mut latest = 0;
    for (nth, what) in acknowledged.iter().enumerate() {
        match what {
            Acknowledged::Certificate(der) => {
                counts[0] += 1;
                let certificate = Certificate::from_der(der).unwrap();
                let serial = hex::encode(certificate.serial());
                assert!(serials.insert(serial.clone()), "{nth}: serial number {serial} was given twice");
                let index = audit.issued.get(&(serial.clone(), hex::encode(sha256(&[der]))));
                let index = *index.unwrap_or_else(|| panic!("{nth}: {serial} is not in the audit log"));
                assert!(audit.intended.contains(&serial), "{nth}: {serial} has no intent");
                let leaf = &certificates.leaves[usize::try_from(index).unwrap()];
                let spki = certificate.public_key().spki_der();
                let is_there = |part: &[u8]| leaf.windows(part.len()).any(|window| window == part);
                assert!(
                    is_there(spki) && is_there(certificate.serial()),
                    "{nth}: leaf {index} is of another certificate"
                );
            }
            Acknowledged::Entry(entry) => {
                counts[1] += 1;
                check_entry(entry, &signatures, &mut roots);
            }
            Acknowledged::Login(login) => {
                counts[2] += 1;
                let claims = login.id_token.split('.').nth(1).unwrap();
                let decoded = URL_SAFE_NO_PAD.decode(claims).unwrap();
                let is_recorded = audit.tokens.contains(&hex::encode(sha256(&[&decoded])));
                assert!(is_recorded, "{nth}: the token is not in the audit log: {}", String::from_utf8_lossy(&decoded));
                assert!(login::is_known(instance, &client, login).await, "{nth}: the session is lost");
            }
            Acknowledged::Registration { id, api } => {
                counts[4] += 1;
                let approved = registration::approved_by(instance, &client, api, id).await;
                assert_eq!(approved.as_deref(), Some(EMAIL), "{nth}: the registration {id} is lost");
            }
            Acknowledged::Timestamp { data, response } => {
                counts[3] += 1;
                let verified = verify_response(response, &Expected::data(data), &unit).unwrap();
                latest = latest.max(verified.gen_time.millis());
                let serial = significant(&hex::encode(&verified.serial)).to_owned();
                assert!(serials.insert(format!("timestamp {serial}")), "{nth}: serial number {serial} was given twice");
                let imprint =
                    audit.timestamps.get(&serial).unwrap_or_else(|| panic!("{nth}: {serial} is not recorded"));
                assert_eq!(*imprint, hex::encode(sha256(&[data])), "{nth}: {serial} is recorded for another imprint");
            }
        }
    }
    check_mark(&client, &origin, latest).await;
    Evidence(counts)
}

/// How many of each kind were found.
pub(crate) struct Evidence([usize; 5]);

impl Evidence {
    /// Whether something of each kind was at stake.
    pub(crate) fn is_of_all_kinds(&self) -> bool {
        self.0.iter().all(|count| *count > 0)
    }
}

impl std::fmt::Display for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [certificates, entries, logins, timestamps, registrations] = self.0;
        write!(f, "{certificates} certificates, {entries} log entries, {timestamps} timestamps, ")?;
        write!(f, "{logins} logins, {registrations} registrations")
    }
}

/// The instance will sign no time before the latest one that a client received, apart from genTime's rounding.
async fn check_mark(client: &Client, origin: &str, latest: u64) {
    let readiness: Value = serde_json::from_str(&text(client, &format!("{origin}/readyz")).await).expect("JSON");
    let mark = readiness["time"]["signed_up_to_ms"].as_u64().expect("a mark");
    assert!(mark + 500 >= latest, "{latest} was signed, and the mark is {mark}");
}

/// The entry is at the acknowledged index, and the tree of its proof is a prefix of the current tree.
fn check_entry(entry: &Value, log: &FetchedLog, roots: &mut HashMap<usize, Hash>) {
    let number =
        |value: &Value| value.as_str().and_then(|text| text.parse::<usize>().ok()).expect("a number in a string");
    let bytes = |value: &Value| STANDARD.decode(value.as_str().expect("text")).expect("base64");
    let proof = &entry["inclusionProof"];
    let (index, size) = (number(&entry["logIndex"]), number(&proof["treeSize"]));
    assert_eq!(log.leaves[index], bytes(&entry["canonicalizedBody"]), "entry {index} is another one");
    let root = roots.entry(size).or_insert_with(|| tree_hash(&log.hashes[..size]));
    assert_eq!(root[..], bytes(&proof["rootHash"]), "the tree of {size} leaves was another one");
}

/// The audit log's records, by what they are looked up by.
#[derive(Default)]
struct Audit {
    intended: HashSet<String>,
    /// By serial and digest, the index in the certificate log.
    issued: HashMap<(String, String), u64>,
    /// By serial, the imprint.
    timestamps: HashMap<String, String>,
    /// Digests of claims.
    tokens: HashSet<String>,
}

impl Audit {
    /// Unacknowledged ones count too: no serial may be in it twice.
    fn of(log: FetchedLog) -> Self {
        let mut audit = Self::default();
        for leaf in log.leaves {
            match serde_json::from_slice(&leaf).expect("an audit record") {
                AuditRecord::CertificateIntent { serial, .. } => {
                    assert!(
                        audit.intended.insert(serial.clone()),
                        "serial number {serial} was meant for two certificates"
                    );
                }
                AuditRecord::CertificateIssued { serial, certificate_sha256, log_index, .. } => {
                    assert_eq!(audit.issued.insert((serial, certificate_sha256), log_index), None);
                }
                AuditRecord::Timestamped { serial, imprint, .. } => {
                    let serial = significant(&serial).to_owned();
                    let twice = audit.timestamps.insert(serial.clone(), imprint);
                    assert_eq!(twice, None, "serial number {serial} was meant for two timestamps");
                }
                AuditRecord::TokenIssued { claims_sha256, .. } => {
                    audit.tokens.insert(claims_sha256);
                }
                _ => {}
            }
        }
        audit
    }
}

/// Without the zeros that a sign bit may ask for.
fn significant(hex: &str) -> &str {
    hex.trim_start_matches('0')
}
