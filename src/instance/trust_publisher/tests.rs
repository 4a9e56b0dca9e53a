use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use shared::keys::{PublicKey, SignatureAlgorithm, SigningKey};
use shared::random::SystemRandom;
use shared::trust_root::tuf::reader::TrustedKeys;
use shared::trust_root::{CertificateChain, LogKey, TrustedRoot, Validity};
use shared::x509::CaSetup;
use tower::ServiceExt as _;

use super::*;

const START: UnixTime = UnixTime::from_seconds(1_795_258_320);

fn key(algorithm: SignatureAlgorithm) -> SigningKey {
    SigningKey::generate(algorithm).expect("a key")
}

fn tuf_keys() -> TufKeys {
    let key = || Arc::new(key(SignatureAlgorithm::EcdsaP256Sha256));
    TufKeys { root: key(), targets: key(), snapshot: key(), timestamp: key() }
}

fn material(origin: &str) -> TrustMaterial {
    let root_key = key(SignatureAlgorithm::EcdsaP384Sha384);
    let other: PublicKey = key(SignatureAlgorithm::EcdsaP384Sha384).public_key().clone();
    let setup =
        CaSetup { instance: "h-01234567.privyseal.internal", root_key: &root_key, now: START, random: &SystemRandom };
    let root = setup.root().expect("a root");
    let issuing = setup.issuing_ca(&root, &other).expect("an issuing CA");
    let unit = setup.timestamp_unit(&root, "unit", &other).expect("a unit");
    let chain = |first: &shared::x509::Certificate| {
        let certificates = vec![first.der().to_vec(), root.der().to_vec()];
        vec![CertificateChain { certificates, validity: Validity::since(START) }]
    };
    let log = |origin: &str| {
        vec![LogKey {
            origin: format!("{origin}.h-01234567.privyseal.internal"),
            key: key(SignatureAlgorithm::EcdsaP256Sha256).public_key().clone(),
            algorithm: SignatureAlgorithm::EcdsaP256Sha256,
            validity: Validity::since(START),
        }]
    };
    TrustMaterial {
        instance: "h-01234567.privyseal.internal".to_owned(),
        origin: origin.to_owned(),
        oidc_issuer: format!("{origin}/oidc"),
        offered_since: START,
        issuing: chain(&issuing),
        timestamping: chain(&unit),
        certificate_logs: log("certificates"),
        signature_logs: log("signatures"),
    }
}

async fn open(folder: &Path, keys: &TufKeys, material: &TrustMaterial, now: UnixTime) -> TrustPublisher {
    let folder = folder.join("tuf");
    TrustPublisher::open(folder, keys.clone(), material, Log::in_memory(), now).await.expect("opens")
}

async fn get(publisher: &TrustPublisher, path: &str) -> Option<Vec<u8>> {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let response = crate::serving::http::trust::routes(publisher.published()).oneshot(request).await.expect("answers");
    if response.status() != 200 {
        return None;
    }
    Some(response.into_body().collect().await.expect("a body").to_bytes().to_vec())
}

/// A client that pinned `root` fetches the trusted root.
async fn trusted_root(publisher: &TrustPublisher, root: &[u8], now: UnixTime) -> TrustedRoot {
    let fetch = async |name: String| get(publisher, &format!("/tuf/{name}")).await;
    let mut keys = TrustedKeys::pin(root).expect("pins");
    while let Some(next) = fetch(keys.next_root_name()).await {
        keys = keys.follow(&next).expect("follows");
    }
    let timestamp = keys.timestamp(&fetch("timestamp.json".to_owned()).await.expect("is there"), now).expect("counts");
    let snapshot = fetch(timestamp.snapshot_name()).await.expect("is there");
    let snapshot = timestamp.snapshot(&snapshot, now).expect("counts");
    let targets = fetch(snapshot.targets_name()).await.expect("is there");
    let targets = snapshot.targets(&targets, now).expect("counts");
    let bytes = fetch(targets.path("trusted_root.json").expect("is named")).await.expect("is there");
    TrustedRoot::parse(targets.check("trusted_root.json", &bytes).expect("is right")).expect("parses")
}

#[tokio::test]
async fn what_is_published_survives_a_restart_and_follows_the_documents_and_the_clock() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = tuf_keys();
    let first = material("http://127.0.0.1:1");
    let publisher = open(folder.path(), &keys, &first, START).await;
    let root = get(&publisher, "/trust/root.json").await.expect("is there");
    assert_eq!(publisher.root_sha256().await, Some(sha256_hex(&root)));
    assert_eq!(get(&publisher, "/tuf/1.root.json").await.as_deref(), Some(&*root));
    assert_eq!(trusted_root(&publisher, &root, START).await, first.trusted_root().expect("is fit"));
    let timestamp = get(&publisher, "/tuf/timestamp.json").await;

    // The same instance again: nothing is signed.
    let again = open(folder.path(), &keys, &first, START).await;
    assert_eq!(get(&again, "/tuf/timestamp.json").await, timestamp);
    assert!(!again.refresh(START).await.expect("looks"));

    // A day and more later: the timestamp only, and what was there is still answered.
    let later = START.plus(Duration::from_secs(90_000));
    assert!(again.refresh(later).await.expect("signs"));
    assert_ne!(get(&again, "/tuf/timestamp.json").await, timestamp);
    assert!(get(&again, "/tuf/2.snapshot.json").await.is_none());

    // On another port the documents differ; a client that knows the first root follows.
    let mut moved = first.clone();
    moved.origin = "http://127.0.0.1:2".to_owned();
    let moved_instance = open(folder.path(), &keys, &moved, later).await;
    assert_eq!(trusted_root(&moved_instance, &root, later).await, moved.trusted_root().expect("is fit"));
    assert!(get(&moved_instance, "/tuf/2.targets.json").await.is_some());
    assert!(get(&moved_instance, "/tuf/2.root.json").await.is_none());
}

#[tokio::test]
async fn a_damaged_folder_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (keys, material) = (tuf_keys(), material("http://127.0.0.1:1"));
    open(folder.path(), &keys, &material, START).await;
    let targets = folder.path().join("tuf/1.targets.json");
    std::fs::rename(&targets, folder.path().join("away")).expect("moves");
    let refused = TrustPublisher::open(folder.path().join("tuf"), keys, &material, Log::in_memory(), START).await;
    assert_eq!(refused.err().map(|error| error.to_string()).as_deref(), Some("1.targets.json is missing"));
}
