//! What it costs to know who is speaking: verifying a token, deciding over many records, loading them.
//!
//! `cargo bench -p privyseal-benches --bench identity`

use std::hint::black_box;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::grants::{Condition, Deny, Grant, Pin, PinValue};
use broker::issuer::{IssuerSpec, KeySource};
use broker::jose::KeySet;
use broker::names::{IssuerUrl, Pattern};
use broker::principal::Principal;
use broker::profile::Profile;
use broker::registry::Issuers;
use broker::token::{TokenVerification, UnverifiedToken, VerifiedToken};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::Value;
use shared::time::UnixTime;

const NOW: u64 = 1_795_000_000;

enum Key {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

impl Key {
    fn jwk(&self) -> String {
        match self {
            Self::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
                format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","kid":"k"}}"#)
            }
            Self::Rs256(pair) => {
                let modulus = URL_SAFE_NO_PAD.encode(&pair.public_key().as_ref()[9..9 + 256]);
                format!(r#"{{"kty":"RSA","n":"{modulus}","e":"AQAB","kid":"k"}}"#)
            }
        }
    }

    fn sign(&self, claims: &str) -> String {
        let rng = SystemRandom::new();
        let alg = if matches!(self, Self::Es256(_)) { "ES256" } else { "RS256" };
        let header = format!(r#"{{"alg":"{alg}","kid":"k","typ":"JWT"}}"#);
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = match self {
            Self::Es256(pair) => pair.sign(&rng, input.as_bytes()).expect("signs").as_ref().to_vec(),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &rng, input.as_bytes(), &mut signature).expect("signs");
                signature
            }
        };
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn iss(at: usize) -> String {
    format!("https://idp-{at}.example.com/realms/eng")
}

/// A third of the records own a domain, a third a prefix on a host that they all share, a third a trust domain. Each of
/// them pins a claim and matches another; those of trust domains have an expression that denies as well.
fn specs(count: usize, key: &Key) -> Vec<IssuerSpec> {
    let jwks = format!(r#"{{"keys":[{}]}}"#, key.jwk());
    let keys = Arc::new(KeySet::from_jwks(jwks.as_bytes()).expect("is a key set"));
    (0..count)
        .map(|at| {
            let (profile, grant) = match at % 3 {
                0 => (Profile::Human, Grant::email_domain(&format!("company-{at}.example"), true)),
                1 => (Profile::Uri, Grant::uri_prefix(&format!("https://ci.example.com/organisation-{at}"))),
                _ => (Profile::Spiffe, Grant::spiffe(&format!("spiffe://domain-{at}.example/ci"))),
            };
            let iss = IssuerUrl::parse(&iss(at)).expect("is an issuer");
            let keys = KeySource::Pinned(Arc::clone(&keys));
            let mut spec = IssuerSpec::new(&format!("record-{at}"), iss, profile, keys);
            spec.grants = vec![grant.expect("is a grant")];
            spec.pins = vec![Pin::claim("tenant", PinValue::String("1234".into()))];
            let patterns = ["refs/heads/main", "refs/tags/*"].map(|text| Pattern::parse(text).expect("is a pattern"));
            spec.conditions = vec![Condition::new(vec!["ref".into()], patterns.to_vec())];
            if at % 3 == 2 {
                let deny = Deny::parse("claims.ref.startsWith('refs/heads/') && has(claims.fork)");
                spec.deny = Some(Arc::new(deny.expect("is an expression")));
            }
            spec
        })
        .collect()
}

const PINNED: &str = r#""tenant":"1234","ref":"refs/tags/v1.2.3""#;

fn person(at: usize) -> String {
    format!(
        r#"{{{PINNED},"iss":"{}","sub":"CgcyMzQyNzQ5EgZnaXRodWI","aud":"sigstore","exp":{},"iat":{NOW},"email":"alice@eng.company-{at}.example","email_verified":true,"at_hash":"X5gHk3lLrXbAYlxjgMbdhQ","federated_claims":{{"connector_id":"https://idp.example.com","user_id":"2342749"}}}}"#,
        iss(at),
        NOW + 60
    )
}

fn workload(at: usize) -> String {
    let sub = format!("https://ci.example.com/organisation-{at}/repository/.workflows/release.yml");
    format!(r#"{{{PINNED},"iss":"{}","sub":"{sub}","aud":"sigstore","exp":{},"iat":{NOW}}}"#, iss(at), NOW + 60)
}

fn svid(at: usize) -> String {
    let sub = format!("spiffe://domain-{at}.example/ci/release/builder");
    format!(r#"{{{PINNED},"iss":"{}","sub":"{sub}","aud":"sigstore","exp":{},"iat":{NOW}}}"#, iss(at), NOW + 60)
}

fn verify(issuers: &Issuers, token: &str) -> VerifiedToken {
    let token = UnverifiedToken::parse(token.as_bytes()).expect("parses");
    let issuer = issuers.find(&token).expect("is registered");
    match token.verify(issuer, UnixTime::from_seconds(NOW)).expect("is accepted") {
        TokenVerification::Verified(token) => *token,
        TokenVerification::NeedsKeys(_) => unreachable!("the key is pinned"),
    }
}

/// The same by `jsonwebtoken` with a prepared key, which it nevertheless parses for each token: a second opinion, not
/// what we run. Its clock is the machine's, so times are not checked.
fn by_library(criterion: &mut Criterion, name: &str, algorithm: Algorithm, key: &Key, token: &str) {
    let jwk: Jwk = serde_json::from_str(&key.jwk()).expect("is a key");
    let decoding = DecodingKey::from_jwk(&jwk).expect("is a key");
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&["sigstore"]);
    validation.set_issuer(&[iss(0)]);
    validation.validate_exp = false;
    criterion.bench_function(&format!("token/verify {name} by jsonwebtoken"), |bench| {
        bench.iter(|| decode::<Value>(black_box(token), &decoding, &validation).expect("is accepted"))
    });
}

fn identity(criterion: &mut Criterion) {
    let es256 = Key::Es256(EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).expect("generates"));
    let rs256 = Key::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).expect("generates"));
    for (name, algorithm, key) in [("ES256", Algorithm::ES256, &es256), ("RS256", Algorithm::RS256, &rs256)] {
        let issuers = Issuers::build(specs(1, key), Vec::new()).expect("builds");
        let token = key.sign(&person(0));
        criterion.bench_function(&format!("token/verify {name}"), |bench| {
            bench.iter(|| verify(&issuers, black_box(&token)))
        });
        by_library(criterion, name, algorithm, key, &token);
    }
    let token = es256.sign(&person(0));
    criterion.bench_function("token/parse", |bench| {
        bench.iter(|| UnverifiedToken::parse(black_box(token.as_bytes())).expect("parses"))
    });
    for count in [1_002, 10_002, 100_002] {
        let issuers = Issuers::build(specs(count, &es256), Vec::new()).expect("builds");
        for (kind, claims) in
            [("email", person(count - 3)), ("uri", workload(count - 2)), ("spiffe+deny", svid(count - 1))]
        {
            let token = es256.sign(&claims);
            criterion.bench_function(&format!("permit/{kind} over {count} records"), |bench| {
                bench.iter_batched(
                    || verify(&issuers, &token),
                    |token| issuers.rules().permit(token).expect("is permitted"),
                    BatchSize::SmallInput,
                )
            });
        }
    }
    let issuers = Issuers::build(specs(1, &es256), Vec::new()).expect("builds");
    criterion.bench_function("principal", |bench| {
        bench.iter_batched(
            || issuers.rules().permit(verify(&issuers, &token)).expect("is permitted"),
            Principal::from,
            BatchSize::SmallInput,
        )
    });
    criterion.bench_function("load 10000 records from their text", |bench| {
        bench.iter(|| Issuers::build(specs(10_000, &es256), Vec::new()).expect("builds"))
    });
    criterion.bench_function("load 10000 records", |bench| {
        bench.iter_batched(
            || specs(10_000, &es256),
            |specs| Issuers::build(specs, Vec::new()).expect("builds"),
            BatchSize::PerIteration,
        )
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(2));
    targets = identity
}
criterion_main!(benches);
