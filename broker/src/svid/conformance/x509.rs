//! XV, XF and DX: X.509-SVIDs of workloads that connect to us.

use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType};

use super::super::mint::{extension, live, uri};
use super::*;
use shared::x509::Certificate;

/// One root, its bundle, and a sound SVID that is accepted under it.
fn home(path: &str) -> (Party, Validator) {
    let root = Party::root("root");
    let validator = Validator::home(&[root.entry()]);
    accepted(validator.x509(&[&root.workload(&id(path))]), &id(path));
    (root, validator)
}

/// A sound SVID is accepted; the same with this one change is refused by the rule.
fn refuses(path: &str, rule: &'static str, change: impl FnOnce(&mut rcgen::CertificateParams)) {
    let (root, validator) = home(path);
    let changed = root.workload_with(&id(path), change);
    assert_eq!(validator.x509(&[&changed]), Err(rule), "{path}");
}

#[test]
fn xv_1_a_leaf_of_the_trust_domains_authority_is_accepted() {
    home("xv-1");
}

#[test]
fn xv_2_a_leaf_through_an_intermediate_is_accepted() {
    let (root, validator) = home("xv-2");
    let intermediate = root.authority("intermediate");
    let leaf = intermediate.workload(&id("xv-2"));
    accepted(validator.x509(&[&leaf, &intermediate]), &id("xv-2"));
    assert_eq!(validator.x509(&[&leaf]), Err("A6"), "without it there is no path");
    let second = intermediate.authority("second");
    let leaf = second.workload(&id("xv-2"));
    accepted(validator.x509(&[&leaf, &intermediate, &second]), &id("xv-2"));
}

#[test]
fn xv_3_a_dns_name_beside_the_id_is_accepted() {
    let (root, validator) = home("xv-3");
    let leaf = root.workload_with(&id("xv-3"), |params| {
        params.subject_alt_names.push(SanType::DnsName("host.example".try_into().expect("a name")));
        params.subject_alt_names.push(SanType::Rfc822Name("a@b.example".try_into().expect("a name")));
    });
    accepted(validator.x509(&[&leaf]), &id("xv-3"));
}

#[test]
fn xv_4_an_empty_subject_with_a_critical_name_is_accepted() {
    let (root, validator) = home("xv-4");
    let leaf = root.workload_with(&id("xv-4"), |params| params.distinguished_name = rcgen::DistinguishedName::new());
    let read = Certificate::from_der(leaf.der()).expect("reads");
    assert_eq!(read.subject(), "");
    accepted(validator.x509(&[&leaf]), &id("xv-4"));
}

#[test]
fn xv_5_another_authority_of_the_same_name_is_refused() {
    let (_, validator) = home("xv-5");
    let other = Party::root("root");
    assert_eq!(validator.x509(&[&other.workload(&id("xv-5"))]), Err("A6"));
    assert_eq!(validator.x509(&[&other.workload(&id("xv-5")), &other]), Err("A6"), "not even with its own root");
}

#[test]
fn xv_6_an_expired_leaf_is_refused() {
    refuses("xv-6", "A6", |params| live(params, NOW - 7200, NOW - 3600));
}

#[test]
fn xv_7_a_leaf_of_the_future_is_refused() {
    refuses("xv-7", "A6", |params| live(params, NOW + 3600, NOW + 7200));
}

#[test]
fn xv_8_a_leaf_that_is_an_authority_is_refused() {
    refuses("xv-8", "A3", |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
}

#[test]
fn xv_9_a_leaf_that_may_sign_certificates_is_refused() {
    refuses("xv-9", "A3", |params| params.key_usages.push(KeyUsagePurpose::KeyCertSign));
}

#[test]
fn xv_10_a_leaf_that_may_sign_revocation_lists_is_refused() {
    refuses("xv-10", "A3", |params| params.key_usages.push(KeyUsagePurpose::CrlSign));
}

#[test]
fn xv_11_two_ids_are_refused() {
    refuses("xv-11", "A2", |params| params.subject_alt_names.push(uri(&id("other"))));
    // Even the same twice is two names.
    refuses("xv-11", "A2", |params| params.subject_alt_names.push(uri(&id("xv-11"))));
}

#[test]
fn xv_12_no_uri_name_is_refused() {
    refuses("xv-12", "A2", |params| params.subject_alt_names.clear());
    refuses("xv-12", "A2", |params| {
        params.subject_alt_names = vec![SanType::DnsName(HOME.try_into().expect("a name"))];
    });
}

#[test]
fn xv_13_a_uri_of_another_scheme_is_refused() {
    refuses("xv-13", "S1", |params| params.subject_alt_names = vec![uri(&format!("https://{HOME}/xv-13"))]);
}

#[test]
fn xv_14_an_id_without_a_path_is_refused() {
    refuses("xv-14", "S2", |params| params.subject_alt_names = vec![uri(&format!("spiffe://{HOME}"))]);
    refuses("xv-14", "S5", |params| params.subject_alt_names = vec![uri(&format!("spiffe://{HOME}/"))]);
}

#[test]
fn xv_15_an_id_of_a_trust_domain_without_a_bundle_is_refused() {
    let (root, validator) = home("xv-15");
    assert_eq!(validator.x509(&[&root.workload("spiffe://other.example.org/xv-15")]), Err("A4"));
    let validator = Validator::of(&[(HOME, &[root.entry()]), (FEDERATED, &[])]);
    accepted(validator.x509(&[&root.workload(&id("xv-15"))]), &id("xv-15"));
    assert_eq!(validator.x509(&[&root.workload(&format!("spiffe://{FEDERATED}/xv-15"))]), Err("A5"));
}

#[test]
fn xf_1_and_2_each_trust_domain_is_verified_by_its_own_bundle_alone() {
    let (ours, theirs) = (Party::root("root"), Party::root("root"));
    let validator = Validator::of(&[(HOME, &[ours.entry()]), (FEDERATED, &[theirs.entry()])]);
    let foreign = format!("spiffe://{FEDERATED}/xf-1");
    accepted(validator.x509(&[&ours.workload(&id("xf-1"))]), &id("xf-1"));
    accepted(validator.x509(&[&theirs.workload(&foreign)]), &foreign);
    assert_eq!(validator.x509(&[&ours.workload(&foreign)]), Err("A6"), "XF-2: ours for theirs");
    assert_eq!(validator.x509(&[&theirs.workload(&id("xf-2"))]), Err("A6"), "XF-2: theirs for ours");
    // With the other's root in the chain, too.
    assert_eq!(validator.x509(&[&ours.workload(&foreign), &ours]), Err("A6"));
}

#[test]
fn xf_3_a_removed_bundle_verifies_nothing() {
    let (ours, theirs) = (Party::root("ours"), Party::root("theirs"));
    let validator = Validator::of(&[(HOME, &[ours.entry()]), (FEDERATED, &[theirs.entry()])]);
    let foreign = format!("spiffe://{FEDERATED}/xf-3");
    let leaf = theirs.workload(&foreign);
    accepted(validator.x509(&[&leaf]), &foreign);
    validator.forget(FEDERATED);
    assert_eq!(validator.x509(&[&leaf]), Err("no bundle"));
    accepted(validator.x509(&[&ours.workload(&id("xf-3"))]), &id("xf-3"));
}

#[test]
fn xs_4_and_5_the_bundle_of_a_workload_api_is_all_its_authorities() {
    let (first, second) = (Party::root("first"), Party::root("second"));
    let bundle = |roots: &[&Party]| {
        let roots: Vec<_> = roots.iter().map(|root| root.der().to_vec()).collect();
        Bundle::from_workload_api(&roots, br#"{"keys":[]}"#).expect("a bundle")
    };
    let validator = Validator::home(&[]);
    validator.put(HOME, bundle(&[&first, &second]));
    let leaves = [first.workload(&id("xs-4")), second.workload(&id("xs-4"))];
    accepted(validator.x509(&[&leaves[0]]), &id("xs-4"));
    accepted(validator.x509(&[&leaves[1]]), &id("xs-4"));
    validator.put(HOME, bundle(&[&first]));
    accepted(validator.x509(&[&leaves[0]]), &id("xs-4"));
    assert_eq!(validator.x509(&[&leaves[1]]), Err("A6"));
}

#[test]
fn dx_1_no_key_usage_is_refused() {
    refuses("dx-1", "A3", |params| params.key_usages.clear());
}

#[test]
fn dx_2_a_key_usage_without_signatures_is_refused() {
    refuses("dx-2", "A3", |params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]);
    let (root, validator) = home("dx-2");
    let more = [KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment, KeyUsagePurpose::KeyAgreement];
    let leaf = root.workload_with(&id("dx-2"), |params| params.key_usages = more.to_vec());
    accepted(validator.x509(&[&leaf]), &id("dx-2"));
}

#[test]
fn dx_3_a_signing_certificate_is_no_svid() {
    refuses("dx-3", "A3", |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning]);
}

#[test]
fn dx_4_an_extended_key_usage_is_for_clients_or_absent() {
    refuses("dx-4", "A3", |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    refuses("dx-4", "A3", |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]);
    let (root, validator) = home("dx-4");
    for usages in [vec![ExtendedKeyUsagePurpose::ClientAuth], Vec::new()] {
        let leaf = root.workload_with(&id("dx-4"), |params| params.extended_key_usages = usages);
        accepted(validator.x509(&[&leaf]), &id("dx-4"));
    }
    // What an intermediate is for binds those below it.
    let signers = root.authority_with("signers", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    });
    assert_eq!(validator.x509(&[&signers.workload(&id("dx-4")), &signers]), Err("A6"));
}

#[test]
fn dx_5_a_uri_of_another_scheme_beside_the_id_is_refused() {
    refuses("dx-5", "A2", |params| params.subject_alt_names.push(uri("https://example.org/")));
    refuses("dx-5", "A2", |params| params.subject_alt_names.insert(0, uri("https://example.org/")));
}

#[test]
fn dx_6_and_7_only_authorities_certify() {
    let (root, validator) = home("dx-6");
    let sound = root.authority("sound");
    accepted(validator.x509(&[&sound.workload(&id("dx-6")), &sound]), &id("dx-6"));
    let refused = |intermediate: Party| {
        assert_eq!(validator.x509(&[&intermediate.workload(&id("dx-6")), &intermediate]), Err("A6"));
    };
    refused(root.authority_with("none", |params| params.is_ca = IsCa::ExplicitNoCa));
    refused(root.authority_with("silent", |params| params.is_ca = IsCa::NoCa));
    refused(root.authority_with("lists", |params| params.key_usages = vec![KeyUsagePurpose::CrlSign]));
    refused(root.authority_with("signs", |params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature]));
    refused(root.authority_with("unsaid", |params| params.key_usages.clear()));
}

#[test]
fn dx_8_a_workload_does_not_certify() {
    let (root, validator) = home("dx-8");
    let workload = root.workload(&id("dx-8"));
    accepted(validator.x509(&[&workload]), &id("dx-8"));
    assert_eq!(validator.x509(&[&workload.workload(&id("other")), &workload]), Err("A6"));
}

#[test]
fn dx_9_an_authority_does_not_authenticate() {
    let (root, validator) = home("dx-9");
    let named = |params: &mut rcgen::CertificateParams| params.subject_alt_names = vec![uri(&id("dx-9"))];
    assert_eq!(validator.x509(&[&root.authority_with("below", named)]), Err("A3"));
    let bare =
        |params: &mut rcgen::CertificateParams| params.subject_alt_names = vec![uri(&format!("spiffe://{HOME}"))];
    assert_eq!(validator.x509(&[&root.authority_with("below", bare)]), Err("S2"));
    // The root itself, which is in the bundle.
    let root = Party::root_with("root", named);
    let validator = Validator::home(&[root.entry()]);
    accepted(validator.x509(&[&root.workload(&id("dx-9"))]), &id("dx-9"));
    assert_eq!(validator.x509(&[&root]), Err("A3"));
}

#[test]
fn dx_10_a_long_life_is_refused() {
    let (root, validator) = home("dx-10");
    // A day, and the moments that authorities set the beginning back.
    let lives = |seconds| root.workload_with(&id("dx-10"), |params| live(params, NOW - 10, NOW - 10 + seconds));
    accepted(validator.x509(&[&lives(86_400)]), &id("dx-10"));
    accepted(validator.x509(&[&lives(86_410)]), &id("dx-10"));
    accepted(validator.x509(&[&lives(86_430)]), &id("dx-10"));
    assert_eq!(validator.x509(&[&lives(86_431)]), Err("A7"));
}

#[test]
fn dx_11_another_spelling_of_the_trust_domain_is_refused() {
    refuses("dx-11", "S3", |params| params.subject_alt_names = vec![uri("spiffe://TEST.example.org/dx-11")]);
    refuses("dx-11", "S1", |params| params.subject_alt_names = vec![uri("SPIFFE://test.example.org/dx-11")]);
    refuses("dx-11", "A4", |params| params.subject_alt_names = vec![uri("spiffe://test.example.org./dx-11")]);
}

#[test]
fn dx_12_an_expired_intermediate_is_refused() {
    let (root, validator) = home("dx-12");
    let sound = root.authority("sound");
    accepted(validator.x509(&[&sound.workload(&id("dx-12")), &sound]), &id("dx-12"));
    let expired = root.authority_with("expired", |params| live(params, NOW - 7200, NOW - 1));
    assert_eq!(validator.x509(&[&expired.workload(&id("dx-12")), &expired]), Err("A6"));
}

#[test]
fn dx_13_an_unrelated_certificate_beside_the_path_is_no_fault() {
    let (root, validator) = home("dx-13");
    let (intermediate, other) = (root.authority("intermediate"), Party::root("unrelated"));
    let leaf = intermediate.workload(&id("dx-13"));
    accepted(validator.x509(&[&leaf, &other, &intermediate]), &id("dx-13"));
    accepted(validator.x509(&[&leaf, &other.workload(&id("x")), &intermediate, &root]), &id("dx-13"));
}

#[test]
fn dx_14_a_key_usage_that_is_not_critical_is_refused() {
    // DER of BIT STRING with digitalSignature.
    const SIGNATURES: [u8; 4] = [0x03, 0x02, 0x07, 0x80];
    let with = |is_critical: bool| {
        move |params: &mut rcgen::CertificateParams| {
            params.key_usages.clear();
            params.custom_extensions.push(extension(15, is_critical, &SIGNATURES));
        }
    };
    let (root, validator) = home("dx-14");
    accepted(validator.x509(&[&root.workload_with(&id("dx-14"), with(true))]), &id("dx-14"));
    refuses("dx-14", "A3", with(false));
}

/// DER of NameConstraints that permit one URI host (RFC 5280 §4.2.1.10), or exclude it.
fn uri_constraint(tag: u8, host: &str) -> Vec<u8> {
    let wrap = |tag: u8, content: Vec<u8>| [vec![tag, content.len() as u8], content].concat();
    wrap(0x30, wrap(tag, wrap(0x30, wrap(0x86, host.into()))))
}

#[test]
fn dx_15_and_16_a_uri_name_constraint_is_refused_whatever_it_says() {
    let (root, validator) = home("dx-15");
    for (tag, host) in [(0xa0, HOME), (0xa0, FEDERATED), (0xa1, FEDERATED)] {
        let change = |params: &mut rcgen::CertificateParams| {
            params.custom_extensions.push(extension(30, true, &uri_constraint(tag, host)));
        };
        let intermediate = root.authority_with("constrained", change);
        assert_eq!(validator.x509(&[&intermediate.workload(&id("dx-15")), &intermediate]), Err("A6"), "{host}");
        let constrained = Party::root_with("root", change);
        let validator = Validator::home(&[root.entry(), constrained.entry()]);
        accepted(validator.x509(&[&root.workload(&id("dx-15"))]), &id("dx-15"));
        assert_eq!(validator.x509(&[&constrained.workload(&id("dx-15"))]), Err("A6"), "{host}, in the bundle");
    }
}

#[test]
fn dx_17_an_extension_that_stands_twice_is_refused() {
    let name = |text: &str| {
        let name = [&[0x86, text.len() as u8], text.as_bytes()].concat();
        extension(17, false, &[vec![0x30, name.len() as u8], name].concat())
    };
    let (root, validator) = home("dx-17");
    let one = root.workload_with(&id("dx-17"), |params| {
        params.subject_alt_names.clear();
        params.custom_extensions.push(name(&id("dx-17")));
    });
    accepted(validator.x509(&[&one]), &id("dx-17"));
    refuses("dx-17", "A1", |params| params.custom_extensions.push(name(&id("admin"))));
    // Basic constraints that say no, and then yes.
    refuses("dx-17", "A3", |params| {
        params.custom_extensions.push(extension(19, true, &[0x30, 0x03, 0x01, 0x01, 0xff]));
    });
    refuses("dx-17", "A3", |params| params.custom_extensions.push(extension(15, true, &[0x03, 0x02, 0x02, 0x04])));
}

#[test]
fn dx_18_an_unknown_critical_extension_is_refused() {
    refuses("dx-18", "A6", |params| params.custom_extensions.push(extension(99, true, &[0x05, 0x00])));
    let (root, validator) = home("dx-18");
    let change =
        |params: &mut rcgen::CertificateParams| params.custom_extensions.push(extension(99, false, &[0x05, 0x00]));
    accepted(validator.x509(&[&root.workload_with(&id("dx-18"), change)]), &id("dx-18"));
}

#[test]
fn dx_19_an_authority_that_is_no_longer_good_ends_no_path_though_it_is_in_the_bundle() {
    let sound = Party::root("sound");
    for (from, to) in [(NOW - 7200, NOW - 1), (NOW + 1, NOW + 7200)] {
        let root = Party::root_with("root", |params| live(params, from, to));
        let validator = Validator::home(&[root.entry(), sound.entry()]);
        accepted(validator.x509(&[&sound.workload(&id("dx-19"))]), &id("dx-19"));
        assert_eq!(validator.x509(&[&root.workload(&id("dx-19"))]), Err("A6"), "{from} to {to}");
        // The same key, renewed under the same name: either entry may come first.
        let again = root.renewed(NOW - 60, NOW + 60);
        for entries in [[root.entry(), again.entry()], [again.entry(), root.entry()]] {
            let validator = Validator::home(&entries);
            accepted(validator.x509(&[&root.workload(&id("dx-19"))]), &id("dx-19"));
        }
    }
}

#[test]
fn dx_20_the_path_length_of_an_authority_in_the_bundle_counts() {
    let root = Party::root_with("root", |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let validator = Validator::home(&[root.entry()]);
    accepted(validator.x509(&[&root.workload(&id("dx-20"))]), &id("dx-20"));
    let intermediate = root.authority("intermediate");
    let leaf = intermediate.workload(&id("dx-20"));
    assert_eq!(validator.x509(&[&leaf, &intermediate]), Err("A6"));
    // The intermediate may be an authority of the bundle itself.
    let validator = Validator::home(&[root.entry(), intermediate.entry()]);
    accepted(validator.x509(&[&leaf, &intermediate]), &id("dx-20"));
    let root = Party::root_with("root", |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1)));
    let validator = Validator::home(&[root.entry()]);
    let first = root.authority("first");
    accepted(validator.x509(&[&first.workload(&id("dx-20")), &first]), &id("dx-20"));
    let second = first.authority("second");
    assert_eq!(validator.x509(&[&second.workload(&id("dx-20")), &second, &first]), Err("A6"));
}

#[test]
fn dx_21_a_record_that_takes_no_x509_svids_takes_none() {
    let root = Party::root("root");
    let leaf = root.workload(&id("dx-21"));
    for takes in [true, false] {
        let accepts = Accepts { x509: takes, ..Accepts::default() };
        let validator = Validator::new(vec![TrustDomainSpec { accepts, ..spec(HOME) }]);
        validator.publish(HOME, &[root.entry()]);
        assert_eq!(validator.x509(&[&leaf]), if takes { Ok(id("dx-21")) } else { Err("A4") });
    }
}

#[test]
fn dx_22_the_first_and_the_last_moment_count() {
    let (root, validator) = home("dx-22");
    let chain = [root.workload_with(&id("dx-22"), |params| live(params, NOW - 60, NOW + 60)).der().clone()];
    let at = |seconds| validator.x509_at(&chain, UnixTime::from_seconds(seconds));
    accepted(at(NOW - 60), &id("dx-22"));
    accepted(at(NOW + 60), &id("dx-22"));
    accepted(validator.x509_at(&chain, UnixTime::from_millis((NOW + 60) * 1000 + 999)), &id("dx-22"));
    assert_eq!(at(NOW - 61), Err("A6"));
    assert_eq!(at(NOW + 61), Err("A6"));
}

#[test]
fn dx_23_a_leaf_whose_key_is_an_authoritys_certifies_no_one() {
    // The leaf's issuer and the leaf have one key and one name; the leaf is still no authority.
    let (root, validator) = home("dx-23");
    let workload = root.workload(&id("dx-23"));
    let below = workload.workload(&id("below"));
    let validator_with_leaf = Validator::home(&[root.entry(), workload.entry()]);
    accepted(validator.x509(&[&workload]), &id("dx-23"));
    accepted(validator_with_leaf.x509(&[&workload]), &id("dx-23"));
    assert_eq!(validator_with_leaf.x509(&[&below]), Err("A6"), "a leaf in a bundle is no authority");
}

#[test]
fn dx_24_chains_have_a_length_and_a_size() {
    let (root, validator) = home("dx-24");
    let leaf = root.workload(&id("dx-24"));
    let others: Vec<_> = (0..8).map(|at| Party::root(&format!("other {at}"))).collect();
    let chain: Vec<_> = std::iter::once(&leaf).chain(&others).collect();
    accepted(validator.x509(&chain[..8]), &id("dx-24"));
    assert_eq!(validator.x509(&chain), Err("A1"));
    assert_eq!(validator.x509(&[]), Err("A1"));
    let large = Party::root_with("large", |params| params.custom_extensions.push(extension(99, false, &[0; 16_000])));
    accepted(validator.x509(&[&leaf, &large]), &id("dx-24"));
    assert_eq!(validator.x509(&[&leaf, &large, &large, &large]), Err("A1"));
    let trailing = [[leaf.der().as_ref(), b"\0"].concat().into()];
    assert_eq!(validator.x509_at(&trailing, NOW_TIME), Err("A1"));
}

#[test]
fn no_bit_of_a_good_chain_can_be_changed() {
    let (root, validator) = home("bits");
    let intermediate = root.authority("intermediate");
    let leaf = intermediate.workload(&id("bits"));
    let chain = [leaf.der().clone(), intermediate.der().clone()];
    accepted(validator.x509_at(&chain, NOW_TIME), &id("bits"));
    for at in 0..chain.len() {
        for bit in 0..chain[at].len() * 8 {
            let mut changed = chain.clone();
            let mut der = changed[at].to_vec();
            der[bit / 8] ^= 1 << (bit % 8);
            changed[at] = der.into();
            assert!(validator.x509_at(&changed, NOW_TIME).is_err(), "certificate {at}, bit {bit}");
        }
    }
}

#[test]
fn a_thicket_of_intermediates_is_left_soon() {
    // Seven authorities that certify each other under one name, none of them below the root: there are thousands of
    // ways through them, and none leads anywhere. Many small extensions make each look expensive.
    let (_, validator) = home("thicket");
    for name in ["root", "lost"] {
        let lost = Party::root(name);
        let change = |params: &mut rcgen::CertificateParams| {
            params.custom_extensions = (1000..1180).map(|arc| extension(arc, false, &[0x05, 0x00])).collect();
        };
        let thicket: Vec<_> = (0..7).map(|_| lost.authority_with(name, change)).collect();
        let leaf = thicket[0].workload(&id("thicket"));
        let chain: Vec<_> = std::iter::once(&leaf).chain(&thicket).collect();
        let chain: Vec<_> = chain.iter().map(|party| party.der().clone()).collect();
        let svid = UnverifiedX509Svid::parse(&chain, Purpose::ClientAuthentication).expect("reads");
        assert_eq!(svid.intermediates().len(), 2, "{name}: so many of one name are looked at");
        assert_eq!(validator.x509_at(&chain, NOW_TIME), Err("A6"), "{name}");
    }
}

#[test]
fn an_authority_that_two_roots_certified_leads_to_either() {
    let (old, new) = (Party::root("old"), Party::root("new"));
    let intermediate = old.authority("intermediate");
    let crossed = new.certify_again(&intermediate);
    let leaf = intermediate.workload(&id("crossed"));
    for root in [&old, &new] {
        let validator = Validator::home(&[root.entry()]);
        accepted(validator.x509(&[&leaf, &intermediate, &crossed]), &id("crossed"));
        accepted(validator.x509(&[&leaf, &crossed, &intermediate]), &id("crossed"));
    }
    let validator = Validator::home(&[new.entry()]);
    assert_eq!(validator.x509(&[&leaf, &intermediate]), Err("A6"));
}
