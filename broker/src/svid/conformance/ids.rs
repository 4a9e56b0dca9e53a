//! ID: SPIFFE IDs, as `sub` of a validly signed token and as URI name of a validly signed certificate.

use super::super::mint::uri;
use super::jwt::{claims, entry};
use super::*;

/// Trust domains of these names, each with the same keys, which no real instance has.
fn validator(names: &[&str]) -> (Party, Validator) {
    let root = Party::root("root");
    let entries = [entry(TestKey::p256(), "k"), root.entry()];
    let bundles: Vec<_> = names.iter().map(|name| (*name, &entries[..])).collect();
    (root, Validator::of(&bundles))
}

fn token(sub: &str) -> String {
    TestKey::p256().sign(JoseAlgorithm::Es256, r#"{"alg":"ES256","kid":"k"}"#, &claims(sub))
}

#[test]
fn id_1_malformed_ids_are_refused_in_tokens_and_certificates() {
    let (root, validator) = validator(&[HOME]);
    let sound = id("id-1");
    accepted(validator.jwt(&token(&sound)), &sound);
    accepted(validator.x509(&[&root.workload(&sound)]), &sound);
    // What the trust domain itself is called wrongly leads to no record at all, so a token says J2 of it.
    let cases = [
        ("empty-trust-domain", "spiffe:///a".to_owned(), "J2", "S3"),
        ("port", format!("spiffe://{HOME}:8080/a"), "J2", "S3"),
        ("userinfo", format!("spiffe://u@{HOME}/a"), "J2", "S3"),
        ("userinfo with a password", format!("spiffe://u:p@{HOME}/a"), "J2", "S3"),
        ("query", format!("spiffe://{HOME}/a?x=1"), "S8", "S8"),
        ("query without a path", format!("spiffe://{HOME}?x=/a"), "J2", "S3"),
        ("fragment", format!("spiffe://{HOME}/a#f"), "S8", "S8"),
        ("percent-encoded", format!("spiffe://{HOME}/%41"), "S8", "S8"),
        ("percent-encoded trust domain", "spiffe://test%2eexample.org/a".to_owned(), "J2", "S3"),
        ("empty-segment", format!("spiffe://{HOME}/a//b"), "S6", "S6"),
        ("dot-segment", format!("spiffe://{HOME}/a/./b"), "S7", "S7"),
        ("dot-dot-segment", format!("spiffe://{HOME}/a/../b"), "S7", "S7"),
        ("trailing-slash", format!("spiffe://{HOME}/a/"), "S5", "S5"),
        ("invalid-path-char", format!("spiffe://{HOME}/a!b"), "S8", "S8"),
        ("backslash", format!("spiffe://{HOME}/a\\\\b"), "S8", "S8"),
        ("invalid-trust-domain-char", "spiffe://t$d/a".to_owned(), "J2", "S3"),
        ("space", format!("spiffe://{HOME}/a b"), "S8", "S8"),
        ("one slash", format!("spiffe:/{HOME}/a"), "T2", "S1"),
        ("leading space", format!(" spiffe://{HOME}/a"), "T2", "S1"),
    ];
    for (name, bad, in_token, in_certificate) in cases {
        assert_eq!(validator.jwt(&token(&bad)), Err(in_token), "{name}");
        let leaf =
            root.workload_with(&sound, |params| params.subject_alt_names = vec![uri(&bad.replace("\\\\", "\\"))]);
        assert_eq!(validator.x509(&[&leaf]), Err(in_certificate), "{name}");
    }
}

#[test]
fn id_2_sound_ids_are_accepted_in_tokens_and_certificates() {
    let names = [HOME, "td_1.example-2.org", "192.168.1.1", "a..b", "-", "example.org."];
    let (root, validator) = validator(&names);
    let mut ids: Vec<_> = names.iter().map(|name| format!("spiffe://{name}/id-2")).collect();
    ids.push(id("Path.With-Mixed_Case/a.b-c_D/..x/x../..."));
    for id in &ids {
        accepted(validator.jwt(&token(id)), id);
        accepted(validator.x509(&[&root.workload(id)]), id);
    }
    // Paths are distinguished by case, and trust domains by every dot.
    assert_ne!(validator.jwt(&token(&id("A"))), validator.jwt(&token(&id("a"))));
}

#[test]
fn id_2_max_length_and_dj_10_one_more() {
    let (root, validator) = validator(&[HOME]);
    let mut longest = id("");
    while longest.len() + 101 < 2048 {
        longest.push_str(&"x".repeat(100));
        longest.push('/');
    }
    longest.push_str(&"y".repeat(2048 - longest.len()));
    assert_eq!(longest.len(), 2048);
    accepted(validator.jwt(&token(&longest)), &longest);
    accepted(validator.x509(&[&root.workload(&longest)]), &longest);
    let longer = format!("{longest}y");
    assert_eq!(validator.jwt(&token(&longer)), Err("T1"));
    assert_eq!(validator.x509(&[&root.workload(&longer)]), Err("S0"));
}
