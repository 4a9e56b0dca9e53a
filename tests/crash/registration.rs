//! An owner registers an issuer: requested and approved, each acknowledged only after it is durable.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::jose::JoseAlgorithm;
use broker::names::{DomainName, IssuerUrl};
use broker::registration::{Account, Claim, InstanceName, NameKind, ProofMethod, signing_input};
use reqwest::Client;
use serde_json::{Value, json};
use shared::random::Random;
use shared::time::UnixTime;

use crate::instance::Instance;

const ISSUERS: &str = "/api/privyseal/v1/issuers";

/// Asks for a domain of its own and approves it. `None` when the instance went away, or takes no more.
pub(crate) async fn bring(instance: &Instance, client: &Client, token: &str) -> Option<String> {
    let about = get(instance, client, token, "/about").await?;
    let request = sign(about["instance"].as_str()?);
    let asked = post(instance, client, token, "", &json!({ "request": request }), 201).await?;
    let id = asked["id"].as_str().expect("an identifier").to_owned();
    post(instance, client, token, &format!("/{id}/approve"), &json!({}), 200).await?;
    Some(id)
}

/// Who approved it, as the instance knows it now.
pub(crate) async fn approved_by(instance: &Instance, client: &Client, token: &str, id: &str) -> Option<String> {
    let one = get(instance, client, token, &format!("/{id}")).await?;
    one["approvedBy"].as_str().map(str::to_owned)
}

fn sign(instance: &str) -> String {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, encode(x), encode(y));
    let random: &dyn Random = &shared::random::SystemRandom;
    // A build without proofs by DNS registers by a document on the host.
    let (kind, method) = match cfg!(feature = "dns-proofs") {
        true => (NameKind::Email, ProofMethod::Dns),
        false => (NameKind::Uri, ProofMethod::WellKnown),
    };
    let claim = Claim {
        domain: DomainName::parse(&format!("d{}.example.com", hex::encode(random.bytes::<8>()))).unwrap(),
        iss: IssuerUrl::parse("https://idp.example.com").unwrap(),
        kind,
        subdomains: false,
        method,
        // The instance takes the account from the key.
        account: Account::parse(&"A".repeat(43)).unwrap(),
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let (instance, now) = (InstanceName::parse(instance).unwrap(), UnixTime::from_seconds(now.as_secs()));
    let input = signing_input(&claim, &instance, JoseAlgorithm::Es256, &jwk, now);
    let signature = pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
    format!("{input}.{}", encode(signature.as_ref()))
}

async fn get(instance: &Instance, client: &Client, token: &str, path: &str) -> Option<Value> {
    let request = client.get(format!("{}{ISSUERS}{path}", instance.origin())).bearer_auth(token);
    let answer = request.send().await.ok()?;
    let status = answer.status();
    let body = answer.bytes().await.ok()?;
    assert_eq!(status.as_u16(), 200, "{path}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).ok()
}

async fn post(
    instance: &Instance,
    client: &Client,
    token: &str,
    path: &str,
    body: &Value,
    expected: u16,
) -> Option<Value> {
    let request = client.post(format!("{}{ISSUERS}{path}", instance.origin())).bearer_auth(token);
    let answer = request.header("content-type", "application/json").body(body.to_string()).send().await.ok()?;
    let status = answer.status().as_u16();
    let body: Value = serde_json::from_slice(&answer.bytes().await.ok()?).expect("JSON");
    if status == 409 && body["rule"] == "LIMIT" {
        return None;
    }
    assert_eq!(status, expected, "{path}: {body}");
    Some(body)
}
