//! `privyseal demo`: signs and verifies a file as a user would, with a running instance; prints and times each step.
//!
//! It knows only the instance's origin, like any client, and trusts the instance only through its TUF root.

mod certificate;
mod options;
mod progress;
mod results;
mod timestamp;
mod trust;

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker::provider::SIGSTORE_CLIENT;
use privyseal_sigstore::bundle::{Content, LogEntry, MessageDigest, MessageSignature};
use privyseal_sigstore::{Bundle, ExpectedIdentity, verify};
use serde_json::json;
use shared::digest::sha256;
use shared::keys::{SignatureAlgorithm, Signer as _, SigningKey};
use shared::random::Random;
use shared::time::Clock;
use shared::trust_root::encoding::Base64;

use crate::cli::client::login::{self, Login};
use crate::cli::client::{Client, Reason};

pub(crate) use options::DemoOptions;
use progress::Progress;

/// Largest file that is signed, in bytes: the demo holds it in memory.
const MAX_FILE: u64 = 1 << 30;

/// Which step failed, why, and what to do next.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {reason}\n{advice}")]
pub(crate) struct DemoError {
    step: &'static str,
    reason: String,
    advice: &'static str,
}

fn at(step: &'static str, advice: &'static str) -> impl FnOnce(Reason) -> DemoError {
    move |reason| DemoError { step, reason, advice }
}

const SERVICE: &str =
    "The instance did not answer as a client expects. Look in its log, for the request id if there is one.";
const TRUST: &str = "What the instance publishes does not verify. Do not trust this build; please report this text.";
const FILES: &str = "Choose a file that can be read, and with --out a folder that can be created.";

/// Runs every step and prints it on `out`; stops at the first failure.
pub(crate) async fn run(
    options: &DemoOptions,
    clock: &dyn Clock,
    random: &dyn Random,
    out: &mut (dyn Write + Send),
) -> Result<(), DemoError> {
    let artifact = results::read(&options.file, MAX_FILE).map_err(at("file", FILES))?;
    let mut progress = Progress::new(out);
    progress.title(&options.origin, &options.file, artifact.len());
    let client = Client::new(&options.origin, None).map_err(at("client", SERVICE))?;

    progress.begin("discovery");
    let provider = login::discover(&client).await.map_err(at("discovery", SERVICE))?;
    progress.done(&format!("issuer {}, code flow with PKCE S256", provider.issuer));

    progress.begin("login");
    let who = Login { client_id: SIGSTORE_CLIENT, email: &options.email, password: &options.password };
    let token = login::log_in(&client, &provider, &who, clock, random)
        .await
        .map_err(at("login", "The instance refused the login; check the e-mail address and the password."))?;
    progress.done(&format!("{}; signature, issuer, audience, nonce and expiry of the ID token checked", token.subject));

    progress.begin("key");
    let key = SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256)
        .map_err(|error| at("key", SERVICE)(error.to_string()))?;
    progress.done("ECDSA P-256, for this one signature");

    progress.begin("certificate");
    let certificate = certificate::request(&client, &token, &key).await.map_err(at("certificate", SERVICE))?;
    progress.done(&format!("for {}, valid {}", token.subject, certificate.validity));

    progress.begin("signature");
    let signature = key.sign(&artifact).map_err(|error| at("signature", SERVICE)(error.to_string()))?;
    let digest = sha256(&artifact);
    progress.done(&format!("ECDSA over SHA-256 {}", hex::encode(digest)));

    progress.begin("timestamp");
    let query = timestamp::query(&signature, random);
    let response = timestamp::request(&client, "/api/v1/timestamp", &query).await.map_err(at("timestamp", SERVICE))?;
    progress.done(&format!("RFC 3161 over the signature, {} bytes", response.len()));

    progress.begin("log entry");
    let entry = append(&client, &digest, &signature, &certificate.der).await.map_err(at("log entry", SERVICE))?;
    progress.done(&format!("index {} of the signature log, with inclusion proof and checkpoint", entry.log_index.0));

    progress.begin("bundle");
    let message = MessageSignature {
        message_digest: Some(MessageDigest { algorithm: "SHA2_256".to_owned(), digest: Base64(digest.to_vec()) }),
        signature: Base64(signature),
    };
    let bundle = Bundle {
        certificate: certificate.der,
        content: Content::Message(message),
        timestamps: vec![response],
        entries: vec![entry],
    };
    let bundle = bundle.to_json().map_err(|error| at("bundle", SERVICE)(error.to_string()))?;
    progress.done(&format!("Sigstore bundle v0.3, {} bytes", bundle.len()));

    progress.begin("trust");
    let trust = trust::fetch(&client, clock.now()).await.map_err(at("trust", TRUST))?;
    progress.done("root, timestamp, snapshot and targets of the TUF repository checked, trusted root read");

    progress.begin("verification");
    let identity = ExpectedIdentity { subject: token.subject.clone(), issuer: provider.issuer.clone() };
    let parsed = Bundle::parse(&bundle).map_err(|error| at("verification", TRUST)(error.to_string()))?;
    let verified = verify(&parsed, &trust.trusted_root, &identity, &artifact)
        .map_err(|error| at("verification", TRUST)(error.to_string()))?;
    progress.done(&format!("the bundle proves that {} signed this file", token.subject));
    for line in results::proved(&verified) {
        progress.note(&line);
    }

    progress.begin("RFC 3161");
    let query = timestamp::query(&artifact, random);
    let response = timestamp::request(&client, "/tsa", &query).await.map_err(at("RFC 3161", SERVICE))?;
    let time = timestamp::verify_answer(&query, &response, &trust.trusted_root).map_err(at("RFC 3161", TRUST))?;
    progress.done(&format!("token for the file: {time}; imprint, nonce, certificate and signature checked"));

    let results = results::DemoResults { options, identity: &identity, trust: &trust, bundle, query, response };
    let lines = results.write().map_err(at("results", FILES))?;
    progress.end(&lines);
    Ok(())
}

/// `POST /api/v2/log/entries`: a hashedrekord.
async fn append(client: &Client, sha256: &[u8], signature: &[u8], certificate: &[u8]) -> Result<LogEntry, Reason> {
    let request = json!({ "hashedRekordRequestV002": {
        "digest": STANDARD.encode(sha256),
        "signature": {
            "content": STANDARD.encode(signature),
            "verifier": {
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "x509Certificate": { "rawBytes": STANDARD.encode(certificate) },
            },
        },
    } });
    let answer = client.post_json("/api/v2/log/entries", &request, None).await?.expect(201)?;
    serde_json::from_slice(&answer.body).map_err(|error| format!("the log's answer is not an entry: {error}"))
}
