//! JB and DB: bundles, and what changes when they do.

use proptest::prelude::*;

use super::super::mint;
use super::jwt::{claims, entry};
use super::*;
use crate::names::Rule;
use crate::trust_domain::{BundleError, BundleMap, MAX_BUNDLE_BYTES, SkippedUse};

/// A token by the key of that name.
fn token(key: &TestKey, kid: &str) -> String {
    key.sign(JoseAlgorithm::Es256, &format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#), &claims(&id("jb")))
}

fn es256() -> TestKey {
    TestKey::generate(JoseAlgorithm::Es256)
}

#[test]
fn jb_1_and_2_keys_come_and_go_with_the_bundle() {
    let (first, second) = (es256(), es256());
    let validator = Validator::home(&[entry(&first, "first")]);
    accepted(validator.jwt(&token(&first, "first")), &id("jb"));
    assert_eq!(validator.jwt(&token(&second, "second")), Err("J4"));
    validator.publish(HOME, &[entry(&first, "first"), entry(&second, "second")]);
    accepted(validator.jwt(&token(&first, "first")), &id("jb"));
    accepted(validator.jwt(&token(&second, "second")), &id("jb"));
    validator.publish(HOME, &[entry(&second, "second")]);
    assert_eq!(validator.jwt(&token(&first, "first")), Err("J4"));
    accepted(validator.jwt(&token(&second, "second")), &id("jb"));
}

#[test]
fn jb_3_a_removed_bundle_verifies_nothing() {
    let key = es256();
    let validator = Validator::home(&[entry(&key, "k")]);
    accepted(validator.jwt(&token(&key, "k")), &id("jb"));
    validator.forget(HOME);
    assert_eq!(validator.jwt(&token(&key, "k")), Err("no bundle"));
}

#[test]
fn jb_4_the_key_is_the_one_that_is_named() {
    let keys = [es256(), es256(), es256()];
    let entries: Vec<_> = keys.iter().enumerate().map(|(at, key)| entry(key, &format!("k{at}"))).collect();
    let validator = Validator::home(&entries);
    for (at, key) in keys.iter().enumerate() {
        accepted(validator.jwt(&token(key, &format!("k{at}"))), &id("jb"));
        assert_eq!(validator.jwt(&token(key, &format!("k{}", (at + 1) % 3))), Err("T1"));
    }
}

#[test]
fn jb_5_and_db_1_a_key_for_another_use_signs_no_token() {
    let (good, other) = (es256(), es256());
    for used in
        [r#","use":"x509-svid""#, "", r#","use":"sig""#, r#","use":"wit-svid""#, r#","use":"JWT-SVID""#, r#","use":7"#]
    {
        let validator = Validator::home(&[entry(&good, "good"), other.jwk("other", used), entry(TestKey::p256(), "k")]);
        accepted(validator.jwt(&token(&good, "good")), &id("jb"));
        accepted(validator.jwt(&token(TestKey::p256(), "k")), &id("jb"));
        assert_eq!(validator.jwt(&token(&other, "other")), Err("J4"), "{used}");
        let unnamed = other.sign(JoseAlgorithm::Es256, r#"{"alg":"ES256"}"#, &claims(&id("jb")));
        assert_eq!(validator.jwt(&unnamed), Err("J4"), "{used}");
    }
}

#[test]
fn jb_6_an_unknown_key_type_between_two_good_keys_is_ignored() {
    let (first, second) = (es256(), es256());
    for used in ["jwt-svid", "wit-svid", "x509-svid"] {
        let unknown = format!(r#"{{"kty":"SCTS-UNKNOWN","use":"{used}","kid":"u","k":"AQAB"}}"#);
        let validator = Validator::home(&[entry(&first, "first"), unknown, entry(&second, "second")]);
        accepted(validator.jwt(&token(&first, "first")), &id("jb"));
        accepted(validator.jwt(&token(&second, "second")), &id("jb"));
    }
    // Though its certificate could be read.
    let root = Party::root("root");
    for kty in [r#""kty":"SCTS-UNKNOWN","#, "", r#""kty":7,"#] {
        let validator = Validator::home(&[root.entry()]);
        accepted(validator.x509(&[&root.workload(&id("jb"))]), &id("jb"));
        validator.publish(HOME, &[root.entry().replace(r#""kty":"EC","#, kty), Party::root("other").entry()]);
        assert_eq!(validator.x509(&[&root.workload(&id("jb"))]), Err("A6"), "{kty}");
    }
}

#[test]
fn jb_7_no_keys_at_all_withdraw_everything() {
    let (key, root) = (es256(), Party::root("root"));
    let validator = Validator::home(&[entry(&key, "k"), root.entry()]);
    let (token, leaf) = (token(&key, "k"), root.workload(&id("jb")));
    accepted(validator.jwt(&token), &id("jb"));
    accepted(validator.x509(&[&leaf]), &id("jb"));
    validator.publish(HOME, &[]);
    assert_eq!(validator.jwt(&token), Err("J3"));
    assert_eq!(validator.x509(&[&leaf]), Err("A5"));
    assert!(Bundle::parse(br#"{"keys":[]}"#).expect("a bundle").is_empty());
}

#[test]
fn jb_8_a_federated_trust_domain_is_verified_by_its_own_bundle() {
    let theirs = es256();
    let ours = [entry(TestKey::p256(), "k")];
    let validator = Validator::of(&[(HOME, &ours), (FEDERATED, &[entry(&theirs, "theirs")])]);
    let foreign = format!("spiffe://{FEDERATED}/jb-8");
    let token = theirs.sign(JoseAlgorithm::Es256, r#"{"alg":"ES256","kid":"theirs"}"#, &claims(&foreign));
    accepted(validator.jwt(&token), &foreign);
}

#[test]
fn db_2_a_key_without_a_name_is_left_out() {
    let (nameless, named) = (es256(), es256());
    for kid in ["", r#""kid":"","#, r#""kid":7,"#] {
        let entry_without = entry(&nameless, "n")
            .replace(r#""kid":"n","#, kid)
            .replace(r#","kid":"n""#, format!(",{kid}").trim_end_matches(','));
        let bundle =
            Bundle::parse(document(&[entry_without.clone(), entry(&named, "k")]).as_bytes()).expect("a bundle");
        assert_eq!(
            bundle.skipped().iter().map(|entry| (entry.index, entry.reason.clone())).collect::<Vec<_>>(),
            [(0, SkippedUse::NoKid)],
            "{entry_without}"
        );
        let validator = Validator::home(&[entry_without, entry(&named, "k")]);
        accepted(validator.jwt(&token(&named, "k")), &id("jb"));
        assert_eq!(validator.jwt(&token(&nameless, "n")), Err("J4"));
    }
}

#[test]
fn db_3_an_entry_without_a_certificate_is_left_out_and_only_the_first_of_two_counts() {
    let (root, second) = (Party::root("root"), Party::root("second"));
    let leaf = root.workload(&id("db-3"));
    let empty = r#"{"kty":"EC","use":"x509-svid","x5c":[]}"#;
    for bad in [
        empty.to_owned(),
        r#"{"kty":"EC","use":"x509-svid"}"#.to_owned(),
        empty.replace("[]", "\"\""),
        empty.replace("[]", "[7]"),
        empty.replace("[]", "[\"AAAA\"]"),
        empty.replace("[]", "[\"!\"]"),
        // A workload is no authority.
        leaf.entry(),
        Party::root_with("list", |params| params.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign]).entry(),
        Party::root_with("no", |params| params.is_ca = rcgen::IsCa::ExplicitNoCa).entry(),
    ] {
        let bundle = Bundle::parse(document(&[bad.clone(), root.entry()]).as_bytes()).expect("a bundle");
        assert_eq!((bundle.authorities().len(), bundle.skipped().len()), (1, 1), "{bad}");
        accepted(Validator::home(&[bad, root.entry()]).x509(&[&leaf]), &id("db-3"));
    }
    let validator = Validator::home(&[mint::entry(&[&root, &second])]);
    accepted(validator.x509(&[&leaf]), &id("db-3"));
    assert_eq!(validator.x509(&[&second.workload(&id("db-3"))]), Err("A6"), "two-x5c");
    // The order of it counts, since the first is the authority, even if nothing else is wrong.
    let validator = Validator::home(&[mint::entry(&[&second, &root])]);
    accepted(validator.x509(&[&second.workload(&id("db-3"))]), &id("db-3"));
    assert_eq!(validator.x509(&[&leaf]), Err("A6"));
}

#[test]
fn db_4_and_5_what_is_no_bundle_is_refused_whole() {
    for empty in [&br#"{"keys":[]}"#[..], br#"{"keys":null}"#] {
        assert!(Bundle::parse(empty).expect("a bundle").is_empty());
    }
    for bad in [
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":"x"}"#,
        r#"{"keys":[7]}"#,
        r#"{"keys":[null]}"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[{"use":"a","use":"b"}]}"#,
        r#"{"keys":[]} x"#,
        r#"{"keys":[]}{"keys":[]}"#,
        "[]",
        "",
        "null",
    ] {
        let error = Bundle::parse(bad.as_bytes()).map(drop).expect_err(bad);
        assert_eq!(error.rule(), Rule::B1, "{bad}");
    }
    let long = format!(r#"{{"keys":[]{}}}"#, " ".repeat(MAX_BUNDLE_BYTES));
    assert_eq!(Bundle::parse(long.as_bytes()).map(drop).map_err(|error| error.rule()), Err(Rule::B1));
    let many = |count: usize| {
        Bundle::parse(document(&vec!["{}".to_owned(); count]).as_bytes()).map(|bundle| bundle.skipped().len())
    };
    assert_eq!(many(256), Ok(256));
    assert_eq!(many(257), Err(BundleError::TooMany(257)));
}

#[test]
fn db_6_sequences_and_hints_are_whole_numbers() {
    let with = |member: &str| Bundle::parse(format!(r#"{{"keys":[],{member}}}"#).as_bytes());
    for (number, read) in [("0", 0), ("9223372036854775807", i64::MAX as u64), ("18446744073709551615", u64::MAX)] {
        assert_eq!(with(&format!(r#""spiffe_sequence":{number}"#)).expect("a bundle").sequence(), Some(read));
        let hint = with(&format!(r#""spiffe_refresh_hint":{number}"#)).expect("a bundle").refresh_hint();
        assert_eq!(hint, Some(std::time::Duration::from_secs(read)));
    }
    let none = Bundle::parse(br#"{"keys":[]}"#).expect("a bundle");
    assert_eq!((none.sequence(), none.refresh_hint()), (None, None));
    for bad in [r#""2""#, "2.5", "2.0", "-1", "1e3", "18446744073709551616", "null", "[1]", "true"] {
        for name in ["spiffe_sequence", "spiffe_refresh_hint"] {
            assert_eq!(with(&format!(r#""{name}":{bad}"#)).map(drop), Err(BundleError::Number(name)), "{bad}");
        }
    }
}

#[test]
fn db_7_two_keys_of_one_name_refuse_the_whole() {
    let (first, second) = (es256(), es256());
    let wit = |key: &TestKey, kid: &str| key.jwk(kid, r#","use":"wit-svid""#);
    let parse = |entries: &[String]| {
        Bundle::parse(document(entries).as_bytes()).map(|bundle| bundle.jwt_keys().len() + bundle.wit_keys().len())
    };
    assert_eq!(parse(&[entry(&first, "a"), entry(&second, "b"), wit(&first, "c")]), Ok(3));
    let duplicate = Err(BundleError::DuplicateKid("a".into()));
    assert_eq!(parse(&[entry(&first, "a"), entry(&second, "a")]), duplicate);
    assert_eq!(parse(&[entry(&first, "a"), wit(&second, "a")]), duplicate, "WIT-SVID 6.1");
    assert_eq!(parse(&[wit(&first, "a"), wit(&second, "a")]), duplicate);
    assert_eq!(parse(&[entry(&first, "a"), entry(&first, "a")]), duplicate, "even the same twice");
    // A name on what is not taken anyway names nothing.
    assert_eq!(parse(&[entry(&first, "a"), second.jwk("a", r#","use":"sig""#)]), Ok(1));
    let long = Bundle::parse(document(&vec![entry(&first, &"x".repeat(5000)); 2]).as_bytes()).map(drop);
    assert!(long.expect_err("is refused").to_string().len() < 300);
}

#[test]
fn db_8_a_map_names_each_trust_domain_once() {
    let (ours, theirs) = (es256(), es256());
    let bundle = |key: &TestKey| document(&[entry(key, "k")]).replacen('{', r#"{"spiffe_refresh_hint":7,"#, 1);
    let sound = format!(r#"{{"trust_domains":{{"{HOME}":{},"{FEDERATED}":{}}}}}"#, bundle(&ours), bundle(&theirs));
    let mut map = BundleMap::parse(sound.as_bytes()).expect("a map");
    assert_eq!(map.names().map(TrustDomain::as_str).collect::<Vec<_>>(), [FEDERATED, HOME]);
    let read = map.remove(HOME).expect("is there");
    assert_eq!((read.sequence(), read.refresh_hint()), (Some(1), None), "hints in a map count for nothing");
    assert!(map.remove(HOME).is_none());
    let validator = Validator::home(&[]);
    validator.put(HOME, read);
    accepted(validator.jwt(&token(&ours, "k")), &id("jb"));
    assert_eq!(validator.jwt(&token(&theirs, "k")), Err("T1"));

    let refused = [
        (sound.replace(FEDERATED, HOME), Rule::B1),
        (sound.replace(FEDERATED, "test\\u002eexample.org"), Rule::B1),
        (sound.replace(FEDERATED, "FED.example.org"), Rule::S3),
        (sound.replace(FEDERATED, "spiffe://fed.example.org"), Rule::S3),
        (sound.replace(FEDERATED, ""), Rule::S3),
        (format!(r#"{{"trust_domains":{{"{HOME}":{{}}}}}}"#), Rule::B1),
        (format!(r#"{{"trust_domains":{{"{HOME}":[]}}}}"#), Rule::B1),
        (r#"{"trust_domains":[]}"#.to_owned(), Rule::B1),
        ("{}".to_owned(), Rule::B1),
        (document(&[]), Rule::B1),
    ];
    for (bad, rule) in refused {
        assert_eq!(BundleMap::parse(bad.as_bytes()).map(drop).map_err(|error| error.rule()), Err(rule), "{bad}");
    }
    assert!(BundleMap::parse(br#"{"trust_domains":{}}"#).expect("a map").names().next().is_none());
}

#[test]
fn db_9_a_certificate_of_another_key_than_its_entry_describes_refuses_the_whole() {
    let (root, other) = (Party::root("root"), es256());
    let validator = Validator::home(&[root.entry()]);
    accepted(validator.x509(&[&root.workload(&id("db-9"))]), &id("db-9"));
    let ours = root.entry();
    let (_, x5c) = ours.split_once(r#""x5c":"#).expect("x5c");
    let entry = other.jwk("x", &format!(r#","use":"x509-svid","x5c":{}"#, x5c.trim_end_matches('}')));
    let refused = Bundle::parse(document(&[root.entry(), entry]).as_bytes()).map(drop).expect_err("is refused");
    assert_eq!((refused.rule(), refused), (Rule::B1, BundleError::OtherKey(1)));
}

#[test]
fn db_11_a_bundle_that_holds_a_private_key_does_not_use_it() {
    let (leaked, good) = (es256(), es256());
    let validator = Validator::home(&[leaked.jwk("leaked", r#","use":"jwt-svid","d":"AAAA""#), entry(&good, "good")]);
    accepted(validator.jwt(&token(&good, "good")), &id("jb"));
    assert_eq!(validator.jwt(&token(&leaked, "leaked")), Err("J4"));
}

#[test]
fn db_12_what_a_workload_api_hands_out_needs_no_use() {
    let (unsaid, said, wit) = (es256(), es256(), es256());
    let keys = document(&[unsaid.jwk("unsaid", ""), entry(&said, "said"), wit.jwk("wit", r#","use":"wit-svid""#)]);
    let bundle = Bundle::from_workload_api(&[vec![0x30, 0]], keys.as_bytes()).expect("a bundle");
    assert_eq!(bundle.skipped().iter().map(|entry| entry.index).collect::<Vec<_>>(), [0, 3]);
    let validator = Validator::home(&[]);
    validator.put(HOME, bundle);
    accepted(validator.jwt(&token(&unsaid, "unsaid")), &id("jb"));
    accepted(validator.jwt(&token(&said, "said")), &id("jb"));
    assert_eq!(validator.jwt(&token(&wit, "wit")), Err("J4"));
    for bad in [&b"{}"[..], br#"{"keys":{}}"#, br#"{"keys":[],"keys":[]}"#] {
        assert!(Bundle::from_workload_api(&[], bad).is_err());
    }
    let twice = document(&[unsaid.jwk("k", ""), said.jwk("k", "")]);
    assert_eq!(Bundle::from_workload_api(&[], twice.as_bytes()).map(drop), Err(BundleError::DuplicateKid("k".into())));
    assert_eq!(
        Bundle::from_workload_api(&vec![Vec::new(); 257], br#"{"keys":[]}"#).map(drop),
        Err(BundleError::TooMany(257))
    );
}

#[test]
fn db_13_a_stale_bundle_verifies_nothing() {
    let key = es256();
    let validator = Validator::home(&[entry(&key, "k")]);
    let token = token(&key, "k");
    let record = validator.0.trust_domains().find(HOME).expect("is registered");
    let seen = |seconds_ago: u64| {
        let at = NOW_TIME.minus(std::time::Duration::from_secs(seconds_ago));
        record.replace(record.held().seen_again(at));
        validator.jwt(&token)
    };
    accepted(seen(86_400), &id("jb"));
    assert_eq!(seen(86_401), Err("no bundle"));
    accepted(seen(0), &id("jb"));
}

/// Entries that a bundle may have beside the ones under test.
fn strange() -> Vec<String> {
    vec![
        "{}".into(),
        r#"{"kty":"oct","use":"jwt-svid","kid":"s","k":"AAAA"}"#.into(),
        r#"{"kty":"EC","use":"sig","kid":"t"}"#.into(),
        r#"{"kty":"EC","use":"x509-svid"}"#.into(),
        Party::root("outsider").entry(),
        entry(&es256(), "outsider"),
        es256().jwk("wit", r#","use":"wit-svid""#),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_order_of_entries_does_not_matter(order in Just((0..9usize).collect::<Vec<_>>()).prop_shuffle()) {
        let (key, root) = (es256(), Party::root("root"));
        let mut entries = strange();
        entries.extend([entry(&key, "k"), root.entry()]);
        let shuffled: Vec<_> = order.into_iter().map(|at| entries[at].clone()).collect();
        let validator = Validator::home(&shuffled);
        prop_assert_eq!(validator.jwt(&token(&key, "k")), Ok(id("jb")));
        prop_assert_eq!(validator.jwt(&token(&es256(), "k")), Err("T1"));
        prop_assert_eq!(validator.x509(&[&root.workload(&id("jb"))]), Ok(id("jb")));
        prop_assert_eq!(validator.x509(&[&Party::root("root").workload(&id("jb"))]), Err("A6"));
    }

    #[test]
    fn a_bundle_says_what_was_put_into_it(jwt in 0usize..4, wit in 0usize..4, roots in 0usize..4, sequence in any::<Option<u64>>()) {
        let keys: Vec<_> = (0..jwt + wit).map(|_| es256()).collect();
        let roots: Vec<_> = (0..roots).map(|at| Party::root(&format!("root {at}"))).collect();
        let used = |at: usize| if at < jwt { "jwt-svid" } else { "wit-svid" };
        let named = |(at, key): (usize, &TestKey)| key.jwk(&format!("k{at}"), &format!(r#","use":"{}""#, used(at)));
        let mut entries: Vec<_> = keys.iter().enumerate().map(named).collect();
        entries.extend(roots.iter().map(Party::entry));
        let sequence_member = sequence.map(|number| format!(r#","spiffe_sequence":{number}"#)).unwrap_or_default();
        let document = format!(r#"{{"keys":[{}]{sequence_member}}}"#, entries.join(","));
        let bundle = Bundle::parse(document.as_bytes()).expect("a bundle");
        let names = |from: usize, to: usize| (from..to).map(|at| format!("k{at}")).collect::<Vec<_>>();
        prop_assert_eq!(bundle.jwt_keys().kids().collect::<Vec<_>>(), names(0, jwt));
        prop_assert_eq!(bundle.wit_keys().kids().collect::<Vec<_>>(), names(jwt, jwt + wit));
        let ders: Vec<_> = bundle.authorities().map(|authority| authority.der().to_vec()).collect();
        prop_assert_eq!(&ders, &roots.iter().map(|root| root.der().to_vec()).collect::<Vec<_>>());
        prop_assert_eq!(bundle.fingerprints().len(), entries.len());
        prop_assert_eq!((bundle.sequence(), bundle.skipped().len(), bundle.is_empty()), (sequence, 0, entries.is_empty()));
        let again = Bundle::from_workload_api(&ders, br#"{"keys":[]}"#).expect("a bundle");
        prop_assert!(again.authorities().eq(bundle.authorities()));
    }

    #[test]
    fn no_bytes_make_a_bundle_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..400, to in any::<u8>()) {
        let _ = Bundle::parse(&bytes);
        let _ = BundleMap::parse(&bytes);
        let mut document = document(&strange()).into_bytes();
        let at = at % document.len();
        document[at] = to;
        let _ = Bundle::parse(&document);
    }
}
