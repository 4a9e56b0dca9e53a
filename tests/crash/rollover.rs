//! `kill -9` of the change from one timestamp key to the next, wherever it stands: the instance always starts again,
//! each token verifies by the trust root of its day and by every later one, and no key is left that the register does
//! not know or that it calls destroyed.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use reqwest::Client;
use shared::random::{Random, SystemRandom};
use shared::time::UnixTime;
use shared::trust_root::TrustedRoot;
use shared::x509::{Certificate, Chain};
use tsa::{Expected, TimestampTrust, verify_response};

use crate::instance::{Instance, privyseal};

const ROUNDS: usize = 12;
const DATA: &[u8] = b"what outlives the key";

/// Lets a command run for up to `most` milliseconds, then kills it.
fn killed(instance: &Instance, arguments: &[&str], most: u64) {
    let random: &dyn Random = &SystemRandom;
    let wait = u64::from(u16::from_le_bytes(random.bytes())) % most;
    let mut child = privyseal()
        .args(arguments)
        .arg("--data")
        .arg(instance.path("data"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(wait));
    let _ = child.kill();
    child.wait().unwrap();
}

async fn timestamp(client: &Client, origin: &str) -> Vec<u8> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, DATA);
    let body = format!(
        r#"{{"artifactHash":"{}","hashAlgorithm":"sha256","certificates":true}}"#,
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest)
    );
    let request =
        client.post(format!("{origin}/api/v1/timestamp")).header("content-type", "application/json").body(body);
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.bytes().await.unwrap().to_vec()
}

async fn trusted_root(client: &Client, origin: &str) -> TrustedRoot {
    let answer = client.get(format!("{origin}/trust/trusted_root.json")).send().await.unwrap();
    TrustedRoot::parse(&answer.bytes().await.unwrap()).unwrap()
}

/// How many of the trust root's authorities verify the token, each within its validity.
fn verifying_authorities(token: &[u8], root: &TrustedRoot) -> usize {
    let vouches = |authority: &&shared::trust_root::trusted_root::CertificateAuthority| {
        let certificates = authority.cert_chain.der().map(|der| Certificate::from_der(der).unwrap()).collect();
        let trust = TimestampTrust::unit(&Chain::new(certificates).unwrap());
        let Ok(verified) = verify_response(token, &Expected::data(DATA), &trust) else { return false };
        let (start, end) = (authority.valid_for.start.0, authority.valid_for.end.map(|end| end.0));
        let at: UnixTime = verified.gen_time;
        start <= at && end.is_none_or(|end| at <= end)
    };
    root.timestamp_authorities.iter().filter(vouches).count()
}

/// The stems of the key files that are there, and of those that the register says should be.
fn keys(instance: &Instance) -> (BTreeSet<String>, BTreeSet<String>) {
    let there = std::fs::read_dir(instance.path("data/keys")).unwrap().map(|entry| entry.unwrap().file_name());
    let there = there.map(|name| name.into_string().unwrap().trim_end_matches(".pem").to_owned());
    let text = std::fs::read_to_string(instance.path("data/units.toml")).unwrap();
    let register: toml::Table = toml::from_str(&text).unwrap();
    let mut wanted = BTreeSet::new();
    for unit in register["units"].as_array().unwrap() {
        for generation in unit["generations"].as_array().unwrap() {
            if generation.get("destroyed").is_none() {
                wanted.insert(generation["key"]["file"].as_str().unwrap().to_owned());
            }
        }
    }
    (there.filter(|stem| stem.starts_with("tsa")).collect(), wanted)
}

#[test]
fn a_change_of_keys_is_whole_or_undone_wherever_it_is_killed() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let instance = Instance::init();
    let (client, origin) = (instance.client(), instance.origin());
    let mut tokens = Vec::new();
    let mut certified = BTreeSet::new();
    for round in 0..ROUNDS {
        // Half of the changes get time to end.
        let most = if round % 2 == 0 { 150 } else { 2_000 };
        killed(&instance, &["tsa", "unit", "next", "unit-1", "--now"], most);
        killed(&instance, &["up", "--listen", "127.0.0.1:0"], 600);
        let life = instance.start();
        let root = runtime.block_on(async {
            // Over the second of a change.
            for _ in 0..3 {
                tokens.push(timestamp(&client, &origin).await);
                tokio::time::sleep(Duration::from_millis(700)).await;
            }
            trusted_root(&client, &origin).await
        });
        for token in &tokens {
            assert_eq!(verifying_authorities(token, &root), 1, "round {round}");
        }
        certified.extend(root.timestamp_authorities.iter().map(|a| a.cert_chain.der().next().unwrap().to_vec()));
        assert_eq!(
            certified.len(),
            root.timestamp_authorities.len(),
            "round {round}: a published chain was taken back"
        );
        life.kill(round);
        let (there, wanted) = keys(&instance);
        assert_eq!(there, wanted, "round {round}");
    }
    assert!(certified.len() > 1, "no change got through");
    instance.verify_offline();
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "rollover: {ROUNDS} rounds, {} keys, {} tokens", certified.len(), tokens.len());
}
