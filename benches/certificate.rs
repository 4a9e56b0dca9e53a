//! What a certificate costs: CPU per operation, without the logs' disk.
//!
//! `cargo bench -p privyseal-benches --bench certificate` prints one table. The time is the thread's own CPU time as
//! Linux accounts for it, the best of several rounds, so that a busy machine does not change it much.

use std::hint::black_box;
use std::sync::Arc;

use broker::ca::lint::{Facts, lint};
use broker::ca::{Authority, CertificateLogKey, Profile, Submission};
use broker::grants::Grant;
use broker::issuer::{IssuerSpec, KeySource};
use broker::jose::{JoseAlgorithm, KeySet};
use broker::names::IssuerUrl;
use broker::principal::Principal;
use broker::profile;
use broker::registry::Issuers;
use broker::signing::{Call, Issuance, KeyWithProof, Outcome, SigningRequest};
use broker::token::{TokenVerification, UnverifiedToken};
use shared::keys::{SignatureAlgorithm, Signer, SigningKey};
use shared::log::Log;
use shared::random::SystemRandom;
use shared::time::UnixTime;
use shared::x509::{CaSetup, Chain, NodePrefix, SerialNumber};

const NOW: UnixTime = UnixTime::from_millis(1_795_258_320_789);
const EMAIL: &str = "alice@example.com";

fn main() {
    let p256 = Bench::new(SignatureAlgorithm::EcdsaP256Sha256);
    let p384 = Bench::new(SignatureAlgorithm::EcdsaP384Sha384);
    let benches = [&p256, &p384];
    println!("CPU per operation in microseconds, best of {ROUNDS} rounds\n");
    println!("{:<58}{:>10}{:>10}", "", "P-256 CA", "P-384 CA");
    row("the authority's signature alone", benches.map(|b| measure(400, || drop(black_box(b.ca_key.sign(&[7; 700]))))));
    row(
        "the log's signature alone (P-256)",
        benches.map(|b| measure(1000, || drop(black_box(b.log_key.sign(&[7; 700]))))),
    );
    row("token: parse, verify (RS256), permit", benches.map(|b| measure(1000, || drop(black_box(b.principal())))));
    row("proof of possession (P-256)", benches.map(|b| measure(500, || drop(black_box(b.submission.verify(EMAIL))))));
    row("draft and lint", benches.map(Bench::draft_and_lint));
    row("prepare: all of the above, entries", benches.map(|b| measure(300, || drop(black_box(b.prepare())))));
    let sign = benches.map(Bench::sign);
    row("sign: timestamp, certificate, comparison, entry", sign);
    let whole = benches.map(|b| measure(300, || drop(black_box(b.prepare()))));
    row("a whole certificate with its embedded timestamp", [whole[0] + sign[0], whole[1] + sign[1]]);
    println!(
        "{:<58}{:>10.0}{:>10.0}",
        "certificates per CPU-second",
        1e6 / (whole[0] + sign[0]),
        1e6 / (whole[1] + sign[1])
    );
}

struct Bench {
    issuance: Arc<Issuance>,
    issuers: Issuers,
    ca_key: Arc<SigningKey>,
    log_key: Arc<SigningKey>,
    token: Vec<u8>,
    key: (Vec<u8>, Vec<u8>),
    submission: Submission,
}

impl Bench {
    fn new(algorithm: SignatureAlgorithm) -> Self {
        let generate = |algorithm| Arc::new(SigningKey::generate(algorithm).expect("a key"));
        let (root_key, ca_key) = (generate(algorithm), generate(algorithm));
        let log_key = generate(SignatureAlgorithm::EcdsaP256Sha256);
        let setup = CaSetup {
            instance: "h-0123abcd.privyseal.internal",
            root_key: &*root_key,
            now: NOW,
            random: &SystemRandom,
        };
        let root = setup.root().expect("root");
        let issuing = setup.issuing_ca(&root, ca_key.public_key()).expect("issuing CA");
        let chain = Chain::new(vec![issuing, root]).expect("a chain");
        let issuance = Issuance {
            authority: Authority::new(chain, ca_key.clone()).expect("an authority"),
            log_key: CertificateLogKey::new(log_key.clone()).expect("P-256"),
            profile: Profile::parse(Profile::DEFAULT_LIFETIME).expect("ten minutes"),
            node: NodePrefix::FIRST,
        };
        let token_key = generate(SignatureAlgorithm::RsaPkcs1Sha256);
        let client_key = generate(SignatureAlgorithm::EcdsaP256Sha256);
        let proof = client_key.sign(EMAIL.as_bytes()).expect("signs");
        let key = (client_key.public_key().to_pem().into_bytes(), proof);
        let submission = Submission::parse(Some(key.clone()), None).expect("a key");
        let (token, issuers) = (token(&token_key), issuers(&token_key));
        Self { issuance: Arc::new(issuance), issuers, ca_key, log_key, token, key, submission }
    }

    fn principal(&self) -> Principal {
        let token = UnverifiedToken::parse(&self.token).expect("a token");
        let issuer = self.issuers.find(&token).expect("registered");
        let Ok(TokenVerification::Verified(token)) = token.verify(issuer, NOW) else { panic!("does not verify") };
        Principal::from(self.issuers.rules().permit(*token).expect("permitted"))
    }

    fn prepare(&self) -> Box<broker::signing::Prepared> {
        let (content, proof) = self.key.clone();
        let key = KeyWithProof { content, proof };
        let request = SigningRequest::parse(&self.token, Some(key), None).expect("a request");
        let call = Call { id: "0badcafe-1", now: NOW, random: &SystemRandom };
        match self.issuance.prepare(request, &self.issuers, &call) {
            Ok(Outcome::Prepared(prepared)) => prepared,
            _ => panic!("not prepared"),
        }
    }

    fn draft_and_lint(&self) -> f64 {
        let principal = self.principal();
        let key = self.submission.verify(EMAIL).expect("proven");
        let Issuance { authority, profile, node, .. } = &*self.issuance;
        measure(5000, || {
            let serial = SerialNumber::random(*node, &SystemRandom);
            let template = profile.template(authority, &principal, &key, serial, NOW).expect("a draft");
            let facts = Facts { authority, profile: *profile, principal: &principal, key: &key, now: NOW };
            drop(black_box(lint(template, facts).expect("passes")));
        })
    }

    /// Receipts come from logs in memory, whose own thread does not count.
    fn sign(&self) -> f64 {
        const BATCH: usize = 400;
        let log = Log::in_memory();
        let round = || {
            let prepared: Vec<_> = (0..BATCH).map(|_| self.prepare()).collect();
            let receipts: Vec<_> =
                prepared.iter().map(|each| (log.append(each.intent()), log.append(each.certificate_entry()))).collect();
            let receipts: Vec<_> = receipts
                .into_iter()
                .map(|(intent, logged)| (intent.wait().expect("kept"), logged.wait().expect("kept")))
                .collect();
            let start = thread_cpu_micros();
            for (prepared, (intent, logged)) in prepared.into_iter().zip(&receipts) {
                drop(black_box(prepared.sign(intent, logged).expect("signs")));
            }
            (thread_cpu_micros() - start) / BATCH as f64
        };
        (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
    }
}

fn issuers(key: &SigningKey) -> Issuers {
    let keys = KeySet::from_public_keys(&[("k".to_owned(), JoseAlgorithm::Rs256, key.public_key().clone())]);
    let keys = KeySource::Pinned(Arc::new(keys.expect("a key")));
    let iss = IssuerUrl::parse("https://login.example.com").expect("an issuer");
    let mut people = IssuerSpec::new("corp", iss, profile::Profile::Human, keys);
    people.grants = vec![Grant::email_domain("example.com", false).expect("a domain")];
    Issuers::build(vec![people], vec![]).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn token(key: &SigningKey) -> Vec<u8> {
    use base64::Engine as _;
    let encode = |octets: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(octets);
    let header = encode(br#"{"alg":"RS256","kid":"k","typ":"JWT"}"#);
    let claims = encode(
        br#"{"iss":"https://login.example.com","sub":"CgVhbGljZRIFbG9jYWw","aud":"sigstore","email":"alice@example.com",
        "email_verified":true,"iat":1795258300,"exp":1795258600,"federated_claims":{"connector_id":"local","user_id":"alice"}}"#,
    );
    let signed = format!("{header}.{claims}");
    let signature = encode(&key.sign(signed.as_bytes()).expect("signs"));
    format!("{signed}.{signature}").into_bytes()
}

const ROUNDS: usize = 7;

fn measure(times: usize, mut work: impl FnMut()) -> f64 {
    work();
    let mut round = || {
        let start = thread_cpu_micros();
        for _ in 0..times {
            work();
        }
        (thread_cpu_micros() - start) / times as f64
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn thread_cpu_micros() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux accounts for threads");
    let nanos: f64 = text.split(' ').next().and_then(|first| first.parse().ok()).expect("a number");
    nanos / 1_000.0
}

fn row(name: &str, micros: [f64; 2]) {
    println!("{name:<58}{:>10.1}{:>10.1}", micros[0], micros[1]);
}
