use aws_lc_rs::digest::{SHA256, digest};
use privyseal_sigstore::Writers;
use serde_json::{Value, json};
use shared::keys::{PublicKey, SignatureAlgorithm, Signer, SigningKey};
use shared::log::{LeafHash, Origin, SignedCheckpoint, merkle};
use shared::random::SystemRandom;
use shared::time::UnixTime;
use shared::x509::{CaSetup, Certificate};
use tower::ServiceExt as _;

use super::*;
use crate::instance::served_logs::SignatureLog;

const NOW: UnixTime = UnixTime::from_seconds(1_795_258_320);

struct Instance {
    edge: Arc<ServedLogs>,
    key: SigningKey,
    certificate: Certificate,
    log_key: PublicKey,
}

fn key(algorithm: SignatureAlgorithm) -> SigningKey {
    SigningKey::generate(algorithm).expect("generates")
}

fn certified(key: &SigningKey) -> (Certificate, Certificate) {
    let root_key = SigningKey::generate(SignatureAlgorithm::EcdsaP384Sha384).expect("generates");
    let setup = CaSetup { instance: "instance", root_key: &root_key, now: NOW, random: &SystemRandom };
    let root = setup.root().expect("certifies");
    let leaf = setup.issuing_ca(&root, key.public_key()).expect("certifies");
    (root, leaf)
}

fn instance(algorithm: SignatureAlgorithm, allows_public_keys: bool) -> Instance {
    let log_key = Arc::new(key(SignatureAlgorithm::EcdsaP256Sha256));
    let public = log_key.public_key().clone();
    let log = Log::in_memory_as(Origin::parse("signatures.example").expect("name"), log_key);
    let key = key(algorithm);
    let (root, certificate) = certified(&key);
    let writers = Writers { issuers: vec![root], allows_public_keys };
    let edge = ServedLogs {
        signatures: Some(SignatureLog::new(log, writers, Arc::default())),
        certificates: Some(Log::in_memory()),
        audit: None,
    };
    Instance { edge: Arc::new(edge), key, certificate, log_key: public }
}

impl Instance {
    fn verifier(&self) -> Value {
        let raw = STANDARD.encode(self.certificate.der());
        json!({ "keyDetails": self.key.algorithm().sigstore_name(), "x509Certificate": { "rawBytes": raw } })
    }

    fn hashedrekord(&self, message: &[u8]) -> Value {
        let hash = digest(self.key.algorithm().digest(), message);
        json!({ "hashedRekordRequestV002": {
            "digest": STANDARD.encode(hash),
            "signature": {
                "content": STANDARD.encode(self.key.sign(message).expect("signs")),
                "verifier": self.verifier(),
            },
        } })
    }

    async fn post(&self, body: impl Into<Body>) -> (StatusCode, Value) {
        let request = Request::post("/api/v2/log/entries").body(body.into()).expect("a request");
        let (status, _, body) = self.send(request).await;
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    async fn get(&self, path: &str) -> (StatusCode, String, Vec<u8>) {
        self.send(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    async fn send(&self, request: Request) -> (StatusCode, String, Vec<u8>) {
        let response = routes(Arc::clone(&self.edge)).oneshot(request).await.expect("infallible");
        let status = response.status();
        let content_type = response.headers()[header::CONTENT_TYPE].to_str().expect("text").to_owned();
        (status, content_type, to_bytes(response.into_body(), usize::MAX).await.expect("reads").to_vec())
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}"))
}

/// Checks an entry as a client does: from its own bytes to the signed checkpoint.
fn check(entry: &Value, log_key: &PublicKey) -> Vec<u8> {
    let body = STANDARD.decode(text(entry, "/canonicalizedBody")).expect("base64");
    let number = |pointer| text(entry, pointer).parse::<u64>().expect("a number");
    let (index, size) = (number("/inclusionProof/logIndex"), number("/inclusionProof/treeSize"));
    assert_eq!(number("/logIndex"), index);
    assert_eq!(text(entry, "/integratedTime"), "0");
    assert_eq!(text(entry, "/logId/keyId"), STANDARD.encode(log_key.spki_sha256()));
    assert_eq!(entry["kindVersion"], json!({ "kind": "hashedrekord", "version": "0.0.2" }));
    assert_eq!(entry["inclusionPromise"], Value::Null);
    let root = STANDARD.decode(text(entry, "/inclusionProof/rootHash")).expect("base64").try_into().expect("32 bytes");
    let hashes: Vec<merkle::Hash> = entry["inclusionProof"]["hashes"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|hash| STANDARD.decode(hash.as_str().expect("text")).expect("base64").try_into().expect("32 bytes"))
        .collect();
    let LeafHash(leaf) = LeafHash::of(&body);
    assert_eq!(merkle::verify_inclusion(&leaf, index, size, &hashes, &root), Ok(()));
    let checkpoint = SignedCheckpoint::parse(text(entry, "/inclusionProof/checkpoint/envelope")).expect("parses");
    let checkpoint = checkpoint.verify(log_key).expect("signed");
    assert_eq!((checkpoint.size, checkpoint.root), (size, root));
    body
}

#[tokio::test]
async fn a_signature_becomes_an_entry_that_proves_itself() {
    for algorithm in
        [SignatureAlgorithm::EcdsaP256Sha256, SignatureAlgorithm::EcdsaP384Sha384, SignatureAlgorithm::RsaPkcs1Sha256]
    {
        let instance = instance(algorithm, false);
        for index in 0..5 {
            let request = instance.hashedrekord(format!("artifact {index}").as_bytes());
            let (status, entry) = instance.post(request.to_string()).await;
            assert_eq!(status, StatusCode::CREATED, "{entry}");
            assert_eq!(text(&entry, "/logIndex"), index.to_string());
            let body = check(&entry, &instance.log_key);
            // serde_json keeps members sorted, which for these ASCII names is JCS.
            let read: Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(serde_json::to_vec(&read).expect("JSON"), body);
            let request = &request["hashedRekordRequestV002"];
            assert_eq!(read["apiVersion"], "0.0.2");
            assert_eq!(read["kind"], "hashedrekord");
            assert_eq!(read["spec"]["hashedRekordV002"]["signature"], request["signature"]);
            assert_eq!(read["spec"]["hashedRekordV002"]["data"]["digest"], request["digest"]);
        }
    }
}

#[tokio::test]
async fn a_legacy_envelope_is_upgraded() {
    let instance = instance(SignatureAlgorithm::EcdsaP256Sha256, false);
    let (payload_type, payload) = ("application/vnd.in-toto+json", b"{\"a\":1}");
    let pae = format!("DSSEv1 {} {payload_type} {} {{\"a\":1}}", payload_type.len(), payload.len());
    let request = |signed: &[u8]| {
        json!({ "dsseRequestV002": {
            "envelope": {
                "payload": STANDARD.encode(payload),
                "payloadType": payload_type,
                "signatures": [{ "sig": STANDARD.encode(instance.key.sign(signed).expect("signs")), "keyid": "" }],
            },
            "verifiers": [instance.verifier()],
        } })
    };
    let (status, entry) = instance.post(request(pae.as_bytes()).to_string()).await;
    assert_eq!(status, StatusCode::CREATED, "{entry}");
    let body: Value = serde_json::from_slice(&check(&entry, &instance.log_key)).expect("JSON");
    let digest = STANDARD.encode(digest(&SHA256, pae.as_bytes()));
    assert_eq!(body["spec"]["hashedRekordV002"]["data"], json!({ "algorithm": "SHA2_256", "digest": digest }));
    let (status, refusal) = instance.post(request(payload).to_string()).await;
    assert_eq!((status, &refusal["code"]), (StatusCode::BAD_REQUEST, &json!(3)));
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let instance = instance(SignatureAlgorithm::EcdsaP256Sha256, false);
    let other_key = key(SignatureAlgorithm::EcdsaP256Sha256);
    let good = instance.hashedrekord(b"artifact");
    let with = |pointer: &str, value: Value| {
        let mut request = good.clone();
        *request.pointer_mut(pointer).expect("is there") = value;
        request.to_string()
    };
    let verifier = "/hashedRekordRequestV002/signature/verifier";
    let bare =
        json!({ "keyDetails": 5, "publicKey": { "rawBytes": STANDARD.encode(instance.key.public_key().spki_der()) } });
    let foreign = STANDARD.encode(certified(&other_key).1.der());
    let other_digest = STANDARD.encode(digest(&SHA256, b"other"));
    let digest_path = "/hashedRekordRequestV002/digest";
    let twice = good.to_string().replacen("{\"digest\"", "{\"digest\":\"AA==\",\"digest\"", 1);
    for (body, status, code, says) in [
        (String::new(), 400, 3, "JSON"),
        ("[]".to_owned(), 400, 3, "JSON"),
        (twice, 400, 3, "digest"),
        ("{\"hashedRekordRequestV002\":".to_owned(), 400, 3, "JSON"),
        (with(digest_path, json!(other_digest)), 400, 3, "signature does not verify"),
        (with(digest_path, json!("AAAA")), 400, 3, "digest has 3 bytes"),
        (
            with(&format!("{verifier}/keyDetails"), json!("PKIX_ECDSA_P384_SHA_384")),
            400,
            3,
            "does not describe the key",
        ),
        (with(&format!("{verifier}/keyDetails"), json!("PKIX_ED25519_PH")), 400, 3, "not supported"),
        (with(&format!("{verifier}/x509Certificate/rawBytes"), json!("AAAA")), 400, 3, "certificate is not accepted"),
        (with(&format!("{verifier}/x509Certificate/rawBytes"), json!(foreign)), 403, 7, "from another"),
        (with(verifier, bare.clone()), 403, 7, "bare public key"),
        (" ".repeat(MAX_REQUEST + 1), 413, 3, "longer than"),
    ] {
        let (found, refusal) = instance.post(body.clone()).await;
        assert_eq!((found.as_u16(), &refusal["code"]), (status, &json!(code)), "{refusal}");
        assert!(text(&refusal, "/message").contains(says), "{refusal}");
        assert_eq!(refusal["details"], json!([]));
    }
    let log = &instance.edge.signatures.as_ref().expect("is there").log;
    assert_eq!(log.size(), 0);
    let open = instance_allowing_keys(&bare).await;
    assert_eq!(open, StatusCode::BAD_REQUEST, "another key's signature");
    log.close();
    let (status, refusal) = instance.post(good.to_string()).await;
    assert_eq!((status.as_u16(), &refusal["code"]), (500, &json!(13)));
    assert!(!text(&refusal, "/message").contains("closed"));
}

async fn instance_allowing_keys(bare: &Value) -> StatusCode {
    let instance = instance(SignatureAlgorithm::EcdsaP256Sha256, true);
    let mut request = instance.hashedrekord(b"artifact");
    let own =
        json!({ "keyDetails": 5, "publicKey": { "rawBytes": STANDARD.encode(instance.key.public_key().spki_der()) } });
    request["hashedRekordRequestV002"]["signature"]["verifier"] = own;
    assert_eq!(instance.post(request.to_string()).await.0, StatusCode::CREATED);
    request["hashedRekordRequestV002"]["signature"]["verifier"] = bare.clone();
    instance.post(request.to_string()).await.0
}

#[tokio::test]
async fn tiles_and_checkpoints_are_served_under_their_one_name() {
    let instance = instance(SignatureAlgorithm::EcdsaP256Sha256, false);
    let log = &instance.edge.signatures.as_ref().expect("is there").log;
    let pending: Vec<_> = (0..300).map(|n| log.append(format!("leaf {n}"))).collect();
    for pending in pending {
        pending.await.expect("durable");
    }
    let (status, content_type, body) = instance.get("/api/v2/checkpoint").await;
    assert_eq!((status.as_u16(), &*content_type), (200, "text/plain; charset=utf-8"));
    let checkpoint = SignedCheckpoint::parse(std::str::from_utf8(&body).expect("text")).expect("parses");
    assert_eq!(checkpoint.verify(&instance.log_key).expect("signed").size, 300);
    for (path, length) in [
        ("/api/v2/tile/0/000", 8192),
        ("/api/v2/tile/0/000.p/7", 224),
        ("/api/v2/tile/0/001.p/44", 44 * 32),
        ("/api/v2/tile/1/000.p/1", 32),
        ("/api/v2/tile/entries/001.p/2", 20),
    ] {
        let (status, content_type, body) = instance.get(path).await;
        assert_eq!((status.as_u16(), &*content_type, body.len()), (200, "application/octet-stream", length), "{path}");
    }
    for path in [
        "/api/v2/tile/0/001",
        "/api/v2/tile/0/001.p/45",
        "/api/v2/tile/0/002.p/1",
        "/api/v2/tile/0/%30%30%30",
        "/api/v2/tile/0/../0/000",
        "/api/v2/tile/entries/..%2f..%2fkey-file",
        "/ct/tile/0/000.p/1",
    ] {
        let (status, content_type, _) = instance.get(path).await;
        assert_eq!((status.as_u16(), &*content_type), (404, "application/json"), "{path}");
    }
    assert_eq!(instance.get("/ct/checkpoint").await.0, StatusCode::OK);
    let audit = Request::get("/audit/checkpoint").body(Body::empty()).expect("a request");
    let response = routes(Arc::clone(&instance.edge)).oneshot(audit).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::NOT_FOUND, "off unless asked for");
}
