//! Registration in a build that asks no name servers: by the document of a host, and not by records.

use broker::names::{DomainName, IssuerUrl};
use broker::registration::{Claim, InstanceName, NameKind, ProofMethod};
use serde_json::json;
use shared::time::Clock as _;

use crate::clock::SystemClock;
use crate::feature::{Feature, NotBuilt};
use crate::instance::fixture::{FIRST_USER, Scratch};
use crate::instance::registration::RegistrantKey;

const ISSUERS: &str = "/api/privyseal/v1/issuers";

#[tokio::test]
async fn a_claim_by_records_is_refused_and_one_by_a_document_is_taken() {
    let scratch = Scratch::open("[instance]\norigin = \"https://seal.example.com\"\n").await;
    let token = scratch.token("privyseal-cli", FIRST_USER);
    let about = scratch.get(&format!("{ISSUERS}/about"), Some(&token)).await.json();
    let instance = InstanceName::parse(about["instance"].as_str().expect("text")).expect("an instance");
    let key = RegistrantKey::load_or_make(&scratch.file("key.pem")).expect("a key").0;
    let ask = async |method| {
        let claim = Claim {
            domain: DomainName::parse("build.example.com").expect("a domain"),
            iss: IssuerUrl::parse("https://build.example.com").expect("an issuer"),
            kind: NameKind::Uri,
            subdomains: false,
            method,
            account: key.account(),
        };
        let request = key.sign(&claim, &instance, SystemClock.now()).expect("signs");
        scratch.post(ISSUERS, Some(&token), Some(json!({ "request": request }))).await
    };
    let refused = ask(ProofMethod::Dns).await;
    assert_eq!((refused.status, &refused.json()["rule"]), (422, &json!("NOT_BUILT")));
    assert_eq!(refused.json()["detail"], NotBuilt(Feature::DnsProofs).to_string());
    let taken = ask(ProofMethod::WellKnown).await;
    assert_eq!(taken.status, 201, "{}", taken.text());
    assert_eq!(taken.json()["state"], "pending");
}
