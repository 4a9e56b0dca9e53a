//! A registration's life in an instance, driven by what real name servers say.

use std::time::Duration;

use broker::registration::{Claim, NameKind, ProofMethod, txt_record};
use serde_json::json;
use shared::time::Clock as _;

use super::owner::{DOMAIN, NAME, NEVER, OWNER, RegistrationHarness};
use crate::clock::SystemClock;
use crate::instance::fixture::FIRST_USER;
use crate::outbound::domain_proofs::tests::name_server::Zones;

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_brings_an_issuer_and_its_tokens_get_certificates_until_it_is_frozen() {
    let harness = RegistrationHarness::open(NEVER, "").await;
    assert_eq!(harness.certificate("a@acme.signed").await, (400, "I2".to_owned()));
    let id = harness.requested().await;
    assert_eq!(harness.requested().await, id, "the same again is the same");
    // Nothing is published: nothing is proven, and the answer says what to publish.
    let refused = harness.post(OWNER, &id, "prove").await;
    assert_eq!((&refused["proved"], &refused["state"]), (&json!(false), &json!("pending")));
    assert!(refused["lastCheck"]["found"].as_str().expect("text").contains("NXDOMAIN"), "{refused}");
    assert_eq!(refused["publish"]["name"], NAME);
    harness.publish(Zones::default().text(NAME, refused["publish"]["value"].as_str().expect("text"))).await;
    let proven = harness.post(OWNER, &id, "prove").await;
    assert_eq!((&proven["proved"], &proven["state"]), (&json!(true), &json!("pending")));
    assert_eq!((&proven["awaitsApproval"], &proven["proof"]["signed"]), (&json!(true), &json!(true)));
    assert_eq!(harness.certificate("a@acme.signed").await, (400, "I2".to_owned()), "an administrator has not approved");
    let approved = harness.post(FIRST_USER, &id, "approve").await;
    assert_eq!((&approved["state"], &approved["inForce"]), (&json!("active"), &json!(true)));

    assert_eq!(harness.certificate("a@acme.signed").await, (200, String::new()));
    // Only what was proven: neither the domains below, nor others.
    for other in ["a@eng.acme.signed", "a@acme.plain", "a@signed.example"] {
        assert_eq!(harness.certificate(other).await, (400, "E6".to_owned()), "{other}");
    }
    let frozen = harness.post(OWNER, &id, "freeze").await;
    assert_eq!((&frozen["state"], &frozen["inForce"]), (&json!("frozen"), &json!(false)));
    assert_eq!(harness.certificate("a@acme.signed").await, (400, "I2".to_owned()));
    // The owner froze it, the owner proves it again.
    assert_eq!(harness.post(OWNER, &id, "prove").await["state"], "active");
    assert_eq!(harness.certificate("a@acme.signed").await.0, 200);
    // An administrator's freeze holds against a proof.
    harness.post(FIRST_USER, &id, "freeze").await;
    assert_eq!(harness.post(OWNER, &id, "prove").await["state"], "frozen");
    assert_eq!(harness.certificate("a@acme.signed").await.0, 400);
    let history: Vec<_> =
        harness.history().into_iter().map(|(event, from, to, _)| format!("{event} {from}>{to}")).collect();
    let expected = [
        "requested >pending",
        "denied pending>pending",
        "proved pending>pending",
        "approved pending>active",
        "froze active>frozen",
        "proved frozen>active",
        "froze active>frozen",
        "proved frozen>frozen",
    ];
    assert_eq!(history, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_vanishes_freezes_after_the_second_nxdomain() {
    let harness = RegistrationHarness::open("recheck_seconds = 1\nconfirm_seconds = 1\nretry_seconds = 1", "").await;
    let id = harness.active().await;
    harness.publish(Zones::default()).await;
    harness.reaches(&id, "frozen").await;
    assert_eq!(harness.certificate("a@acme.signed").await, (400, "I2".to_owned()));
    let history: Vec<_> =
        harness.history().into_iter().map(|(event, from, to, _)| format!("{event} {from}>{to}")).collect();
    let end = history.iter().position(|line| line == "denied active>frozen").expect("is listed");
    let before = history[..end].iter().filter(|line| *line == "denied active>active").count();
    assert!(before >= 1, "{history:?}");
    // It is published again; rechecks do not lift the freeze, the owner's proof does.
    harness.publish(Zones::default().text(NAME, &harness.record(None).await)).await;
    assert_eq!(harness.post(OWNER, &id, "prove").await["state"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_never_freeze_but_make_it_stale_and_a_proof_brings_it_back() {
    let harness =
        RegistrationHarness::open("recheck_seconds = 1\nretry_seconds = 1\nconfirm_seconds = 1\nstale_seconds = 4", "")
            .await;
    let id = harness.active().await;
    harness.servers[0].fail();
    harness.servers[1].fail();
    harness.reaches(&id, "stale").await;
    assert_eq!(harness.certificate("a@acme.signed").await, (400, "I2".to_owned()));
    assert!(harness.show(&id).await["lastCheck"]["found"].as_str().expect("text").contains("Server Failure"));
    assert!(harness.history().iter().all(|(_, _, to, _)| to != "frozen"), "{:?}", harness.history());
    harness.publish(Zones::default().text(NAME, &harness.record(None).await)).await;
    harness.reaches(&id, "active").await;
    assert_eq!(harness.certificate("a@acme.signed").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn until_ends_it_for_good() {
    let harness = RegistrationHarness::open("recheck_seconds = 1\nretry_seconds = 1", "").await;
    let until = SystemClock.now().plus(Duration::from_secs(8));
    harness.publish(Zones::default().text(NAME, &harness.record(Some(until)).await)).await;
    let id = harness.requested().await;
    harness.post(FIRST_USER, &id, "approve").await;
    assert_eq!(harness.post(OWNER, &id, "prove").await["state"], "active", "approved first, proven later");
    harness.reaches(&id, "tombstoned").await;
    assert!(SystemClock.now() >= until, "not before its time");
    assert_eq!(harness.certificate("a@acme.signed").await, (400, "I2".to_owned()));
    let refused = harness.ask(OWNER, "POST", &format!("/{id}/prove"), None).await;
    assert_eq!((refused.status, &refused.json()["rule"]), (409, &json!("TOMBSTONED")));
    // Another key does not get the names without a release, and then not under the same issuer.
    let other = harness.key_named("other.pem");
    let again = harness.request(OWNER, &harness.claim(DOMAIN, &other), &other).await;
    assert_eq!((again.status, &again.json()["rule"]), (409, &json!("O2")), "{}", again.text());
    harness.post(FIRST_USER, &id, "release").await;
    let again = harness.request(OWNER, &harness.claim(DOMAIN, &other), &other).await;
    assert!(again.status == 409 && again.text().contains("another name"), "{}", again.text());
    // The former holder's own key begins again.
    assert_eq!(harness.requested().await, id);
    assert_eq!(harness.show(&id).await["state"], "pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_prove() {
    let harness = RegistrationHarness::open(NEVER, "").await;
    let id = harness.requested().await;
    let good = harness.record(None).await;
    let found = async || {
        let answer = harness.post(OWNER, &id, "prove").await;
        assert_eq!((&answer["proved"], &answer["state"]), (&json!(false), &json!("pending")));
        answer["lastCheck"]["found"].as_str().expect("text").to_owned()
    };
    // Two name servers that disagree.
    harness.servers[0].say(Zones::default().text(NAME, &good)).await;
    harness.servers[1].say(Zones::default()).await;
    assert!(found().await.contains("different answers"));
    // One that fails: one alone is not enough.
    harness.servers[1].fail();
    assert!(found().await.contains("1 of 2 resolvers answered"));
    // A signed zone with a broken signature.
    harness.publish(Zones::default().text(NAME, &good).spoil(NAME)).await;
    assert!(found().await.contains("DNSSEC"));
    // A record that was copied from another registrant, and one for another instance.
    let other = harness.key_named("other.pem");
    let copied = txt_record::write(&harness.claim(DOMAIN, &other), &harness.instance_id().await, None);
    harness.publish(Zones::default().text(NAME, &copied)).await;
    assert!(found().await.contains("which did not sign"));
    harness.publish(Zones::default().text(NAME, &good.replace("ca=", "ca=x"))).await;
    assert!(found().await.contains("is for the instance"));
    // The domain above, and the domain itself, are not asked.
    let elsewhere = Zones::default().text("_sigstore-issuer.signed.", &good).text("acme.signed.", &good);
    harness.publish(elsewhere).await;
    assert!(found().await.contains("NXDOMAIN"));
    // By an alias it may come; the audit log says where from.
    let alias = Zones::default().alias(NAME, "records.hosting.signed.").text("records.hosting.signed.", &good);
    harness.publish(alias).await;
    let proven = harness.post(OWNER, &id, "prove").await;
    assert_eq!((&proven["proved"], &proven["proof"]["alias"]), (&json!(true), &json!("records.hosting.signed.")));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_do_what() {
    let harness = RegistrationHarness::open(NEVER, "").await;
    let key = harness.key();
    let other_user = "other@instance.example";
    let refused = harness.request(other_user, &harness.claim(DOMAIN, &key), &key).await;
    assert_eq!((refused.status, &refused.json()["rule"]), (403, &json!("ROLE")));
    let refused = harness.request(OWNER, &harness.claim("other.signed", &key), &key).await;
    assert_eq!((refused.status, &refused.json()["rule"]), (403, &json!("ROLE")));
    let email_by_web = Claim { method: ProofMethod::WellKnown, ..harness.claim(DOMAIN, &key) };
    let refused = harness.request(OWNER, &email_by_web, &key).await;
    assert_eq!((refused.status, &refused.json()["rule"]), (422, &json!("PROOF")));
    let by_web = Claim { kind: NameKind::Uri, ..email_by_web };
    assert_eq!(harness.request(OWNER, &by_web, &key).await.status, 201);
    let id = {
        let kind = harness.request(OWNER, &harness.claim(DOMAIN, &key), &key).await;
        assert_eq!((kind.status, &kind.json()["rule"]), (409, &json!("I2")), "one issuer, one kind");
        harness.ask(OWNER, "GET", "", None).await.json()["issuers"][0]["id"].as_str().expect("text").to_owned()
    };
    for (who, action, status) in [
        (other_user, "prove", 404),
        (other_user, "freeze", 404),
        (OWNER, "approve", 403),
        (OWNER, "release", 403),
        ("audit@instance.example", "prove", 403),
        ("audit@instance.example", "approve", 403),
    ] {
        let body = if action == "freeze" { json!({ "reason": "x" }) } else { json!({}) };
        let answer = harness.ask(who, "POST", &format!("/{id}/{action}"), Some(body)).await;
        assert_eq!(answer.status, status, "{who} {action}: {}", answer.text());
    }
    let seen =
        async |who: &str| harness.ask(who, "GET", "", None).await.json()["issuers"].as_array().expect("a list").len();
    assert_eq!((seen(OWNER).await, seen("audit@instance.example").await, seen(other_user).await), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_the_configuration_grants_to_another_are_not_registered() {
    let more = "[[issuers]]\nid = \"corp\"\niss = \"https://login.acme.example\"\nprofile = \"email\"\n\
                grants = [{ email = \"acme.signed\" }]\n";
    let harness = RegistrationHarness::open(NEVER, more).await;
    harness.publish(Zones::default().text(NAME, &harness.record(None).await)).await;
    let id = harness.requested().await;
    harness.post(OWNER, &id, "prove").await;
    let refused = harness.ask(FIRST_USER, "POST", &format!("/{id}/approve"), None).await;
    assert_eq!((refused.status, &refused.json()["rule"]), (409, &json!("X1")), "{}", refused.text());
    assert_eq!(harness.show(&id).await["state"], "pending");
    assert_eq!(harness.certificate("a@acme.signed").await, (400, "I2".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_outlive_a_restart_and_the_loss_of_the_store() {
    let harness = RegistrationHarness::open(NEVER, "").await;
    let id = harness.active().await;
    let before = harness.show(&id).await;
    let harness = harness.restart(false).await;
    assert_eq!(harness.show(&id).await, before);
    assert_eq!(harness.certificate("a@acme.signed").await.0, 200);
    let harness = harness.restart(true).await;
    assert_eq!(harness.show(&id).await, before, "from the audit log");
    assert_eq!(harness.certificate("a@acme.signed").await.0, 200);
    harness.post(OWNER, &id, "freeze").await;
    let harness = harness.restart(true).await;
    assert_eq!(harness.show(&id).await["state"], "frozen");
    assert_eq!(harness.certificate("a@acme.signed").await.0, 400);
    let harness = harness.restart(false).await;
    assert_eq!(harness.show(&id).await["state"], "frozen");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_says_so_is_spoken_for_by_those_that_it_lists() {
    // Two issuers of one domain: X1 lets two share only in the configuration, so each has names of its own kind.
    let more = "[[connectors]]\nid = \"corp\"\nname = \"Corp\"\niss = \"https://login.acme.example\"\nclient_id = \"x\"\n\
                grants = [{ email = \"acme.plain\" }]\n";
    let harness =
        RegistrationHarness::open("enforce = [\"acme.plain\"]\nrecheck_seconds = 1\nconfirm_seconds = 1", more).await;
    let plain = "_sigstore-issuer.acme.plain.";
    // No record, no rule: the operator's own connector is accepted once the domain was queried.
    let own = async || harness.own_certificate("a@acme.plain", "corp").await;
    harness.until(async || own().await == (200, String::new())).await;
    // The domain lists only another issuer.
    let other = harness.record(None).await.replace(&harness.issuer.iss, "https://idp.elsewhere.example");
    harness.publish(Zones::default().text(plain, &other)).await;
    harness.until(async || own().await == (400, "O3".to_owned())).await;
    // It lists our own provider too.
    let ours = harness.record(None).await.replace(&harness.issuer.iss, "https://seal.example.com/oidc");
    harness.publish(Zones::default().text(plain, &other).text(plain, &ours)).await;
    harness.until(async || own().await == (200, String::new())).await;
    // A failure changes nothing.
    harness.publish(Zones::default().text(plain, &other)).await;
    harness.until(async || own().await == (400, "O3".to_owned())).await;
    harness.servers[0].fail();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(own().await, (400, "O3".to_owned()));
}
