//! What resolvers make of a real name server's answers.

use std::sync::Arc;

use broker::registration::{Absence, SourceAnswer};

use super::name_server::{Keys, NameServer, Zones};
use crate::outbound::domain_proofs::{Anchors, ResolverSettings, Resolvers};

const SIGNED: &str = "_sigstore-issuer.acme.signed.";
const PLAIN: &str = "_sigstore-issuer.acme.plain.";

fn resolvers(servers: &[&NameServer], keys: Option<&Keys>) -> Resolvers {
    Resolvers::new(ResolverSettings {
        addresses: servers.iter().map(|server| server.address).collect(),
        system: false,
        agreeing: 2,
        anchors: keys.map_or(Anchors::Skipped, |keys| Anchors::Listed(keys.trust_anchor_file())),
    })
    .expect("good anchors")
}

async fn answer(resolvers: &Resolvers, name: &str) -> SourceAnswer {
    resolvers.observe(name).await.remove(0).answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_zone_is_validated_and_an_unsigned_one_is_known_to_be_unsigned() {
    let keys = Arc::new(Keys::generate());
    let server = NameServer::start(&keys).await;
    server.say(Zones::default().text(SIGNED, "v=1; a=1").text(PLAIN, "v=1; a=2").text(PLAIN, "other")).await;
    let resolvers = resolvers(&[&server], Some(&keys));
    let records = |texts: &[&str], is_signed| SourceAnswer::Records {
        texts: texts.iter().map(|text| text.as_bytes().to_vec()).collect(),
        alias: None,
        is_signed,
    };
    assert_eq!(answer(&resolvers, SIGNED).await, records(&["v=1; a=1"], true));
    let SourceAnswer::Records { mut texts, alias, is_signed } = answer(&resolvers, PLAIN).await else {
        panic!("records")
    };
    texts.sort();
    assert_eq!((texts, alias, is_signed), (vec![b"other".to_vec(), b"v=1; a=2".to_vec()], None, false));
    // A proof of absence is validated too.
    assert_eq!(answer(&resolvers, "_sigstore-issuer.other.signed.").await, SourceAnswer::Absent(Absence::NxDomain));
    assert_eq!(answer(&resolvers, "_sigstore-issuer.other.plain.").await, SourceAnswer::Absent(Absence::NxDomain));
    assert_eq!(answer(&resolvers, "signed.").await, SourceAnswer::Absent(Absence::NoData));
    assert_eq!(answer(&resolvers, "acme.plain.").await, SourceAnswer::Absent(Absence::NoData));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_signature_is_no_answer() {
    let keys = Arc::new(Keys::generate());
    let server = NameServer::start(&keys).await;
    server.say(Zones::default().text(SIGNED, "v=1; a=1").spoil(SIGNED)).await;
    let failed = answer(&resolvers(&[&server], Some(&keys)), SIGNED).await;
    assert!(matches!(&failed, SourceAnswer::Failed(cause) if cause.contains("DNSSEC")), "{failed:?}");
    // Another zone's keys: the chain does not reach what is trusted.
    let others = Keys::generate();
    server.say(Zones::default().text(SIGNED, "v=1; a=1").text(PLAIN, "v=1; a=2")).await;
    for name in [SIGNED, PLAIN, "_sigstore-issuer.other.signed."] {
        let failed = answer(&resolvers(&[&server], Some(&others)), name).await;
        assert!(matches!(&failed, SourceAnswer::Failed(_)), "{name}: {failed:?}");
    }
    // Where signatures are not looked at, the records are what the server says.
    assert!(matches!(
        answer(&resolvers(&[&server], None), SIGNED).await,
        SourceAnswer::Records { is_signed: false, .. }
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_not_an_absence_and_an_alias_is_told() {
    let keys = Arc::new(Keys::generate());
    let (server, silent) = (NameServer::start(&keys).await, NameServer::start(&keys).await);
    let zones = Zones::default().alias(SIGNED, "records.hosting.signed.").text("records.hosting.signed.", "v=1; a=1");
    server.say(zones.alias(PLAIN, "nowhere.plain.")).await;
    let resolvers = resolvers(&[&server, &silent], Some(&keys));
    let observations = resolvers.observe(SIGNED).await;
    let alias = Some("records.hosting.signed.".to_owned());
    assert_eq!(
        observations[0].answer,
        SourceAnswer::Records { texts: vec![b"v=1; a=1".to_vec()], alias, is_signed: true }
    );
    assert!(matches!(&observations[1].answer, SourceAnswer::Failed(_)), "{:?}", observations[1]);
    assert_eq!(observations[1].source, silent.address.to_string());
    assert_eq!(answer(&resolvers, PLAIN).await, SourceAnswer::Absent(Absence::NxDomain), "an alias that leads nowhere");
    server.fail();
    for name in [SIGNED, PLAIN] {
        let failed = answer(&resolvers, name).await;
        assert!(matches!(&failed, SourceAnswer::Failed(_)), "{failed:?}");
    }
    server.fall_silent();
    assert!(matches!(answer(&resolvers, PLAIN).await, SourceAnswer::Failed(_)));
}
