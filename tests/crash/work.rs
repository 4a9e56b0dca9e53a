//! The load: clients that use everything the instance offers, until it is killed.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use serde_json::{Value, json};
use shared::keys::{SignatureAlgorithm, Signer as _, SigningKey};
use shared::random::{Random, SystemRandom};
use shared::x509::DerWriter;
use shared::x509::der_writer::tag;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::evidence::Acknowledged;
use crate::instance::{EMAIL, Instance};
use crate::login::{self, Login};
use crate::registration;

/// What is at work; each worker ends at the first answer that does not come.
pub(crate) struct Load(JoinSet<()>);

impl Load {
    pub(crate) async fn ended(mut self) {
        while let Some(worker) = self.0.join_next().await {
            worker.expect("a worker that finds no fault");
        }
    }
}

#[derive(Clone)]
struct Worker {
    client: Client,
    origin: String,
    token: Arc<Mutex<Login>>,
    acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
}

pub(crate) fn start(
    runtime: &Runtime,
    instance: &Arc<Instance>,
    token: &Arc<Mutex<Login>>,
    api: &str,
    acknowledged: &Arc<Mutex<Vec<Acknowledged>>>,
) -> Load {
    let worker = Worker {
        client: instance.client(),
        origin: instance.origin(),
        token: token.clone(),
        acknowledged: acknowledged.clone(),
    };
    let mut load = JoinSet::new();
    for _ in 0..2 {
        load.spawn_on(worker.clone().sign(), runtime.handle());
        load.spawn_on(worker.clone().stamp(), runtime.handle());
    }
    load.spawn_on(worker.clone().bring_issuers(instance.clone(), api.to_owned()), runtime.handle());
    load.spawn_on(worker.log_in(instance.clone()), runtime.handle());
    Load(load)
}

impl Worker {
    fn acknowledge(&self, what: Acknowledged) {
        self.acknowledged.lock().unwrap().push(what);
    }

    /// A certificate, and an entry for a signature with its key.
    async fn sign(self) {
        loop {
            let key = SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).unwrap();
            let token = self.token.lock().unwrap().id_token.clone();
            let request = json!({ "publicKeyRequest": {
                "publicKey": { "algorithm": "ECDSA", "content": key.public_key().to_pem() },
                "proofOfPossession": STANDARD.encode(key.sign(EMAIL.as_bytes()).unwrap()),
            } });
            let Some(answer) = self.post_json("/api/v2/signingCert", &request, Some(&token), 200).await else { return };
            let pem =
                answer["signedCertificateEmbeddedSct"]["chain"]["certificates"][0].as_str().expect("a certificate");
            let certificate = pem::parse(pem).expect("PEM").into_contents();
            self.acknowledge(Acknowledged::Certificate(certificate.clone()));

            let random: &dyn Random = &SystemRandom;
            let message = random.bytes::<32>();
            let request = json!({ "hashedRekordRequestV002": {
                "digest": STANDARD.encode(sha256(&message)),
                "signature": {
                    "content": STANDARD.encode(key.sign(&message).unwrap()),
                    "verifier": {
                        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                        "x509Certificate": { "rawBytes": STANDARD.encode(certificate) },
                    },
                },
            } });
            let Some(answer) = self.post_json("/api/v2/log/entries", &request, None, 201).await else { return };
            self.acknowledge(Acknowledged::Entry(answer));
        }
    }

    async fn stamp(self) {
        loop {
            let random: &dyn Random = &SystemRandom;
            let data = random.bytes::<32>().to_vec();
            let request = self.client.post(format!("{}/api/v1/timestamp", self.origin));
            let request = request.header("content-type", "application/timestamp-query").body(query(&data));
            let Ok(answer) = request.send().await else { return };
            let status = answer.status();
            let Ok(response) = answer.bytes().await else { return };
            assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&response));
            self.acknowledge(Acknowledged::Timestamp { data, response: response.to_vec() });
        }
    }

    async fn bring_issuers(self, instance: Arc<Instance>, api: String) {
        if let Some(id) = registration::bring(&instance, &self.client, &api).await {
            self.acknowledge(Acknowledged::Registration { id, api });
        }
    }

    async fn log_in(self, instance: Arc<Instance>) {
        while let Some(login) = login::log_in(&instance, &self.client).await {
            *self.token.lock().unwrap() = login.clone();
            self.acknowledge(Acknowledged::Login(login));
        }
    }

    /// `None` when the instance went away before the whole answer was here; any answer but `expected` is a fault.
    async fn post_json(&self, path: &str, body: &Value, bearer: Option<&str>, expected: u16) -> Option<Value> {
        let request = self.client.post(format!("{}{path}", self.origin)).header("content-type", "application/json");
        let request = bearer.iter().fold(request, |request, token| request.bearer_auth(token));
        let answer = request.body(body.to_string()).send().await.ok()?;
        let status = answer.status();
        let body = answer.bytes().await.ok()?;
        assert_eq!(status.as_u16(), expected, "{path}: {}", String::from_utf8_lossy(&body));
        Some(serde_json::from_slice(&body).expect("JSON"))
    }
}

fn sha256(data: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, data).as_ref().to_vec()
}

/// A `TimeStampReq` (RFC 3161 §2.4.1) for SHA-256 of `data`, certificates wanted.
pub(crate) fn query(data: &[u8]) -> Vec<u8> {
    let mut request = DerWriter::default();
    request.nested(tag::SEQUENCE, |request| {
        request.value(tag::INTEGER, &[1]);
        request.nested(tag::SEQUENCE, |imprint| {
            // id-sha256, 2.16.840.1.101.3.4.2.1.
            imprint.nested(tag::SEQUENCE, |id| {
                id.value(tag::OBJECT_IDENTIFIER, &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]);
            });
            imprint.value(tag::OCTET_STRING, &sha256(data));
        });
        request.value(tag::BOOLEAN, &[0xff]);
    });
    request.finish()
}
