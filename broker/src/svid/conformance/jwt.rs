//! JV and DJ: JWT-SVIDs.

use aws_lc_rs::hmac;

use super::*;
use crate::token::mint::base64url;
use crate::trust_domain::IssuerPolicy;

/// An entry of a bundle.
pub(super) fn entry(key: &TestKey, kid: &str) -> String {
    key.jwk(kid, r#","use":"jwt-svid""#)
}

const HEADER: &str = r#"{"alg":"ES256","kid":"k","typ":"JWT"}"#;

pub(super) fn claims(sub: &str) -> String {
    format!(r#"{{"sub":"{sub}","aud":["conformance"],"iat":{NOW},"exp":{}}}"#, NOW + 300)
}

fn sign(header: &str, claims: &str) -> String {
    TestKey::p256().sign(JoseAlgorithm::Es256, header, claims)
}

/// One key, `k`, and a sound token by it that is accepted.
fn home(path: &str) -> Validator {
    let validator = Validator::home(&[entry(TestKey::p256(), "k")]);
    accepted(validator.jwt(&sign(HEADER, &claims(&id(path)))), &id(path));
    validator
}

/// A sound token is accepted; one with these claims is refused by the rule.
fn refuses_claims(path: &str, rule: &'static str, claims: &str) {
    assert_eq!(home(path).jwt(&sign(HEADER, claims)), Err(rule), "{claims}");
}

fn refuses_header(path: &str, rule: &'static str, header: &str) {
    assert_eq!(home(path).jwt(&sign(header, &claims(&id(path)))), Err(rule), "{header}");
}

/// Claims with these members after `sub`.
fn with(path: &str, rest: &str) -> String {
    format!(r#"{{"sub":"{}",{rest}}}"#, id(path))
}

#[test]
fn jv_1_a_sound_token_is_accepted_as_its_sub() {
    home("jv-1");
}

/// A key of each kind.
fn keys() -> Vec<(String, TestKey, Vec<JoseAlgorithm>)> {
    use JoseAlgorithm::*;
    [vec![Es256], vec![Es384], vec![Es512], vec![Rs256, Rs384, Rs512, Ps256, Ps384, Ps512]]
        .into_iter()
        .map(|algorithms| (format!("k-{}", algorithms[0]), TestKey::generate(algorithms[0]), algorithms))
        .collect()
}

#[test]
fn jv_2_each_of_the_nine_algorithms_is_accepted() {
    let keys = keys();
    let entries: Vec<_> = keys.iter().map(|(kid, key, _)| entry(key, kid)).collect();
    let validator = Validator::home(&entries);
    let mut seen = Vec::new();
    for (kid, key, algorithms) in &keys {
        for algorithm in algorithms {
            let header = format!(r#"{{"alg":"{algorithm}","kid":"{kid}","typ":"JWT"}}"#);
            accepted(validator.jwt(&key.sign(*algorithm, &header, &claims(&id("jv-2")))), &id("jv-2"));
            seen.push(*algorithm);
        }
    }
    assert!(JoseAlgorithm::SPIFFE.iter().all(|algorithm| seen.contains(algorithm)));
}

#[test]
fn jv_3_no_algorithm_is_refused() {
    let validator = home("jv-3");
    let part = |text: &str| base64url(text.as_bytes());
    for alg in ["none", "None", "NONE", ""] {
        let header = format!(r#"{{"alg":"{alg}","kid":"k"}}"#);
        let unsigned = format!("{}.{}.", part(&header), part(&claims(&id("jv-3"))));
        assert_eq!(validator.jwt(&unsigned), Err("T1"), "{alg}");
        assert_eq!(validator.jwt(&sign(&header, &claims(&id("jv-3")))), Err("T1"), "{alg}");
    }
    assert_eq!(validator.jwt(&sign(r#"{"kid":"k"}"#, &claims(&id("jv-3")))), Err("T1"));
}

#[test]
fn jv_4_symmetric_algorithms_are_refused_even_with_the_public_key_as_secret() {
    let validator = home("jv-4");
    let TestKey::Ecdsa(pair, _) = TestKey::p256() else { unreachable!() };
    let spki = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(
        aws_lc_rs::signature::KeyPair::public_key(pair),
    );
    let pem = pem::encode(&pem::Pem::new("PUBLIC KEY", spki.expect("encodes").as_ref()));
    for (alg, hash) in [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
        for secret in [&[7; 32][..], pem.as_bytes(), pem.trim_end().as_bytes()] {
            let header = format!(r#"{{"alg":"{alg}","kid":"k"}}"#);
            let input = format!("{}.{}", base64url(header.as_bytes()), base64url(claims(&id("jv-4")).as_bytes()));
            let tag = hmac::sign(&hmac::Key::new(hash, secret), input.as_bytes());
            assert_eq!(validator.jwt(&format!("{input}.{}", base64url(tag.as_ref()))), Err("T1"), "{alg}");
        }
    }
}

#[test]
fn jv_5_eddsa_is_refused_though_its_key_is_in_the_bundle_which_goes_on_working() {
    let eddsa = TestKey::generate(JoseAlgorithm::EdDsa);
    let entries = [entry(&eddsa, "ed"), entry(TestKey::p256(), "k")];
    let token = eddsa.sign(JoseAlgorithm::EdDsa, r#"{"alg":"EdDSA","kid":"ed"}"#, &claims(&id("jv-5")));
    // Not even if the operator lists it.
    for algorithms in [JoseAlgorithm::SPIFFE.to_vec(), JoseAlgorithm::ALL.to_vec()] {
        let validator = Validator::new(vec![TrustDomainSpec { algorithms, ..spec(HOME) }]);
        validator.publish(HOME, &entries);
        accepted(validator.jwt(&sign(HEADER, &claims(&id("jv-5")))), &id("jv-5"));
        assert_eq!(validator.jwt(&token), Err("T1"));
    }
}

#[test]
fn jv_6_a_header_of_another_algorithm_than_the_keys_is_refused() {
    refuses_header("jv-6", "J4", r#"{"alg":"RS256","kid":"k"}"#);
    refuses_header("jv-6", "J4", r#"{"alg":"ES384","kid":"k"}"#);
    refuses_header("jv-6", "J4", r#"{"alg":"ES384"}"#);
    // A key that says what it is for is for nothing else.
    let key = TestKey::generate(JoseAlgorithm::Rs256);
    let validator = Validator::home(&[key.jwk("k", r#","use":"jwt-svid","alg":"PS256""#)]);
    let signed = |algorithm: JoseAlgorithm| {
        key.sign(algorithm, &format!(r#"{{"alg":"{algorithm}","kid":"k"}}"#), &claims(&id("jv-6")))
    };
    accepted(validator.jwt(&signed(JoseAlgorithm::Ps256)), &id("jv-6"));
    assert_eq!(validator.jwt(&signed(JoseAlgorithm::Rs256)), Err("J4"));
}

#[test]
fn jv_7_no_audience_is_refused() {
    refuses_claims("jv-7", "T3", &with("jv-7", &format!(r#""exp":{}"#, NOW + 300)));
}

#[test]
fn jv_8_another_audience_is_refused() {
    for aud in [r#""other""#, r#"["other"]"#, r#"["Conformance"]"#, r#"["conformance "]"#] {
        refuses_claims("jv-8", "T3", &with("jv-8", &format!(r#""aud":{aud},"exp":{}"#, NOW + 300)));
    }
}

/// A difference: JWT-SVID §3.2 only recommends one audience; a token for two can be shown here by the other of them.
#[test]
fn jv_9_two_audiences_are_refused() {
    for aud in [r#"["other","conformance"]"#, r#"["conformance","other"]"#, r#"["conformance","conformance"]"#] {
        refuses_claims("jv-9", "T3", &with("jv-9", &format!(r#""aud":{aud},"exp":{}"#, NOW + 300)));
    }
}

#[test]
fn jv_10_an_audience_that_is_a_string_is_accepted() {
    let claims = with("jv-10", &format!(r#""aud":"conformance","exp":{}"#, NOW + 300));
    accepted(home("jv-10").jwt(&sign(HEADER, &claims)), &id("jv-10"));
}

#[test]
fn jv_11_no_expiry_is_refused() {
    refuses_claims("jv-11", "T4", &with("jv-11", &format!(r#""aud":["conformance"],"iat":{NOW}"#)));
}

#[test]
fn jv_12_an_expired_token_is_refused() {
    let rest = format!(r#""aud":["conformance"],"iat":{},"exp":{}"#, NOW - 600, NOW - 300);
    refuses_claims("jv-12", "T4", &with("jv-12", &rest));
}

#[test]
fn jv_13_a_token_of_the_future_is_refused() {
    let rest = format!(r#""aud":["conformance"],"nbf":{},"exp":{}"#, NOW + 300, NOW + 600);
    refuses_claims("jv-13", "T4", &with("jv-13", &rest));
}

#[test]
fn jv_14_no_bit_of_a_token_can_be_changed() {
    let validator = home("jv-14");
    let token = sign(HEADER, &claims(&id("jv-14")));
    for bit in 0..token.len() * 8 {
        let mut changed = token.clone().into_bytes();
        changed[bit / 8] ^= 1 << (bit % 8);
        // What is no text is no token either.
        if let Ok(changed) = String::from_utf8(changed) {
            assert!(validator.jwt(&changed).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn jv_15_a_sub_that_was_changed_after_signing_is_refused() {
    let validator = home("jv-15");
    let token = sign(HEADER, &claims(&id("jv-15")));
    let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let changed = format!("{header}.{}.{signature}", base64url(claims(&id("admin")).as_bytes()));
    assert_eq!(validator.jwt(&changed), Err("T1"));
}

#[test]
fn jv_16_a_key_that_no_bundle_holds_is_refused() {
    let validator = home("jv-16");
    let other = TestKey::generate(JoseAlgorithm::Es256);
    let signed = |header: &str| other.sign(JoseAlgorithm::Es256, header, &claims(&id("jv-16")));
    assert_eq!(validator.jwt(&signed(r#"{"alg":"ES256","kid":"unknown"}"#)), Err("J4"));
    assert_eq!(validator.jwt(&signed(HEADER)), Err("T1"), "by the name of another");
    assert_eq!(validator.jwt(&signed(r#"{"alg":"ES256"}"#)), Err("J4"), "by no name");
    assert_eq!(validator.jwt(&signed(r#"{"alg":"ES256","kid":""}"#)), Err("J4"), "by an empty one");
}

#[test]
fn jv_17_a_trust_domains_key_is_for_itself_alone() {
    let theirs = TestKey::generate(JoseAlgorithm::Es256);
    let ours = [entry(TestKey::p256(), "ours")];
    let validator = Validator::of(&[(HOME, &ours), (FEDERATED, &[entry(&theirs, "theirs")])]);
    let foreign = format!("spiffe://{FEDERATED}/jv-17");
    let by_ours = |header: &str, sub: &str| validator.jwt(&sign(header, &claims(sub)));
    let by_theirs = |header: &str, sub: &str| validator.jwt(&theirs.sign(JoseAlgorithm::Es256, header, &claims(sub)));
    let named = |kid: &str| format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#);
    accepted(by_ours(&named("ours"), &id("jv-17")), &id("jv-17"));
    accepted(by_theirs(&named("theirs"), &foreign), &foreign);
    assert_eq!(by_ours(&named("ours"), &foreign), Err("J4"));
    assert_eq!(by_ours(&named("theirs"), &foreign), Err("T1"));
    assert_eq!(by_ours(r#"{"alg":"ES256"}"#, &foreign), Err("J4"));
    assert_eq!(by_theirs(&named("theirs"), &id("jv-17")), Err("J4"));
    // One name in both bundles is two keys.
    let validator = Validator::of(&[(HOME, &[entry(TestKey::p256(), "k")]), (FEDERATED, &[entry(&theirs, "k")])]);
    accepted(validator.jwt(&sign(HEADER, &claims(&id("jv-17")))), &id("jv-17"));
    assert_eq!(validator.jwt(&sign(HEADER, &claims(&foreign))), Err("T1"));
}

#[test]
fn jv_18_a_trust_domain_without_a_record_or_a_bundle_is_refused() {
    let validator = home("jv-18");
    assert_eq!(validator.jwt(&sign(HEADER, &claims("spiffe://unknown.example.org/jv-18"))), Err("J2"));
    validator.forget(HOME);
    assert_eq!(validator.jwt(&sign(HEADER, &claims(&id("jv-18")))), Err("no bundle"));
}

#[test]
fn jv_19_a_sub_of_another_scheme_is_refused() {
    refuses_claims("jv-19", "T2", &claims(&format!("https://{HOME}/jv-19")));
}

#[test]
fn jv_20_types_jwt_and_jose_and_none_are_accepted() {
    let validator = home("jv-20");
    for typ in [r#","typ":"JWT""#, r#","typ":"JOSE""#, ""] {
        let header = format!(r#"{{"alg":"ES256","kid":"k"{typ}}}"#);
        accepted(validator.jwt(&sign(&header, &claims(&id("jv-20")))), &id("jv-20"));
    }
}

#[test]
fn jv_21_and_dj_2_other_types_are_refused() {
    for typ in ["at+jwt", "jwt", "Jwt", "application/jwt", "wit+jwt", "wpt+jwt", ""] {
        refuses_header("jv-21", "T1", &format!(r#"{{"alg":"ES256","kid":"k","typ":"{typ}"}}"#));
    }
    refuses_header("jv-21", "T1", r#"{"alg":"ES256","kid":"k","typ":null}"#);
}

#[test]
fn jv_22_a_token_that_names_no_key_is_accepted_by_the_key_that_made_it() {
    let keys: Vec<_> = (0..17).map(|_| TestKey::generate(JoseAlgorithm::Es256)).collect();
    let entries: Vec<_> = keys.iter().enumerate().map(|(at, key)| entry(key, &format!("k{at}"))).collect();
    let validator = Validator::home(&entries);
    let by =
        |at: usize| validator.jwt(&keys[at].sign(JoseAlgorithm::Es256, r#"{"alg":"ES256"}"#, &claims(&id("jv-22"))));
    for at in [0, 7, 15] {
        accepted(by(at), &id("jv-22"));
    }
    assert_eq!(by(16), Err("J4"), "sixteen are tried");
}

#[test]
fn jv_23_crit_is_refused() {
    refuses_header("jv-23", "T1", r#"{"alg":"ES256","kid":"k","crit":["x"],"x":1}"#);
    refuses_header("jv-23", "T1", r#"{"alg":"ES256","kid":"k","crit":[]}"#);
}

#[test]
fn jv_24_other_serialisations_are_refused() {
    let validator = home("jv-24");
    let token = sign(HEADER, &claims(&id("jv-24")));
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let flat = format!(r#"{{"payload":"{payload}","protected":"{header}","signature":"{signature}"}}"#);
    let general =
        format!(r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#);
    for json in [flat, general] {
        assert_eq!(validator.jwt(&json), Err("T1"), "{json}");
    }
}

#[test]
fn jv_25_what_is_malformed_is_refused() {
    let validator = home("jv-25");
    let token = sign(HEADER, &claims(&id("jv-25")));
    let (two_parts, _) = token.rsplit_once('.').expect("parts");
    assert_eq!(validator.jwt(two_parts), Err("T1"));
    assert_eq!(validator.jwt(&format!("{token}.{token}")), Err("T1"));
    let part = |text: &str| base64url(text.as_bytes());
    // The signature is over exactly this input, so nothing else is wrong.
    let signed_as_is = |payload: &str| TestKey::p256().sign_input(&format!("{}.{payload}", part(HEADER)));
    let payload = part(&claims(&id("jv-25")));
    accepted(validator.jwt(&signed_as_is(&payload)), &id("jv-25"));
    assert_eq!(validator.jwt(&signed_as_is(&format!("{payload}!"))), Err("T1"), "bad-base64");
    assert_eq!(validator.jwt(&signed_as_is(&payload.replacen('e', "!", 1))), Err("T1"), "bad-base64");
    let cut = format!(r#"{{"sub":"{}","aud":["conformance"],"#, id("jv-25"));
    assert_eq!(validator.jwt(&signed_as_is(&part(&cut))), Err("T1"), "bad-json");
    for json in ["null", "[]", "\"x\"", "7"] {
        assert_eq!(validator.jwt(&signed_as_is(&part(json))), Err("T1"), "{json}");
    }
}

#[test]
fn dj_1_another_spelling_of_scheme_or_trust_domain_is_refused() {
    refuses_claims("dj-1", "J2", &claims("spiffe://TEST.example.org/dj-1"));
    refuses_claims("dj-1", "T2", &claims("SPIFFE://test.example.org/dj-1"));
    refuses_claims("dj-1", "J2", &claims("spiffe://test.example.org./dj-1"));
}

#[test]
fn dj_3_other_header_parameters_are_refused() {
    for more in [
        r#""jku":"https://evil.example""#,
        r#""x5c":[]"#,
        r#""foo":1"#,
        r#""cty":"JWT""#,
        r#""jwk":{}"#,
        r#""b64":false"#,
    ] {
        refuses_header("dj-3", "J1", &format!(r#"{{"alg":"ES256","kid":"k",{more}}}"#));
    }
    refuses_header("dj-3", "T1", r#"{"alg":"ES256","kid":"k","kid":"k"}"#);
    refuses_header("dj-3", "T1", r#"{"alg":"ES256","alg":"ES256","kid":"k"}"#);
}

#[test]
fn dj_4_an_id_without_a_path_is_refused() {
    refuses_claims("dj-4", "S2", &claims(&format!("spiffe://{HOME}")));
    refuses_claims("dj-4", "S5", &claims(&format!("spiffe://{HOME}/")));
}

#[test]
fn dj_5_an_expiry_is_a_whole_number() {
    for exp in [
        format!("{}.5", NOW + 300),
        format!("{}.0", NOW + 300),
        format!("\"{}\"", NOW + 300),
        "1.8e9".into(),
        "null".into(),
        "-1".into(),
    ] {
        refuses_claims("dj-5", "T4", &with("dj-5", &format!(r#""aud":["conformance"],"exp":{exp}"#)));
    }
}

#[test]
fn dj_6_a_token_issued_in_the_future_is_refused() {
    let rest = format!(r#""aud":["conformance"],"iat":{},"exp":{}"#, NOW + 600, NOW + 900);
    refuses_claims("dj-6", "T4", &with("dj-6", &rest));
}

#[test]
fn dj_7_a_long_life_is_refused() {
    let validator = home("dj-7");
    let lives = |iat: u64, seconds: u64| {
        let rest = format!(r#""aud":["conformance"],"iat":{iat},"exp":{}"#, iat + seconds);
        validator.jwt(&sign(HEADER, &with("dj-7", &rest)))
    };
    accepted(lives(NOW, 3600), &id("dj-7"));
    accepted(lives(NOW - 3500, 3600), &id("dj-7"));
    assert_eq!(lives(NOW, 3601), Err("T4"));
    let without =
        |exp: u64| validator.jwt(&sign(HEADER, &with("dj-7", &format!(r#""aud":["conformance"],"exp":{exp}"#))));
    accepted(without(NOW + 3600), &id("dj-7"));
    assert_eq!(without(NOW + 3601), Err("T4"));
    assert_eq!(without(u64::MAX), Err("T4"));
}

#[test]
fn dj_8_a_claim_that_stands_twice_is_refused() {
    for rest in [
        format!(r#""sub":"{}","aud":["conformance"],"exp":{}"#, id("admin"), NOW + 300),
        format!(r#""s\u0075b":"{}","aud":["conformance"],"exp":{}"#, id("admin"), NOW + 300),
        format!(r#""aud":["conformance"],"aud":["other"],"exp":{}"#, NOW + 300),
        format!(r#""aud":["conformance"],"exp":1,"exp":{}"#, NOW + 300),
    ] {
        refuses_claims("dj-8", "T1", &with("dj-8", &rest));
    }
}

#[test]
fn dj_9_rsa_of_1024_bits_is_no_key() {
    let short = format!(r#"{{"kty":"RSA","use":"jwt-svid","kid":"short","n":"{}","e":"AQAB"}}"#, "_".repeat(171));
    let validator = Validator::home(&[short, entry(TestKey::p256(), "k")]);
    accepted(validator.jwt(&sign(HEADER, &claims(&id("dj-9")))), &id("dj-9"));
    assert_eq!(validator.jwt(&sign(r#"{"alg":"RS256","kid":"short"}"#, &claims(&id("dj-9")))), Err("J4"));
}

#[test]
fn dj_11_an_audience_that_is_empty_or_no_text_is_refused() {
    for aud in [
        "[]",
        r#""""#,
        r#"[""]"#,
        "7",
        "null",
        r#"["conformance",7]"#,
        r#"{"a":"conformance"}"#,
        r#"[["conformance"]]"#,
    ] {
        refuses_claims("dj-11", "T3", &with("dj-11", &format!(r#""aud":{aud},"exp":{}"#, NOW + 300)));
    }
}

#[test]
fn dj_12_and_13_signatures_have_the_form_of_jose() {
    let validator = home("dj-12");
    let token = sign(HEADER, &claims(&id("dj-12")));
    let (input, signature) = token.rsplit_once('.').expect("parts");
    let raw = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, signature).expect("base64url");
    let der = p256::ecdsa::Signature::from_slice(&raw).expect("a signature").to_der();
    assert_eq!(validator.jwt(&format!("{input}.{}", base64url(der.as_bytes()))), Err("T1"), "DER");
    assert_eq!(validator.jwt(&format!("{token}=")), Err("T1"), "padding");
    assert_eq!(validator.jwt(&format!("{token}==")), Err("T1"), "padding");
    assert_eq!(validator.jwt(&format!("{input}.{}", base64url(&raw[..63]))), Err("T1"), "short");
    assert_eq!(validator.jwt(&format!("{input}.{}", base64url(&[&raw[..], &[0]].concat()))), Err("T1"), "long");
    assert_eq!(validator.jwt(&format!("{input}.{}", base64url(&[0; 64]))), Err("T1"), "zeros");
}

#[test]
fn dj_14_the_issuer_is_what_the_record_says() {
    let iss = |iss: &str| with("dj-14", &format!(r#""aud":["conformance"],"exp":{}{iss}"#, NOW + 300));
    let (none, ours, other) =
        (iss(""), iss(r#","iss":"https://oidc.example.org""#), iss(r#","iss":"spiffe://b.test""#));
    let exact = crate::names::IssuerUrl::parse("https://oidc.example.org").expect("an issuer");
    let table = [
        (IssuerPolicy::Any, [true, true, true]),
        (IssuerPolicy::Absent, [true, false, false]),
        (IssuerPolicy::Exact(exact), [false, true, false]),
    ];
    for (issuer, expected) in table {
        let is_exact = matches!(issuer, IssuerPolicy::Exact(_));
        let validator = Validator::new(vec![TrustDomainSpec { issuer, ..spec(HOME) }]);
        validator.publish(HOME, &[entry(TestKey::p256(), "k")]);
        for (claims, is_accepted) in [&none, &ours, &other].into_iter().zip(expected) {
            let verdict = validator.jwt(&sign(HEADER, claims));
            assert_eq!(verdict, if is_accepted { Ok(id("dj-14")) } else { Err("J5") }, "{claims}");
            if is_accepted {
                let issuer = validator.verify_jwt(&sign(HEADER, claims)).issuer();
                // The audit log repeats no name that the trust domain chose.
                assert_eq!(
                    issuer,
                    if is_exact { "https://oidc.example.org".into() } else { format!("spiffe://{HOME}") }
                );
            }
        }
    }
    for bad in [r#","iss":7"#, r#","iss":"""#, r#","iss":null"#] {
        refuses_claims("dj-14", "T2", &iss(bad));
    }
}

#[test]
fn dj_15_a_second_signature_that_anyone_can_make_is_no_second_token() {
    let validator = home("dj-15");
    let token = sign(HEADER, &claims(&id("dj-15")));
    let (input, signature) = token.rsplit_once('.').expect("parts");
    let raw = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, signature).expect("base64url");
    let signature = p256::ecdsa::Signature::from_slice(&raw).expect("a signature");
    let (r, s) = signature.split_scalars();
    let other = p256::ecdsa::Signature::from_scalars(*r, -*s).expect("a signature").to_bytes();
    let other = format!("{input}.{}", base64url(&other));
    assert_ne!(token, other);
    let (one, two) = (validator.verify_jwt(&token), validator.verify_jwt(&other));
    assert_ne!(one.sha256(), two.sha256(), "both verify, and their bytes differ");
    assert_eq!(one.use_of(), two.use_of());
    // What the authority signs twice is two tokens.
    assert_ne!(one.use_of().sha256, validator.verify_jwt(&sign(HEADER, &claims(&id("dj-15")))).use_of().sha256);
}

#[test]
fn dj_16_a_use_is_remembered_for_as_long_as_the_token_is_taken() {
    let validator = home("dj-16");
    let token = sign(HEADER, &claims(&id("dj-16")));
    let until = validator.verify_jwt(&token).use_of().expires_at;
    let last = until.minus(std::time::Duration::from_secs(1));
    accepted(validator.jwt_at(&token, last), &id("dj-16"));
    assert_eq!(validator.jwt_at(&token, until), Err("T4"));
}

#[test]
fn dj_17_an_iss_that_leads_to_another_record_leads_away_from_the_bundle() {
    let iss = "https://idp.example.com";
    let issuer = crate::token::mint::record("idp", iss, crate::profile::Profile::Spiffe, Vec::new());
    let registry = Registry { issuers: vec![issuer], trust_domains: vec![spec(HOME)], ..Registry::default() };
    let validator = Validator(Issuers::build_with(&PublicSuffixes::embedded(), registry).expect("builds"));
    let key = TestKey::generate(JoseAlgorithm::Es256);
    validator.publish(HOME, &[entry(&key, "k")]);
    let rest = |iss: &str| with("dj-17", &format!(r#""aud":["conformance"],"exp":{}{iss}"#, NOW + 300));
    accepted(validator.jwt(&key.sign(JoseAlgorithm::Es256, HEADER, &rest(""))), &id("dj-17"));
    // The trust domain's own token, with the issuer's name: the issuer's key did not sign it.
    let named =
        key.sign(JoseAlgorithm::Es256, HEADER, &rest(&format!(r#","iss":"{iss}""#)).replace("conformance", "sigstore"));
    let token = UnverifiedToken::parse(named.as_bytes()).expect("parses");
    let Ok(RecordSource::Issuer(record)) = validator.0.source(&token) else { panic!("leads to the issuer") };
    assert_eq!(token.verify(record, NOW_TIME).err().map(|error| error.rule().id()), Some("T1"));
    // The issuer's token, with the name of a workload: the issuer was granted nothing.
    let named = sign(HEADER, &rest(&format!(r#","iss":"{iss}""#)).replace("conformance", "sigstore"));
    let token = UnverifiedToken::parse(named.as_bytes()).expect("parses");
    let Ok(crate::token::TokenVerification::Verified(token)) = token.verify(record, NOW_TIME) else {
        panic!("verifies")
    };
    assert_eq!(validator.0.rules().permit(*token).err().map(|denied| denied.rule().id()), Some("S4"));
}

#[test]
fn dj_18_clocks_may_differ_by_half_a_minute() {
    let validator = home("dj-18");
    let rest = format!(r#""aud":["conformance"],"nbf":{NOW},"iat":{NOW},"exp":{}"#, NOW + 60);
    let token = sign(HEADER, &with("dj-18", &rest));
    let at = |seconds| validator.jwt_at(&token, UnixTime::from_seconds(seconds));
    assert_eq!(at(NOW - 31), Err("T4"));
    accepted(at(NOW - 30), &id("dj-18"));
    accepted(at(NOW + 89), &id("dj-18"));
    assert_eq!(at(NOW + 90), Err("T4"));
}

#[test]
fn dj_19_a_record_that_takes_no_jwt_svids_takes_none() {
    for takes in [true, false] {
        let accepts = Accepts { jwt: takes, ..Accepts::default() };
        let validator = Validator::new(vec![TrustDomainSpec { accepts, ..spec(HOME) }]);
        validator.publish(HOME, &[entry(TestKey::p256(), "k")]);
        let verdict = validator.jwt(&sign(HEADER, &claims(&id("dj-19"))));
        assert_eq!(verdict, if takes { Ok(id("dj-19")) } else { Err("J2") });
    }
}
