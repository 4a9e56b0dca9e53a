//! A registration's life in an instance, driven by what real name servers say.

use std::time::Duration;

use broker::registration::{Claim, NameKind, ProofMethod, txt_record};
use serde_json::json;
use shared::time::Clock as _;

use super::owner::{DOMAIN, NAME, NEVER, OWNER, Scene};
use crate::clock::SystemClock;
use crate::instance::fixture::FIRST_USER;
use crate::outbound::domain_proofs::tests::name_server::Zones;

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_brings_an_issuer_and_its_tokens_get_certificates_until_it_is_frozen() {
    let scene = Scene::open(NEVER, "").await;
    assert_eq!(scene.certificate("a@acme.signed").await, (400, "I2".to_owned()));
    let id = scene.requested().await;
    assert_eq!(scene.requested().await, id, "the same again is the same");
    // Nothing is published: nothing is proven, and the answer says what to publish.
    let refused = scene.post(OWNER, &id, "prove").await;
    assert_eq!((&refused["proved"], &refused["state"]), (&json!(false), &json!("pending")));
    assert!(refused["lastCheck"]["found"].as_str().expect("text").contains("NXDOMAIN"), "{refused}");
    assert_eq!(refused["publish"]["name"], NAME);
    scene.publish(Zones::default().text(NAME, refused["publish"]["value"].as_str().expect("text"))).await;
    let proven = scene.post(OWNER, &id, "prove").await;
    assert_eq!((&proven["proved"], &proven["state"]), (&json!(true), &json!("pending")));
    assert_eq!((&proven["awaitsApproval"], &proven["proof"]["signed"]), (&json!(true), &json!(true)));
    assert_eq!(scene.certificate("a@acme.signed").await, (400, "I2".to_owned()), "an administrator has not approved");
    let approved = scene.post(FIRST_USER, &id, "approve").await;
    assert_eq!((&approved["state"], &approved["inForce"]), (&json!("active"), &json!(true)));

    assert_eq!(scene.certificate("a@acme.signed").await, (200, String::new()));
    // Only what was proven: neither the domains below, nor others.
    for other in ["a@eng.acme.signed", "a@acme.plain", "a@signed.example"] {
        assert_eq!(scene.certificate(other).await, (400, "E6".to_owned()), "{other}");
    }
    let frozen = scene.post(OWNER, &id, "freeze").await;
    assert_eq!((&frozen["state"], &frozen["inForce"]), (&json!("frozen"), &json!(false)));
    assert_eq!(scene.certificate("a@acme.signed").await, (400, "I2".to_owned()));
    // The owner froze it, the owner proves it again.
    assert_eq!(scene.post(OWNER, &id, "prove").await["state"], "active");
    assert_eq!(scene.certificate("a@acme.signed").await.0, 200);
    // An administrator's freeze holds against a proof.
    scene.post(FIRST_USER, &id, "freeze").await;
    assert_eq!(scene.post(OWNER, &id, "prove").await["state"], "frozen");
    assert_eq!(scene.certificate("a@acme.signed").await.0, 400);
    let history: Vec<_> =
        scene.history().into_iter().map(|(event, from, to, _)| format!("{event} {from}>{to}")).collect();
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
    let scene = Scene::open("recheck_seconds = 1\nconfirm_seconds = 1\nretry_seconds = 1", "").await;
    let id = scene.active().await;
    scene.publish(Zones::default()).await;
    scene.reaches(&id, "frozen").await;
    assert_eq!(scene.certificate("a@acme.signed").await, (400, "I2".to_owned()));
    let history: Vec<_> =
        scene.history().into_iter().map(|(event, from, to, _)| format!("{event} {from}>{to}")).collect();
    let end = history.iter().position(|told| told == "denied active>frozen").expect("is told");
    let before = history[..end].iter().filter(|told| *told == "denied active>active").count();
    assert!(before >= 1, "{history:?}");
    // It is published again; rechecks do not lift the freeze, the owner's proof does.
    scene.publish(Zones::default().text(NAME, &scene.record(None).await)).await;
    assert_eq!(scene.post(OWNER, &id, "prove").await["state"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_never_freeze_but_make_it_stale_and_a_proof_brings_it_back() {
    let scene = Scene::open("recheck_seconds = 1\nretry_seconds = 1\nconfirm_seconds = 1\nstale_seconds = 4", "").await;
    let id = scene.active().await;
    scene.servers[0].fail();
    scene.servers[1].fail();
    scene.reaches(&id, "stale").await;
    assert_eq!(scene.certificate("a@acme.signed").await, (400, "I2".to_owned()));
    assert!(scene.show(&id).await["lastCheck"]["found"].as_str().expect("text").contains("Server Failure"));
    assert!(scene.history().iter().all(|(_, _, to, _)| to != "frozen"), "{:?}", scene.history());
    scene.publish(Zones::default().text(NAME, &scene.record(None).await)).await;
    scene.reaches(&id, "active").await;
    assert_eq!(scene.certificate("a@acme.signed").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn until_ends_it_for_good() {
    let scene = Scene::open("recheck_seconds = 1\nretry_seconds = 1", "").await;
    let until = SystemClock.now().plus(Duration::from_secs(8));
    scene.publish(Zones::default().text(NAME, &scene.record(Some(until)).await)).await;
    let id = scene.requested().await;
    scene.post(FIRST_USER, &id, "approve").await;
    assert_eq!(scene.post(OWNER, &id, "prove").await["state"], "active", "approved first, proven later");
    scene.reaches(&id, "tombstoned").await;
    assert!(SystemClock.now() >= until, "not before its time");
    assert_eq!(scene.certificate("a@acme.signed").await, (400, "I2".to_owned()));
    let refused = scene.ask(OWNER, "POST", &format!("/{id}/prove"), None).await;
    assert_eq!((refused.status, &refused.json()["rule"]), (409, &json!("TOMBSTONED")));
    // Another key does not get the names without a release, and then not under the same issuer.
    let other = scene.key_named("other.pem");
    let again = scene.request(OWNER, &scene.claim(DOMAIN, &other), &other).await;
    assert_eq!((again.status, &again.json()["rule"]), (409, &json!("O2")), "{}", again.text());
    scene.post(FIRST_USER, &id, "release").await;
    let again = scene.request(OWNER, &scene.claim(DOMAIN, &other), &other).await;
    assert!(again.status == 409 && again.text().contains("another name"), "{}", again.text());
    // The former holder's own key begins again.
    assert_eq!(scene.requested().await, id);
    assert_eq!(scene.show(&id).await["state"], "pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_prove() {
    let scene = Scene::open(NEVER, "").await;
    let id = scene.requested().await;
    let good = scene.record(None).await;
    let found = async || {
        let answer = scene.post(OWNER, &id, "prove").await;
        assert_eq!((&answer["proved"], &answer["state"]), (&json!(false), &json!("pending")));
        answer["lastCheck"]["found"].as_str().expect("text").to_owned()
    };
    // Two name servers that disagree.
    scene.servers[0].say(Zones::default().text(NAME, &good)).await;
    scene.servers[1].say(Zones::default()).await;
    assert!(found().await.contains("different answers"));
    // One that fails: one alone is not enough.
    scene.servers[1].fail();
    assert!(found().await.contains("1 of 2 resolvers answered"));
    // A signed zone with a broken signature.
    scene.publish(Zones::default().text(NAME, &good).spoil(NAME)).await;
    assert!(found().await.contains("DNSSEC"));
    // A record that was copied from another registrant, and one for another instance.
    let other = scene.key_named("other.pem");
    let copied = txt_record::write(&scene.claim(DOMAIN, &other), &scene.instance_id().await, None);
    scene.publish(Zones::default().text(NAME, &copied)).await;
    assert!(found().await.contains("which did not sign"));
    scene.publish(Zones::default().text(NAME, &good.replace("ca=", "ca=x"))).await;
    assert!(found().await.contains("is for the instance"));
    // The domain above, and the domain itself, are not asked.
    let elsewhere = Zones::default().text("_sigstore-issuer.signed.", &good).text("acme.signed.", &good);
    scene.publish(elsewhere).await;
    assert!(found().await.contains("NXDOMAIN"));
    // By an alias it may come; the audit log says where from.
    let alias = Zones::default().alias(NAME, "records.hosting.signed.").text("records.hosting.signed.", &good);
    scene.publish(alias).await;
    let proven = scene.post(OWNER, &id, "prove").await;
    assert_eq!((&proven["proved"], &proven["proof"]["alias"]), (&json!(true), &json!("records.hosting.signed.")));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_do_what() {
    let scene = Scene::open(NEVER, "").await;
    let key = scene.key();
    let stranger = "stranger@instance.example";
    let refused = scene.request(stranger, &scene.claim(DOMAIN, &key), &key).await;
    assert_eq!((refused.status, &refused.json()["rule"]), (403, &json!("ROLE")));
    let refused = scene.request(OWNER, &scene.claim("other.signed", &key), &key).await;
    assert_eq!((refused.status, &refused.json()["rule"]), (403, &json!("ROLE")));
    let email_by_web = Claim { method: ProofMethod::WellKnown, ..scene.claim(DOMAIN, &key) };
    let refused = scene.request(OWNER, &email_by_web, &key).await;
    assert_eq!((refused.status, &refused.json()["rule"]), (422, &json!("PROOF")));
    let by_web = Claim { kind: NameKind::Uri, ..email_by_web };
    assert_eq!(scene.request(OWNER, &by_web, &key).await.status, 201);
    let id = {
        let kind = scene.request(OWNER, &scene.claim(DOMAIN, &key), &key).await;
        assert_eq!((kind.status, &kind.json()["rule"]), (409, &json!("I2")), "one issuer, one kind");
        scene.ask(OWNER, "GET", "", None).await.json()["issuers"][0]["id"].as_str().expect("text").to_owned()
    };
    for (who, action, status) in [
        (stranger, "prove", 404),
        (stranger, "freeze", 404),
        (OWNER, "approve", 403),
        (OWNER, "release", 403),
        ("audit@instance.example", "prove", 403),
        ("audit@instance.example", "approve", 403),
    ] {
        let body = if action == "freeze" { json!({ "reason": "x" }) } else { json!({}) };
        let answer = scene.ask(who, "POST", &format!("/{id}/{action}"), Some(body)).await;
        assert_eq!(answer.status, status, "{who} {action}: {}", answer.text());
    }
    let seen =
        async |who: &str| scene.ask(who, "GET", "", None).await.json()["issuers"].as_array().expect("a list").len();
    assert_eq!((seen(OWNER).await, seen("audit@instance.example").await, seen(stranger).await), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_the_configuration_grants_to_another_are_not_registered() {
    let more = "[[issuers]]\nid = \"corp\"\niss = \"https://login.acme.example\"\nprofile = \"email\"\n\
                grants = [{ email = \"acme.signed\" }]\n";
    let scene = Scene::open(NEVER, more).await;
    scene.publish(Zones::default().text(NAME, &scene.record(None).await)).await;
    let id = scene.requested().await;
    scene.post(OWNER, &id, "prove").await;
    let refused = scene.ask(FIRST_USER, "POST", &format!("/{id}/approve"), None).await;
    assert_eq!((refused.status, &refused.json()["rule"]), (409, &json!("X1")), "{}", refused.text());
    assert_eq!(scene.show(&id).await["state"], "pending");
    assert_eq!(scene.certificate("a@acme.signed").await, (400, "I2".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_outlive_a_restart_and_the_loss_of_the_store() {
    let scene = Scene::open(NEVER, "").await;
    let id = scene.active().await;
    let before = scene.show(&id).await;
    let scene = scene.restart(false).await;
    assert_eq!(scene.show(&id).await, before);
    assert_eq!(scene.certificate("a@acme.signed").await.0, 200);
    let scene = scene.restart(true).await;
    assert_eq!(scene.show(&id).await, before, "from the audit log");
    assert_eq!(scene.certificate("a@acme.signed").await.0, 200);
    scene.post(OWNER, &id, "freeze").await;
    let scene = scene.restart(true).await;
    assert_eq!(scene.show(&id).await["state"], "frozen");
    assert_eq!(scene.certificate("a@acme.signed").await.0, 400);
    let scene = scene.restart(false).await;
    assert_eq!(scene.show(&id).await["state"], "frozen");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_says_so_is_spoken_for_by_those_that_it_lists() {
    // Two issuers of one domain: X1 lets two share only in the configuration, so each has names of its own kind.
    let more = "[[connectors]]\nid = \"corp\"\nname = \"Corp\"\niss = \"https://login.acme.example\"\nclient_id = \"x\"\n\
                grants = [{ email = \"acme.plain\" }]\n";
    let scene = Scene::open("enforce = [\"acme.plain\"]\nrecheck_seconds = 1\nconfirm_seconds = 1", more).await;
    let plain = "_sigstore-issuer.acme.plain.";
    // No record, no rule: the operator's own connector speaks, as soon as the domain was asked.
    let own = async || scene.own_certificate("a@acme.plain", "corp").await;
    scene.until(async || own().await == (200, String::new())).await;
    // The domain lists somebody else only.
    let other = scene.record(None).await.replace(&scene.issuer.iss, "https://idp.elsewhere.example");
    scene.publish(Zones::default().text(plain, &other)).await;
    scene.until(async || own().await == (400, "O3".to_owned())).await;
    // It lists our own provider too.
    let ours = scene.record(None).await.replace(&scene.issuer.iss, "https://seal.example.com/oidc");
    scene.publish(Zones::default().text(plain, &other).text(plain, &ours)).await;
    scene.until(async || own().await == (200, String::new())).await;
    // A failure changes nothing.
    scene.publish(Zones::default().text(plain, &other)).await;
    scene.until(async || own().await == (400, "O3".to_owned())).await;
    scene.servers[0].fail();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(own().await, (400, "O3".to_owned()));
}
