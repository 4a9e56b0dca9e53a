use super::*;
use crate::grants::{Grant, Pin, PinValue};
use crate::issuer::KeySource;
use crate::jose::JoseAlgorithm;
use crate::profile::Profile;
use crate::token::mint::{ISS, NOW, TestKey, record};

fn issuers() -> Issuers {
    let grants = vec![Grant::email_domain("example.com", false).expect("a grant")];
    let mut corp = record("corp", ISS, Profile::Human, grants);
    corp.pins = vec![Pin::claim("hd", PinValue::String("example.com".to_owned()))];
    corp.algorithms = vec![JoseAlgorithm::Es256];
    let mut far = record("far", "https://far.example.net", Profile::Human, Vec::new());
    far.keys = KeySource::Discovery;
    Issuers::build(vec![corp, far], Vec::new()).expect("builds")
}

fn token(claims: &str) -> String {
    TestKey::p256().sign(JoseAlgorithm::Es256, r#"{"alg":"ES256","kid":"k"}"#, claims)
}

fn claims(iss: &str, aud: &str, exp: u64, more: &str) -> String {
    format!(r#"{{"iss":"{iss}","aud":"{aud}","exp":{exp},"sub":"u"{more}}}"#)
}

fn ask(token: &str) -> ExplainOutcome {
    explain(token.as_bytes(), &issuers(), UnixTime::from_seconds(NOW))
}

#[test]
fn each_step_refuses_by_its_rule() {
    let good = r#","hd":"example.com","email_verified":true,"email":"a@example.com""#;
    let soon = NOW + 60;
    let with = |more: &str| token(&claims(ISS, "sigstore", soon, more));
    let mut tampered = with(good);
    tampered.replace_range(tampered.len() - 6.., "AAAAAA");
    let cases = [
        ("not a token".to_owned(), Step::Parse, Rule::T1),
        (token(&claims("https://evil.example", "sigstore", soon, good)), Step::Issuer, Rule::I2),
        (token(&claims(ISS, "other", soon, good)), Step::Audience, Rule::T3),
        (token(&claims(ISS, "sigstore", NOW - 60, good)), Step::Times, Rule::T4),
        (tampered, Step::Signature, Rule::T1),
        (with(r#","email_verified":true,"email":"a@example.com""#), Step::Pins, Rule::C1),
        (with(r#","hd":"example.net","email_verified":true,"email":"a@example.com""#), Step::Pins, Rule::C2),
        (with(r#","hd":"example.com","email":"a@example.com""#), Step::Claim, Rule::E1),
        (with(r#","hd":"example.com","email_verified":true,"email":"a@b@example.com""#), Step::Claim, Rule::E4),
        (with(r#","hd":"example.com","email_verified":true,"email":"a@example.net""#), Step::Grant, Rule::E6),
    ];
    for (token, step, rule) in cases {
        let ExplainOutcome::Explained(Explanation { decision: ExplainedDecision::Refused(refusal), .. }) = ask(&token)
        else {
            panic!("{step:?} refuses");
        };
        assert_eq!((refusal.step, refusal.rule), (step, rule), "{}", refusal.reason);
        assert!(!refusal.reason.contains(&token), "the token is not repeated");
    }
    let ExplainOutcome::Explained(Explanation { decision: ExplainedDecision::Permitted(principal), record, .. }) =
        ask(&with(good))
    else {
        panic!("permitted");
    };
    assert_eq!(principal.name().as_str(), "a@example.com");
    assert_eq!(record.expect("a record").id(), "corp");
}

#[test]
fn missing_keys_are_asked_for() {
    let good = r#","email_verified":true,"email":"a@example.com""#;
    let ExplainOutcome::NeedsKeys { issuer, otherwise } =
        ask(&token(&claims("https://far.example.net", "sigstore", NOW + 60, good)))
    else {
        panic!("no keys yet");
    };
    assert_eq!(issuer.id(), "far");
    let ExplainedDecision::Refused(refusal) = otherwise.decision else { panic!("refused without them") };
    assert_eq!((refusal.step, refusal.rule), (Step::Signature, Rule::T1));
}
